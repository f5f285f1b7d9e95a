/* SPDX-License-Identifier: Apache-2.0 */
#include "traced.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static pid_t start(int (*work)(void *), void *arg)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(126);
        (void)raise(SIGSTOP);
        _exit(work(arg));
    }
    return pid;
}

/* Is the child stopped at the entry of a call? Its number goes to @nr. */
static bool at_entry(pid_t pid, int status, long *nr)
{
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof info);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
        return false;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0)
        die("PTRACE_GET_SYSCALL_INFO");
    *nr = (long)info.entry.nr;
    return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static int signal_to_pass(int status)
{
    int sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

    return sig == SIGSTOP || sig == SIGTRAP || sig == (SIGTRAP | 0x80) ? 0 : sig;
}

void traced_run(int (*work)(void *), void *arg, unsigned kill_at, struct traced *out)
{
    pid_t pid = start(work, arg);
    int status = 0;

    memset(out, 0, sizeof *out);
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        die("the child did not stop");
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0)
        die("PTRACE_SETOPTIONS");
    for (;;) {
        long nr = 0;

        if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal_to_pass(status)) != 0)
            die("PTRACE_SYSCALL");
        if (waitpid(pid, &status, 0) != pid)
            die("waitpid");
        if (WIFEXITED(status) || WIFSIGNALED(status))
            break;
        if (!at_entry(pid, status, &nr))
            continue;
        if (out->calls < TRACED_MAX)
            out->nr[out->calls] = nr;
        if (++out->calls == kill_at) {
            if (kill(pid, SIGKILL) != 0 || waitpid(pid, &status, 0) != pid)
                die("kill");
            break;
        }
    }
    out->killed = WIFSIGNALED(status);
    out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool traced_allowed(void)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
