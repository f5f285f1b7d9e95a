/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_change.h"

#include <string.h>

#include "roles/role_change_rules.h"

#define PAST_IS_NOW (5 * 60)       /* an effective date that much ago means now */
#define RECENT      (24 * 60 * 60) /* who cancels so soon after a roll may still mean it */

/* ---- steps ---- */

static void clear_next(struct role_record *rec)
{
    role_cert_put(&rec->next, NULL);
    rec->next_since = rec->next_effective = 0;
}

static void clear_previous(struct role_record *rec)
{
    role_cert_put(&rec->previous, NULL);
    rec->previous_until = 0;
}

static void clear_current(struct role_record *rec)
{
    role_cert_put(&rec->current, NULL);
    rec->current_since = 0;
}

/* Makes the stored slots what role_resolve answers from them: changes no answer. */
static void settle(struct role_making *m)
{
    struct role_record *rec = m->rec;
    struct role_view v;

    role_resolve(rec, m->now, NULL, &v);
    m->flipped = v.rolled;
    m->settled = v.current != rec->current || v.previous != rec->previous || v.next != rec->next;
    if (v.current != NULL)
        rec->current_revoked[0] = '\0';
    else if (rec->current != NULL)
        memcpy(rec->current_revoked, rec->current->spki, sizeof rec->current_revoked);
    role_cert_ref(v.current);
    role_cert_ref(v.previous);
    role_cert_ref(v.next);
    clear_current(rec);
    clear_previous(rec);
    clear_next(rec);
    rec->current = v.current;
    rec->current_since = v.current_since;
    rec->previous = v.previous;
    rec->previous_until = v.previous_until;
    rec->next = v.next;
    rec->next_since = v.next_since;
    rec->next_effective = v.next_effective;
}

/* What a flip from now on gives previous: configuration's, unless the role has its own; never less than the lifetime
 * of tokens, which role_previous_until can add only when the record knows it. */
static void refresh_retention(struct role_making *m)
{
    const struct role_policy *policy = &m->intent->policy;
    struct role_record *rec = m->rec;
    int64_t least = policy->token_lifetime >= 0 ? role_time_add(policy->token_lifetime, ROLE_SKEW) : 0;

    if (!rec->retain_own && policy->retain_previous >= 0)
        rec->retain_previous = policy->retain_previous;
    if (rec->token_lifetime < 0 && rec->retain_previous < least)
        rec->retain_previous = least;
}

/* @cert takes over at @at, and what is current then pushes out the previous that was to stay longer. */
static void warn_evicted(struct role_making *m, const struct role_cert *cert, int64_t at)
{
    const struct role_cert *gone = m->rec->previous;
    char then[CR_TIME_TEXT], until[CR_TIME_TEXT];

    if (!role_evicts(m->rec, cert, at))
        return;
    role_warn(m, "certificate %.8s stops verifying at %s; it was to stay previous until %s", gone->thumbprint,
              cr_time_text(at, then), cr_time_text(m->rec->previous_until, until));
}

/* @cert is current from now on, and what was current is previous. */
static void make_current(struct role_making *m, struct role_cert *cert)
{
    struct role_record *rec = m->rec;
    char at[CR_TIME_TEXT];

    role_cert_ref(cert); /* it may stand in the slot that is overwritten */
    refresh_retention(m);
    warn_evicted(m, cert, m->now);
    if (rec->current != NULL) {
        role_cert_put(&rec->previous, rec->current);
        rec->previous_until = role_previous_until(rec, m->now);
    } else if (role_cert_same(rec->previous, cert)) {
        clear_previous(rec);
    }
    role_cert_put(&rec->current, cert);
    rec->current_since = m->now;
    rec->current_revoked[0] = '\0';
    if (role_cert_same(rec->next, cert))
        clear_next(rec);
    else if (rec->next != NULL)
        role_warn(m, "the roll to %.8s at %s stays scheduled", rec->next->thumbprint,
                  cr_time_text(rec->next_effective, at));
    role_cert_unref(&cert);
    m->changed = true;
}

/* The step between the rules for @cert and the rule for the whole. */
static cr_status enter_now(struct role_making *m, struct role_cert *cert, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = role_rule_not_revoked(m, cert, err)))
        return st;
    if (cr_failed(st = role_rule_enters(m, m->rec->current, cert, m->now, err)))
        return st;
    make_current(m, cert);
    return role_rule_kids(m, err);
}

static cr_status need_cert(const struct role_making *m, struct cr_err *err)
{
    if (m->intent->cert != NULL)
        return cr_ok();
    return cr_fail(err, CR_E_USAGE, "role %s: no certificate named", m->rec->name);
}

/* ---- verbs ---- */

static cr_status do_assign(struct role_making *m, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = need_cert(m, err)))
        return st;
    if (role_cert_same(m->rec->current, m->intent->cert))
        return role_rule_not_revoked(m, m->intent->cert, err);
    return enter_now(m, m->intent->cert, err);
}

static cr_status check_effective(const struct role_making *m, struct cr_err *err)
{
    int64_t at = m->intent->effective;
    char date[CR_TIME_TEXT], now[CR_TIME_TEXT];

    if (at < 0 || at > ROLE_TIME_MAX)
        return cr_fail(err, CR_E_USAGE, "role %s: the effective date is out of range", m->rec->name);
    if (at >= role_time_add(m->now, -PAST_IS_NOW))
        return cr_ok();
    return cr_fail(err, CR_E_REFUSED, "role %s: the effective date %s is past, now it is %s", m->rec->name,
                   cr_time_text(at, date), cr_time_text(m->now, now));
}

/* Until a token expires its certificate should not: the last second at which current can hand over in time. */
static void warn_late(struct role_making *m)
{
    const struct role_cert *current = m->rec->current;
    int64_t lifetime = role_rule_token_lifetime(m), latest;
    char end[CR_TIME_TEXT], at[CR_TIME_TEXT];

    if (current == NULL || current->not_after == CR_TIME_NEVER)
        return;
    latest = role_time_add(current->not_after, -lifetime);
    if (m->intent->effective > latest)
        role_warn(m, "current certificate %.8s expires at %s%s: the latest safe date of the roll is %s",
                  current->thumbprint, cr_time_text(current->not_after, end),
                  lifetime > 0 ? ", and its tokens are used for token-lifetime" : "", cr_time_text(latest, at));
}

static cr_status schedule(struct role_making *m, struct cr_err *err)
{
    struct role_record *rec = m->rec;
    struct role_cert *cert = m->intent->cert;
    cr_status st;

    if (cr_failed(st = role_rule_enters(m, rec->current, cert, m->intent->effective, err)))
        return st;
    refresh_retention(m);
    warn_late(m);
    warn_evicted(m, cert, m->intent->effective);
    role_cert_put(&rec->next, cert);
    rec->next_since = m->now;
    rec->next_effective = m->intent->effective;
    m->changed = true;
    return role_rule_kids(m, err);
}

static cr_status do_roll(struct role_making *m, struct cr_err *err)
{
    const struct role_record *rec = m->rec;
    char date[CR_TIME_TEXT];
    cr_status st;

    if (cr_failed(st = need_cert(m, err)))
        return st;
    if (cr_failed(st = check_effective(m, err)))
        return st;
    if (cr_failed(st = role_rule_not_revoked(m, m->intent->cert, err)))
        return st;
    if (role_cert_same(rec->next, m->intent->cert) && rec->next_effective == m->intent->effective)
        return cr_ok();
    if (role_cert_same(rec->current, m->intent->cert))
        return cr_fail(err, CR_E_REFUSED, "role %s: certificate %.8s is already current since %s", rec->name,
                       rec->current->thumbprint, cr_time_text(rec->current_since, date));
    if (rec->next != NULL && m->intent->effective > m->now)
        return cr_fail(err, CR_E_REFUSED, "role %s: a roll to %.8s at %s is already scheduled; cancel it first",
                       rec->name, rec->next->thumbprint, cr_time_text(rec->next_effective, date));
    if (role_rule_begins(m) &&
        cr_failed(st = role_override(m, "roll of an empty role", err, "it has no current certificate: use assign")))
        return st;
    if (m->intent->effective <= m->now)
        return enter_now(m, m->intent->cert, err);
    return schedule(m, err);
}

static cr_status do_roll_now(struct role_making *m, struct cr_err *err)
{
    struct role_cert *next = m->rec->next;

    if (m->intent->cert != NULL)
        return do_assign(m, err);
    if (next != NULL)
        return enter_now(m, next, err);
    if (m->flipped) /* it just came by itself */
        return cr_ok();
    return cr_fail(err, CR_E_REFUSED, "role %s: no roll is scheduled that could come forward: name a certificate",
                   m->rec->name);
}

/* Nothing scheduled is what cancel is for, so that a script may say it twice. Only a roll that has just come by itself is
 * too late to cancel; a change of another kind made since is warned of. */
static cr_status do_cancel(struct role_making *m, struct cr_err *err)
{
    const struct role_record *rec = m->rec;
    bool recent = rec->current != NULL && m->now - rec->current_since < RECENT;
    char at[CR_TIME_TEXT];

    if (rec->next != NULL) {
        clear_next(m->rec);
        m->changed = true;
        return cr_ok();
    }
    if (m->flipped && recent)
        return cr_fail(err, CR_E_REFUSED, "role %s: the roll to %.8s took effect at %s: use rollback", rec->name,
                       rec->current->thumbprint, cr_time_text(rec->current_since, at));
    if (recent && rec->previous != NULL)
        role_warn(m, "no roll is scheduled; %.8s took over at %s: to go back to %.8s use rollback",
                  rec->current->thumbprint, cr_time_text(rec->current_since, at), rec->previous->thumbprint);
    return cr_ok();
}

static cr_status do_rollback(struct role_making *m, struct cr_err *err)
{
    const struct role_record *rec = m->rec, *old = m->old;
    char until[CR_TIME_TEXT];

    if (rec->previous != NULL)
        return enter_now(m, rec->previous, err);
    if (old != NULL && old->previous != NULL && !m->flipped && !role_record_revoked(old, old->previous->spki))
        return cr_fail(err, CR_E_REFUSED, "role %s: previous certificate %.8s was kept until %s: assign it instead",
                       rec->name, old->previous->thumbprint, cr_time_text(old->previous_until, until));
    return cr_fail(err, CR_E_REFUSED, "role %s: there is no previous certificate to go back to: assign one instead",
                   rec->name);
}

static cr_status do_unassign(struct role_making *m, struct cr_err *err)
{
    struct role_record *rec = m->rec;
    bool all = !m->intent->has_slot;
    char at[CR_TIME_TEXT];
    cr_status st;

    if (!all && m->intent->slot == ROLE_NEXT && m->flipped)
        return do_cancel(m, err);
    if ((all || m->intent->slot == ROLE_PREVIOUS) && cr_failed(st = role_rule_drops_previous(m, err)))
        return st;
    if ((all || m->intent->slot == ROLE_CURRENT) && (rec->current != NULL || rec->current_revoked[0] != '\0')) {
        clear_current(rec);
        rec->current_revoked[0] = '\0';
        m->changed = true;
    }
    if ((all || m->intent->slot == ROLE_PREVIOUS) && rec->previous != NULL) {
        clear_previous(rec);
        m->changed = true;
    }
    if ((all || m->intent->slot == ROLE_NEXT) && rec->next != NULL) {
        clear_next(rec);
        m->changed = true;
    }
    if (m->changed && rec->current == NULL && rec->next != NULL)
        role_warn(m, "the role is empty until the roll to %.8s at %s", rec->next->thumbprint,
                  cr_time_text(rec->next_effective, at));
    return cr_ok();
}

/* The key leaves every slot. *held (a new reference, or NULL) is the current certificate it takes away. */
static cr_status revoke_key(struct role_making *m, const char *spki, struct role_cert **held, struct cr_err *err)
{
    struct role_record *rec = m->rec;

    m->changed = !role_record_revoked(rec, spki);
    if (rec->current != NULL && strcmp(rec->current->spki, spki) == 0) {
        *held = role_cert_ref(rec->current);
        clear_current(rec);
        memcpy(rec->current_revoked, spki, sizeof rec->current_revoked);
    }
    if (rec->previous != NULL && strcmp(rec->previous->spki, spki) == 0)
        clear_previous(rec);
    if (rec->next != NULL && strcmp(rec->next->spki, spki) == 0) {
        role_warn(m, "the scheduled roll to %.8s is dropped", rec->next->thumbprint);
        clear_next(rec);
    }
    return role_record_add_revoked(rec, spki, err);
}

static cr_status do_revoke(struct role_making *m, struct cr_err *err)
{
    const struct role_record *rec = m->rec;
    const char *spki = m->intent->spki;
    struct role_cert *held = NULL;
    char at[CR_TIME_TEXT];
    cr_status st;

    if (spki == NULL || !role_hex_valid(spki, 64))
        return cr_fail(err, CR_E_USAGE, "role %s: a key to revoke is named by its SPKI hash", rec->name);
    if (cr_failed(st = revoke_key(m, spki, &held, err)))
        goto out;
    if (rec->current != NULL || strcmp(rec->current_revoked, spki) != 0)
        goto out;
    if (m->intent->cert != NULL) {
        if (cr_failed(st = role_rule_not_revoked(m, m->intent->cert, err)))
            goto out;
        if (cr_failed(st = role_rule_enters(m, held, m->intent->cert, m->now, err)))
            goto out;
        make_current(m, m->intent->cert);
        st = role_rule_kids(m, err);
    } else if (m->changed && rec->next != NULL) {
        role_warn(m, "the role is empty until the roll to %.8s at %s; roll it now to sign again", rec->next->thumbprint,
                  cr_time_text(rec->next_effective, at));
    } else if (m->changed) {
        role_warn(m, "the role is empty: assign another certificate%s",
                  rec->previous != NULL ? ", or go back to the previous one by rollback" : "");
    }
out:
    role_cert_unref(&held);
    return st;
}

static bool same_chain(const struct role_cert *a, const struct role_cert *b)
{
    if (a->nchain != b->nchain)
        return false;
    for (size_t i = 0; i < a->nchain; i++)
        if (!cr_bytes_equal(cr_buf_bytes(&a->chain[i]), cr_buf_bytes(&b->chain[i])))
            return false;
    return true;
}

static bool same_locations(const struct role_cert *a, const struct role_cert *b)
{
    if (a->nlocations != b->nlocations)
        return false;
    for (size_t i = 0; i < a->nlocations; i++)
        if (strcmp(a->locations[i], b->locations[i]) != 0)
            return false;
    return true;
}

/* Puts the intent's chain or locations into the entry at @slot, as a new entry: the old record keeps the old one. */
static cr_status amend(struct role_making *m, struct role_cert **slot, struct cr_err *err)
{
    const struct role_cert *from = m->intent->cert;
    bool chain = m->intent->verb == ROLE_CHAIN;
    struct role_cert *copy = NULL;
    cr_status st;

    if (chain ? same_chain(*slot, from) : same_locations(*slot, from))
        return cr_ok();
    if (cr_failed(st = role_cert_dup(*slot, &copy, err)))
        return st;
    if (cr_failed(st = chain ? role_cert_set_chain(copy, from->chain, from->nchain, err)
                             : role_cert_set_locations(copy, from->locations, from->nlocations, err)))
        goto out;
    role_cert_put(slot, copy);
    m->changed = true;
out:
    role_cert_unref(&copy);
    return st;
}

static cr_status do_amend(struct role_making *m, struct cr_err *err)
{
    struct role_cert **const slots[] = {&m->rec->current, &m->rec->previous, &m->rec->next};
    bool found = false;
    cr_status st;

    if (cr_failed(st = need_cert(m, err)))
        return st;
    if (m->intent->verb == ROLE_LOCATION && m->intent->cert->nlocations == 0)
        return cr_fail(err, CR_E_USAGE, "role %s: a key needs at least one location", m->rec->name);
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        if (!role_cert_same(*slots[i], m->intent->cert))
            continue;
        found = true;
        if (cr_failed(st = amend(m, slots[i], err)))
            return st;
    }
    if (found)
        return cr_ok();
    return cr_fail(err, CR_E_NOT_FOUND, "role %s does not hold certificate %.8s", m->rec->name,
                   m->intent->cert->thumbprint);
}

static bool seconds_valid(int64_t s)
{
    return s >= -1 && s <= ROLE_SECONDS_MAX;
}

static cr_status do_policy(struct role_making *m, struct cr_err *err)
{
    const struct role_policy *p = &m->intent->policy;
    struct role_record *rec = m->rec, before = *m->rec;

    if (!seconds_valid(p->retain_previous) || !seconds_valid(p->minimum_lead) || !seconds_valid(p->token_lifetime))
        return cr_fail(err, CR_E_USAGE, "role %s: a duration is out of range", rec->name);
    rec->retain_own = p->retain_previous >= 0;
    if (rec->retain_own)
        rec->retain_previous = p->retain_previous;
    rec->minimum_lead = p->minimum_lead;
    rec->token_lifetime = p->token_lifetime;
    rec->kid_format = p->kid_format;
    if (p->max_rsa_bits != 0)
        rec->max_rsa_bits = p->max_rsa_bits;
    m->changed = rec->retain_own != before.retain_own || rec->retain_previous != before.retain_previous ||
                 rec->minimum_lead != before.minimum_lead || rec->token_lifetime != before.token_lifetime ||
                 rec->kid_format != before.kid_format || rec->max_rsa_bits != before.max_rsa_bits;
    return rec->kid_format != before.kid_format ? role_rule_kids(m, err) : cr_ok();
}

static cr_status do_settle(struct role_making *m, struct cr_err *err)
{
    (void)err;
    m->changed = m->settled;
    return cr_ok();
}

static const struct {
    cr_status (*run)(struct role_making *m, struct cr_err *err);
    bool creates; /* may be the first change of a role */
} verbs[] = {
    [ROLE_ASSIGN] = {do_assign, true},   [ROLE_ROLL] = {do_roll, true},          [ROLE_ROLL_NOW] = {do_roll_now, true},
    [ROLE_CANCEL] = {do_cancel, false},  [ROLE_ROLLBACK] = {do_rollback, false}, [ROLE_UNASSIGN] = {do_unassign, false},
    [ROLE_REVOKE] = {do_revoke, false},  [ROLE_SETTLE] = {do_settle, false},     [ROLE_CHAIN] = {do_amend, false},
    [ROLE_LOCATION] = {do_amend, false}, [ROLE_POLICY] = {do_policy, false},
};

/* ---- the change ---- */

/* A record of generation 0 for a role that is first assigned. */
static cr_status first_record(const char *name, const struct role_intent *intent, struct role_record **out,
                              struct cr_err *err)
{
    struct role_record *rec = NULL;
    enum role_use use = ROLE_USE_TOKEN;
    cr_status st;

    if (!verbs[intent->verb].creates || intent->cert == NULL)
        return cr_fail(err, CR_E_NOT_FOUND, "there is no role %s", name);
    if (cr_failed(st = role_rule_first_use(name, intent, &use, err)))
        return st;
    if (cr_failed(st = role_record_new(name, &rec, err)))
        return st;
    rec->use = use;
    rec->scope = ROLE_SCOPE_LOCAL;
    rec->binding = use == ROLE_USE_TOKEN ? ROLE_BIND_LIVE : ROLE_BIND_PINNED;
    rec->kid_format = intent->policy.kid_format;
    rec->max_rsa_bits = intent->policy.max_rsa_bits != 0 ? intent->policy.max_rsa_bits : ROLE_RSA_BITS_DEFAULT;
    *out = rec;
    return cr_ok();
}

/* Settles, runs the verb, checks the whole. */
static cr_status make(struct role_making *m, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = role_rule_same_use(m, err)))
        return st;
    settle(m);
    return verbs[m->intent->verb].run(m, err);
}

static cr_status sign_off(struct role_making *m, struct cr_err *err)
{
    struct role_record *rec = m->rec;

    if (rec->generation >= INT64_MAX)
        return cr_fail(err, CR_E_INTERNAL, "role %s: no generation is left", rec->name);
    rec->generation++;
    rec->changed.when = m->now;
    cr_free_str(&rec->changed.who);
    return cr_strdup(m->intent->who, &rec->changed.who, err);
}

cr_status role_change(const char *name, struct role_record *old, const struct role_intent *intent, int64_t now,
                      struct role_record **out, struct role_outcome *outcome, struct cr_err *err)
{
    struct role_outcome result = {0};
    struct role_making m = {.old = old, .intent = intent, .now = now, .outcome = &result};
    cr_status st;

    if ((size_t)intent->verb >= CR_COUNT(verbs))
        return cr_fail(err, CR_E_INTERNAL, "no such change");
    if (cr_failed(st = role_name_check(name, err)))
        goto out;
    if (cr_failed(st = role_rule_generation(old, intent, name, err)))
        goto out;
    if (cr_failed(st = old != NULL ? role_record_dup(old, &m.rec, err) : first_record(name, intent, &m.rec, err)))
        goto out;
    if (cr_failed(st = make(&m, err)))
        goto out;
    if (m.changed && cr_failed(st = sign_off(&m, err)))
        goto out;
    result.changed = m.changed;
    *outcome = result;
    if (m.changed) {
        *out = m.rec;
        m.rec = NULL;
    } else {
        *out = role_record_ref(old);
    }
out:
    role_record_unref(&m.rec);
    return st;
}
