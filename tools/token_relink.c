/* SPDX-License-Identifier: Apache-2.0 */
/* A token was replaced or re-keyed: the records learn where the keys stand now. Each entry, record and request is saved whole
 * by itself, and what a killed relink left undone the next one does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relink.h"
#include "stores/store_requests.h"
#include "token_cmd.h"
#include "tool_cert.h"
#include "tool_change.h"
#include "tool_columns.h"
#include "tool_confirm.h"
#include "tool_history.h"
#include "tool_member.h"
#include "tool_progress.h"
#include "tool_softhsm.h"

#define NOTE "token relink"

/* What every record is to say. */
static char *const *wanted(const struct relink_key *key, size_t *n)
{
    bool changed = key->state == TOOL_RELINK_CHANGED;

    *n = changed ? key->nafter : key->nold;
    return changed ? key->after : key->old;
}

static bool says(char *const *locations, size_t n, const struct relink_key *key)
{
    size_t nwant;
    char *const *want = wanted(key, &nwant);
    bool same = n == nwant;

    for (size_t i = 0; i < n && same; i++)
        same = !strcmp(locations[i], want[i]);
    return same;
}

/* Nothing is written of a key that is missing or stands twice. */
static bool written(const struct relink_key *key)
{
    return key->state == TOOL_RELINK_CHANGED || key->state == TOOL_RELINK_SAME;
}

/* ---- writing ---- */

/* Does the entry of certs/ say otherwise? A certificate that stands in records alone gets one with the first of them. */
static cr_status entry_stale(struct tool *tool, const struct relink_key *key, bool *stale, struct cr_err *err)
{
    struct role_cert *known = NULL;
    struct store *store;
    cr_status st;

    *stale = false;
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_cert_load(store, key->cert->thumbprint, &known, err);
    *stale = !cr_failed(st) && !says(known->locations, known->nlocations, key);
    role_cert_unref(&known);
    return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
}

/* The line goes first. Killed in between, the next relink does it and leaves one more; the other way round it would find
 * it done and leave none. */
static cr_status line_write(struct tool *tool, const char *what, struct cr_err *err)
{
    return tool_history(tool, "relink", NULL, NULL, NULL, what, NULL, err);
}

/* What was to be saved after its line was or was not: then another line says so. */
static cr_status saved(struct tool *tool, cr_status st)
{
    if (cr_failed(st))
        cr_ignore(line_write(tool, TOOL_NOT_DONE, NULL));
    return st;
}

static cr_status entry_save(struct tool *tool, const struct role_cert *after, const struct relink_key *key,
                            struct cr_err *err)
{
    struct store *store;
    bool stale;
    cr_status st = entry_stale(tool, key, &stale, err);

    if (cr_failed(st) || !stale)
        return st;
    tool_result_changed(tool);
    if (tool->dry_run)
        return st;
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = line_write(tool, after->thumbprint, err)))
        return st;
    return saved(tool, store_cert_save(store, after, err));
}

/* Does a slot of the role hold the certificate, with a record that says otherwise? */
static bool holder_stale(const struct tool_role *role, const struct relink_key *key)
{
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++) {
        const struct role_cert *held = role_view_slot(&role->view, (enum role_slot)s);
        if (held && role_cert_same(held, key->cert) && !says(held->locations, held->nlocations, key))
            return true;
    }
    return false;
}

/* Borrowed names in the caller's array. */
static void holders_stale(const struct relink *r, const struct relink_key *key, char **names, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < r->nroles; i++)
        if (holder_stale(&r->roles[i], key))
            names[(*n)++] = r->roles[i].rec->name;
}

static cr_status holders_save(struct relink *r, struct role_cert *after, const struct relink_key *key,
                              struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_LOCATION, .cert = after};
    char **names = calloc(r->nroles + 1, sizeof(*names));
    size_t n;
    cr_status st = cr_ok();

    if (!names)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    holders_stale(r, key, names, &n);
    if (n)
        st = tool_change_roles(r->tool, names, n, &intent, NOTE, err);
    free(names);
    return st;
}

/* The certificate with its locations as they will be. */
static cr_status cert_after(const struct relink_key *key, struct role_cert **out, struct cr_err *err)
{
    struct role_cert *after = NULL;
    size_t n;
    char *const *locations = wanted(key, &n);
    cr_status st;

    if (cr_failed(st = role_cert_dup(key->cert, &after, err)))
        return st;
    if (cr_failed(st = role_cert_set_locations(after, locations, n, err)))
        role_cert_unref(&after);
    else
        *out = after;
    return st;
}

static cr_status cert_save(struct relink *r, const struct relink_key *key, struct cr_err *err)
{
    struct role_cert *after = NULL;
    cr_status st = cert_after(key, &after, err);

    if (!cr_failed(st) && !cr_failed(st = entry_save(r->tool, after, key, err)) && !r->tool->dry_run)
        st = holders_save(r, after, key, err);
    role_cert_unref(&after);
    return st;
}

/* One more key in the plan of a role. */
static cr_status plan_add(struct relink *r, const char *role, const struct relink_key *key, struct tool_plan *plan,
                          struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_LOCATION};
    struct role_record *after = NULL;
    struct tool_intent filled = {0};
    cr_status st = cert_after(key, &intent.cert, err);

    if (cr_failed(st) || cr_failed(st = tool_intent_fill(r->tool, &intent, &filled, err)))
        goto out;
    if (!plan->after)
        st = tool_plan_make(r->tool, role, &filled, plan, err);
    else if (!cr_failed(
                 st = role_change(role, plan->after, &filled.intent, r->tool->now, &after, &plan->outcome, err))) {
        role_record_unref(&plan->after);
        plan->after = after;
    }
out:
    tool_intent_clear(&filled);
    role_cert_unref(&intent.cert);
    return st;
}

/* A dry run shows a role once, with all its keys that move. */
static cr_status role_show(struct relink *r, const struct tool_role *role, struct cr_err *err)
{
    struct tool_plan plan = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < r->nkeys && !cr_failed(st); i++) {
        const struct relink_key *key = &r->keys[i];
        if (key->cert && written(key) && holder_stale(role, key))
            st = plan_add(r, role->rec->name, key, &plan, err);
    }
    if (!cr_failed(st) && plan.after)
        st = tool_report_role(r->tool, role->rec->name, &plan, err);
    tool_plan_clear(&plan);
    return st;
}

/* The answer to a request finds its key by what stands here. */
static cr_status request_save(struct relink *r, const struct relink_key *key, struct cr_err *err)
{
    struct role_request *request = key->request;
    struct store *store;
    cr_status st;

    if (key->id.n > 32)
        return cr_fail(err, CR_E_UNSUPPORTED, "the key of request %.16s has an id longer than 32 bytes", request->spki);
    cr_hex(cr_buf_bytes(&key->id), request->id);
    cr_free_str(&request->location);
    if (cr_failed(st = cr_strdup(key->after[0], &request->location, err)))
        return st;
    tool_result_changed(r->tool);
    if (r->tool->dry_run)
        return st;
    if (cr_failed(st = tool_store(r->tool, &store, err)) || cr_failed(st = line_write(r->tool, request->spki, err)))
        return st;
    return saved(r->tool, store_request_save(store, request, err));
}

static cr_status all_save(struct relink *r, struct cr_err *err)
{
    cr_status st = cr_ok();

    tool_progress_begin("writing where the keys are");
    for (size_t i = 0; i < r->nkeys && !cr_failed(st); i++) {
        const struct relink_key *key = &r->keys[i];
        if (!written(key))
            continue;
        if (key->cert)
            st = cert_save(r, key, err);
        else if (key->state == TOOL_RELINK_CHANGED)
            st = request_save(r, key, err);
    }
    for (size_t i = 0; r->tool->dry_run && i < r->nroles && !cr_failed(st); i++)
        st = role_show(r, &r->roles[i], err);
    tool_progress_end();
    return st;
}

/* Keys that another tool put on a SoftHSM are readable to their owner alone. */
static cr_status servers_look(struct relink *r, struct cr_err *err)
{
    cr_status st = tool_softhsm_open(r->tool, err);
    struct cr_err why = {0};
    bool done = false;

    for (size_t i = 0; i < r->nkeys && !cr_failed(st) && !done; i++) {
        const struct relink_key *key = &r->keys[i];
        struct cert_facts facts = {0};
        if (!key->cert || key->state != TOOL_RELINK_CHANGED)
            continue;
        st = cert_facts_read(NULL, cr_buf_bytes(&key->cert->leaf), &facts, err);
        if (!cr_failed(st) && cr_failed(tool_member_prove(r->tool, key->after[0], &facts.key, &done, &why)))
            tool_warn("servers may not reach this key: %s", why.text);
        cert_facts_clear(&facts);
    }
    return st;
}

/* ---- bound to what was shown ---- */

static cr_status texts_add(struct cr_buf *out, const char *head, char *const *texts, size_t n, struct cr_err *err)
{
    cr_status st = cr_buf_append_str(out, head, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = cr_buf_printf(out, err, "%s\n", texts[i]);
    return st;
}

/* Of a key that is relinked: what its entry says, what anybody says, what they will say. */
static cr_status key_bind(struct relink *r, const struct relink_key *key, const char *what, struct cr_err *err)
{
    struct cr_buf state = {0};
    size_t n;
    char *const *want = wanted(key, &n);
    cr_status st = cr_ok();

    if (key->cert)
        st = texts_add(&state, "entry\n", key->cert->locations, key->cert->nlocations, err);
    if (!cr_failed(st) && !cr_failed(st = texts_add(&state, "before\n", key->old, key->nold, err)) &&
        !cr_failed(st = texts_add(&state, "after\n", want, n, err)))
        st = tool_shown_state(r->tool, what, cr_buf_bytes(&state), err);
    cr_buf_clear(&state);
    return st;
}

static cr_status holders_bind(struct relink *r, const struct relink_key *key, struct cr_err *err)
{
    char **names = calloc(r->nroles + 1, sizeof(*names));
    cr_status st = cr_ok();
    size_t n;

    if (!names)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    holders_stale(r, key, names, &n);
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = tool_shown_role(r->tool, names[i], err);
    free(names);
    return st;
}

/* Entries and requests have no generation. Once confirmed, all of it is asked before anything is written. */
static cr_status all_bind(struct relink *r, struct cr_err *err)
{
    struct cr_buf list = {0};
    char what[64];
    cr_status st = cr_buf_append(&list, NULL, 0, err);

    for (size_t i = 0; i < r->nkeys && !cr_failed(st); i++) {
        struct relink_key *key = &r->keys[i];
        if (key->cert && written(key) && !cr_failed(st = holders_bind(r, key, err)) && key->state == TOOL_RELINK_SAME)
            st = entry_stale(r->tool, key, &key->stale, err);
        if (cr_failed(st) || (key->state != TOOL_RELINK_CHANGED && !key->stale))
            continue;
        snprintf(what, sizeof(what), "the place of the key of %s%.16s", key->cert ? "" : "request ",
                 key->cert ? key->cert->thumbprint : key->request->spki);
        if (!cr_failed(st = key_bind(r, key, what, err)))
            st = cr_buf_printf(&list, err, "%s\n", what);
    }
    if (!cr_failed(st))
        st = tool_shown_state(r->tool, "the list of keys to relink", cr_buf_bytes(&list), err);
    cr_buf_clear(&list);
    return st;
}

/* ---- telling ---- */

static const char *state_text(const struct relink_key *key)
{
    static const char *const texts[] = {[TOOL_RELINK_SAME] = "same",
                                        [TOOL_RELINK_CHANGED] = "relinked",
                                        [TOOL_RELINK_MISSING] = "missing",
                                        [TOOL_RELINK_TWICE] = "twice"};

    return key->state == TOOL_RELINK_SAME && key->elsewhere ? "kept" : texts[key->state];
}

/* Broken, not cut: what differs of two locations may stand at their end. */
static void line_say(const struct tool *tool, size_t indent, const char *label, const char *text)
{
    struct cr_buf line = {0};

    if (!cr_failed(tool_columns_wrap(&line, tool_columns(), indent, label, text, NULL)))
        tool_say(tool, "%.*s", (int)line.n - 1, (const char *)line.p);
    cr_buf_clear(&line);
}

static void lines_say(const struct tool *tool, char sign, char *const *list, size_t n, char *const *other,
                      size_t nother)
{
    for (size_t i = 0; i < n; i++) {
        bool both = false;

        for (size_t k = 0; k < nother; k++)
            both |= !strcmp(list[i], other[k]);
        if (!both)
            line_say(tool, 2, (const char[]){sign, ' ', '\0'}, list[i]);
    }
}

static void key_say(const struct relink *r, const struct relink_key *key)
{
    const struct tool *tool = r->tool;
    const char *name = key->cert ? key->cert->thumbprint : key->request->spki;
    const char *subject = key->cert ? key->cert->subject : key->request->subject;
    const char *what = key->cert ? "" : "request ";
    char label[96];

    switch (key->state) {
    case TOOL_RELINK_CHANGED:
        snprintf(label, sizeof(label), "%s%.16s  %srelinked: ", what, name, tool->dry_run ? "would be " : "");
        line_say(tool, 0, label, subject);
        lines_say(tool, '-', key->old, key->nold, key->after, key->nafter);
        lines_say(tool, '+', key->after, key->nafter, key->old, key->nold);
        break;
    case TOOL_RELINK_MISSING:
        snprintf(label, sizeof(label), "KEY MISSING: %s%.16s  ", what, name);
        line_say(tool, 0, label, subject);
        break;
    case TOOL_RELINK_TWICE:
        tool_warn("%s%.16s stays as it is: %s", what, name, key->why);
        break;
    case TOOL_RELINK_SAME: /* an interrupted relink, or a restored entry: a record knows more */
        if (!key->stale)
            break;
        tool_say(tool, "%.16s  %srelinked: %s", name, tool->dry_run ? "would be " : "", subject);
        lines_say(tool, '+', key->old, key->nold, key->cert->locations, key->cert->nlocations);
        break;
    }
}

static json_t *texts_json(char *const *texts, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *key_json(const struct relink_key *key)
{
    bool changed = key->state == TOOL_RELINK_CHANGED;

    return json_pack("{s:s?, s:s, s:s, s:s, s:s, s:o, s:o, s:s?}", "thumbprint_sha256",
                     key->cert ? key->cert->thumbprint : NULL, "spki_sha256",
                     key->cert ? key->cert->spki : key->request->spki, "key",
                     key->cert ? key->cert->key : key->request->key, "subject",
                     key->cert ? key->cert->subject : key->request->subject, "state", state_text(key), "before",
                     texts_json(key->old, key->nold), "after",
                     texts_json(changed ? key->after : key->old, changed ? key->nafter : key->nold), "error",
                     key->state == TOOL_RELINK_TWICE ? key->why : NULL);
}

static cr_status report(struct relink *r, struct cr_err *err)
{
    json_t *certs = json_array(), *requests = json_array(), *tokens = json_array();
    struct tool *tool = r->tool;

    for (size_t i = 0; i < r->conf->ntokens; i++)
        if (r->only == SIZE_MAX || r->only == i)
            json_array_append_new(tokens, json_pack("{s:s, s:b, s:s?}", "name", r->conf->tokens[i].name, "ok",
                                                    r->failures[i].code == CR_OK, "error",
                                                    r->failures[i].code == CR_OK ? NULL : r->failures[i].text));
    for (size_t i = 0; i < r->nkeys; i++) {
        json_array_append_new(r->keys[i].cert ? certs : requests, key_json(&r->keys[i]));
        key_say(r, &r->keys[i]);
    }
    if (json_object_set_new(tool_result(tool), "tokens", tokens) ||
        json_object_set_new(tool_result(tool), "certs", certs) ||
        json_object_set_new(tool_result(tool), "requests", requests))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    return cr_ok();
}

/* What was not done, one sentence each, after what was. */
static void verdict(struct relink *r)
{
    size_t missing = 0, twice = 0, same = 0;
    struct tool *tool = r->tool;

    for (size_t i = 0; i < r->nkeys; i++) {
        missing += r->keys[i].state == TOOL_RELINK_MISSING;
        twice += r->keys[i].state == TOOL_RELINK_TWICE;
        same += r->keys[i].state == TOOL_RELINK_SAME;
    }
    if (same)
        tool_say(tool, "%zu of %zu keys are where they are said to be", same, r->nkeys);
    for (size_t i = 0; i < r->conf->ntokens; i++)
        if (r->failures[i].code != CR_OK)
            tool_warn("%s; what may stand there is kept", r->failures[i].text);
    if (missing)
        tool_warn("%zu of %zu keys are on no token that was looked at: import them again, or see to the tokens",
                  missing, r->nkeys);
    if (missing || twice || r->nbad)
        tool->exit_code = TOOL_EXIT_REFUSED;
    else if (r->nfailed)
        tool->exit_code = TOOL_EXIT_UNAVAILABLE;
}

cr_status token_relink(struct tool *tool, size_t only, struct cr_err *err)
{
    struct relink r = {.tool = tool, .only = only};
    bool changed;
    cr_status st;

    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = relink_find(&r, err)) ||
        cr_failed(st = all_bind(&r, err)) || cr_failed(st = report(&r, err)) || cr_failed(st = all_save(&r, err)))
        goto out;
    changed = json_is_true(json_object_get(tool_result(tool), "changed"));
    if (changed && !tool->dry_run) {
        tool_progress_begin("signing as servers do");
        st = servers_look(&r, err);
        tool_progress_end();
    }
    verdict(&r);
out:
    relink_clear(&r);
    return st;
}
