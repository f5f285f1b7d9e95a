/* SPDX-License-Identifier: Apache-2.0 */
/* certrolld --local: settles rolls when they are due, writes files made from the records again, and runs on-change. A
 * convenience: every process flips by itself, and nothing waits for this one. One thread, woken by a timer, by a change of
 * the state directory, and by signals. */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/cr_log.h"
#include "tool_after.h"
#include "tool_parse.h"
#include "tool_role.h"

#define LONGEST_SLEEP 3600 /* metrics age, and a clock may be set without notice */
#define SHORTEST      1
#define SETTLE_MS     200 /* a change of several files is one */

struct daemon {
    const char *conf_path;
    int timer, watch, signals;
    char *watched; /* the state directory of the watches */
};

static void log_line(void *arg, enum cr_log_level level, const char *line)
{
    (void)arg;
    if (level <= CR_LOG_WARNING)
        fprintf(stderr, "certrolld: %s\n", line);
}

static const struct tool_cmd self = {.name = "certrolld", .flags = TOOL_CHANGES};

/* Records are renamed into roles/. Set before they are read, so that no change falls between; what this process itself
 * writes there costs one more pass, which changes nothing. */
static void watch_set(struct daemon *d, const char *state)
{
    const uint32_t mask = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE;
    char path[4096];

    if (d->watched && !strcmp(d->watched, state))
        return;
    free(d->watched);
    d->watched = strdup(state);
    if (d->watch >= 0)
        close(d->watch);
    d->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    snprintf(path, sizeof(path), "%s/roles", state);
    if (d->watch < 0 || inotify_add_watch(d->watch, path, mask) < 0)
        fprintf(stderr, "certrolld: %s is not watched, only looked at each hour: %s\n", path, strerror(errno));
}

/* ---- one pass ---- */

/* The first second at which any role's answer changes; @now + LONGEST_SLEEP at most. */
static int64_t next_time(struct tool *tool, size_t *n)
{
    int64_t next = tool->now + LONGEST_SLEEP;
    struct tool_role *roles = NULL;
    struct cr_err why;
    size_t nbad = 0;

    if (cr_failed(tool_roles_all(tool, &roles, n, &nbad, &why)))
        return next;
    for (size_t i = 0; i < *n; i++)
        if (roles[i].view.good_until < next)
            next = roles[i].view.good_until;
    tool_roles_free(&roles, *n);
    return next;
}

static cr_status work(struct tool *tool, struct daemon *d, int64_t *next, struct cr_err *err)
{
    size_t failed = 0, n = 0;
    const struct conf *conf;
    cr_status st, files;

    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return st;
    watch_set(d, conf->state_dir);
    st = tool_settle_all(tool, err);
    tool_unlock(tool);
    files = tool_outputs_refresh(tool, NULL, &failed, cr_failed(st) ? &(struct cr_err){0} : err);
    if (!cr_failed(st))
        st = files;
    *next = next_time(tool, &n);
    sd_notify(0, "READY=1"); /* commands may take longer than systemd waits for a start */
    tool_after_changes(tool);
    if (!cr_failed(st) && failed)
        st = cr_fail(err, CR_E_IO, "%zu file%s could not be written again: the warnings above say why", failed,
                     failed == 1 ? "" : "s");
    return st;
}

/* Everything is opened anew: the configuration may have changed. */
static bool pass(struct daemon *d, int64_t *next)
{
    struct tool tool = {.now = (int64_t)time(NULL), .cmd = &self, .conf_path = d->conf_path};
    char at[CR_TIME_TEXT];
    struct cr_err err = {0};
    cr_status st;

    *next = tool.now + LONGEST_SLEEP;
    st = work(&tool, d, next, &err);
    if (cr_failed(st))
        fprintf(stderr, "certrolld: %s\n", err.text);
    sd_notifyf(0, "STATUS=%s; next look at %s", cr_failed(st) ? err.text : "all roles settled",
               cr_time_text(*next, at));
    tool_close(&tool);
    return !cr_failed(st);
}

/* ---- waiting ---- */

/* False: the clock was set since the last wait, so @next is of another time. */
static bool timer_set(const struct daemon *d, int64_t next)
{
    int64_t soonest = (int64_t)time(NULL) + SHORTEST;
    struct itimerspec when = {.it_value.tv_sec = (time_t)(next < soonest ? soonest : next)};

    /* a step of the clock ends the wait */
    if (!timerfd_settime(d->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL))
        return true;
    if (errno == ECANCELED)
        return false;
    fprintf(stderr, "certrolld: timer: %s\n", strerror(errno));
    return true;
}

static void drain(int fd)
{
    char bytes[4096] __attribute__((aligned(8)));

    while (read(fd, bytes, sizeof(bytes)) > 0)
        ;
}

/* Until there is work; false: to end. */
static bool wait_for_work(struct daemon *d)
{
    struct pollfd fds[] = {{d->signals, POLLIN, 0}, {d->timer, POLLIN, 0}, {d->watch, POLLIN, 0}};
    struct signalfd_siginfo info;

    while (poll(fds, CR_COUNT(fds), -1) < 0 && errno == EINTR)
        ;
    if (fds[0].revents && read(d->signals, &info, sizeof(info)) == sizeof(info) && info.ssi_signo != SIGHUP)
        return false;
    if (fds[2].revents)
        poll(fds, 1, SETTLE_MS);
    drain(d->timer);
    drain(d->watch);
    return true;
}

static int run(struct daemon *d)
{
    sigset_t set;
    int64_t next;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    d->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (d->signals < 0 || d->timer < 0) {
        fprintf(stderr, "certrolld: %s\n", strerror(errno));
        return TOOL_EXIT_UNAVAILABLE;
    }
    do {
        do
            pass(d, &next);
        while (!timer_set(d, next));
        sd_notify(0, "READY=1"); /* also where the first pass could not do its work */
    } while (wait_for_work(d));
    sd_notify(0, "STOPPING=1");
    return TOOL_EXIT_OK;
}

/* ---- command line ---- */

static void help(void)
{
    puts("Usage: certrolld --local [--once] [--config PATH]\n"
         "settles due rolls, writes key sets, bundles and metrics again, and runs on-change\n\n"
         "  --local        of this server's roles; required\n"
         "  --once         one pass, then exit: 0, or 3 when something failed\n"
         "  --config PATH  the certroll.conf to use\n"
         "  --version      print the version\n"
         "  --help         this text\n\n"
         "Nothing depends on it: each process follows a roll by itself.");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"local", no_argument, NULL, 'l'},        {"once", no_argument, NULL, 'o'},
                                            {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},      {0}};
    struct daemon d = {.timer = -1, .watch = -1, .signals = -1};
    bool local = false, once = false;
    int64_t next;
    int c, code;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'l':
            local = true;
            break;
        case 'o':
            once = true;
            break;
        case 'c':
            d.conf_path = optarg;
            break;
        case 'h':
            help();
            return TOOL_EXIT_OK;
        case 'v':
            printf("certrolld %s\n", CERTROLL_VERSION);
            return TOOL_EXIT_OK;
        default:
            return TOOL_EXIT_USAGE;
        }
    }
    if (!local || optind < argc) {
        fprintf(stderr, "certrolld: %s: see certrolld --help\n",
                optind < argc ? "it takes no operand" : "say --local, for the roles of this server");
        return TOOL_EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL); /* as main.c says */
    cr_log_set(log_line, NULL);
    code = once ? (pass(&d, &next) ? TOOL_EXIT_OK : TOOL_EXIT_UNAVAILABLE) : run(&d);
    free(d.watched);
    return code;
}
