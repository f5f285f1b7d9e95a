/* SPDX-License-Identifier: Apache-2.0 */
/* Each C_ function fails, in each place where the token layer calls it, with each CKR that a token may give: the result
 * is right or an error that names both, and the next use, of the same process, is right. */
#ifndef FAULTS_H
#define FAULTS_H

#include "mocked.h"

/* One way through the token layer. */
struct path {
    const char *name;
    bool writes;                         /* to a disk: fewer CKRs, fewer calls */
    void (*prepare)(void);               /* no fault yet */
    cr_status (*go)(struct cr_err *err); /* success: the result was checked */
    void (*clean)(void);                 /* no fault any more */
    const enum mock_function *of;
    size_t nof;
};

/* In each of its first calls. */
void faults_once(const struct path *path);
void faults_for_ever(const struct path *path);

/* Two tests of NAME_path. */
#define FAULTS_DEFINE(name)                                                                                            \
    static void name##_survives_each_call_that_fails_once(void **state)                                                \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        faults_once(&name##_path);                                                                                     \
    }                                                                                                                  \
    static void name##_ends_in_time_when_a_call_fails_for_ever(void **state)                                           \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        faults_for_ever(&name##_path);                                                                                 \
    }
#define FAULTS_TESTS(name)                                                                                             \
    cmocka_unit_test(name##_survives_each_call_that_fails_once),                                                       \
        cmocka_unit_test(name##_ends_in_time_when_a_call_fails_for_ever)
#define FAULTS_OF(list) list, CR_COUNT(list)

#endif
