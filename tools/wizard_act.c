/* SPDX-License-Identifier: Apache-2.0 */
/* What answers lead to: a look at the file, the dry run, the change. Each change is a process of its own, made from the
 * very words that are printed; only the passphrase's descriptor is not. */
#include "wizard_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import.h"
#include "stores/store_requests.h"
#include "wizard_child.h"

/* ---- the file ---- */

struct asked {
    const struct cr_buf *pass;
    bool yes;
};

static cr_status pass_give(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    struct asked *asked = arg;

    (void)what;
    asked->yes = true;
    return cr_buf_set(pass, asked->pass->p, asked->pass->n, err);
}

/* What the change will be bound to: the certificate, and the request that it answers, whose roles it goes to. */
static cr_status file_note(struct wizard_state *s, const struct cert_bundle *bundle, struct cr_err *err)
{
    struct cert_facts facts = {0};
    struct store *store;
    cr_status st = cert_facts_read(NULL, cr_buf_bytes(&bundle->leaf), &facts, err);

    if (!cr_failed(st)) {
        memcpy(s->line.file_cert, facts.thumbprint, sizeof(s->line.file_cert));
        if (!bundle->has_key && !cr_failed(st = tool_store(s->tool, &store, err)) &&
            (st = store_request_load(store, facts.spki, &s->request, err)).code == CR_E_NOT_FOUND)
            st = cr_ok();
    }
    cert_facts_clear(&facts);
    return st;
}

/* An empty passphrase is tried without a question: where it fits there is nothing to ask. */
cr_status wizard_act_file(struct wizard_state *s, struct cr_err *err)
{
    bool first = s->w.step == WIZARD_FILE;
    struct asked asked = {.pass = &s->w.pass};
    struct cert_bundle bundle = {0};
    struct cr_buf path = {0};
    cr_status st;

    if (first)
        cr_buf_clear(&s->w.pass);
    s->line.file_cert[0] = '\0';
    role_request_clear(&s->request);
    if (!cr_failed(st = wizard_path(s->w.file, s->line.home, &path, err))) {
        wizard_ui_wait(&s->ui, "Reading the file");
        st = import_file_read(s->tool, (const char *)path.p, pass_give, &asked, &bundle, err);
        wizard_ui_waited();
        if (!cr_failed(st))
            st = file_note(s, &bundle, err);
    }
    if (first) {
        s->w.encrypted = cr_failed(st) && asked.yes;
        if (s->w.encrypted)
            st = cr_ok();
    } else if (cr_failed(st)) {
        cr_buf_clear(&s->w.pass);
    }
    cert_bundle_clear(&bundle);
    cr_buf_clear(&path);
    return st;
}

/* ---- the command ---- */

/* The tool's own prompt for a PIN needs the ordinary screen. */
static cr_status command_run(struct wizard_state *s, const struct wizard_words *words, bool careful,
                             struct wizard_result *result, struct cr_err *err)
{
    struct wizard_child child = {
        .exe = "/proc/self/exe",
        .pass = s->w.task == WIZARD_IMPORT ? &s->w.pass : NULL,
        .asks = s->asks,
        .careful = careful,
        .signal_fd = s->ui.signal_fd,
    };
    cr_status st;

    wizard_ui_wait(&s->ui, careful ? "Carrying it out" : "Looking what would change");
    if (s->asks)
        wizard_ui_suspend();
    st = wizard_child_run(&child, words, result, err);
    if (s->asks)
        wizard_ui_resume();
    wizard_ui_waited();
    s->ui.signalled |= result->signalled;
    if (cr_failed(st) || !result->status)
        return st;
    return cr_fail(err, CR_E_REFUSED, "%s", wizard_result_sentence(result));
}

/* Words as they run (@secret: with the passphrase's descriptor), or as they are printed. */
static cr_status command_make(struct wizard_state *s, bool dry, bool secret, struct wizard_words *words,
                              struct cr_err *err)
{
    struct wizard_line line = s->line;

    line.dry_run |= dry;
    line.pass_fd = secret && s->w.task == WIZARD_IMPORT ? WIZARD_PASS_FD : -1;
    return wizard_command(&s->w, &line, words, err);
}

static cr_status command_text(struct wizard_state *s, struct cr_buf *out, struct cr_err *err)
{
    struct wizard_words words = {0};
    cr_status st = command_make(s, false, false, &words, err);

    if (!cr_failed(st))
        st = wizard_quote(&words, out, err);
    wizard_words_clear(&words);
    return st;
}

/* What the child said, warnings last. */
static cr_status said(const struct wizard_result *result, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_buf_append(out, result->out.p, result->out.n, err);

    if (!cr_failed(st))
        st = cr_buf_append(out, result->err.p, result->err.n, err);
    return st;
}

/* ---- before ---- */

static cr_status generation_of(struct wizard_state *s, const char *name, uint64_t *out, struct cr_err *err)
{
    struct tool_role role = {0};
    cr_status st = tool_role_read(s->tool, name, &role, err);

    *out = cr_failed(st) ? 0 : role.rec->generation;
    tool_role_clear(&role);
    return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
}

/* The generation that the dry run shows and the change is bound to: the role's, or that of the roles of the request. Where
 * there is no role nothing has a generation, and where they differ no one number holds for all; the certificate is what an
 * import is bound to in any case. */
static cr_status generation_read(struct wizard_state *s, struct cr_err *err)
{
    const char *name = wizard_role(&s->w);
    size_t n = name ? 1 : s->w.task == WIZARD_IMPORT ? s->request.nroles : 0;
    uint64_t one;
    cr_status st = cr_ok();

    s->line.has_generation = n > 0;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        st = generation_of(s, name ? name : s->request.roles[i], &one, err);
        if (i == 0)
            s->line.generation = one;
        s->line.has_generation &= one == s->line.generation;
    }
    return st;
}

static cr_status request_text(struct wizard_state *s, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf path = {0};
    cr_status st = wizard_path(s->w.out, s->line.home, &path, err);

    if (!cr_failed(st))
        st = cr_buf_printf(out, err, "for role %s, into %s%s\n", wizard_role(&s->w), (const char *)path.p,
                           access((const char *)path.p, F_OK) ? "" : ", which exists and is REPLACED");
    cr_buf_clear(&path);
    return st;
}

cr_status wizard_act_preview(struct wizard_state *s, struct cr_err *err)
{
    struct wizard_result result = {0};
    struct wizard_words words = {0};
    cr_status st;

    cr_buf_clear(&s->preview);
    if (cr_failed(st = generation_read(s, err)) || cr_failed(st = command_make(s, true, true, &words, err)) ||
        cr_failed(st = command_run(s, &words, false, &result, err)) ||
        cr_failed(st = said(&result, &s->preview, err)) ||
        (s->w.task == WIZARD_REQUEST && cr_failed(st = request_text(s, &s->preview, err))) ||
        cr_failed(st = cr_buf_append_str(&s->preview, "\nThe command that does the same:\n  ", err)))
        goto out;
    st = command_text(s, &s->preview, err);
out:
    wizard_words_clear(&words);
    wizard_result_clear(&result);
    return st;
}

/* ---- and after ---- */

static cr_status result_text(struct wizard_state *s, const struct wizard_result *result, struct cr_err *err)
{
    struct cr_buf command = {0}, outcome = {0};
    cr_status st;

    cr_buf_clear(&s->result);
    if (cr_failed(st = command_text(s, &command, err)) || cr_failed(st = said(result, &outcome, err)) ||
        cr_failed(st = cr_buf_printf(&s->result, err, "%s\nThe command that does the same:\n  %s",
                                     outcome.p ? (const char *)outcome.p : "", (const char *)command.p)) ||
        cr_failed(st = cr_buf_printf(&s->said, err, "%s\n", (const char *)command.p)))
        goto out;
    if (outcome.p)
        st = wizard_plain((const char *)outcome.p, s->ui.utf8, &s->said, err);
    if (!cr_failed(st) && s->said.p[s->said.n - 1] != '\n')
        st = cr_buf_append_str(&s->said, "\n", err);
out:
    cr_buf_clear(&command);
    cr_buf_clear(&outcome);
    return st;
}

/* A command that failed is said too: some fail after a part that stays, and say so. */
cr_status wizard_act_carry_out(struct wizard_state *s, struct cr_err *err)
{
    struct wizard_result result = {0};
    struct wizard_words words = {0};
    struct cr_err why = {0};
    cr_status st = command_make(s, false, true, &words, err), told;

    if (!cr_failed(st)) {
        st = command_run(s, &words, true, &result, err);
        told = result_text(s, &result, &why);
        if (!cr_failed(st) && cr_failed(told))
            st = cr_fail(err, told.code, "%s", why.text);
    }
    wizard_words_clear(&words);
    wizard_result_clear(&result);
    return st;
}
