/* SPDX-License-Identifier: Apache-2.0 */
/* certrolld with a wall clock that a test can set: this machine's own plus the seconds in the file STEP_CLOCK names. Linked
 * into certrolld in place of time(2), timerfd_create(2), timerfd_settime(2) and, for that descriptor, read(2), with what
 * the manual and Linux's fs/timerfd.c say of CLOCK_REALTIME: a timer of an absolute time runs out when the clock gets
 * there, by a step as well; with TFD_TIMER_CANCEL_ON_SET a step makes the descriptor readable, and the next read or
 * settime, which sets the timer all the same, fails with ECANCELED; without it nobody is told. One timer a process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LOOK_US 10000

time_t __wrap_time(time_t *out);
int __wrap_timerfd_create(clockid_t clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old);
ssize_t __wrap_read(int fd, void *bytes, size_t n);
ssize_t __real_read(int fd, void *bytes, size_t n);

static pthread_mutex_t timer_lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static int timer_fd = -1;
static time_t timer_at; /* 0: not set */
static long long timer_offset;
static bool timer_cancels, timer_cancelled;

static long long offset_read(void)
{
    const char *path = getenv("STEP_CLOCK");
    char text[32] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : __real_read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n < 1)
        abort();
    return atoll(text);
}

static time_t now(long long offset)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec + (time_t)offset;
}

time_t __wrap_time(time_t *out)
{
    time_t t = now(offset_read());

    if (out)
        *out = t;
    return t;
}

/* With the lock: a step since the last look, a time that has come. */
static void look(void)
{
    long long offset = offset_read();

    if (offset != timer_offset && timer_cancels) {
        timer_cancelled = true;
        eventfd_write(timer_fd, 1);
    }
    timer_offset = offset;
    if (timer_at && now(offset) >= timer_at) {
        timer_at = 0;
        eventfd_write(timer_fd, 1);
    }
}

static void *watch(void *arg)
{
    for (;; usleep(LOOK_US)) {
        pthread_mutex_lock(&timer_lock);
        look();
        pthread_mutex_unlock(&timer_lock);
    }
    return arg;
}

int __wrap_timerfd_create(clockid_t clock, int flags)
{
    pthread_t thread;

    if (clock != CLOCK_REALTIME || flags != (TFD_CLOEXEC | TFD_NONBLOCK) || timer_fd >= 0)
        abort();
    timer_offset = offset_read();
    timer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (timer_fd < 0 || pthread_create(&thread, NULL, watch, NULL) || pthread_detach(thread))
        abort();
    return timer_fd;
}

static bool cancelled_take(void)
{
    bool was = timer_cancelled;

    timer_cancelled = false;
    return was;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old)
{
    eventfd_t count;
    bool cancelled;

    if (fd != timer_fd || !(flags & TFD_TIMER_ABSTIME) || !when->it_value.tv_sec || old)
        abort();
    pthread_mutex_lock(&timer_lock);
    look();
    eventfd_read(fd, &count);
    cancelled = cancelled_take();
    timer_at = when->it_value.tv_sec;
    timer_cancels = flags & TFD_TIMER_CANCEL_ON_SET;
    pthread_mutex_unlock(&timer_lock);
    if (cancelled)
        errno = ECANCELED;
    return cancelled ? -1 : 0;
}

ssize_t __wrap_read(int fd, void *bytes, size_t n)
{
    eventfd_t count;
    bool cancelled;
    ssize_t got;

    if (fd < 0 || fd != timer_fd)
        return __real_read(fd, bytes, n);
    pthread_mutex_lock(&timer_lock);
    cancelled = cancelled_take();
    got = __real_read(fd, &count, sizeof(count));
    pthread_mutex_unlock(&timer_lock);
    if (cancelled) {
        errno = ECANCELED;
        return -1;
    }
    if (got == sizeof(count) && n >= sizeof(count))
        memcpy(bytes, &count, sizeof(count));
    return got;
}
