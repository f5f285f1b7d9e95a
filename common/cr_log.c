/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static cr_log_fn *sink;
static void *sink_arg;

void cr_log_set(cr_log_fn *fn, void *arg)
{
    sink = fn;
    sink_arg = arg;
}

void cr_log(enum cr_log_level level, const char *fmt, ...)
{
    int saved = errno;
    char line[1024];
    va_list ap;

    if (sink == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    sink(sink_arg, level, line);
    errno = saved;
}
