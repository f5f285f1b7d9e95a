/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys found and proven, remembered per token slot by location and public key. An entry's handle is good while
 * its stamp is the slot's; otherwise it is found and proven again before it is used. */
#ifndef TOK_OBJECT_H
#define TOK_OBJECT_H

#include "tok_session.h"

enum tok_copy_state {
    TOK_COPY_NONE,   /* not yet */
    TOK_COPY_TRIED,  /* being measured */
    TOK_COPY_USED,   /* it signs */
    TOK_COPY_REFUSED /* it does not help, or cannot be made */
};

/* A copy of the key (tok_copy.h), and what was measured. */
struct tok_copy {
    uint64_t stamp;
    enum tok_copy_state state;
    CK_OBJECT_HANDLE handle;
    unsigned measured, tried;
    int64_t key_us, copy_us; /* the shortest signature */
};

struct tok_entry {
    struct tok_entry *next;
    struct tok_slot *slot;
    char *location; /* set once, like pub */
    struct tok_key pub;

    /* Guarded by slot->mod->lock. */
    unsigned refs;
    uint64_t stamp;
    CK_OBJECT_HANDLE handle;
    bool always_auth; /* CKA_ALWAYS_AUTHENTICATE, as the handle's object says */
    struct tok_copy copy;
};

/* Who proves: as given to find, and for as long as what find gave. */
struct tok_prover {
    tok_verify_fn *verify;
    void *arg;
};

/* The entry for (location, pub) in @slot, made if need be; *warm: its handle is good. The caller owns *out. */
cr_status tok_entry_get(struct tok_slot *slot, const char *location, const struct tok_key *pub, struct tok_entry **out,
                        bool *warm, struct cr_err *err);
/* Only one that is there already; NULL otherwise. */
struct tok_entry *tok_entry_peek(struct tok_slot *slot, const char *location, const struct tok_key *pub, bool *warm);
void tok_entry_put(struct tok_entry **entry);
/* Is its handle good? */
bool tok_entry_warm(struct tok_entry *entry);

/* The handle for use in @ses: the remembered one, or found and proven in @ses now. */
cr_status tok_entry_handle(struct tok_entry *entry, struct tok_session *ses, const struct tok_prover *prover,
                           CK_OBJECT_HANDLE *out, struct cr_err *err);

#endif
