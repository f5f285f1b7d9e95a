/* SPDX-License-Identifier: Apache-2.0 */
/* A secret that is kept for long: in pages of its own, which stand in no core file and, where the limits allow it, on no
 * swap device. Children of fork() have it. Zero-initialise it. */
#ifndef CR_SECRET_H
#define CR_SECRET_H

#include "cr_bytes.h"

struct cr_secret {
    unsigned char *p;
    size_t n, size; /* of the secret, of its pages */
};

/* Replaces what is in @s; on CR_E_NOMEM it is unchanged. Nothing of @what is CR_E_INVALID. */
cr_status cr_secret_set(struct cr_secret *s, struct cr_bytes what, struct cr_err *err);
/* Borrowed until it is set or cleared. */
static inline struct cr_bytes cr_secret_bytes(const struct cr_secret *s)
{
    return cr_bytes(s->p, s->n);
}
/* Wipes and gives the pages back. */
void cr_secret_clear(struct cr_secret *s);

#endif
