/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdio.h>
#include <string.h>

#include "certs/cert_bundle.h"
#include "issue.h"
#include "stores/store_requests.h"
#include "tool_cert.h"
#include "tool_change.h"
#include "tool_replace.h"
#include "tool_request.h"

enum { OPT_OUT = ISSUE_OWN, OPT_CANCEL, OPT_AGAIN };

#define SAMPLE_DAYS 365

static const struct tool_option options[] = {
    ISSUE_OPTIONS,
    {"out", OPT_OUT, "FILE", "where the request goes (PEM), replaced atomically;\n- is stdout"},
    {"again", OPT_AGAIN, "ID|ROLE", "write a pending request once more"},
    {"cancel", OPT_CANCEL, "ID|ROLE", "destroy the key of a pending request, and forget it"},
    {NULL, 0, NULL, NULL},
};

static bool is_stdout(const char *out)
{
    return !strcmp(out, "-");
}

static cr_status csr_out(const struct role_request *r, const char *out, struct cr_err *err)
{
    struct cr_buf pem = {0};
    cr_status st = cert_pem_append("CERTIFICATE REQUEST", cr_buf_bytes(&r->csr), &pem, err);

    if (!cr_failed(st) && cr_failed(st = tool_output(out, 0644, cr_buf_bytes(&pem), err)))
        st = cr_prefix(err, st, "request %.16s is pending, 'certroll request --again %.16s --out FILE' writes it",
                       r->spki, r->spki);
    cr_buf_clear(&pem);
    return st;
}

/* ---- a new one ---- */

/* What roles and policy would say of the certificate: those of today, whose dates do not matter yet. */
static cr_status check(struct tool *tool, const struct issue *issue, const struct role_request *r, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_ASSIGN, .has_use = r->has_use, .use = r->use};
    struct role_cert *sample = NULL;
    bool force = tool->force;
    cr_status st = issue_sample(issue, tool->now, tool->now + SAMPLE_DAYS * 86400, &sample, err);

    if (cr_failed(st))
        return st;
    intent.cert = sample;
    if (!cr_failed(st = tool_cert_policy(tool, sample, err))) {
        tool->force = true; /* of lead times and the like the answer's import judges */
        st = tool_change_check(tool, r->roles, r->nroles, &intent, err);
        tool->force = force;
    }
    if (!cr_failed(st) && tool->dry_run) {
        tool_result_changed(tool);
        tool_say(tool, "would request  %s  %s", sample->key, sample->subject);
        (void)tool_replace_say(tool, tool_opt(tool, OPT_OUT));
        json_object_set_new(tool_result(tool), "subject", json_string(sample->subject));
        json_object_set_new(tool_result(tool), "key", json_string(sample->key));
    }
    role_cert_unref(&sample);
    return st;
}

/* The entry but for its CSR. */
static cr_status entry_fill(struct tool *tool, const struct issue *issue, struct role_request *r, struct cr_err *err)
{
    cr_status st;

    if (issue->key.id.n > 32)
        return cr_fail(err, CR_E_INTERNAL, "too long a CKA_ID");
    cr_hex(cr_buf_bytes(&issue->key.id), r->id);
    cert_key_text(&issue->key, r->key);
    r->created = tool->now;
    if (cr_failed(st = cr_strdup(issue->location, &r->location, err)) ||
        cr_failed(st = cr_strdup(tool_who(tool)->text, &r->who, err)) ||
        cr_failed(st = cert_subject_text(issue->subject, &r->subject, err)))
        return st;
    return cert_key_hash(&issue->key, r->spki, err);
}

static cr_status entry_make(struct tool *tool, struct issue *issue, struct role_request *r, struct cr_err *err)
{
    char label[ROLE_NAME_MAX + 32];
    struct store *store;
    cr_status st;

    snprintf(label, sizeof(label), "certroll %s", r->roles[0]);
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = issue_key(tool, label, issue, err)))
        return st;
    if (cr_failed(st = issue_request(tool, issue, &r->csr, err)) || cr_failed(st = entry_fill(tool, issue, r, err)) ||
        cr_failed(st = store_request_save(store, r, err))) {
        issue_drop(tool, issue, cr_bytes(NULL, 0));
        return st;
    }
    tool_result_changed(tool);
    return tool_history(tool, "request", r->nroles == 1 ? r->roles[0] : NULL, NULL, NULL, r->spki, NULL, err);
}

static void answer_json(struct tool *tool, const struct role_request *r)
{
    json_t *result = tool_result(tool);

    json_object_set_new(result, "id", json_stringn(r->spki, TOOL_REQUEST_ID));
    json_object_set_new(result, "spki", json_string(r->spki));
    json_object_set_new(result, "key", json_string(r->key));
    json_object_set_new(result, "subject", json_string(r->subject));
    json_object_set_new(result, "location", json_string(r->location));
}

static void report(struct tool *tool, const struct role_request *r, const char *out)
{
    if (!is_stdout(out)) {
        tool_say(tool, "request %.16s  %s  %s", r->spki, r->key, r->subject);
        tool_say(tool, "  its key created on the token; when the answer comes: certroll import ANSWER");
    }
    answer_json(tool, r);
}

static cr_status request_new(struct tool *tool, const char *out, struct cr_err *err)
{
    const char *use = tool_opt(tool, ISSUE_USE);
    struct role_request r = {.roles = tool->args, .nroles = (size_t)tool->nargs, .has_use = use != NULL};
    struct issue issue = {0};
    cr_status st = cr_ok();

    if (use && cr_failed(role_use_parse(use, &r.use, err)))
        st = cr_fail(err, CR_E_USAGE, "--use wants token or tls, not '%s'", use);
    if (!cr_failed(st) && !cr_failed(st = issue_read(tool, NULL, &issue, err)) &&
        !cr_failed(st = tool_lock(tool, err)) && !cr_failed(st = check(tool, &issue, &r, err)) && !tool->dry_run &&
        !cr_failed(st = entry_make(tool, &issue, &r, err)) && !cr_failed(st = csr_out(&r, out, err)))
        report(tool, &r, out);
    r.roles = NULL; /* the command line's */
    r.nroles = 0;
    role_request_clear(&r);
    issue_clear(&issue);
    return st;
}

static cr_status request_again(struct tool *tool, const char *text, const char *out, struct cr_err *err)
{
    const struct role_request *r = NULL;
    struct tool_requests requests = {0};
    cr_status st = tool_requests_read(tool, &requests, err);

    if (!cr_failed(st) && !cr_failed(st = tool_request_find(&requests, text, &r, err))) {
        if (tool->dry_run)
            (void)tool_replace_say(tool, out);
        else
            st = csr_out(r, out, err);
        answer_json(tool, r);
    }
    tool_requests_clear(&requests);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const char *out = tool_opt(tool, OPT_OUT), *cancel = tool_opt(tool, OPT_CANCEL), *again = tool_opt(tool, OPT_AGAIN);

    if ((cancel != NULL) + (again != NULL) + (tool->nargs > 0) != 1)
        return cr_fail(err, CR_E_USAGE, "request wants roles, --again or --cancel, and one of them");
    if (cancel && out)
        return cr_fail(err, CR_E_USAGE, "request: --cancel writes nothing to --out");
    if (cancel)
        return request_cancel(tool, cancel, err);
    if (tool_replace_preview(tool, out)) /* a new key takes nothing away */
        return cr_ok();
    if (!out && !tool->dry_run)
        return cr_fail(err, CR_E_USAGE, "request: --out FILE is needed (- is standard output)");
    if (tool->json && out && is_stdout(out))
        return cr_fail(err, CR_E_USAGE, "request: --json and the request cannot both go to standard output");
    return again ? request_again(tool, again, out ? out : "-", err) : request_new(tool, out, err);
}

const struct tool_cmd tool_cmd_request = {
    .name = "request",
    .args = "ROLE... | --again ID | --cancel ID",
    .summary = "make a certificate request, its key inside the token",
    .doc = "The key never leaves the token. 'certroll certs' lists pending requests; an\n"
           "import of the answer finds its request, and goes to these roles unless it\n"
           "names others.",
    .flags = TOOL_HAS_DRY_RUN | TOOL_ASKS,
    .options = options,
    .max_args = -1,
    .run = run,
};
