/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture's token behind the mock: what a test breaks and counts. */
#ifndef MOCKED_H
#define MOCKED_H

#include "fixture.h"
#include "tests/mock/mock_count.h"

struct mocked {
    struct fixture f;
    struct mock_counts *counts;
    struct tok_conf conf; /* of mocked_open; changed by tests */
    EVP_PKEY *pkey;       /* EC, on the token */
    char *location;
    struct tok_key pub;
    char own_module[128]; /* of mocked_module_own */
    char pin[32];         /* what mocked_pin gives: FIXTURE_PIN at first */
    unsigned pins_asked;
};

extern struct mocked mocked;

/* Makes the token with the key on it and leaves it closed. */
void mocked_make(void);
void mocked_remove(void);
/* The same as the fixtures of a group of tests. */
int mocked_setup(void **state);
int mocked_teardown(void **state);
/* Opens it by mocked.conf; nothing if it is open. */
void mocked_open(void);
void mocked_close(void);

tok_pin_fn mocked_pin;
/* The token wants @pin from now on, and mocked_pin gives @given. */
void mocked_pin_set(const char *pin, const char *given);

/* A copy of the mock is the module from now on: no other test waits for its turn to import there, nor keeps us waiting. */
void mocked_module_own(void);

/* Finds the key; *out is the caller's. */
cr_status mocked_find(struct tok_object **out, struct cr_err *err);
/* Finds, signs, verifies; opens if need be. */
cr_status mocked_sign(struct cr_err *err);
/* The same, and it has to succeed. */
void mocked_sign_ok(void);

unsigned long mocked_calls(enum mock_function of);
/* Until that many were made, the last of them perhaps no further than to its delay; fails when that takes a minute. */
void mocked_calls_wait(enum mock_function of, unsigned long n);
/* The token is itself again: no fault, no personality but its PIN; sums of what was seen begin anew. */
void mocked_heal(void);

#endif
