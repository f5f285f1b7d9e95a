/* SPDX-License-Identifier: Apache-2.0 */
/* Where a private key is said to stand, against where it was found: what `token relink` writes into the records. Pure. */
#ifndef TOOL_RELINK_H
#define TOOL_RELINK_H

#include <stddef.h>
#include <stdint.h>

#include "common/cr_bytes.h"

/* A location that an entry has. */
struct tool_relink_old {
    const char *location;
    bool stays;   /* the key signs there, or nobody could look */
    size_t token; /* that it is on; TOOL_RELINK_NOWHERE: not known */
};

/* A private key found by its public key. */
struct tool_relink_found {
    const char *location;
    size_t token;
};

#define TOOL_RELINK_NOWHERE SIZE_MAX
#define TOOL_RELINK_MAX     16 /* locations of one key that a process tries */

enum tool_relink_state {
    TOOL_RELINK_SAME,    /* every location is right */
    TOOL_RELINK_CHANGED, /* *out says what they become */
    TOOL_RELINK_MISSING, /* the key was found nowhere: the locations stay, wrong as they are */
    TOOL_RELINK_TWICE    /* twice on one token: nobody may choose; *twice are the two */
};

/* The locations after: those that stay, and in the place of one that goes, or behind all, each token that has the key and is
 * not among them. One that goes leaves only when another is there. @out holds up to TOOL_RELINK_MAX borrowed texts. A key
 * that stands twice on a token is no matter where a location that stays names one of them. */
enum tool_relink_state tool_relink(const struct tool_relink_old *old, size_t nold,
                                   const struct tool_relink_found *found, size_t nfound,
                                   const char *out[TOOL_RELINK_MAX], size_t *n, const char *twice[2]);

#endif
