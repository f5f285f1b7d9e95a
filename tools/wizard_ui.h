/* SPDX-License-Identifier: Apache-2.0 */
/* The wizard's terminal: three kinds of pages (a list, a form, a text), each laid out anew when the terminal changes its
 * size. Only wizard_ui.c and wizard_frame.c know newt. Text given to it is UTF-8; a plain locale sees '?' for what it cannot show. */
#ifndef WIZARD_UI_H
#define WIZARD_UI_H

#include <signal.h>

#include "wizard.h"

enum wizard_event {
    WIZARD_GO,     /* the first button, or Enter */
    WIZARD_BACK,   /* Esc, or its button */
    WIZARD_OTHER,  /* the page's own second button */
    WIZARD_LEAVE,  /* Cancel, or Ctrl-C */
    WIZARD_SIGNAL, /* we were asked to end, or the terminal is gone */
};

struct wizard_ui {
    bool utf8;
    int signal_fd;   /* SIGINT, SIGTERM and SIGHUP arrive here while it is open */
    bool signalled;  /* one did */
    sigset_t before; /* the signal mask */
};

/* CR_E_USAGE in a sentence where there is no terminal, or one that cannot place its cursor. */
cr_status wizard_ui_open(struct wizard_ui *ui, struct cr_err *err);
/* Gives the terminal back as it was. Also after a failed open. */
void wizard_ui_close(struct wizard_ui *ui);
/* The ordinary screen for a while, for a prompt. */
void wizard_ui_suspend(void);
void wizard_ui_resume(void);

/* What all pages have. Buttons that are NULL are not there; Esc goes back all the same. */
struct wizard_page {
    const char *title, *text;
    const char *go, *other, *back, *leave;
};

struct wizard_list {
    size_t n, chosen; /* chosen: also the answer */
    void *arg;
    cr_status (*row)(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err);
    cr_status (*head)(void *arg, size_t width, struct cr_buf *out, struct cr_err *err);             /* or NULL */
    cr_status (*detail)(void *arg, size_t i, size_t width, struct cr_buf *out, struct cr_err *err); /* or NULL */
    int detail_lines;
};
enum wizard_event wizard_ui_list(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_list *list);

#define WIZARD_FIELDS_MAX  4
#define WIZARD_CHOICES_MAX 2

struct wizard_field {
    const char *label, *hint; /* hint: below it, or NULL */
    char *value;              /* borrowed, of @size bytes: the default, and the answer */
    size_t size;
    struct cr_buf *secret; /* instead of value: shown as asterisks */
};
struct wizard_form {
    const char *choices[WIZARD_CHOICES_MAX]; /* one of these, or none at all */
    size_t nchoices, choice;
    bool choices_first; /* above the fields; typing into a field takes the last choice */
    struct wizard_field fields[WIZARD_FIELDS_MAX];
    size_t nfields;
};
/* An answer that is too long is refused on the page itself. */
enum wizard_event wizard_ui_form(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_form *form);

/* page->text, wrapped, to scroll through. */
enum wizard_event wizard_ui_text(struct wizard_ui *ui, const struct wizard_page *page);

/* "Please wait" until wizard_ui_waited. */
void wizard_ui_wait(struct wizard_ui *ui, const char *text);
void wizard_ui_waited(void);

#endif
