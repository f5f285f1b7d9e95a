/* SPDX-License-Identifier: Apache-2.0 */
/* What the sleeping token holds, and its functions of sessions, objects and signatures. */
#ifndef MOCK_SLEEP_H
#define MOCK_SLEEP_H

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
#include <stddef.h>

#define SLEEP_KEYS_MAX 16

struct sleep_bytes {
    unsigned char *p;
    size_t n;
};

struct sleep_key {
    ck_key_type_t type;
    struct sleep_bytes id, pub, signature;
};

struct sleep_token {
    char label[33], serial[17], manufacturer[33], model[17];
    struct sleep_key keys[SLEEP_KEYS_MAX];
    size_t nkeys;
};

extern struct sleep_token sleep_token;

/* Reads the token's file; called once, before any other function. */
void sleep_objects_install(struct ck_function_list *behind);

#endif
