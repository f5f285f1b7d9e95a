/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL itself takes to load through a provider: one that has a fixed certificate and a fixed key, and does nothing
 * else. Schemes and labels of its own, so that it is measured beside ours. */
#ifndef FLOOR_H
#define FLOOR_H

#include <openssl/types.h>
#include <stddef.h>

#define FLOOR_URI   "floor:"
#define FLOOR_LABEL "FLOOR KEY REFERENCE"

/* Activates it in @libctx, with or without its decoders. @cert and @n stay the caller's and stay; @type is RSA or EC. */
void floor_activate(OSSL_LIB_CTX *libctx, int decoders, const char *type, unsigned char *cert, size_t n);

#endif
