/* SPDX-License-Identifier: Apache-2.0 */
/* What each page says and asks. */
#include "wizard_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const tasks[] = {
    [WIZARD_REQUEST] = "Request a certificate",
    [WIZARD_IMPORT] = "Import a certificate",
    [WIZARD_ASSIGN] = "Assign a certificate",
};

static const char *title(const struct wizard_state *s, const char *what, char out[96])
{
    static const char *const verbs[] = {
        [WIZARD_REQUEST] = "Request", [WIZARD_IMPORT] = "Import", [WIZARD_ASSIGN] = "Assign"};
    unsigned number, of;

    wizard_progress(&s->w, &number, &of);
    if (s->w.step == WIZARD_TASK)
        snprintf(out, 96, "%s", what);
    else
        snprintf(out, 96, "%s: %s (%u of %u)", verbs[s->w.task], what, number, of);
    return out;
}

static cr_status cell(const char *text, size_t width, struct cr_buf *out, struct cr_err *err)
{
    return wizard_fit(text, width, true, out, err);
}

/* ---- task ---- */

static cr_status task_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
{
    (void)arg;
    return wizard_fit(tasks[i], width, false, out, err);
}

static cr_status task_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
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

static enum wizard_event screen_task(struct wizard_state *s)
{
    struct wizard_page page = {"certroll wizard",
                               "What is to be done? Nothing is changed before the last page has shown it.",
                               "Next",
                               NULL,
                               NULL,
                               "Cancel"};
    struct wizard_list list = {
        .n = CR_COUNT(tasks), .chosen = s->w.task, .row = task_row, .detail = task_detail, .detail_lines = 4};
    enum wizard_event event = wizard_ui_list(&s->ui, &page, &list);

    s->w.task = (enum wizard_task)list.chosen;
    return event;
}

/* ---- role ---- */

static size_t name_width(size_t width)
{
    return width < 60 ? width / 2 : width / 3;
}

static cr_status role_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cell("Role", name_width(width), out, err);

    (void)arg;
    if (!cr_failed(st))
        st = cell(" Use    Current certificate", width - name_width(width), out, err);
    return st;
}

static cr_status role_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
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

static cr_status role_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
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

static size_t role_chosen(const struct wizard_state *s)
{
    if (s->w.role_kind == WIZARD_ROLE_NEW)
        return s->nroles;
    if (s->w.role_kind == WIZARD_ROLE_NONE)
        return s->nroles + 1;
    for (size_t i = 0; i < s->nroles; i++)
        if (!strcmp(s->names[i], s->w.role))
            return i;
    return 0;
}

static enum wizard_event screen_role(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {title(s, "role", text),
                               "Which role is it for? Servers name the role, not the certificate.",
                               "Next",
                               NULL,
                               "Back",
                               "Cancel"};
    struct wizard_list list = {.n = s->nroles + 1 + (s->w.task == WIZARD_IMPORT),
                               .chosen = role_chosen(s),
                               .arg = s,
                               .row = role_row,
                               .detail = role_detail,
                               .detail_lines = 3,
                               .head = s->nroles ? role_head : NULL};
    enum wizard_event event;

    if (list.chosen >= list.n) /* "none" of an import, now another task */
        list.chosen = 0;
    event = wizard_ui_list(&s->ui, &page, &list);
    if (list.chosen < s->nroles) {
        s->w.role_kind = WIZARD_ROLE_OLD;
        snprintf(s->w.role, sizeof(s->w.role), "%s", s->names[list.chosen]);
    } else {
        s->w.role_kind = list.chosen == s->nroles ? WIZARD_ROLE_NEW : WIZARD_ROLE_NONE;
    }
    return event;
}

static enum wizard_event screen_new(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "new role", text),
        "A letter, then letters, digits, dots, dashes and underscores. Its use is fixed when it is "
        "first assigned.",
        "Next",
        NULL,
        "Back",
        "Cancel"};
    struct wizard_form form = {
        .choices =
            {[ROLE_USE_TOKEN] = "token: JWT, SAML, signatures", [ROLE_USE_TLS] = "tls: servers and clients of TLS"},
        .nchoices = 2,
        .choice = s->w.use,
        .fields = {{"Name", NULL, s->w.new_role, sizeof(s->w.new_role), NULL}},
        .nfields = 1};
    enum wizard_event event = wizard_ui_form(&s->ui, &page, &form);

    s->w.use = (enum role_use)form.choice;
    return event;
}

/* ---- certificate ---- */

#define FACTS_WIDTH 22 /* "2027-01-01  rsa:2048" */

static cr_status cert_head(void *arg, size_t width, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cell("Name", width - FACTS_WIDTH, out, err);

    (void)arg;
    return cr_failed(st) ? st : cell(" Expires    Key", FACTS_WIDTH, out, err);
}

static cr_status cert_row(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
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

static cr_status cert_detail(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err)
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

static enum wizard_event screen_cert(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "certificate", text), "Which certificate? These are known here.", "Next", NULL, "Back", "Cancel"};
    struct wizard_list list = {
        .n = s->ncerts, .arg = s, .row = cert_row, .head = cert_head, .detail = cert_detail, .detail_lines = 4};
    enum wizard_event event;

    if (!s->ncerts) {
        page.text = "No certificate is known here yet: go back, and import or request one first.";
        page.go = NULL;
        return wizard_ui_text(&s->ui, &page);
    }
    for (size_t i = 0; i < s->ncerts; i++)
        if (!strcmp(s->certs[i]->thumbprint, s->w.cert))
            list.chosen = i;
    event = wizard_ui_list(&s->ui, &page, &list);
    snprintf(s->w.cert, sizeof(s->w.cert), "%s", s->certs[list.chosen]->thumbprint);
    return event;
}

/* ---- when ---- */

static int64_t lead_of(const struct wizard_state *s)
{
    const struct tool_role *role = wizard_state_role(s);
    const struct conf *conf;
    struct cr_err err;

    if (!role || role->rec->use != ROLE_USE_TOKEN || !role->view.current)
        return 0;
    if (role->rec->minimum_lead >= 0)
        return role->rec->minimum_lead;
    return cr_failed(tool_conf(s->tool, &conf, &err)) ? 0 : conf->minimum_lead;
}

/* A date that will do, on the hour: once verifiers know the key, else tomorrow. */
static void when_suggest(struct wizard_state *s, int64_t lead)
{
    int64_t ahead = lead > 0 ? lead + 3600 : 86400;
    char text[CR_TIME_TEXT];

    if (!*s->w.when)
        snprintf(s->w.when, sizeof(s->w.when), "%s", cr_time_text((s->now + ahead + 3599) / 3600 * 3600, text));
}

static enum wizard_event screen_when(struct wizard_state *s)
{
    const struct tool_role *role = wizard_state_role(s);
    int64_t lead = lead_of(s);
    char text[96], why[256];
    struct wizard_page page = {title(s, "when", text), why, "Next", NULL, "Back", "Cancel"};
    struct wizard_form form = {.choices = {"now", "at a date"},
                               .nchoices = 2,
                               .choice = s->w.at,
                               .choices_first = true,
                               .fields = {{"Date", "2027-01-15T03:00:00Z (Z: UTC, or +01:00), +36h, +30d", s->w.when,
                                           sizeof(s->w.when), NULL}},
                               .nfields = 1};
    enum wizard_event event;

    when_suggest(s, lead);
    if (!role || !role->view.current)
        snprintf(why, sizeof(why), "When does it begin to sign? The role holds no certificate now.");
    else if (lead > 0)
        snprintf(
            why, sizeof(why),
            "When does it take over? Verifiers of a token role first have to learn its key: it signs no sooner than "
            "%" PRId64 " h after it was scheduled.",
            lead / 3600);
    else
        snprintf(why, sizeof(why), "When does it take over? At that second every process follows by itself%s.",
                 role->rec->use == ROLE_USE_TLS ? "; a TLS server at its next reload" : "");
    event = wizard_ui_form(&s->ui, &page, &form);
    s->w.at = form.choice == 1;
    return event;
}

/* ---- file, passphrase, request ---- */

static enum wizard_event screen_file(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "file", text),
        "PKCS#12 (.pfx, .p12), PEM with its private key and chain, or certificates alone whose key "
        "stands on a token already.",
        "Next",
        NULL,
        "Back",
        "Cancel"};
    struct wizard_form form = {.fields = {{"File", "a path; ~/ is your home", s->w.file, sizeof(s->w.file), NULL}},
                               .nfields = 1};

    return wizard_ui_form(&s->ui, &page, &form);
}

static enum wizard_event screen_pass(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {title(s, "passphrase", text),
                               "The file is encrypted. Its passphrase is never shown, kept or part of the command.",
                               "Next",
                               NULL,
                               "Back",
                               "Cancel"};
    struct wizard_form form = {.fields = {{"Passphrase", NULL, NULL, 0, &s->w.pass}}, .nfields = 1};

    return wizard_ui_form(&s->ui, &page, &form);
}

static enum wizard_event screen_subject(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "contents", text), "What is the certificate to say?", "Next", NULL, "Back", "Cancel"};
    struct wizard_form form = {
        .fields = {{"Subject", "CN=www.example.org,O=Example", s->w.subject, sizeof(s->w.subject), NULL},
                   {"Other names", "dns:NAME,ip:ADDRESS,email:ADDRESS,uri:URI, or nothing", s->w.san, sizeof(s->w.san),
                    NULL},
                   {"Key", "rsa:3072, rsa:4096, ec:P-256, ec:P-384, ec:P-521, ed25519", s->w.key, sizeof(s->w.key),
                    NULL},
                   {"Request to", "the file for the certification authority", s->w.out, sizeof(s->w.out), NULL}},
        .nfields = 4};

    if (!*s->w.out)
        snprintf(s->w.out, sizeof(s->w.out), "%.64s.csr", wizard_role(&s->w));
    return wizard_ui_form(&s->ui, &page, &form);
}

/* ---- the end ---- */

static const char *text_of(const struct cr_buf *buf)
{
    return buf->p ? (const char *)buf->p : "";
}

static enum wizard_event screen_summary(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "summary", text), text_of(&s->preview), s->line.dry_run ? "Finish" : "Do it", NULL, "Back", "Cancel"};

    return wizard_ui_text(&s->ui, &page);
}

static enum wizard_event screen_done(struct wizard_state *s)
{
    struct wizard_page page = {s->line.dry_run ? "Dry run: nothing was changed" : "Done",
                               text_of(&s->result),
                               "Finish",
                               "Another task",
                               NULL,
                               NULL};

    return wizard_ui_text(&s->ui, &page);
}

enum wizard_event wizard_screen_refused(struct wizard_state *s, const char *sentence)
{
    struct wizard_page page = {"Refused", sentence, NULL, NULL, "Back", "Cancel"};

    return wizard_ui_text(&s->ui, &page);
}

enum wizard_event wizard_screen(struct wizard_state *s)
{
    static enum wizard_event (*const screens[])(struct wizard_state *) = {
        [WIZARD_TASK] = screen_task, [WIZARD_FILE] = screen_file,       [WIZARD_PASS] = screen_pass,
        [WIZARD_ROLE] = screen_role, [WIZARD_NEW] = screen_new,         [WIZARD_CERT] = screen_cert,
        [WIZARD_WHEN] = screen_when, [WIZARD_SUBJECT] = screen_subject, [WIZARD_SUMMARY] = screen_summary,
        [WIZARD_DONE] = screen_done,
    };

    return screens[s->w.step](s);
}
