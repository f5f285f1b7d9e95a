/* SPDX-License-Identifier: Apache-2.0 */
/* `certroll wizard` without its screens: which step follows which, what was answered, whether an answer will do, and the
 * command line that the answers make. Nothing here draws, reads a clock or touches a disk; wizard_ui.h draws,
 * wizard_child.h runs the command, cmd_wizard.c ties them together. */
#ifndef WIZARD_H
#define WIZARD_H

#include <limits.h>

#include "roles/role_record.h"

enum wizard_task { WIZARD_REQUEST, WIZARD_IMPORT, WIZARD_ASSIGN };

enum wizard_step {
    WIZARD_TASK,
    WIZARD_FILE,    /* import: which file */
    WIZARD_PASS,    /* import: its passphrase, where it has one */
    WIZARD_ROLE,    /* an existing role, a new one, or (import) none */
    WIZARD_NEW,     /* the new role's name and use */
    WIZARD_CERT,    /* assign: a certificate of the store */
    WIZARD_SUBJECT, /* request: what it asks for, and where it goes */
    WIZARD_WHEN,    /* now, or at a date */
    WIZARD_SUMMARY,
    WIZARD_DONE
};

enum wizard_role_kind { WIZARD_ROLE_OLD, WIZARD_ROLE_NEW, WIZARD_ROLE_NONE };

#define WIZARD_TEXT_MAX 1024
#define WIZARD_PASS_MAX 1023 /* bytes: what tool_passphrase reads */

struct wizard {
    enum wizard_step step;
    enum wizard_task task;
    enum wizard_role_kind role_kind;
    char role[ROLE_NAME_MAX + 1];   /* one that exists */
    char new_role[WIZARD_TEXT_MAX]; /* as typed */
    enum role_use use;              /* of the new one */
    char cert[65];                  /* SHA-256 thumbprint */
    bool at;                        /* at a date, not now */
    char when[WIZARD_TEXT_MAX];     /* as typed */
    int64_t effective;              /* what it means, set by wizard_check */
    char file[PATH_MAX];            /* as typed */
    bool encrypted;                 /* the file wants a passphrase */
    struct cr_buf pass;             /* never part of a command line */
    char subject[WIZARD_TEXT_MAX], san[WIZARD_TEXT_MAX], key[WIZARD_TEXT_MAX];
    char out[PATH_MAX];
};

/* Zeroed answers with the defaults in place. */
void wizard_init(struct wizard *w);
/* The same for another task: the secret is wiped, the file forgotten. */
void wizard_clear(struct wizard *w);

/* To the next step that these answers need. At the last one nothing happens. */
void wizard_next(struct wizard *w);
/* To the one before; false at the first: there is nothing before it. */
bool wizard_back(struct wizard *w);
/* Step @number of @of, as the answers stand; summary included, the end not. */
void wizard_progress(const struct wizard *w, unsigned *number, unsigned *of);

/* What a step needs besides the answers. */
struct wizard_facts {
    char *const *roles; /* names of those that exist */
    size_t nroles;
    int64_t now;
    long local_offset; /* seconds east of UTC */
};
/* Will the answer of the step where @w stands do, as far as one can tell without running the command? In the words of the
 * command. WHEN: sets effective. */
cr_status wizard_check(struct wizard *w, const struct wizard_facts *facts, struct cr_err *err);
/* The role that the answers name, or NULL. */
const char *wizard_role(const struct wizard *w);
/* A copy of @value into the field @out of @size bytes; CR_E_USAGE when it does not fit. */
cr_status wizard_set(char *out, size_t size, const char *what, const char *value, struct cr_err *err);

/* ---- the command ---- */

#define WIZARD_WORDS_MAX 32

/* An argv: NULL-terminated, its words on the heap. Zero-initialise; clear with wizard_words_clear. */
struct wizard_words {
    char *w[WIZARD_WORDS_MAX + 1];
    size_t n;
};
void wizard_words_clear(struct wizard_words *words);

/* What the wizard itself was given, and what it knows by now. */
struct wizard_line {
    const char *conf_path, *reason, *home; /* home: for ~/ in file names; each may be NULL */
    bool force, dry_run;
    bool has_generation;
    uint64_t generation; /* of the record, or of all records, that were shown */
    char file_cert[65];  /* import: thumbprint of the certificate that the file held */
    int pass_fd;         /* import: where the passphrase comes from, or -1: the command asks */
};
/* The command that does what was answered, "certroll" first. Never holds the passphrase. The caller owns *out. */
cr_status wizard_command(const struct wizard *w, const struct wizard_line *line, struct wizard_words *out,
                         struct cr_err *err);
/* Appends the words as a POSIX shell reads them back; what cr_text_shown refuses as $'\ooo' (POSIX 2024,
 * bash), so that no file name can drive a terminal. */
cr_status wizard_quote(const struct wizard_words *words, struct cr_buf *out, struct cr_err *err);
/* The file as it is opened: ~/ is the home, and a name that begins with '-' is no option. Appended to @out. */
cr_status wizard_path(const char *typed, const char *home, struct cr_buf *out, struct cr_err *err);

/* ---- text for a screen ---- */

/* @text with '?' for what cr_text_shown refuses, line feeds kept; without @utf8 (a plain locale) for everything that is not
 * ASCII too. Appended to @out. */
cr_status wizard_plain(const char *text, bool utf8, struct cr_buf *out, struct cr_err *err);
/* At most @width columns of @text, padded to @width when @pad; what is cut ends in "...". Appended to @out. */
cr_status wizard_fit(const char *text, size_t width, bool pad, struct cr_buf *out, struct cr_err *err);
/* Lines of at most @width columns; what continues an indented line is indented by two more. Appended to @out. */
cr_status wizard_wrap(const char *text, size_t width, struct cr_buf *out, struct cr_err *err);
/* The common name of a subject as cert_facts writes it, or all of it where there is none. Appended to @out. */
cr_status wizard_common_name(const char *subject, struct cr_buf *out, struct cr_err *err);

#endif
