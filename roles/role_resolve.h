/* SPDX-License-Identifier: Apache-2.0 */
/* resolve(record, now): what is current, previous and next at this second, and until when that holds. */
#ifndef ROLE_RESOLVE_H
#define ROLE_RESOLVE_H

#include "role_record.h"

/* A process's memory that a roll was seen, so that a clock stepping back does not undo it. Keyed by (next, effective,
 * scheduled-at): an unrelated change keeps it, a cancelled or new schedule starts afresh. The caller's storage, zeroed at
 * first, under the caller's lock. */
struct role_seen {
    char thumbprint[65];
    int64_t effective, since;
};

struct role_view {
    struct role_cert *current, *previous, *next; /* borrowed from the record */
    int64_t current_since, previous_until, next_since, next_effective;
    int64_t good_until;   /* the answer holds for now' with now <= now' < good_until (and record unchanged) */
    bool rolled;          /* next of the record has become current in this answer */
    bool current_revoked; /* current is NULL because its key is revoked */
};

/* @seen may be NULL; it is read, and set when a roll is seen. At now == effective date the roll has happened; at now ==
 * previous_until previous is gone. A revoked key is in no slot of the answer; a revoked next never takes over. */
void role_resolve(const struct role_record *rec, int64_t now, struct role_seen *seen, struct role_view *out);

/* Clocks differ, and a token may be checked a moment after it was issued. */
#define ROLE_SKEW (5 * 60)
/* Until when previous stays after a flip at @flip: retain-previous, yet never before the tokens signed until then have
 * expired (token lifetime and 5 minutes). */
int64_t role_previous_until(const struct role_record *rec, int64_t flip);
/* @t + @seconds; what would overflow is CR_TIME_NEVER (or INT64_MIN). */
int64_t role_time_add(int64_t t, int64_t seconds);

/* The entry of a slot in the answer, or NULL. Borrowed. */
struct role_cert *role_view_slot(const struct role_view *view, enum role_slot slot);

/* The effective slot that holds the certificate with @thumbprint (64 hex, lower-case); NULL when none. */
struct role_cert *role_view_find(const struct role_view *view, const char *thumbprint);

/* The sentence why current is not there: empty (naming next's date if there is one) or revoked. Always fails with
 * CR_E_EMPTY or CR_E_REVOKED. */
cr_status role_view_why_empty(const struct role_record *rec, const struct role_view *view, struct cr_err *err);

#endif
