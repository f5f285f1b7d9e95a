/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of its certificates, against the clock and the policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_chain.h"
#include "check.h"

#define CLOCK_SLACK (5 * 60)
#define RSA_MIN     2048

/* "ROLE, current" */
static const char *about(const struct tool_role *role, const char *slot, char out[128])
{
    snprintf(out, 128, "%s, %s", role->rec->name, slot);
    return out;
}

static void check_empty(struct check *check, const struct tool_role *role)
{
    const struct role_view *v = &role->view;
    struct cr_err why = {0};

    if (v->current || (!v->current_revoked && !v->next && !v->previous)) /* unassigned on purpose */
        return;
    cr_ignore(role_view_why_empty(role->rec, v, &why));
    check_add(check, CHECK_CRITICAL, "empty", role->rec->name,
              v->next ? "'certroll roll --now' lets next sign at once; or assign another certificate"
                      : "import or assign a certificate",
              "nothing signs: %s", why.text);
}

static void check_expiry(struct check *check, const struct tool_role *role)
{
    const struct role_view *v = &role->view;
    const struct role_cert *cert = v->current;
    int64_t left = cert->not_after - check->tool->now;
    bool relieved = v->next && v->next_effective <= cert->not_after;
    char who[128], at[CR_TIME_TEXT], distance[CR_TIME_TEXT];

    about(role, "current", who);
    if (cert->not_before > check->tool->now)
        check_add(check, CHECK_CRITICAL, "not-yet-valid", who, "assign a certificate that is valid, or mend the clock",
                  "valid only from %s", cr_time_text(cert->not_before, at));
    if (cert->not_after == CR_TIME_NEVER)
        return;
    cr_time_text(cert->not_after, at);
    cr_time_distance(cert->not_after, check->tool->now, distance);
    if (left < 0)
        check_add(check, CHECK_CRITICAL, "expiry", who, "import a new certificate; verifiers may refuse what it signs",
                  "expired at %s, %s", at, distance);
    else if (left < check->warning && !relieved)
        check_add(check, left < check->critical ? CHECK_CRITICAL : CHECK_WARNING, "expiry", who,
                  v->next ? "roll earlier: cancel, then roll with a date before it"
                          : "import its successor with --effective-date",
                  "expires at %s, %s%s", at, distance,
                  v->next ? ", before next takes over" : " and no next is scheduled");
}

static int64_t seconds_of(int64_t own, int64_t configured)
{
    return own >= 0 ? own : configured;
}

static void check_next(struct check *check, const struct tool_role *role)
{
    const struct role_view *v = &role->view;
    const struct role_record *rec = role->rec;
    int64_t lead = seconds_of(rec->minimum_lead, check->conf->minimum_lead);
    int64_t lifetime = seconds_of(rec->token_lifetime, check->conf->token_lifetime);
    char who[128], at[CR_TIME_TEXT], other[CR_TIME_TEXT];

    about(role, "next", who);
    cr_time_text(v->next_effective, at);
    if (v->next->not_after <= v->next_effective || v->next->not_before > v->next_effective)
        check_add(check, CHECK_CRITICAL, "next-invalid", who, "cancel, and roll to a certificate that is valid then",
                  "not valid when it takes over at %s", at);
    if (rec->use != ROLE_USE_TOKEN || !v->current || !strcmp(v->current->spki, v->next->spki))
        return;
    if (v->next_effective - v->next_since < lead)
        check_add(check, CHECK_WARNING, "lead-time", who,
                  "see that every verifier has fetched the new key set, or cancel and roll later",
                  "takes over at %s, less than minimum-lead after it entered jwks at %s", at,
                  cr_time_text(v->next_since, other));
    if (v->current->not_after != CR_TIME_NEVER && v->next_effective > v->current->not_after - lifetime)
        check_add(check, CHECK_WARNING, "late", who, "cancel, and roll by then",
                  "takes over at %s; tokens of current outlive it from %s on", at,
                  cr_time_text(v->current->not_after - lifetime, other));
}

static void check_policy(struct check *check, const struct tool_role *role, const char *slot,
                         const struct role_cert *cert)
{
    const char *domain = check->conf->require_domain;
    char who[128];

    about(role, slot, who);
    if (!strncmp(cert->key, "rsa:", 4) && strtoul(cert->key + 4, NULL, 10) < RSA_MIN)
        check_add(check, CHECK_CRITICAL, "key-size", who, "import a certificate with a key of at least 2048 bits",
                  "its key is %s", cert->key);
    if (domain && !cert_has_domain(NULL, cr_buf_bytes(&cert->leaf), domain))
        check_add(check, CHECK_WARNING, "domain", who, "import a certificate for that domain, or change require-domain",
                  "its subject is not of %s", domain);
}

static void check_chain(struct check *check, const struct tool_role *role, const char *slot,
                        const struct role_cert *cert)
{
    struct cert_chain_report report;
    struct cr_err why = {0};
    char who[128], at[CR_TIME_TEXT];

    about(role, slot, who);
    if (cr_failed(cert_chain_look(cr_buf_bytes(&cert->leaf), cert->chain, cert->nchain, &report, &why))) {
        check_add(check, CHECK_CRITICAL, "chain", who, "import the certificate with its right chain", "%s", why.text);
        return;
    }
    if (report.incomplete)
        check_add(check, CHECK_WARNING, "chain", who,
                  "import the certificate again in one file with its intermediate certificates",
                  "its issuer's certificate is neither in its chain nor trusted by this system");
    if (cert->nchain && report.not_after < cert->not_after && report.not_after - check->tool->now < check->warning)
        check_add(check, report.not_after < check->tool->now + check->critical ? CHECK_CRITICAL : CHECK_WARNING,
                  "chain", who, "ask its issuer for the new chain, and import the certificate with it",
                  "a certificate of its chain expires at %s", cr_time_text(report.not_after, at));
}

static void check_clock(struct check *check, const struct tool_role *role)
{
    char at[CR_TIME_TEXT];

    if (role->rec->changed.when > check->tool->now + CLOCK_SLACK)
        check_add(check, CHECK_CRITICAL, "clock", role->rec->name, "set the clock of this machine: rolls go by it",
                  "its record was changed at %s, which the clock says is yet to come",
                  cr_time_text(role->rec->changed.when, at));
}

void check_role(struct check *check, const struct tool_role *role)
{
    static const enum role_slot slots[] = {ROLE_CURRENT, ROLE_NEXT};

    check_clock(check, role);
    check_empty(check, role);
    if (role->pending)
        check_add(check, CHECK_WARNING, "revocation", role->rec->name, "any change of a role finishes it",
                  "a revocation that concerns it was interrupted");
    if (role->view.current)
        check_expiry(check, role);
    if (role->view.next)
        check_next(check, role);
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        const struct role_cert *cert = role_view_slot(&role->view, slots[i]);
        if (!cert)
            continue;
        check_policy(check, role, role_slot_text(slots[i]), cert);
        check_chain(check, role, role_slot_text(slots[i]), cert);
    }
}
