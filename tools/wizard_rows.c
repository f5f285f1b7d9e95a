/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_rows.h"

#include <stdio.h>
#include <string.h>

static const char *const tasks[] = {
    [WIZARD_REQUEST] = "Request a certificate",
    [WIZARD_IMPORT] = "Import a certificate",
    [WIZARD_ASSIGN] = "Assign a certificate",
};

static cr_status cell(const char *text, size_t width, struct cr_buf *out, struct cr_err *err)
{
    return wizard_fit(text, width, true, out, err);
}

/* ---- task ---- */

cr_status wizard_task_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    (void)arg;
    return wizard_fit(tasks[i], width, false, out, err);
}

cr_status wizard_task_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    static const char *const details[] = {
        [WIZARD_REQUEST] = "A key is made inside the token, and a request (CSR) for a certification authority. Import "
                           "its answer later.",
        [WIZARD_IMPORT] =
            "From a file: PKCS#12 (.pfx), PEM with its key, or the answer to a request. The key goes into "
            "the token; a role may take the certificate at once or at a date.",
        [WIZARD_ASSIGN] = "A certificate that is here already becomes a role's current one, at once or at a date.",
    };

    (void)arg;
    return wizard_wrap(details[i], width, out, err);
}

/* ---- role ---- */

static size_t name_width(size_t width)
{
    return width < 60 ? width / 2 : width / 3;
}

cr_status wizard_role_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cell("Role", name_width(width), out, err);

    (void)arg;
    if (!cr_failed(st))
        st = cell(" Use    Current certificate", width - name_width(width), out, err);
    return st;
}

cr_status wizard_role_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    const struct wizard_state *s = arg;
    const struct role_cert *current;
    size_t name = name_width(width);
    struct cr_buf text = {0};
    char expiry[CR_TIME_TEXT];
    cr_status st;

    if (i == s->nroles)
        return wizard_fit("<new role>", width, false, out, err);
    if (i > s->nroles)
        return wizard_fit("<no role: that of the request it answers, else none>", width, false, out, err);
    current = s->roles[i].view.current;
    st = cr_buf_printf(&text, err, " %-6s %.10s ", role_use_text(s->roles[i].rec->use),
                       current ? cr_time_text(current->not_after, expiry) : "nothing assigned");
    if (!cr_failed(st) && current)
        st = wizard_common_name(current->subject, &text, err);
    if (!cr_failed(st) && !cr_failed(st = cell(s->names[i], name, out, err)))
        st = wizard_fit((const char *)text.p, width - name, false, out, err);
    cr_buf_clear(&text);
    return st;
}

static cr_status slot_line(const char *label, const struct role_cert *cert, const char *word, int64_t t, size_t width,
                           struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf line = {0};
    char text[CR_TIME_TEXT];
    cr_status st = cr_buf_printf(&line, err, "%-10s", label);

    if (!cr_failed(st))
        st = cert ? cr_buf_printf(&line, err, "%s %.16sZ  ", word, cr_time_text(t, text))
                  : cr_buf_append_str(&line, "nothing", err);
    if (!cr_failed(st) && cert)
        st = wizard_common_name(cert->subject, &line, err);
    if (!cr_failed(st) && !cr_failed(st = wizard_fit((const char *)line.p, width, false, out, err)))
        st = cr_buf_append_str(out, "\n", err);
    cr_buf_clear(&line);
    return st;
}

cr_status wizard_role_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    const struct wizard_state *s = arg;
    const struct role_view *v;
    cr_status st;

    if (i == s->nroles)
        return wizard_wrap("A role that is not there yet, with a name of its own.", width, out, err);
    if (i > s->nroles)
        return wizard_wrap(
            "The answer to a request goes to the roles that the request was for. Any other certificate is "
            "kept, and can be assigned later.",
            width, out, err);
    v = &s->roles[i].view;
    if (cr_failed(st = slot_line("previous", v->previous, "until", v->previous_until, width, out, err)) ||
        cr_failed(st = slot_line("current", v->current, "since", v->current_since, width, out, err)))
        return st;
    return slot_line("next", v->next, "from ", v->next_effective, width, out, err);
}

/* ---- certificate ---- */

#define FACTS_WIDTH 22 /* "2027-01-01  rsa:2048" */

cr_status wizard_cert_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cell("Name", width - FACTS_WIDTH, out, err);

    (void)arg;
    return cr_failed(st) ? st : cell(" Expires    Key", FACTS_WIDTH, out, err);
}

cr_status wizard_cert_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    const struct wizard_state *s = arg;
    const struct role_cert *c = s->certs[i];
    char facts[64], expiry[CR_TIME_TEXT];
    struct cr_buf name = {0};
    cr_status st = wizard_common_name(c->subject, &name, err);

    if (!cr_failed(st))
        st = cell((const char *)name.p, width - FACTS_WIDTH, out, err);
    cr_buf_clear(&name);
    snprintf(facts, sizeof(facts), " %.10s %.20s",
             c->not_after <= s->now ? "EXPIRED   " : cr_time_text(c->not_after, expiry), c->key);
    return cr_failed(st) ? st : cell(facts, FACTS_WIDTH, out, err);
}

/* "current OAuthTokenIssuer, next Site" */
static cr_status holders(const struct wizard_state *s, const struct role_cert *c, struct cr_buf *out,
                         struct cr_err *err)
{
    bool any = false;
    cr_status st = cr_ok();

    for (size_t r = 0; r < s->nroles; r++) {
        for (int slot = ROLE_CURRENT; slot <= ROLE_NEXT && !cr_failed(st); slot++) {
            if (!role_cert_same(role_view_slot(&s->roles[r].view, (enum role_slot)slot), c))
                continue;
            st = cr_buf_printf(out, err, "%s%s %s", any ? ", " : "", role_slot_text((enum role_slot)slot), s->names[r]);
            any = true;
        }
    }
    return cr_failed(st) || any ? st : cr_buf_append_str(out, "no role", err);
}

static cr_status fact(const char *label, const char *text, size_t width, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf line = {0};
    cr_status st = cr_buf_printf(&line, err, "%-12s%s", label, text);

    if (!cr_failed(st))
        st = wizard_fit((const char *)line.p, width, false, out, err);
    cr_buf_clear(&line);
    return cr_failed(st) ? st : cr_buf_append_str(out, "\n", err);
}

cr_status wizard_cert_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    const struct wizard_state *s = arg;
    const struct role_cert *c = s->certs[i];
    char distance[CR_TIME_TEXT], text[96];
    struct cr_buf held = {0};
    cr_status st;

    snprintf(text, sizeof(text), "%.16s, expires %s", c->thumbprint, cr_time_distance(c->not_after, s->now, distance));
    if (!cr_failed(st = fact("Subject", c->subject, width, out, err)) &&
        !cr_failed(st = fact("Issuer", c->issuer, width, out, err)) &&
        !cr_failed(st = fact("Thumbprint", text, width, out, err)) && !cr_failed(st = holders(s, c, &held, err)))
        st = fact("Held by", (const char *)held.p, width, out, err);
    cr_buf_clear(&held);
    return st;
}
