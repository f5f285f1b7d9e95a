/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"
#include "tool_progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASS_MAX 1024
#define CTRL_C   3

/* The first line of @fd, without its end (LF or CRLF), byte by byte: what follows belongs to the next reader. A Ctrl-C
 * that arrives as a byte (@tty) gives up. */
static cr_status line_read(int fd, const char *what, bool tty, struct cr_buf *out, struct cr_err *err)
{
    unsigned char line[PASS_MAX];
    size_t n = 0;
    ssize_t got;
    cr_status st;

    while ((got = read(fd, line + n, 1)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || line[n] == '\n' || (tty && line[n] == CTRL_C))
            break;
        if (++n == sizeof(line)) {
            cr_cleanse(line, sizeof(line));
            return cr_fail(err, CR_E_USAGE, "%s: the passphrase is longer than %d bytes", what, PASS_MAX - 1);
        }
    }
    if (got < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", what);
    else if (got && tty && line[n] == CTRL_C)
        st = cr_fail(err, CR_E_REFUSED, "interrupted");
    else if (!got && !n)
        st = cr_fail(err, CR_E_USAGE, "%s: %s", what,
                     tty ? "nothing was typed, try again"
                         : "there is no passphrase to read: its first line is the passphrase");
    else
        st = cr_buf_set(out, line, n && line[n - 1] == '\r' ? n - 1 : n, err);
    cr_cleanse(line, sizeof(line));
    return st;
}

static cr_status from_text(const char *arg, struct cr_buf *out, struct cr_err *err)
{
    return cr_buf_set(out, arg, strlen(arg), err);
}

static cr_status from_env(const char *arg, struct cr_buf *out, struct cr_err *err)
{
    const char *value = getenv(arg);

    if (!value)
        return cr_fail(err, CR_E_USAGE, "the environment has no variable %s: set and export it", arg);
    return cr_buf_set(out, value, strlen(value), err);
}

static cr_status from_file(const char *arg, struct cr_buf *out, struct cr_err *err)
{
    int fd = open(arg, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    cr_status st;

    if (fd < 0)
        return cr_fail_errno(err, CR_E_USAGE, errno, "%s", arg);
    st = line_read(fd, arg, false, out, err);
    close(fd);
    return st;
}

static cr_status from_fd(const char *arg, struct cr_buf *out, struct cr_err *err)
{
    char *end = NULL;
    long fd = strtol(arg, &end, 10);

    if (*arg < '0' || *arg > '9' || *end || fd > INT_MAX)
        return cr_fail(err, CR_E_USAGE, "fd: wants the number of an open file, not '%s'", arg);
    return line_read((int)fd, "fd", false, out, err);
}

static const struct {
    const char *prefix;
    cr_status (*read)(const char *arg, struct cr_buf *out, struct cr_err *err);
} forms[] = {{"pass:", from_text}, {"env:", from_env}, {"file:", from_file}, {"fd:", from_fd}};

/* A key that ends the program must not leave the terminal without echo: the signals wait until it is restored. */
static cr_status prompt(const char *what, struct cr_buf *out, struct cr_err *err)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios saved, quiet;
    sigset_t block, before;
    cr_status st;

    if (fd < 0 || tcgetattr(fd, &saved)) {
        if (fd >= 0)
            close(fd);
        return cr_fail(err, CR_E_PIN,
                       "%s is needed and there is no terminal to ask for it: name a file that has it by pin-source",
                       what);
    }
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGTSTP);
    sigprocmask(SIG_BLOCK, &block, &before);
    quiet = saved;
    quiet.c_lflag &= (tcflag_t) ~(ECHO | ISIG);
    quiet.c_cc[VEOL] = CTRL_C; /* delivered at once, as a byte */
    tcsetattr(fd, TCSAFLUSH, &quiet);
    dprintf(fd, "%s: ", what);
    st = line_read(fd, what, true, out, err);
    tcsetattr(fd, TCSAFLUSH, &saved);
    dprintf(fd, "\n");
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(fd);
    return st;
}

cr_status tool_passphrase(const char *arg, const char *what, struct cr_buf *out, struct cr_err *err)
{
    cr_status st;

    if (!arg) {
        tool_progress_pause();
        st = prompt(what, out, err);
        tool_progress_resume();
        return st;
    }
    if (!strcmp(arg, "stdin"))
        return line_read(STDIN_FILENO, "stdin", false, out, err);
    for (size_t i = 0; i < CR_COUNT(forms); i++)
        if (!strncmp(arg, forms[i].prefix, strlen(forms[i].prefix)))
            return forms[i].read(arg + strlen(forms[i].prefix), out, err);
    return cr_fail(err, CR_E_USAGE, "a passphrase comes as pass:TEXT, env:VARIABLE, file:PATH, fd:NUMBER or stdin");
}
