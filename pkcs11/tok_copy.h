/* SPDX-License-Identifier: Apache-2.0 */
/* key-copy: a copy of a token's key as a session object, where the token signs faster with one (NSS softokn by a factor
 * of 20: it decrypts a token key at each use). Copies are good while their stamp is the slot's, stay with one session of
 * the slot that the pool does not give out, and carry another CKA_ID. Never where the load is shared: another unit of the
 * HSM does not have the copy. */
#ifndef TOK_COPY_H
#define TOK_COPY_H

#include "tok_object.h"

struct tok_copy_use {
    bool copy, measured;
    int64_t begun; /* us */
};

/* Before a signature in @ses with the key at *@handle: puts the copy's handle in its place where one is in use, after
 * making it if it is time to. A copy that cannot be made is no failure. */
void tok_copy_begin(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE *handle,
                    struct tok_copy_use *use);
/* When the key is found, and before another operation: the copy where one is in use, made here with always. */
void tok_copy_swap(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE *handle);
/* After a signature; auto decides here, by the shortest of three signatures with the key and three with the copy. */
void tok_copy_end(struct tok_entry *entry, const struct tok_session *ses, const struct tok_copy_use *use, bool good);

#endif
