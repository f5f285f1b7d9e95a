/* SPDX-License-Identifier: Apache-2.0 */
/* The block of `certroll enable --system` in an openssl.cnf: found, made, and proved. Pure but for the proof. */
#ifndef SYSTEM_BLOCK_H
#define SYSTEM_BLOCK_H

#include "common/cr_bytes.h"

/* Where our block stands in @text; *begin == *end == 0: nowhere. CR_E_REFUSED when taking it out would not give back the file
 * of before. */
cr_status system_block_find(struct cr_bytes text, size_t *begin, size_t *end, struct cr_err *err);

/* The block to append to @text, which has none; nothing when certroll is activated in it, after default. */
cr_status system_block_text(struct cr_bytes text, const char *module, const char *certroll_conf, struct cr_buf *out,
                            struct cr_err *err);

/* Do default, certroll and SHA-256 come of the configuration behind @fd, in a context of its own? */
bool system_block_loads(int fd);

#endif
