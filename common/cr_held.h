/* SPDX-License-Identifier: Apache-2.0 */
/* A file kept open to see at half the price of an fstatat that it still stands unchanged under its one name: no path is
 * walked. Whoever replaces, renames or removes the file changes what fstat says of the one held. */
#ifndef CR_HELD_H
#define CR_HELD_H

#include "cr_file.h"

struct cr_held;

/* The file @name that @stamp is of. NULL, and the caller asks by name as before: another file by now, one with several
 * names, a file system that would not tell (overlay, network), no descriptor left, or enough of them held by this process.
 * The caller owns the result. errno is preserved by all functions here. */
struct cr_held *cr_held_new(int dirfd, const char *name, const struct cr_stamp *stamp);
struct cr_held *cr_held_ref(struct cr_held *held);
/* A descriptor that the host closed, and whose number is another file's now, is left alone. */
void cr_held_unref(struct cr_held **held);
/* One fstat. False says nothing yet: ask by name. */
bool cr_held_same(const struct cr_held *held);

#endif
