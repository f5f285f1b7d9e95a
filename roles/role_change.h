/* SPDX-License-Identifier: Apache-2.0 */
/* change(record, intent, now) -> record: the only way a record changes. Pure. Every change first settles what is due, so
 * "current" below means the effective one. It creates before it retires, in one new record. */
#ifndef ROLE_CHANGE_H
#define ROLE_CHANGE_H

#include "role_resolve.h"

enum role_verb {
    ROLE_ASSIGN, /* cert becomes current now; current becomes previous; next stays unless it is the same certificate */
    ROLE_ROLL,   /* cert is next, taking over at effective */
    ROLE_ROLL_NOW, /* with cert: like assign; without: the scheduled next comes forward */
    ROLE_CANCEL,   /* next is dropped; refused when it already took effect (says to use rollback) */
    ROLE_ROLLBACK, /* current and previous swap; next stays */
    ROLE_UNASSIGN, /* one slot, or all */
    ROLE_REVOKE,   /* the key with this SPKI leaves every slot and is remembered; replace (may be NULL) becomes current;
                      without one the slot is empty: a good previous stays previous */
    ROLE_SETTLE,   /* persists a promotion that has happened; changes no answer */
    ROLE_CHAIN,    /* the same leaf with another chain, wherever it stands */
    ROLE_LOCATION, /* the same leaf with other locations, wherever it stands */
    ROLE_POLICY /* the intent's policy becomes the role's own; -1 (and 0 for max_rsa_bits): back to configuration's */
};

struct role_policy { /* of configuration, as arguments */
    int64_t retain_previous, minimum_lead, token_lifetime;
    unsigned max_rsa_bits;
    enum role_kid_format kid_format;
};

struct role_intent {
    enum role_verb verb;
    struct role_cert *cert; /* borrowed; assign, roll, revoke's replacement, chain, location */
    int64_t effective;      /* roll */
    bool has_slot;          /* unassign */
    enum role_slot slot;
    bool has_use; /* first assignment of a role whose use is not known by its name */
    enum role_use use;
    const char *spki; /* revoke */
    bool force;
    bool if_generation_set;
    uint64_t if_generation;
    const char *who; /* into record.changed */
    struct role_policy policy;
    const struct cr_bytes
        *revoked_spkis; /* all keys revoked on this server, as text; assign, roll, rollback refuse them */
    size_t nrevoked_spkis;
};

struct role_outcome {
    bool changed; /* false: already so, *out is a reference to the old record */
    char warnings[4][256];
    unsigned nwarnings;
    char overridden[256]; /* the checks that --force overrode, "" if none */
};

/* @old NULL: a role that does not exist yet; assign, roll now and a forced roll create it. Decisions:
 * - roll of an empty role is refused (use assign); forced, the certificate is next of an empty role;
 * - a roll to the certificate that is previous is a rollback at a date: it stands in both slots until it takes over;
 * - the same roll again is unchanged, another one ahead is refused even when forced;
 * - a date up to 5 minutes past means now; with it a scheduled next stays, as with assign;
 * - cancel with nothing scheduled is unchanged, unless it may mean a roll that took effect: then it names rollback;
 * - rollback, and a replacement, bring back or in what is valid now; an empty current may be filled by rollback;
 * - in a token role a key signs no sooner than minimum-lead after it entered the key set (when it became next), and none
 *   pushes previous out while tokens it signed are valid: refused with the earliest date, unless forced. An empty role, a
 *   key that was just current (rollback, renewal) and the replacement of a revoked one need no lead;
 * - revoke remembers the key in every record it is asked for, also where no slot holds it: a process may have pinned it
 *   long ago. A replacement enters only where the key was current; asked again with one, it still does.
 * The caller owns *out. Errors: CR_E_REFUSED (policy, one sentence with the remedy), CR_E_CHANGED (if_generation is not
 * the record's: names who made the newer one and when), CR_E_REVOKED, CR_E_NOT_FOUND (no such role; chain or location of
 * a certificate in no slot), CR_E_USAGE (use missing, a date that no calendar has). */
cr_status role_change(const char *name, struct role_record *old, const struct role_intent *intent, int64_t now,
                      struct role_record **out, struct role_outcome *outcome, struct cr_err *err);

#endif
