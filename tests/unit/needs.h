/* SPDX-License-Identifier: Apache-2.0 */
/* What a test needs of the machine: a printed skip on a person's, a failure in CI (cmocka's skip ends a program with 0,
 * which ctest calls passed). Included after cmocka.h. */
#ifndef NEEDS_H
#define NEEDS_H

#include <stdbool.h>
#include <stdlib.h>

static inline void needs(bool there, const char *what)
{
    if (there)
        return;
    if (getenv("CI") != NULL)
        fail_msg("needs %s", what);
    print_message("SKIP: needs %s\n", what);
    skip();
}

#endif
