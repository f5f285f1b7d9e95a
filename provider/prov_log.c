/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cr_log.h"
#include "common/cr_time.h"
#include "prov_ctx.h"

static struct log_file {
    char path[PATH_MAX];
    int fd;
    dev_t dev;
    ino_t ino;
} file;
static atomic_bool ready; /* file may be read */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int open_file(const char *path, struct stat *is)
{
    /* Not waiting for the reader of a pipe, which is not written to either. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    if (fd >= 0 && (fstat(fd, is) != 0 || !S_ISREG(is->st_mode))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Daemons close descriptors they do not know: one that is no longer our file is not written to. The file is opened for
 * each line then, if it is still in reach. */
static void write_line(void *arg, enum cr_log_level level, const char *line)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    char text[1200], when[CR_TIME_TEXT];
    bool gone;
    struct stat now;
    int n, fd;

    (void)arg;
    if (!atomic_load(&ready))
        return;
    fd = file.fd;
    gone = fstat(fd, &now) != 0 || now.st_dev != file.dev || now.st_ino != file.ino;
    if (gone)
        fd = open_file(file.path, &now);
    n = snprintf(text, sizeof text, "%s certroll[%ld] %s: %s\n", cr_time_text(prov_now(), when), (long)getpid(),
                 words[level], line);
    if (fd >= 0 && n > 0 && (size_t)n < sizeof text && write(fd, text, (size_t)n) < 0)
        n = 0; /* nowhere to say it */
    if (gone && fd >= 0)
        (void)close(fd);
}

static void install(void)
{
    cr_log_set(write_line, NULL);
}

void prov_log_init(void)
{
    (void)pthread_once(&once, install);
}

void prov_log_open(const char *path)
{
    static atomic_flag taken = ATOMIC_FLAG_INIT;
    int saved = errno, fd;
    struct stat is;

    if (atomic_flag_test_and_set(&taken))
        return;
    fd = strlen(path) < sizeof file.path ? open_file(path, &is) : -1;
    if (fd >= 0) {
        file.fd = fd;
        file.dev = is.st_dev;
        file.ino = is.st_ino;
        memcpy(file.path, path, strlen(path) + 1);
        atomic_store(&ready, true);
    }
    errno = saved;
}
