/* SPDX-License-Identifier: Apache-2.0 */
/* From answers to the command line, and from that to what a person can paste into a shell. */
#include "wizard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_text.h"

void wizard_words_clear(struct wizard_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        cr_free_str(&words->w[i]);
    words->n = 0;
}

/* Once *st failed nothing is added. */
static void add(struct wizard_words *words, const char *word, cr_status *st, struct cr_err *err)
{
    if (cr_failed(*st))
        return;
    if (words->n == WIZARD_WORDS_MAX)
        *st = cr_fail(err, CR_E_INTERNAL, "too many words for a command");
    else if (!cr_failed(*st = cr_strdup(word, &words->w[words->n], err)))
        words->n++;
}

static void add_option(struct wizard_words *words, const char *name, const char *value, cr_status *st,
                       struct cr_err *err)
{
    if (value == NULL || *value == '\0')
        return;
    add(words, name, st, err);
    add(words, value, st, err);
}

static void add_file(struct wizard_words *words, const char *name, const char *typed, const char *home, cr_status *st,
                     struct cr_err *err)
{
    struct cr_buf path = {0};

    if (!cr_failed(*st))
        *st = wizard_path(typed, home, &path, err);
    if (name != NULL)
        add(words, name, st, err);
    add(words, path.p ? (const char *)path.p : "", st, err);
    cr_buf_clear(&path);
}

cr_status wizard_path(const char *typed, const char *home, struct cr_buf *out, struct cr_err *err)
{
    if (home != NULL && *home && !strncmp(typed, "~/", 2))
        return cr_buf_printf(out, err, "%s%s", home, typed + 1);
    return cr_buf_printf(out, err, "%s%s", *typed == '-' ? "./" : "", typed);
}

static void add_role(struct wizard_words *words, const struct wizard *w, cr_status *st, struct cr_err *err)
{
    const char *role = wizard_role(w);

    if (role == NULL)
        return;
    add(words, role, st, err);
    if (w->role_kind == WIZARD_ROLE_NEW)
        add_option(words, "--use", role_use_text(w->use), st, err);
}

/* An absolute date: what was relative to the moment of typing is not, when the command is run again. */
static void add_date(struct wizard_words *words, const struct wizard *w, cr_status *st, struct cr_err *err)
{
    char text[CR_TIME_TEXT];

    if (w->at && w->role_kind != WIZARD_ROLE_NONE)
        add_option(words, "--effective-date", cr_time_text(w->effective, text), st, err);
}

static void add_task(struct wizard_words *words, const struct wizard *w, const struct wizard_line *line, cr_status *st,
                     struct cr_err *err)
{
    switch (w->task) {
    case WIZARD_REQUEST:
        add(words, "request", st, err);
        add_role(words, w, st, err);
        add_option(words, "--subject", w->subject, st, err);
        add_option(words, "--san", w->san, st, err);
        add_option(words, "--key", w->key, st, err);
        add_file(words, "--out", w->out, line->home, st, err);
        break;
    case WIZARD_IMPORT:
        add(words, "import", st, err);
        add_file(words, NULL, w->file, line->home, st, err);
        add_role(words, w, st, err);
        add_option(words, "--thumbprint", line->file_cert, st, err);
        add_date(words, w, st, err);
        break;
    case WIZARD_ASSIGN:
        add(words, w->at ? "roll" : "assign", st, err);
        add_role(words, w, st, err);
        add_option(words, "--thumbprint", w->cert, st, err);
        add_date(words, w, st, err);
        break;
    }
}

cr_status wizard_command(const struct wizard *w, const struct wizard_line *line, struct wizard_words *out,
                         struct cr_err *err)
{
    struct wizard_words words = {0};
    cr_status st = cr_ok();
    char text[32];

    add(&words, "certroll", &st, err);
    add_task(&words, w, line, &st, err);
    if (w->task != WIZARD_REQUEST && line->has_generation) {
        snprintf(text, sizeof(text), "%" PRIu64, line->generation);
        add_option(&words, "--if-generation", text, &st, err);
    }
    if (w->task == WIZARD_IMPORT && line->pass_fd >= 0) {
        snprintf(text, sizeof(text), "fd:%d", line->pass_fd);
        add_option(&words, "--passin", text, &st, err);
    }
    if (line->force)
        add(&words, "--force", &st, err);
    add_option(&words, "--reason", line->reason, &st, err);
    if (line->dry_run)
        add(&words, "--dry-run", &st, err);
    add_option(&words, "--config", line->conf_path, &st, err);
    if (cr_failed(st))
        wizard_words_clear(&words);
    else
        *out = words;
    return st;
}

/* ---- for a shell ---- */

/* 0: as it is; 1: between quotes; 2: needs $'...'. */
static int need(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    int worst = *word == '\0';

    while (*word) {
        long code;
        word += cr_text_char(word, &code);
        if (!cr_text_shown(code))
            return 2;
        if (code >= 0x80 || !strchr(safe, (int)code))
            worst = 1;
    }
    return worst;
}

static cr_status quote_word(const char *word, struct cr_buf *out, struct cr_err *err)
{
    int how = need(word);
    cr_status st = how ? cr_buf_append_str(out, how == 2 ? "$'" : "'", err) : cr_ok();

    for (const unsigned char *p = (const unsigned char *)word; *p && !cr_failed(st); p++) {
        if (how == 2 && (*p < 0x20 || *p >= 0x7f || *p == '\'' || *p == '\\'))
            st = cr_buf_printf(out, err, "\\%03o", *p);
        else if (how == 1 && *p == '\'')
            st = cr_buf_append_str(out, "'\\''", err);
        else
            st = cr_buf_append(out, p, 1, err);
    }
    return how && !cr_failed(st) ? cr_buf_append_str(out, "'", err) : st;
}

cr_status wizard_quote(const struct wizard_words *words, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < words->n && !cr_failed(st); i++) {
        if (i)
            st = cr_buf_append_str(out, " ", err);
        if (!cr_failed(st))
            st = quote_word(words->w[i], out, err);
    }
    return st;
}
