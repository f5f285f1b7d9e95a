/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program it stops the clock of dates at MOCK_CLOCK (seconds since 1970), for what happens to the second. Clocks
 * that measure spans go on. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *out);
__attribute__((visibility("default"))) time_t time(time_t *out);
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict out, void *restrict zone);

int clock_gettime(clockid_t id, struct timespec *out)
{
    const char *stopped = getenv("MOCK_CLOCK");

    if (!stopped || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return (int)syscall(SYS_clock_gettime, id, out);
    *out = (struct timespec){.tv_sec = (time_t)strtoll(stopped, NULL, 10)};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now = {0};

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}
