/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_ui.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <slang.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "wizard_frame.h"

#define CTRL_C 3

/* ---- open and close ---- */

static cr_status terminal_check(struct cr_err *err)
{
    const char *term = getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return cr_fail(err, CR_E_USAGE,
                       "wizard: standard input and output must be a terminal; the other commands need none");
    if (!term || !*term || SLtt_initialize(NULL) < 0) /* newt itself would end the process */
        return cr_fail(err, CR_E_USAGE,
                       "wizard: a terminal of kind '%s' has no full-screen pages; use the other commands, or set TERM",
                       term ? term : "");
    return cr_ok();
}

static cr_status signals_take(struct wizard_ui *ui, struct cr_err *err)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &ours, &ui->before) ||
        (ui->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return cr_fail(err, CR_E_IO, "wizard: no descriptor for signals");
    return cr_ok();
}

static void stopped(void *arg)
{
    (void)arg;
    newtSuspend();
    raise(SIGSTOP);
    newtResume();
}

cr_status wizard_ui_open(struct wizard_ui *ui, struct cr_err *err)
{
    const char *no_color = getenv("NO_COLOR");
    cr_status st;

    *ui = (struct wizard_ui){.signal_fd = -1};
    if (cr_failed(st = terminal_check(err)) || cr_failed(st = signals_take(ui, err)))
        return st;
    setlocale(LC_CTYPE, "");
    ui->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    if (no_color && *no_color)
        setenv("NEWT_MONO", "1", 1);
    newtInit();
    newtCls();
    newtSetSuspendCallback(stopped, NULL);
    return cr_ok();
}

void wizard_ui_close(struct wizard_ui *ui)
{
    if (ui->signal_fd < 0)
        return;
    newtFinished();
    close(ui->signal_fd);
    ui->signal_fd = -1;
    /* one that is pending still is an answer that was given already */
    for (size_t i = 0; i < 3; i++)
        signal((const int[]){SIGINT, SIGTERM, SIGHUP}[i], SIG_IGN);
    sigprocmask(SIG_SETMASK, &ui->before, NULL);
    for (size_t i = 0; i < 3; i++)
        signal((const int[]){SIGINT, SIGTERM, SIGHUP}[i], SIG_DFL);
}

void wizard_ui_suspend(void)
{
    newtSuspend();
}

void wizard_ui_resume(void)
{
    newtResume();
}

/* ---- a list ---- */

struct detail {
    struct wizard_ui *ui;
    struct wizard_list *list;
    newtComponent box;
    int width;
};

static void detail_show(newtComponent co, void *arg)
{
    struct detail *d = arg;
    struct cr_buf text = {0}, out = {0};
    struct cr_err err;
    size_t i = (size_t)newtListboxGetCurrent(co);
    cr_status st = d->list->detail(d->list->arg, i, (size_t)d->width, &text, &err);

    for (int n = 0; n < d->list->detail_lines && !cr_failed(st);
         n++) /* newt leaves what stood on lines that end early */
        st = cr_buf_printf(&text, &err, "\n%*s", d->width - 1, "");
    if (d->box && !cr_failed(st))
        newtTextboxSetText(d->box, wizard_shown(d->ui, (const char *)text.p, &out));
    cr_buf_clear(&text);
    cr_buf_clear(&out);
}

static void rows_add(struct wizard_ui *ui, newtComponent box, struct wizard_list *list, size_t width)
{
    for (size_t i = 0; i < list->n; i++) {
        struct cr_buf row = {0}, out = {0};
        struct cr_err err;
        if (cr_failed(list->row(list->arg, i, width, &row, &err)))
            cr_buf_clear(&row);
        /* the key is the number, which is no pointer */
        newtListboxAppendEntry(box, wizard_shown(ui, row.p ? (const char *)row.p : "", &out), (const void *)i);
        cr_buf_clear(&row);
        cr_buf_clear(&out);
    }
}

static void head_add(struct wizard_frame *f, struct wizard_list *list, int top, size_t width)
{
    struct cr_buf row = {0}, out = {0};
    struct cr_err err;

    if (!cr_failed(list->head(list->arg, width, &row, &err)) && row.p)
        newtFormAddComponent(f->form, newtLabel(1, top, wizard_shown(f->ui, (const char *)row.p, &out)));
    cr_buf_clear(&row);
    cr_buf_clear(&out);
}

#define ROWS_LEAST 3 /* of a list; what explains it goes first */

static int list_once(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_list *list)
{
    int head = list->head != NULL, detail = list->detail ? list->detail_lines + 1 : 0, event;
    int rows = list->n < ROWS_LEAST ? ROWS_LEAST : list->n > 40 ? 40 : (int)list->n;
    struct detail d = {.ui = ui, .list = list};
    newtComponent box;
    struct wizard_frame f;

    if ((event = wizard_frame_open(ui, page, true, rows + head + detail, &f)) != WIZARD_NOTHING)
        return event;
    if (f.body - head - detail < ROWS_LEAST)
        detail = 0;
    rows = f.body - head - detail;
    d.width = f.width - 2;
    if (head)
        head_add(&f, list, f.body_top, (size_t)d.width - 3);
    box =
        newtListbox(1, f.body_top + head, rows, NEWT_FLAG_RETURNEXIT | ((size_t)rows < list->n ? NEWT_FLAG_SCROLL : 0));
    newtListboxSetWidth(box, d.width);
    rows_add(ui, box, list, (size_t)d.width - 3);
    newtListboxSetCurrent(box, (int)list->chosen);
    newtFormAddComponent(f.form, box);
    if (detail) {
        d.box = newtTextbox(1, f.body_top + f.body - detail + 1, d.width, detail - 1, 0);
        newtFormAddComponent(f.form, d.box);
        newtComponentAddCallback(box, detail_show, &d);
        detail_show(box, &d);
    }
    event = wizard_frame_run(&f, NULL);
    list->chosen = (size_t)newtListboxGetCurrent(box);
    wizard_frame_close(&f);
    return event;
}

enum wizard_event wizard_ui_list(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_list *list)
{
    int event;

    while ((event = list_once(ui, page, list)) == WIZARD_RESIZED)
        wizard_frame_resized();
    return (enum wizard_event)event;
}

/* ---- a form ---- */

struct inputs {
    newtComponent entries[WIZARD_FIELDS_MAX], radios[WIZARD_CHOICES_MAX];
};

/* Who types a date means it. */
static int typed(newtComponent entry, void *radio, int ch, int cursor)
{
    (void)entry;
    (void)cursor;
    if (ch == NEWT_KEY_BKSPC || ch == NEWT_KEY_DELETE ||
        (ch > CTRL_C && ch < NEWT_KEY_EXTRA_BASE && ch != '\t' && ch != NEWT_KEY_ENTER && ch != NEWT_KEY_ESCAPE))
        newtRadioSetCurrent(radio);
    return ch;
}

static newtComponent entry_new(const struct wizard_field *field, int left, int top, int width)
{
    char room[WIZARD_PASS_MAX + 1];
    newtComponent entry;

    if (!field->secret)
        return newtEntry(left, top, field->value, width, NULL, NEWT_FLAG_SCROLL | NEWT_FLAG_RETURNEXIT);
    /* newt makes its buffer as long as the first value: nothing typed is ever copied to a larger one and left behind */
    memset(room, ' ', sizeof(room) - 1);
    room[sizeof(room) - 1] = '\0';
    entry = newtEntry(left, top, room, width, NULL, NEWT_FLAG_SCROLL | NEWT_FLAG_RETURNEXIT | NEWT_FLAG_PASSWORD);
    newtEntrySet(entry, field->secret->p ? (const char *)field->secret->p : "", 1);
    return entry;
}

static int fields_add(struct wizard_frame *f, struct wizard_form *form, struct inputs *in, int top)
{
    int label = 0, each = form->nfields ? (f->body - (top - f->body_top)) / (int)form->nfields : 0;

    for (size_t i = 0; i < form->nfields; i++)
        if ((int)strlen(form->fields[i].label) > label)
            label = (int)strlen(form->fields[i].label);
    for (size_t i = 0; i < form->nfields; i++) {
        struct wizard_field *field = &form->fields[i];
        newtFormAddComponent(f->form, newtLabel(1, top, field->label));
        in->entries[i] = entry_new(field, label + 3, top, f->width - label - 4);
        if (form->choices_first && form->nchoices)
            newtEntrySetFilter(in->entries[i], typed, in->radios[form->nchoices - 1]);
        newtFormAddComponent(f->form, in->entries[i]);
        top++;
        if (field->hint && each > 1) {
            struct cr_buf fit = {0}, out = {0};
            struct cr_err err;
            if (!cr_failed(wizard_fit(field->hint, (size_t)(f->width - label - 4), false, &fit, &err)))
                newtFormAddComponent(f->form,
                                     newtLabel(label + 3, top, wizard_shown(f->ui, (const char *)fit.p, &out)));
            top++;
            cr_buf_clear(&fit);
            cr_buf_clear(&out);
        }
        top += each > 2 && form->nfields > 1;
    }
    return top;
}

static int choices_add(struct wizard_frame *f, struct wizard_form *form, struct inputs *in, int top)
{
    for (size_t i = 0; i < form->nchoices; i++) {
        in->radios[i] = newtRadiobutton(1, top++, form->choices[i], i == form->choice, i ? in->radios[i - 1] : NULL);
        newtCheckboxSetFlags(in->radios[i], NEWT_FLAG_RETURNEXIT, NEWT_FLAGS_SET);
        newtFormAddComponent(f->form, in->radios[i]);
    }
    return top;
}

/* The answers, as they are; false: one is too long. A secret is wiped where newt keeps it. */
static bool form_read(struct wizard_form *form, struct inputs *in)
{
    bool fits = true;

    for (size_t i = 0; i < form->nfields; i++) {
        struct wizard_field *field = &form->fields[i];
        char *value = newtEntryGetValue(in->entries[i]);
        struct cr_err err;
        if (field->secret) {
            fits &=
                strlen(value) <= WIZARD_PASS_MAX && !cr_failed(cr_buf_set(field->secret, value, strlen(value), &err));
            cr_cleanse(value, strlen(value));
        } else {
            fits &= !cr_failed(wizard_set(field->value, field->size, field->label, value, &err));
        }
    }
    for (size_t i = 0; i < form->nchoices; i++)
        if (newtRadioGetCurrent(in->radios[0]) == in->radios[i])
            form->choice = i;
    return fits;
}

static int form_once(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_form *form)
{
    int wanted = (int)form->nchoices + (form->nchoices && form->nfields), top, event;
    struct inputs in = {0};
    struct wizard_frame f;

    for (size_t i = 0; i < form->nfields; i++)
        wanted += form->nfields > 1 ? 3 : form->fields[i].hint ? 2 : 1;
    if ((event = wizard_frame_open(ui, page, true, wanted, &f)) != WIZARD_NOTHING)
        return event;
    top = f.body_top;
    if (form->choices_first)
        top = choices_add(&f, form, &in, top) + (form->nchoices > 0);
    top = fields_add(&f, form, &in, top);
    if (!form->choices_first)
        choices_add(&f, form, &in, top + (form->nchoices > 0 && form->nfields == 1));
    event = wizard_frame_run(&f, form->choices_first && form->nchoices ? in.radios[form->choice] : in.entries[0]);
    if (!form_read(form, &in) && event == WIZARD_GO)
        newtBell(), event = WIZARD_RESIZED;
    wizard_frame_close(&f);
    return event;
}

enum wizard_event wizard_ui_form(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_form *form)
{
    int event;

    while ((event = form_once(ui, page, form)) == WIZARD_RESIZED)
        wizard_frame_resized();
    return (enum wizard_event)event;
}

/* ---- a text ---- */

static int text_once(struct wizard_ui *ui, const struct wizard_page *page)
{
    struct cr_buf text = {0};
    int cols, rows, lines, event;
    newtComponent box;
    struct wizard_frame f;

    newtGetScreenSize(&cols, &rows);
    wizard_lines(ui, page->text, wizard_frame_width(cols) - 3, &text);
    lines = wizard_lines_count(text.p ? (const char *)text.p : "");
    if ((event = wizard_frame_open(ui, page, false, lines, &f)) == WIZARD_NOTHING) {
        box = newtTextbox(1, f.body_top, f.width - 1, f.body, lines > f.body ? NEWT_FLAG_SCROLL : 0);
        cr_buf_clear(&text); /* the size may have changed while it was too small */
        newtTextboxSetText(box, wizard_lines(ui, page->text, f.width - 3, &text));
        newtFormAddComponent(f.form, box);
        event = wizard_frame_run(&f, f.go ? f.go : f.back);
        wizard_frame_close(&f);
    }
    cr_buf_clear(&text);
    return event;
}

enum wizard_event wizard_ui_text(struct wizard_ui *ui, const struct wizard_page *page)
{
    int event;

    while ((event = text_once(ui, page)) == WIZARD_RESIZED)
        wizard_frame_resized();
    return (enum wizard_event)event;
}

void wizard_ui_wait(struct wizard_ui *ui, const char *text)
{
    struct cr_buf out = {0};
    const char *shown = wizard_shown(ui, text, &out);
    newtComponent form, label;

    newtCenteredWindow((unsigned)strlen(shown) + 4, 1, "Please wait");
    form = newtForm(NULL, NULL, 0);
    label = newtLabel(2, 0, shown);
    newtFormAddComponent(form, label);
    newtDrawForm(form);
    newtRefresh();
    newtFormDestroy(form);
    cr_buf_clear(&out);
}

void wizard_ui_waited(void)
{
    newtPopWindow();
}
