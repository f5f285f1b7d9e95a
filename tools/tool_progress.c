/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_progress.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static pthread_t thread;
static bool running; /* these three of the main thread alone */
static unsigned begun;
static int ending = -1;
static char what[160];
static pthread_mutex_t line = PTHREAD_MUTEX_INITIALIZER;
static bool shown; /* these two under the lock */
static unsigned paused;

static void erase(void)
{
    if (shown)
        dprintf(STDERR_FILENO, "\r\033[K");
    shown = false;
}

static void *tell(void *arg)
{
    struct pollfd end = {.fd = ending, .events = POLLIN};

    for (int seconds = 1; poll(&end, 1, 1000) == 0; seconds++) {
        pthread_mutex_lock(&line);
        if (!paused) {
            dprintf(STDERR_FILENO, "\r\033[Kcertroll: %s ... %d s", what, seconds);
            shown = true;
        }
        pthread_mutex_unlock(&line);
    }
    return arg;
}

/* Signals are the main thread's. */
void tool_progress_begin(const char *fmt, ...)
{
    const char *term = getenv("TERM");
    sigset_t all, before;
    va_list ap;

    if (begun++ || !isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb") || (ending = eventfd(0, EFD_CLOEXEC)) < 0)
        return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    running = pthread_create(&thread, NULL, tell, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!running)
        close(ending);
}

void tool_progress_end(void)
{
    if (!begun || --begun || !running)
        return;
    (void)eventfd_write(ending, 1); /* its first: there is room */
    pthread_join(thread, NULL);
    close(ending);
    running = false;
    erase();
}

void tool_progress_pause(void)
{
    pthread_mutex_lock(&line);
    paused++;
    erase();
    pthread_mutex_unlock(&line);
}

void tool_progress_resume(void)
{
    pthread_mutex_lock(&line);
    paused--;
    pthread_mutex_unlock(&line);
}
