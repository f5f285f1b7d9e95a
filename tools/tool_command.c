/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_command.h"
#include "tool_progress.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file in memory: a command that does not read its input cannot make us wait. */
static cr_status input_file(struct cr_bytes input, int *out, struct cr_err *err)
{
    int fd = memfd_create("certroll-input", MFD_CLOEXEC);

    if (fd < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "a command's input");
    if (write(fd, input.p, input.n) != (ssize_t)input.n || lseek(fd, 0, SEEK_SET)) {
        close(fd);
        return cr_fail_errno(err, CR_E_IO, errno, "a command's input");
    }
    *out = fd;
    return cr_ok();
}

static _Noreturn void child(const char *command, const struct tool_variable *vars, size_t nvars, int input)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    for (size_t i = 0; i < nvars; i++)
        setenv(vars[i].name, vars[i].value, 1);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* True when it ended in time; its whole group is killed otherwise. */
static bool ended(pid_t pid, int seconds)
{
    int fd = pidfd_open(pid, 0), rc;
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    do
        rc = poll(&pfd, 1, seconds * 1000);
    while (rc < 0 && errno == EINTR);
    if (fd >= 0)
        close(fd);
    if (rc == 1)
        return true;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL); /* which may not have made its group yet */
    return false;
}

cr_status tool_command_run(const char *command, const struct tool_variable *vars, size_t nvars, struct cr_bytes input,
                           int seconds, struct cr_err *err)
{
    int fd = -1, status = 0;
    bool timely;
    pid_t pid;
    cr_status st = input_file(input, &fd, err);

    if (cr_failed(st))
        return st;
    if ((pid = fork()) == 0)
        child(command, vars, nvars, fd);
    close(fd);
    if (pid < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "no process for the command '%s'", command);
    tool_progress_begin("running '%.80s'", command);
    timely = ended(pid, seconds);
    tool_progress_end();
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!timely)
        return cr_fail(err, CR_E_REFUSED, "the command '%s' did not end in %d s and was killed", command, seconds);
    if (WIFSIGNALED(status))
        return cr_fail(err, CR_E_REFUSED, "the command '%s' was ended by %s", command, strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status))
        return cr_fail(err, CR_E_REFUSED, "the command '%s' exited with %d", command, WEXITSTATUS(status));
    return cr_ok();
}
