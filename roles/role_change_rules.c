/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_change_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void role_warn(struct role_making *m, const char *fmt, ...)
{
    struct role_outcome *o = m->outcome;
    va_list ap;

    if (o->nwarnings == CR_COUNT(o->warnings))
        return;
    va_start(ap, fmt);
    vsnprintf(o->warnings[o->nwarnings++], sizeof o->warnings[0], fmt, ap);
    va_end(ap);
}

cr_status role_override(struct role_making *m, const char *what, struct cr_err *err, const char *fmt, ...)
{
    char sentence[sizeof err->text];
    size_t used = strlen(m->outcome->overridden);
    va_list ap;

    if (m->intent->force) {
        snprintf(m->outcome->overridden + used, sizeof m->outcome->overridden - used, "%s%s", used > 0 ? "; " : "",
                 what);
        return cr_ok();
    }
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return cr_fail(err, CR_E_REFUSED, "role %s: %s (force overrides this)", m->rec->name, sentence);
}

cr_status role_rule_generation(const struct role_record *old, const struct role_intent *intent, const char *name,
                               struct cr_err *err)
{
    unsigned long long want = (unsigned long long)intent->if_generation;
    char when[CR_TIME_TEXT];

    if (!intent->if_generation_set || intent->if_generation == (old != NULL ? old->generation : 0))
        return cr_ok();
    if (old == NULL)
        return cr_fail(err, CR_E_CHANGED, "role %s does not exist, so it is not at generation %llu", name, want);
    return cr_fail(err, CR_E_CHANGED, "role %s is at generation %llu, not %llu: changed by %s at %s", name,
                   (unsigned long long)old->generation, want, old->changed.who != NULL ? old->changed.who : "somebody",
                   cr_time_text(old->changed.when, when));
}

cr_status role_rule_first_use(const char *name, const struct role_intent *intent, enum role_use *out,
                              struct cr_err *err)
{
    enum role_use use = ROLE_USE_TOKEN;
    bool known = role_use_known(name, &use);

    if (!known && !intent->has_use)
        return cr_fail(err, CR_E_USAGE, "role %s is new and its name does not tell its use: say token or tls (--use)",
                       name);
    if (known && intent->has_use && intent->use != use)
        return cr_fail(err, CR_E_REFUSED, "role %s is for %s by its name, not for %s", name, role_use_text(use),
                       role_use_text(intent->use));
    *out = known ? use : intent->use;
    return cr_ok();
}

cr_status role_rule_same_use(const struct role_making *m, struct cr_err *err)
{
    if (!m->intent->has_use || m->intent->use == m->rec->use)
        return cr_ok();
    return cr_fail(err, CR_E_REFUSED, "role %s is for %s, fixed at its first assignment, not for %s", m->rec->name,
                   role_use_text(m->rec->use), role_use_text(m->intent->use));
}

cr_status role_rule_not_revoked(const struct role_making *m, const struct role_cert *cert, struct cr_err *err)
{
    struct cr_bytes spki = cr_bytes_str(cert->spki);
    bool revoked = role_record_revoked(m->rec, cert->spki);

    for (size_t i = 0; i < m->intent->nrevoked_spkis && !revoked; i++)
        revoked = cr_bytes_equal(m->intent->revoked_spkis[i], spki);
    if (!revoked)
        return cr_ok();
    return cr_fail(err, CR_E_REVOKED, "role %s: the key of certificate %.8s is revoked: use one with a new key",
                   m->rec->name, cert->thumbprint);
}

static cr_status rule_dates(struct role_making *m, const struct role_cert *cert, int64_t at, struct cr_err *err)
{
    char date[CR_TIME_TEXT], start[CR_TIME_TEXT];
    cr_status st;

    cr_time_text(at, start);
    if (cert->not_after <= at &&
        cr_failed(st = role_override(m, "certificate expired when it takes over", err,
                                     "certificate %.8s expires at %s and would take over at %s", cert->thumbprint,
                                     cr_time_text(cert->not_after, date), start)))
        return st;
    if (cert->not_before > at &&
        cr_failed(st = role_override(m, "certificate not yet valid when it takes over", err,
                                     "certificate %.8s is valid from %s and would take over at %s", cert->thumbprint,
                                     cr_time_text(cert->not_before, date), start)))
        return st;
    return cr_ok();
}

/* The modulus bits of "rsa:2048", 0 for another key. */
static unsigned rsa_bits(const char *key)
{
    return strncmp(key, "rsa:", 4) == 0 ? (unsigned)strtoul(key + 4, NULL, 10) : 0;
}

/* A program that holds a live key asked for its size and type once. */
static cr_status rule_live(struct role_making *m, const struct role_cert *before, const struct role_cert *cert,
                           struct cr_err *err)
{
    unsigned bits = rsa_bits(cert->key);
    cr_status st;

    if (m->rec->binding != ROLE_BIND_LIVE)
        return cr_ok();
    if (before != NULL && strcmp(before->key, cert->key) != 0 && (bits == 0 || rsa_bits(before->key) == 0) &&
        cr_failed(st = role_override(m, "a live role changes its key type", err,
                                     "it is live, and programs that run with its %s key cannot follow to %s",
                                     before->key, cert->key)))
        return st;
    if (bits <= m->rec->max_rsa_bits)
        return cr_ok();
    if (cr_failed(st = role_override(m, "a live role's key grows over its ceiling", err,
                                     "it is live, and its keys may have at most %u bits, not %u", m->rec->max_rsa_bits,
                                     bits)))
        return st;
    m->rec->max_rsa_bits = bits;
    return cr_ok();
}

/* A renewal is the same key under a new certificate: verifiers that already know the key look for the old kid. */
static void warn_renewed_kid(struct role_making *m, const struct role_cert *before, const struct role_cert *cert)
{
    char old_kid[128], kid[128];

    if (before == NULL || strcmp(before->spki, cert->spki) != 0)
        return;
    role_kid(m->rec->kid_format, before, old_kid);
    role_kid(m->rec->kid_format, cert, kid);
    if (strcmp(old_kid, kid) != 0)
        role_warn(m, "certificate %.8s renews the same key under another kid (%s, before %s)", cert->thumbprint, kid,
                  old_kid);
}

/* A length of time of the role's own, else configuration's; 0 when neither says one. */
static int64_t seconds_of(int64_t own, int64_t configured)
{
    return own >= 0 ? own : configured > 0 ? configured : 0;
}

int64_t role_rule_token_lifetime(const struct role_making *m)
{
    return m->rec->use == ROLE_USE_TOKEN ? seconds_of(m->rec->token_lifetime, m->intent->policy.token_lifetime) : 0;
}

/* Since when the key of @cert has stood in the key set that verifiers fetch; one that enters it by this change: now. The
 * key of previous was current before. */
static int64_t published_since(const struct role_making *m, const struct role_cert *cert)
{
    const struct role_record *rec = m->rec;

    if (rec->previous != NULL && strcmp(rec->previous->spki, cert->spki) == 0)
        return INT64_MIN;
    return rec->next != NULL && strcmp(rec->next->spki, cert->spki) == 0 ? rec->next_since : m->now;
}

bool role_rule_begins(const struct role_making *m)
{
    const struct role_record *rec = m->rec;

    return rec->current == NULL && (rec->use != ROLE_USE_TOKEN || rec->previous == NULL ||
                                    rec->previous_until <= m->now || rec->current_revoked[0] != '\0');
}

/* Verifiers refetch a key set every five minutes to a day, and refuse a token whose key they do not know. */
static cr_status rule_lead(struct role_making *m, const struct role_cert *cert, int64_t at, struct cr_err *err)
{
    const struct role_record *rec = m->rec;
    int64_t lead = seconds_of(rec->minimum_lead, m->intent->policy.minimum_lead), since, earliest;
    char published[64] = "enters jwks now", date[CR_TIME_TEXT];

    if (rec->use != ROLE_USE_TOKEN || lead == 0 || role_rule_begins(m) ||
        (rec->current != NULL && strcmp(rec->current->spki, cert->spki) == 0))
        return cr_ok();
    since = published_since(m, cert);
    earliest = since == INT64_MIN ? INT64_MIN : role_time_add(since, lead);
    if (at >= earliest)
        return cr_ok();
    if (since != m->now)
        snprintf(published, sizeof published, "is in jwks since %s", cr_time_text(since, date));
    return role_override(
        m, "lead time", err,
        "the key of certificate %.8s %s, and verifiers may take minimum-lead to fetch it: the earliest "
        "effective date is %s",
        cert->thumbprint, published, cr_time_text(earliest, date));
}

/* Until when tokens that previous signed may be shown to verifiers: it stopped signing when current took over, or before.
 * Beside an empty current nobody knows when that was: then it is as long as it would be kept. */
static int64_t previous_needed(const struct role_making *m)
{
    const struct role_record *rec = m->rec;
    int64_t lifetime = role_rule_token_lifetime(m), until;

    if (lifetime == 0 || rec->previous == NULL)
        return INT64_MIN;
    if (rec->current == NULL)
        return rec->previous_until;
    until = role_time_add(rec->current_since, role_time_add(lifetime, ROLE_SKEW));
    return until < rec->previous_until ? until : rec->previous_until;
}

cr_status role_rule_drops_previous(struct role_making *m, struct cr_err *err)
{
    int64_t until = previous_needed(m);
    char date[CR_TIME_TEXT];

    if (m->now >= until || (m->rec->current != NULL && strcmp(m->rec->previous->spki, m->rec->current->spki) == 0))
        return cr_ok();
    return role_override(m, "previous leaves while its tokens are valid", err,
                         "tokens signed by certificate %.8s, which is previous, are valid until %s: unassign it then",
                         m->rec->previous->thumbprint, cr_time_text(until, date));
}

/* What is current when @cert takes over at @at becomes previous, and the previous of now leaves: not while tokens that
 * it signed may still be shown to verifiers. */
static cr_status rule_evicts(struct role_making *m, const struct role_cert *cert, int64_t at, struct cr_err *err)
{
    const struct role_record *rec = m->rec;
    int64_t until = previous_needed(m);
    char date[CR_TIME_TEXT];

    if (at >= until || !role_evicts(rec, cert, at))
        return cr_ok();
    return role_override(m, "previous leaves while its tokens are valid", err,
                         "tokens signed by certificate %.8s, which is previous, are valid until %s: the earliest "
                         "effective date is then",
                         rec->previous->thumbprint, cr_time_text(until, date));
}

bool role_evicts(const struct role_record *rec, const struct role_cert *cert, int64_t at)
{
    const struct role_cert *gone = rec->previous;

    return gone != NULL && rec->current != NULL && rec->previous_until > at && strcmp(gone->spki, cert->spki) != 0 &&
           strcmp(gone->spki, rec->current->spki) != 0;
}

cr_status role_rule_enters(struct role_making *m, const struct role_cert *before, const struct role_cert *cert,
                           int64_t at, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = rule_dates(m, cert, at, err)) || cr_failed(st = rule_lead(m, cert, at, err)) ||
        cr_failed(st = rule_evicts(m, cert, at, err)))
        return st;
    if (cr_failed(st = rule_live(m, before, cert, err)))
        return st;
    warn_renewed_kid(m, before, cert);
    return cr_ok();
}

cr_status role_rule_kids(const struct role_making *m, struct cr_err *err)
{
    const struct role_cert *const slots[] = {m->rec->current, m->rec->previous, m->rec->next};
    char a[128], b[128];

    for (size_t i = 0; i < CR_COUNT(slots); i++)
        for (size_t j = i + 1; j < CR_COUNT(slots); j++) {
            if (slots[i] == NULL || slots[j] == NULL || strcmp(slots[i]->spki, slots[j]->spki) == 0)
                continue;
            role_kid(m->rec->kid_format, slots[i], a);
            role_kid(m->rec->kid_format, slots[j], b);
            if (strcmp(a, b) == 0)
                return cr_fail(err, CR_E_REFUSED,
                               "role %s: certificates %.8s and %.8s have different keys and the same kid %s: import "
                               "one of them again with another kid",
                               m->rec->name, slots[i]->thumbprint, slots[j]->thumbprint, a);
        }
    return cr_ok();
}
