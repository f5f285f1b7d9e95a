/* SPDX-License-Identifier: Apache-2.0 */
/* The temporary files of cr_file_replace and cr_path_replace. Who writes one holds a lock on it (flock) up to its rename, which
 * ends with the process whatever ends that: one that can be locked is a killed writer's. */
#ifndef CR_TEMP_H
#define CR_TEMP_H

#include "cr_status.h"

/* Creates @temp (0600), which must not exist, and locks it. *fd is the caller's; closing it gives the lock up. */
cr_status cr_temp_open(int dirfd, const char *temp, int *fd, struct cr_err *err);

/* Removes what killed writers left in the directory: ".NAME.PID.tmp" of this @name, or with NULL everything of the form
 * ".*.tmp", for a directory of our own. What cannot be looked at stays. */
void cr_temp_sweep(int dirfd, const char *name);

#endif
