/* SPDX-License-Identifier: Apache-2.0 */
/* A state directory of its own for each test, and records to put there. */
#ifndef STORES_FIXTURE_H
#define STORES_FIXTURE_H

#include "stores/store.h"

#define T0 INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

struct fixture {
    char dir[64];
    struct store *store; /* a writer */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Fails the test, printing the sentence. */
void must(cr_status st, const struct cr_err *err);
/* A record of @role with @generation, changed by @who. The caller owns it. */
struct role_record *make_record(const char *role, uint64_t generation, const char *who);
/* Saves such a record over generation - 1. */
cr_status save(struct store *store, const char *role, uint64_t generation, struct cr_err *err);
/* The generation on disk, 0 for no record; anything else fails the test. */
uint64_t generation_of(struct store *store, const char *role);
/* Writes the file DIR/NAME as it stands, mode 0644. */
void put_file(const struct fixture *f, const char *name, const char *text);
/* The whole of DIR/NAME, NUL-terminated; the caller frees it. NULL: no such file. */
char *get_file(const struct fixture *f, const char *name);

#endif
