/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_ui.h"

#include <langinfo.h>
#include <locale.h>
#include <newt.h>
#include <signal.h>
#include <slang.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define COLUMNS_MIN 44
#define ROWS_MIN    14
#define COLUMNS_MAX 100 /* of a window: longer lines are hard to read */
#define CTRL_C      3

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

/* ---- a page's frame ---- */

struct frame {
    struct wizard_ui *ui;
    int width, height, body_top, body; /* of the window's inside; where the body starts, its lines */
    newtComponent form, go, other, back, leave;
};

enum { RESIZED = 100, NOTHING };

static char *plain(struct wizard_ui *ui, const char *text, struct cr_buf *out)
{
    struct cr_err err;

    if (cr_failed(wizard_plain(text, ui->utf8, out, &err)) || !out->p)
        return (char *)"";
    return (char *)out->p;
}

/* Plain and in lines of @width. */
static char *wrapped(struct wizard_ui *ui, const char *text, int width, struct cr_buf *out)
{
    struct cr_buf first = {0};
    struct cr_err err;
    bool bad = cr_failed(wizard_plain(text, ui->utf8, &first, &err)) || !first.p ||
               cr_failed(wizard_wrap((const char *)first.p, (size_t)width, out, &err)) || !out->p;

    cr_buf_clear(&first);
    return bad ? (char *)"" : (char *)out->p;
}

static int lines_of(const char *text)
{
    int n = *text != '\0';

    for (; *text; text++)
        n += *text == '\n' && text[1];
    return n;
}

static int width_wanted(int cols)
{
    int width = cols - 4;

    return width > COLUMNS_MAX ? COLUMNS_MAX : width;
}

static void frame_clear(void)
{
    newtPopHelpLine();
    newtCls();
}

static int event_of(struct frame *f, const struct newtExitStruct *es)
{
    switch (es->reason) {
    case NEWT_EXIT_HOTKEY:
        if (es->u.key == NEWT_KEY_RESIZE)
            return RESIZED;
        return es->u.key == NEWT_KEY_ESCAPE ? WIZARD_BACK : WIZARD_LEAVE;
    case NEWT_EXIT_COMPONENT:
        if (es->u.co == f->back)
            return WIZARD_BACK;
        if (es->u.co == f->leave)
            return WIZARD_LEAVE;
        return es->u.co == f->other ? WIZARD_OTHER : WIZARD_GO;
    case NEWT_EXIT_FDREADY:
    case NEWT_EXIT_ERROR:
    case NEWT_EXIT_TIMER:
        break;
    }
    f->ui->signalled = true;
    return WIZARD_SIGNAL;
}

static newtComponent form_new(struct wizard_ui *ui)
{
    newtComponent form = newtForm(NULL, NULL, NEWT_FLAG_NOF12);

    newtFormAddHotKey(form, NEWT_KEY_ESCAPE);
    newtFormAddHotKey(form, NEWT_KEY_RESIZE);
    newtFormAddHotKey(form, CTRL_C);
    newtFormWatchFd(form, ui->signal_fd, NEWT_FD_READ);
    return form;
}

/* slang keeps the size it began with until told; newt alone does not draw beyond it. */
static void resized(void)
{
    newtResizeScreen(0);
    SLsmg_reinit_smg();
}

/* A terminal that is too small for anything: waits for a larger one. */
static int too_small(struct wizard_ui *ui, int cols, int rows)
{
    struct frame f = {.ui = ui, .form = form_new(ui)};
    struct newtExitStruct es;
    struct cr_buf text = {0}, out = {0};
    struct cr_err err;
    newtComponent box = newtTextbox(0, 0, cols, rows, 0);

    if (!cr_failed(cr_buf_printf(&text, &err,
                                 "This terminal has %dx%d; the wizard needs %dx%d. Enlarge it, or press Esc.", cols,
                                 rows, COLUMNS_MIN, ROWS_MIN)))
        newtTextboxSetText(box, wrapped(ui, (const char *)text.p, cols, &out));
    newtCls();
    newtFormAddComponent(f.form, box);
    newtFormRun(f.form, &es);
    newtFormDestroy(f.form);
    cr_buf_clear(&text);
    cr_buf_clear(&out);
    return event_of(&f, &es);
}

static newtComponent button(struct frame *f, const char *label, bool small, int *left, int top)
{
    newtComponent co;
    int width = 0, height;

    if (!label)
        return NULL;
    co = small ? newtCompactButton(*left, top, label) : newtButton(*left, top, label);
    newtComponentGetSize(co, &width, &height);
    *left += width + 2;
    (void)f;
    return co;
}

static int button_width(const char *label, bool small)
{
    return label ? (int)strlen(label) + (small ? 4 : 6) + 2 : 0;
}

static void buttons_make(struct frame *f, const struct wizard_page *page, bool small, int top)
{
    int all = button_width(page->go, small) + button_width(page->other, small) + button_width(page->back, small) +
              button_width(page->leave, small) - 2;
    int left = (f->width - all) / 2;

    f->go = button(f, page->go, small, &left, top);
    f->other = button(f, page->other, small, &left, top);
    f->back = button(f, page->back, small, &left, top);
    f->leave = button(f, page->leave, small, &left, top);
}

static void buttons_add(struct frame *f)
{
    newtComponent all[] = {f->go, f->other, f->back, f->leave};

    for (size_t i = 0; i < CR_COUNT(all); i++)
        if (all[i])
            newtFormAddComponent(f->form, all[i]);
}

/* A window with the text on top and the buttons below, and room for @wanted lines between (@least, if there is not as much
 * room). @intro false: the text is the body's. NOTHING, or the event that came instead of a window. */
static int frame_open(struct wizard_ui *ui, const struct wizard_page *page, bool intro, int wanted, struct frame *f)
{
    struct cr_buf text = {0}, title = {0};
    int cols, rows, head = 0, room, foot;
    bool small;

    for (;;) {
        int event;
        newtGetScreenSize(&cols, &rows);
        if (cols >= COLUMNS_MIN && rows >= ROWS_MIN)
            break;
        if ((event = too_small(ui, cols, rows)) != RESIZED)
            return event;
        resized();
    }
    *f = (struct frame){.ui = ui, .width = width_wanted(cols)};
    small = rows < 22;
    foot = small ? 2 : 5;
    if (intro) {
        wrapped(ui, page->text, f->width - 2, &text);
        head = lines_of(text.p ? (const char *)text.p : "");
        head += head > 0;
    }
    room = rows - 5 - head - foot;
    if (room < 3 && head) { /* what is asked comes before why */
        head = 0;
        room = rows - 5 - foot;
    }
    f->body = wanted < room ? wanted : room;
    f->body_top = head;
    f->height = head + f->body + foot;
    newtCls();
    newtDrawRootText(1, 0, "certroll wizard");
    newtPushHelpLine(cols < 70 ? " Tab: move  Enter: next  Esc: back"
                               : " Tab, arrows: move   Enter: next   Esc: one step back   Ctrl-C: leave");
    newtCenteredWindow((unsigned)f->width, (unsigned)f->height, plain(ui, page->title, &title));
    f->form = form_new(ui);
    if (head) {
        newtComponent box = newtTextbox(1, 0, f->width - 2, head - 1, 0);
        newtTextboxSetText(box, (const char *)text.p);
        newtFormAddComponent(f->form, box);
    }
    buttons_make(f, page, small, head + f->body + 1);
    cr_buf_clear(&text);
    cr_buf_clear(&title);
    return NOTHING;
}

static int frame_run(struct frame *f, newtComponent first)
{
    struct newtExitStruct es = {0};

    buttons_add(f);
    if (first)
        newtFormSetCurrent(f->form, first);
    newtFormRun(f->form, &es);
    return event_of(f, &es);
}

static void frame_close(struct frame *f)
{
    newtFormDestroy(f->form);
    newtPopWindow();
    frame_clear();
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
        newtTextboxSetText(d->box, plain(d->ui, (const char *)text.p, &out));
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
        newtListboxAppendEntry(box, plain(ui, row.p ? (const char *)row.p : "", &out), (const void *)i);
        cr_buf_clear(&row);
        cr_buf_clear(&out);
    }
}

static void head_add(struct frame *f, struct wizard_list *list, int top, size_t width)
{
    struct cr_buf row = {0}, out = {0};
    struct cr_err err;

    if (!cr_failed(list->head(list->arg, width, &row, &err)) && row.p)
        newtFormAddComponent(f->form, newtLabel(1, top, plain(f->ui, (const char *)row.p, &out)));
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
    struct frame f;

    if ((event = frame_open(ui, page, true, rows + head + detail, &f)) != NOTHING)
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
    event = frame_run(&f, NULL);
    list->chosen = (size_t)newtListboxGetCurrent(box);
    frame_close(&f);
    return event;
}

enum wizard_event wizard_ui_list(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_list *list)
{
    int event;

    while ((event = list_once(ui, page, list)) == RESIZED)
        resized();
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

static int fields_add(struct frame *f, struct wizard_form *form, struct inputs *in, int top)
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
                newtFormAddComponent(f->form, newtLabel(label + 3, top, plain(f->ui, (const char *)fit.p, &out)));
            top++;
            cr_buf_clear(&fit);
            cr_buf_clear(&out);
        }
        top += each > 2 && form->nfields > 1;
    }
    return top;
}

static int choices_add(struct frame *f, struct wizard_form *form, struct inputs *in, int top)
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
    struct frame f;

    for (size_t i = 0; i < form->nfields; i++)
        wanted += form->nfields > 1 ? 3 : form->fields[i].hint ? 2 : 1;
    if ((event = frame_open(ui, page, true, wanted, &f)) != NOTHING)
        return event;
    top = f.body_top;
    if (form->choices_first)
        top = choices_add(&f, form, &in, top) + (form->nchoices > 0);
    top = fields_add(&f, form, &in, top);
    if (!form->choices_first)
        choices_add(&f, form, &in, top + (form->nchoices > 0 && form->nfields == 1));
    event = frame_run(&f, form->choices_first && form->nchoices ? in.radios[form->choice] : in.entries[0]);
    if (!form_read(form, &in) && event == WIZARD_GO)
        newtBell(), event = RESIZED;
    frame_close(&f);
    return event;
}

enum wizard_event wizard_ui_form(struct wizard_ui *ui, const struct wizard_page *page, struct wizard_form *form)
{
    int event;

    while ((event = form_once(ui, page, form)) == RESIZED)
        resized();
    return (enum wizard_event)event;
}

/* ---- a text ---- */

static int text_once(struct wizard_ui *ui, const struct wizard_page *page)
{
    struct cr_buf text = {0};
    int cols, rows, lines, event;
    newtComponent box;
    struct frame f;

    newtGetScreenSize(&cols, &rows);
    wrapped(ui, page->text, width_wanted(cols) - 3, &text);
    lines = lines_of(text.p ? (const char *)text.p : "");
    if ((event = frame_open(ui, page, false, lines, &f)) == NOTHING) {
        box = newtTextbox(1, f.body_top, f.width - 1, f.body, lines > f.body ? NEWT_FLAG_SCROLL : 0);
        cr_buf_clear(&text); /* the size may have changed while it was too small */
        newtTextboxSetText(box, wrapped(ui, page->text, f.width - 3, &text));
        newtFormAddComponent(f.form, box);
        event = frame_run(&f, f.go ? f.go : f.back);
        frame_close(&f);
    }
    cr_buf_clear(&text);
    return event;
}

enum wizard_event wizard_ui_text(struct wizard_ui *ui, const struct wizard_page *page)
{
    int event;

    while ((event = text_once(ui, page)) == RESIZED)
        resized();
    return (enum wizard_event)event;
}

void wizard_ui_wait(struct wizard_ui *ui, const char *text)
{
    struct cr_buf out = {0};
    const char *shown = plain(ui, text, &out);
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
