/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a provider with a key in a token can do: no roles, no pool, no checks, no errors. Built in, named "noop". */
#ifndef NOOP_H
#define NOOP_H

#include "raw.h"

/* A key of the noop provider (loaded and activated here) that signs with @raw; one key a thread, with a session of its own. */
EVP_PKEY *noop_key(struct raw *raw, const char *alg);

#endif
