/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX (64 * 1024)

struct ends {
    int out, err; /* files in memory: a child never waits for us to read */
    int pass[2];  /* a pipe: what was read from it is nowhere any more */
};

static void ends_close(struct ends *e)
{
    int fds[] = {e->out, e->err, e->pass[0], e->pass[1]};

    for (size_t i = 0; i < CR_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static cr_status ends_open(const struct cr_buf *pass, struct ends *e, struct cr_err *err)
{
    e->out = memfd_create("certroll-out", MFD_CLOEXEC);
    e->err = memfd_create("certroll-err", MFD_CLOEXEC);
    if (e->out < 0 || e->err < 0 || (pass && pipe2(e->pass, O_CLOEXEC)))
        return cr_fail_errno(err, CR_E_IO, errno, "no pipe for the command");
    if (!pass)
        return cr_ok();
    if ((pass->n && write(e->pass[1], pass->p, pass->n) != (ssize_t)pass->n) || write(e->pass[1], "\n", 1) != 1)
        return cr_fail_errno(err, CR_E_IO, errno, "the passphrase");
    close(e->pass[1]); /* behind the line is the end */
    e->pass[1] = -1;
    return cr_ok();
}

static _Noreturn void become(const struct wizard_child *child, const struct wizard_words *words, const struct ends *e)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGWINCH, SIG_DFL);
    if (!child->asks)
        setpgid(0, 0);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(e->out, STDOUT_FILENO) >= 0 &&
        dup2(e->err, STDERR_FILENO) >= 0 && (!child->pass || dup2(e->pass[0], WIZARD_PASS_FD) >= 0)) {
        if (child->pass) /* where it already had that number, dup2 changed nothing */
            fcntl(WIZARD_PASS_FD, F_SETFD, 0);
        execv(child->exe, words->w);
    }
    dprintf(STDERR_FILENO, "certroll: %s: %s\n", child->exe, strerror(errno));
    _exit(127);
}

/* Until the child ended. */
static void wait_for(const struct wizard_child *child, pid_t pid, struct wizard_result *result)
{
    struct pollfd fds[2] = {{.fd = pidfd_open(pid, 0), .events = POLLIN}, {.fd = child->signal_fd, .events = POLLIN}};
    unsigned signals = 0;

    while (fds[0].fd >= 0) {
        struct signalfd_siginfo info;
        int rc = poll(fds, 2, -1);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc < 0 || fds[0].revents)
            break;
        if (!(fds[1].revents & POLLIN) || read(fds[1].fd, &info, sizeof(info)) != sizeof(info))
            continue;
        result->signalled = true;
        if (++signals > (child->careful ? 1 : 0))
            kill(pid, SIGTERM);
    }
    if (fds[0].fd >= 0)
        close(fds[0].fd);
}

static cr_status said_read(int fd, struct cr_buf *out, struct cr_err *err)
{
    char part[4096];
    off_t at = 0;
    cr_status st = cr_ok();
    ssize_t n;

    while (!cr_failed(st) && at < SAID_MAX && (n = pread(fd, part, sizeof(part), at)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (part[i] == '\0')
                part[i] = '?';
        st = cr_buf_append(out, part, (size_t)n, err);
        at += n;
    }
    return st;
}

cr_status wizard_child_run(const struct wizard_child *child, const struct wizard_words *words,
                           struct wizard_result *result, struct cr_err *err)
{
    struct ends e = {.out = -1, .err = -1, .pass = {-1, -1}};
    int status = 0;
    cr_status st = ends_open(child->pass, &e, err);
    pid_t pid;

    if (cr_failed(st))
        goto out;
    if ((pid = fork()) == 0)
        become(child, words, &e);
    if (pid < 0) {
        st = cr_fail_errno(err, CR_E_IO, errno, "no process for the command");
        goto out;
    }
    wait_for(child, pid, result);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    st = said_read(e.out, &result->out, err);
    if (!cr_failed(st))
        st = said_read(e.err, &result->err, err);
out:
    ends_close(&e);
    return st;
}

void wizard_result_clear(struct wizard_result *result)
{
    cr_buf_clear(&result->out);
    cr_buf_clear(&result->err);
    *result = (struct wizard_result){0};
}

const char *wizard_result_sentence(struct wizard_result *result)
{
    static const char name[] = "certroll: ";
    char *text = (char *)result->err.p, *last;

    while (result->err.n && text[result->err.n - 1] == '\n')
        text[--result->err.n] = '\0';
    if (!result->err.n)
        return "the command failed and did not say why";
    last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    return strncmp(last, name, sizeof(name) - 1) ? last : last + sizeof(name) - 1;
}
