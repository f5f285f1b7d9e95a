/* SPDX-License-Identifier: Apache-2.0 */
/* libp11-kit, loaded when a token is first needed: a process that has the provider activated and signs nothing does not pay
 * for it (a tenth of the start of the smallest one). */
#ifndef TOK_KIT_H
#define TOK_KIT_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pin.h>
#include <p11-kit/uri.h>

#include "common/cr_status.h"

#define TOK_KIT_SONAME "libp11-kit.so.0" /* also in debian/control */

/* Each is p11_kit_NAME. */
#define TOK_KIT_FUNCTIONS(X)                                                                                           \
    X(message)                                                                                                         \
    X(module_load)                                                                                                     \
    X(module_initialize)                                                                                               \
    X(module_finalize)                                                                                                 \
    X(module_release)                                                                                                  \
    X(pin_request)                                                                                                     \
    X(pin_get_value)                                                                                                   \
    X(pin_unref)                                                                                                       \
    X(uri_new)                                                                                                         \
    X(uri_free)                                                                                                        \
    X(uri_parse)                                                                                                       \
    X(uri_format)                                                                                                      \
    X(uri_message)                                                                                                     \
    X(uri_any_unrecognized)                                                                                            \
    X(uri_get_attribute)                                                                                               \
    X(uri_set_attributes)                                                                                              \
    X(uri_get_slot_id)                                                                                                 \
    X(uri_get_token_info)                                                                                              \
    X(uri_match_token_info)

struct tok_kit {
#define TOK_KIT_FIELD(name) __typeof__(p11_kit_##name) *(name);
    TOK_KIT_FUNCTIONS(TOK_KIT_FIELD)
#undef TOK_KIT_FIELD
};

/* Loads it unless that was done. From then on, in forked children too, tok_kit() has it; before, and after a failure
 * (CR_E_TOKEN), that is NULL. Any thread. */
cr_status tok_kit_load(struct cr_err *err);
const struct tok_kit *tok_kit(void);

#endif
