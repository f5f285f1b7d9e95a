/* SPDX-License-Identifier: Apache-2.0 */
/* What a change in the making must satisfy, each rule one sentence with its remedy. A rule that force overrides notes
 * that in the outcome instead of failing. */
#ifndef ROLE_CHANGE_RULES_H
#define ROLE_CHANGE_RULES_H

#include "role_change.h"

/* A change in the making; @rec is ours alone and settled. */
struct role_making {
    const struct role_record *old; /* or NULL */
    const struct role_intent *intent;
    int64_t now;
    struct role_record *rec;
    struct role_outcome *outcome;
    bool settled; /* a slot differs from what @old stores */
    bool flipped; /* the roll of @old took effect */
    bool changed;
};

/* The intent's generation, if it names one, is the record's. CR_E_CHANGED naming who made the newer one and when. */
cr_status role_rule_generation(const struct role_record *old, const struct role_intent *intent, const char *name,
                               struct cr_err *err);
/* The use of a role that is first assigned now: by its name, else by the intent. */
cr_status role_rule_first_use(const char *name, const struct role_intent *intent, enum role_use *out,
                              struct cr_err *err);
/* The intent does not ask for another use than the role has. */
cr_status role_rule_same_use(const struct role_making *m, struct cr_err *err);
/* Neither this role nor this server has revoked the key. Never overridden. */
cr_status role_rule_not_revoked(const struct role_making *m, const struct role_cert *cert, struct cr_err *err);
/* Is current empty, and nobody verifies what the role signs, so that its first key need not be known first? Beside a previous
 * that verifiers still know an empty current is no beginning, unless its key was revoked: what replaces that cannot wait. */
bool role_rule_begins(const struct role_making *m);
/* All that @cert must satisfy to be current from @at on, where @before (may be NULL) was: dates, lead time, the previous
 * that leaves for it, and a live role's key. */
cr_status role_rule_enters(struct role_making *m, const struct role_cert *before, const struct role_cert *cert,
                           int64_t at, struct cr_err *err);
/* How long a token that the role signs is accepted; 0 when nothing says, or for a role of TLS. */
int64_t role_rule_token_lifetime(const struct role_making *m);
/* Does previous leave before its time when @cert takes over at @at? */
bool role_evicts(const struct role_record *rec, const struct role_cert *cert, int64_t at);
/* Previous may leave its slot now: no tokens that it signed are in use, or its key stays as current's. */
cr_status role_rule_drops_previous(struct role_making *m, struct cr_err *err);
/* Different keys in the record's slots have different kids. Never overridden: verifiers would take the wrong key. */
cr_status role_rule_kids(const struct role_making *m, struct cr_err *err);

/* CR_E_REFUSED with the sentence, or with force a note of @what in the outcome. */
cr_status role_override(struct role_making *m, const char *what, struct cr_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a warning to the outcome, as long as there is room. */
void role_warn(struct role_making *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
