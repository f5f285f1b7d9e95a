/* SPDX-License-Identifier: Apache-2.0 */
/* The emergency. The entry in revoked.json stands, pending, before the first record is changed; from then on the key is
 * refused everywhere, and a killed revoke is finished by the next change (tool_revoke.c). */
#include <stdio.h>
#include <string.h>

#include "roles/role_change_rules.h"
#include "tool_cert.h"
#include "tool_change.h"
#include "tool_confirm.h"
#include "tool_pick.h"

enum { OPT_THUMBPRINT = 1, OPT_REPLACE };

static const char *const limits[] = {
    "remote verifiers accept the key until they fetch the key set again: publish 'certroll jwks' now",
    "the CA has not been told: ask it to revoke the certificate",
    "the key is still on its token: 'certroll remove' destroys it",
};

/* A certificate nobody has imported stands on a token alone; without the token there is only "not known". */
static cr_status find(struct tool *tool, const char *text, struct role_cert **out, struct cr_err *err)
{
    cr_status st = tool_cert_find(tool, text, false, out, err);
    struct cr_err why;

    if (st.code == CR_E_NOT_FOUND && !cr_failed(tool_cert_find(tool, text, true, out, &why)))
        return cr_ok();
    return st;
}

/* In an emergency a token that is away does not stop a replacement that is known; a key that is not there does. */
static cr_status prove(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    cr_status st = tool_pick_prove(tool, cert, err);

    if (tool_exit_code(st.code) != TOOL_EXIT_UNAVAILABLE)
        return st;
    tool_warn("%s; going on", err->text);
    return cr_ok();
}

/* Would every role that loses its current take the replacement? Asked before anything is written. A record that cannot be
 * read must not stop a revocation of the others, which will report it. */
static cr_status check_roles(struct tool *tool, const struct role_intent *intent, struct cr_err *err)
{
    struct tool_intent filled = {0};
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)) ||
        cr_failed(st = tool_intent_fill(tool, intent, &filled, err)))
        goto out;
    filled.intent.if_generation_set = false; /* checked already, for the roles that hold the key */
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct tool_plan plan = {0};
        struct cr_stamp stamp;
        if (cr_failed(store_load(store, names[i], &rec, &stamp, NULL)))
            continue;
        role_record_unref(&rec);
        if (cr_failed(st = tool_plan_make(tool, names[i], &filled, &plan, err)))
            st = cr_prefix(err, st, "nothing is revoked yet, the replacement does not do");
        tool_plan_clear(&plan);
    }
out:
    tool_intent_clear(&filled);
    store_names_free(&names, n);
    return st;
}

/* --if-generation is meant for every role that holds the key, and so is a confirmation; asked before anything is written. */
static cr_status check_generations(struct tool *tool, const char *spki, struct cr_err *err)
{
    const struct role_intent intent = {.if_generation_set = true, .if_generation = tool->if_generation};
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (!tool->if_generation_set && tool->phase != TOOL_CONFIRMED)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;
        if (cr_failed(st = store_load(store, names[i], &rec, &stamp, err))) {
            if (tool->if_generation_set)
                break;
            st = cr_ok(); /* a record that cannot be read must not stop the others */
            continue;
        }
        if (tool_record_holds(rec, spki) && !cr_failed(st = tool_shown_role(tool, names[i], err)) &&
            tool->if_generation_set)
            st = role_rule_generation(rec, &intent, names[i], err);
        role_record_unref(&rec);
    }
    store_names_free(&names, n);
    return cr_failed(st) ? cr_prefix(err, st, "nothing is revoked") : st;
}

/* A resumed revocation finds its replacement in certs/, without the token. */
static cr_status remember(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    struct role_cert *known = NULL;
    struct store *store;
    cr_status st;

    if (tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_cert_load(store, cert->thumbprint, &known, err);
    role_cert_unref(&known);
    return st.code == CR_E_NOT_FOUND ? store_cert_save(store, cert, err) : st;
}

static cr_status replacement(struct tool *tool, const struct role_cert *revoked, struct store_revocation *rev,
                             struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_REPLACE);
    struct role_intent intent = {.verb = ROLE_REVOKE, .spki = revoked->spki};
    struct role_cert *cert = NULL;
    cr_status st;

    if (!text)
        return cr_ok();
    if (cr_failed(st = tool_cert_find(tool, text, true, &cert, err)))
        return st;
    if (!strcmp(cert->spki, revoked->spki)) {
        st = cr_fail(err, CR_E_REFUSED,
                     "certificate %.16s has the very key that is to be revoked: name one with another key",
                     cert->thumbprint);
        goto out;
    }
    intent.cert = cert;
    memcpy(rev->replace, cert->thumbprint, sizeof(rev->replace));
    if (cr_failed(st = tool_cert_policy(tool, cert, err)) || cr_failed(st = check_roles(tool, &intent, err)) ||
        cr_failed(st = prove(tool, cert, err)))
        goto out;
    st = remember(tool, cert, err);
out:
    role_cert_unref(&cert);
    return st;
}

/* The entry of this key as it stands; *known: the key was revoked before, and the first time stays. */
static cr_status look_up(struct tool *tool, struct store_revocation *rev, bool *known, struct cr_err *err)
{
    struct store_revocation *list = NULL;
    struct store *store;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_revocations(store, &list, &n, err)))
        return st;
    *known = false;
    for (size_t i = 0; i < n && !*known; i++) {
        if (strcmp(list[i].spki, rev->spki))
            continue;
        *known = true;
        rev->when = list[i].when;
        if (!rev->reason)
            st = cr_strdup(list[i].reason, &rev->reason, err);
    }
    store_revocations_free(&list, n);
    return st;
}

/* The journalled step. A key revoked before goes through it again: a record restored from a backup may hold it, and a
 * replacement may have been named since. */
static cr_status carry_out(struct tool *tool, const struct store_revocation *rev, bool known, struct cr_err *err)
{
    struct store *store;
    char note[128];
    cr_status st;

    if (tool->dry_run)
        return tool_revocation_apply(tool, rev, err);
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_revocation_save(store, rev, err)))
        return st;
    if (cr_failed(st = tool_revocations_finish(tool, err)))
        return cr_prefix(err, st, "the key is refused from now on, but not yet out of every role; repeat the command");
    snprintf(note, sizeof(note), "key of certificate %s", rev->thumbprint);
    return known ? st : tool_history(tool, "revoke", NULL, NULL, NULL, note, NULL, err);
}

static cr_status report_json(struct tool *tool, const struct role_cert *cert, bool known, struct cr_err *err)
{
    json_t *notes = json_array(), *row;

    for (size_t i = 0; i < CR_COUNT(limits); i++)
        json_array_append_new(notes, json_string(limits[i]));
    row = json_pack("{s:s, s:s, s:s, s:s*, s:b}", "thumbprint_sha256", cert->thumbprint, "thumbprint_sha1", cert->sha1,
                    "spki_sha256", cert->spki, "subject", cert->subject, "before", known);
    if (json_object_set_new(tool_result(tool), "notes", notes) ||
        json_object_set_new(tool_result(tool), "revoked", row))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    return cr_ok();
}

static cr_status report(struct tool *tool, const struct role_cert *cert, const struct store_revocation *rev, bool known,
                        struct cr_err *err)
{
    char at[CR_TIME_TEXT];

    if (!known)
        tool_result_changed(tool);
    if (tool->json)
        return report_json(tool, cert, known, err);
    if (known)
        tool_say(tool, "the key of certificate %.16s was revoked %s", cert->thumbprint, cr_time_text(rev->when, at));
    else
        tool_say(tool, "the key of certificate %.16s (%s) %s revoked", cert->thumbprint, cert->subject,
                 tool->dry_run ? "would be" : "is");
    tool_say(tool, "What this did not do:");
    for (size_t i = 0; i < CR_COUNT(limits); i++)
        tool_say(tool, "- %s", limits[i]);
    return cr_ok();
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_THUMBPRINT);
    struct store_revocation rev = {.when = tool->now};
    struct role_cert *cert = NULL;
    bool known;
    cr_status st;

    if (!text)
        return cr_fail(err, CR_E_USAGE, "revoke: name the certificate by --thumbprint");
    if (cr_failed(st = find(tool, text, &cert, err)))
        return st;
    memcpy(rev.spki, cert->spki, sizeof(rev.spki));
    memcpy(rev.thumbprint, cert->thumbprint, sizeof(rev.thumbprint));
    if (cr_failed(st = cr_strdup(tool->reason, &rev.reason, err)) || cr_failed(st = tool_lock(tool, err)) ||
        cr_failed(st = look_up(tool, &rev, &known, err)) || cr_failed(st = check_generations(tool, rev.spki, err)) ||
        cr_failed(st = replacement(tool, cert, &rev, err)) || cr_failed(st = carry_out(tool, &rev, known, err)))
        goto out;
    st = report(tool, cert, &rev, known, err);
out:
    cr_free_str(&rev.reason);
    role_cert_unref(&cert);
    return st;
}

static const struct tool_option options[] = {
    {"thumbprint", OPT_THUMBPRINT, "T", "a certificate of the key: SHA-256 or SHA-1,\nor 8 digits and more"},
    {"replace-with", OPT_REPLACE, "T", "becomes current where the key was current"},
    {0},
};

const struct tool_cmd tool_cmd_revoke = {
    .name = "revoke",
    .args = "",
    .summary = "the emergency: take a key out of every slot of every role",
    .doc = "From then on import, assign and rollback refuse the key, verification and\n"
           "'jwks' drop it at once. A good previous stays previous; without a replacement\n"
           "roles that signed with the key refuse to sign. Works without the token.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .run = run,
};
