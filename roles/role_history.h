/* SPDX-License-Identifier: Apache-2.0 */
/* One line of history.jsonl: who, when, what, why, before and after, chained by hash (the hash function is an argument).
 * The chain shows accidents; against root only its copies in the journal do. */
#ifndef ROLE_HISTORY_H
#define ROLE_HISTORY_H

#include "role_record.h"

/* SHA-256 of @in as 64 lower-case hex digits. */
typedef cr_status role_hash_fn(struct cr_bytes in, char out[65], struct cr_err *err);

struct role_history_entry {
    int64_t when;
    const char *login, *sudo_user, *host; /* may be NULL */
    unsigned uid;
    const char *verb, *role, *reason, *overridden; /* reason, overridden may be NULL */
    const struct role_record *before, *after;      /* either may be NULL; slots' thumbprints and generation are noted */
    const char *note;                              /* thumbprint removed, file imported; may be NULL */
};

/* Appends one line with newline to @out; @prev is the hash of the line before ("" for the first). @hash gets this line's. */
cr_status role_history_write(const struct role_history_entry *e, const char *prev, role_hash_fn *fn, struct cr_buf *out,
                             char hash[65], struct cr_err *err);
/* The "hash" member of a line, checked against its content and @prev (NULL: not checked). CR_E_INVALID if it is broken. */
cr_status role_history_check(struct cr_bytes line, const char *prev, role_hash_fn *fn, char hash[65],
                             struct cr_err *err);

#endif
