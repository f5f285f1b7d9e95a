/* SPDX-License-Identifier: Apache-2.0 */
/* A PKCS#11 module used without anything between: the floor of every provider. Ends the process when a call fails. */
#ifndef RAW_H
#define RAW_H

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#include "bench.h"

struct raw {
    struct ck_function_list *p11;
    ck_slot_id_t slot;
    ck_session_handle_t session; /* logged in */
    ck_object_handle_t key;
};

/* dlopen. */
void raw_load(struct raw *raw, const struct bench *b);
/* raw_load and raw_start. */
void raw_open(struct raw *raw, const struct bench *b);
/* C_Initialize, the token named --label, a session, the login, the private key with --id. */
void raw_start(struct raw *raw, const struct bench *b);
ck_session_handle_t raw_session(struct raw *raw);
/* A copy of the key as an object of a session. */
void raw_copy(struct raw *raw, ck_session_handle_t session);
/* C_SignInit and C_Sign of a digest; no more. */
bool raw_sign(struct ck_function_list *p11, ck_session_handle_t session, ck_object_handle_t key, const char *alg,
              const unsigned char digest[32], unsigned char *sig, unsigned long *n);

#endif
