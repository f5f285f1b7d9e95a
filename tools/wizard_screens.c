/* SPDX-License-Identifier: Apache-2.0 */
/* What each page says and asks. */
#include "wizard_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* ---- task ---- */

static enum wizard_event screen_task(struct wizard_state *s)
{
    struct wizard_page page = {"certroll wizard",
                               "What is to be done? Nothing is changed before the last page has shown it.",
                               "Next",
                               NULL,
                               NULL,
                               "Cancel"};
    struct wizard_list list = {.n = WIZARD_TASKS,
                               .chosen = s->w.task,
                               .row = wizard_task_row,
                               .detail = wizard_task_detail,
                               .detail_lines = 4};
    enum wizard_event event = wizard_ui_list(&s->ui, &page, &list);

    s->w.task = (enum wizard_task)list.chosen;
    return event;
}

/* ---- role ---- */

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
                               .row = wizard_role_row,
                               .detail = wizard_role_detail,
                               .detail_lines = 3,
                               .head = s->nroles ? wizard_role_head : NULL};
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

static enum wizard_event screen_cert(struct wizard_state *s)
{
    char text[96];
    struct wizard_page page = {
        title(s, "certificate", text), "Which certificate? These are known here.", "Next", NULL, "Back", "Cancel"};
    struct wizard_list list = {.n = s->ncerts,
                               .arg = s,
                               .row = wizard_cert_row,
                               .head = wizard_cert_head,
                               .detail = wizard_cert_detail,
                               .detail_lines = 4};
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
