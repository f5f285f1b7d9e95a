/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_frame.h"

#include <poll.h>
#include <signal.h>
#include <slang.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_MIN 44
#define ROWS_MIN    14
#define COLUMNS_MAX 100 /* of a window: longer lines are hard to read */
#define CTRL_C      3

char *wizard_shown(struct wizard_ui *ui, const char *text, struct cr_buf *out)
{
    struct cr_err err;

    if (cr_failed(wizard_plain(text, ui->utf8, out, &err)) || !out->p)
        return (char *)"";
    return (char *)out->p;
}

char *wizard_lines(struct wizard_ui *ui, const char *text, int width, struct cr_buf *out)
{
    struct cr_buf first = {0};
    struct cr_err err;
    bool bad = cr_failed(wizard_plain(text, ui->utf8, &first, &err)) || !first.p ||
               cr_failed(wizard_wrap((const char *)first.p, (size_t)width, out, &err)) || !out->p;

    cr_buf_clear(&first);
    return bad ? (char *)"" : (char *)out->p;
}

int wizard_lines_count(const char *text)
{
    int n = *text != '\0';

    for (; *text; text++)
        n += *text == '\n' && text[1];
    return n;
}

int wizard_frame_width(int cols)
{
    int width = cols - 4;

    return width > COLUMNS_MAX ? COLUMNS_MAX : width;
}

static void frame_clear(void)
{
    newtPopHelpLine();
    newtCls();
}

static int event_of(struct wizard_frame *f, const struct newtExitStruct *es)
{
    switch (es->reason) {
    case NEWT_EXIT_HOTKEY:
        if (es->u.key == NEWT_KEY_RESIZE)
            return WIZARD_RESIZED;
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

void wizard_frame_resized(void)
{
    SLtt_get_screen_size();
    SLsmg_reinit_smg();
}

/* A terminal that is too small for anything: waits for a larger one. */
static int too_small(struct wizard_ui *ui, int cols, int rows)
{
    struct wizard_frame f = {.ui = ui, .form = form_new(ui)};
    struct newtExitStruct es;
    struct cr_buf text = {0}, out = {0};
    struct cr_err err;
    newtComponent box = newtTextbox(0, 0, cols, rows, 0);

    if (!cr_failed(cr_buf_printf(&text, &err,
                                 "This terminal has %dx%d; the wizard needs %dx%d. Enlarge it, or press Esc.", cols,
                                 rows, COLUMNS_MIN, ROWS_MIN)))
        newtTextboxSetText(box, wizard_lines(ui, (const char *)text.p, cols, &out));
    newtCls();
    newtFormAddComponent(f.form, box);
    newtFormRun(f.form, &es);
    newtFormDestroy(f.form);
    cr_buf_clear(&text);
    cr_buf_clear(&out);
    return event_of(&f, &es);
}

static newtComponent button(const char *label, bool small, int *left, int top)
{
    newtComponent co;
    int width = 0, height;

    if (!label)
        return NULL;
    co = small ? newtCompactButton(*left, top, label) : newtButton(*left, top, label);
    newtComponentGetSize(co, &width, &height);
    *left += width + 2;
    return co;
}

static int button_width(const char *label, bool small)
{
    return label ? (int)strlen(label) + (small ? 4 : 6) + 2 : 0;
}

static void buttons_make(struct wizard_frame *f, const struct wizard_page *page, bool small, int top)
{
    int all = button_width(page->go, small) + button_width(page->other, small) + button_width(page->back, small) +
              button_width(page->leave, small) - 2;
    int left = (f->width - all) / 2;

    f->go = button(page->go, small, &left, top);
    f->other = button(page->other, small, &left, top);
    f->back = button(page->back, small, &left, top);
    f->leave = button(page->leave, small, &left, top);
}

static void buttons_add(struct wizard_frame *f)
{
    newtComponent all[] = {f->go, f->other, f->back, f->leave};

    for (size_t i = 0; i < CR_COUNT(all); i++)
        if (all[i])
            newtFormAddComponent(f->form, all[i]);
}

/* Asked to end, or no terminal any more, perhaps with nobody who says so (nohup). */
static bool ended(struct wizard_ui *ui)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = ui->signal_fd, .events = POLLIN}};

    if (poll(fds, 2, 0) > 0 && ((fds[0].revents & (POLLHUP | POLLERR)) || fds[1].revents))
        ui->signalled = true;
    return ui->signalled;
}

/* newt first reads what was typed ahead, until there is nothing more: never, where the terminal goes meanwhile. So the signal
 * that says that it went ends the process here. */
static void window_open(int width, int height, const char *title)
{
    sigset_t hangup, before;

    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    sigprocmask(SIG_UNBLOCK, &hangup, &before);
    newtCenteredWindow((unsigned)width, (unsigned)height, title);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int wizard_frame_open(struct wizard_ui *ui, const struct wizard_page *page, bool intro, int wanted,
                      struct wizard_frame *f)
{
    struct cr_buf text = {0}, title = {0};
    int cols, rows, head = 0, room, foot;
    bool small;

    for (;;) {
        int event;
        if (ended(ui))
            return WIZARD_SIGNAL;
        newtGetScreenSize(&cols, &rows);
        if (cols >= COLUMNS_MIN && rows >= ROWS_MIN)
            break;
        if ((event = too_small(ui, cols, rows)) != WIZARD_RESIZED)
            return event;
        wizard_frame_resized();
    }
    *f = (struct wizard_frame){.ui = ui, .width = wizard_frame_width(cols)};
    small = rows < 22;
    foot = small ? 2 : 5;
    if (intro) {
        wizard_lines(ui, page->text, f->width - 2, &text);
        head = wizard_lines_count(text.p ? (const char *)text.p : "");
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
    window_open(f->width, f->height, wizard_shown(ui, page->title, &title));
    f->form = form_new(ui);
    if (head) {
        newtComponent box = newtTextbox(1, 0, f->width - 2, head - 1, 0);
        newtTextboxSetText(box, (const char *)text.p);
        newtFormAddComponent(f->form, box);
    }
    buttons_make(f, page, small, head + f->body + 1);
    cr_buf_clear(&text);
    cr_buf_clear(&title);
    return WIZARD_NOTHING;
}

int wizard_frame_run(struct wizard_frame *f, newtComponent first)
{
    struct newtExitStruct es = {0};

    buttons_add(f);
    if (first)
        newtFormSetCurrent(f->form, first);
    newtFormRun(f->form, &es);
    return event_of(f, &es);
}

void wizard_frame_close(struct wizard_frame *f)
{
    newtFormDestroy(f->form);
    newtPopWindow();
    frame_clear();
}
