/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a record and their text: slots, uses, bindings, scopes, kid formats. */
#ifndef ROLE_WORDS_H
#define ROLE_WORDS_H

#include "common/cr_status.h"

enum role_use { ROLE_USE_TOKEN, ROLE_USE_TLS };
enum role_scope { ROLE_SCOPE_LOCAL, ROLE_SCOPE_GLOBAL };
enum role_binding { ROLE_BIND_LIVE, ROLE_BIND_PINNED };
enum role_slot { ROLE_CURRENT, ROLE_PREVIOUS, ROLE_NEXT };
enum role_kid_format { ROLE_KID_RFC7638, ROLE_KID_X5T, ROLE_KID_X5T_HEX };

/* The word of a value; static. */
const char *role_slot_text(enum role_slot slot);
const char *role_use_text(enum role_use use);
const char *role_binding_text(enum role_binding b);
const char *role_scope_text(enum role_scope scope);
const char *role_kid_format_text(enum role_kid_format format);
cr_status role_slot_parse(const char *text, enum role_slot *out, struct cr_err *err);
cr_status role_use_parse(const char *text, enum role_use *out, struct cr_err *err);
cr_status role_binding_parse(const char *text, enum role_binding *out, struct cr_err *err);
cr_status role_scope_parse(const char *text, enum role_scope *out, struct cr_err *err);
cr_status role_kid_format_parse(const char *text, enum role_kid_format *out, struct cr_err *err);
/* The fixed use of Lync's certificate types, in any case; false for any other name. */
bool role_use_known(const char *name, enum role_use *out);

#endif
