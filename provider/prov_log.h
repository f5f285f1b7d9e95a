/* SPDX-License-Identifier: Apache-2.0 */
/* The opt-in log file (log = in certroll.conf), opened at load and appended to line by line. The first provider instance
 * that names one decides for the process; nothing is ever written to stderr. */
#ifndef PROV_LOG_H
#define PROV_LOG_H

/* Directs this module's messages here, once a process; before anything is said. */
void prov_log_init(void);
/* A file that cannot be opened is no reason not to sign: it is then silent. */
void prov_log_open(const char *path);

#endif
