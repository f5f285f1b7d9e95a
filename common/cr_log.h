/* SPDX-License-Identifier: Apache-2.0 */
/* A log sink that the host installs once before threads start; without one, messages are dropped. Never a secret. */
#ifndef CR_LOG_H
#define CR_LOG_H

enum cr_log_level { CR_LOG_ERROR, CR_LOG_WARNING, CR_LOG_INFO, CR_LOG_DEBUG };

typedef void cr_log_fn(void *arg, enum cr_log_level level, const char *line);

void cr_log_set(cr_log_fn *fn, void *arg);
void cr_log(enum cr_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
