/* SPDX-License-Identifier: Apache-2.0 */
/* The functions with a personality, put between the counting module and its target. */
#ifndef MOCK_HOOKS_H
#define MOCK_HOOKS_H

#include "mock_persona.h"

struct ck_function_list;

/* @persona and @seen are mapped for ever. */
void mock_hooks_install(struct ck_function_list *target, struct ck_function_list *behind, struct mock_persona *persona,
                        struct mock_seen *seen);

/* Those that know of PINs (mock_auth.c). */
void mock_auth_install(struct ck_function_list *target, struct ck_function_list *behind, struct mock_persona *persona,
                       struct mock_seen *seen);
void mock_auth_closed(unsigned long session);

#endif
