/* SPDX-License-Identifier: Apache-2.0 */
/* Small strict steps between jansson and our types, for the codecs of this folder. Errors name the member. */
#ifndef ROLE_JSON_H
#define ROLE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "common/cr_bytes.h"
#include "common/cr_time.h"

/* One JSON object of at most @max bytes, UTF-8, no duplicate member, nothing behind it. The caller owns *out. */
cr_status role_json_load(struct cr_bytes text, size_t max, json_t **out, struct cr_err *err);
/* Replaces @out by @json in jansson's @flags. */
cr_status role_json_dump(const json_t *json, size_t flags, struct cr_buf *out, struct cr_err *err);

/* A required member. Text is borrowed. */
cr_status role_json_text(const json_t *obj, const char *name, const char **out, struct cr_err *err);
cr_status role_json_int(const json_t *obj, const char *name, int64_t min, int64_t max, int64_t *out,
                        struct cr_err *err);
/* RFC 3339, or "never" for CR_TIME_NEVER. */
cr_status role_json_time(const json_t *obj, const char *name, int64_t *out, struct cr_err *err);
/* @digits lower-case hex digits; @out has room for one more. */
cr_status role_json_hex(const json_t *obj, const char *name, size_t digits, char *out, struct cr_err *err);
/* Standard base64 of at least one byte; replaces @out. */
cr_status role_json_base64(const json_t *value, const char *name, struct cr_buf *out, struct cr_err *err);
/* An array of at most @max items; borrowed. */
cr_status role_json_array(const json_t *obj, const char *name, size_t max, json_t **out, struct cr_err *err);
/* Missing or null? */
bool role_json_absent(const json_t *obj, const char *name);
/* "format" from 1 to @newest; above it CR_E_UNSUPPORTED. */
cr_status role_json_format(const json_t *obj, int newest, struct cr_err *err);
/* The members whose name is not among @known (NULL-terminated), or NULL; the caller owns *out. */
cr_status role_json_extra(json_t *obj, const char *const *known, json_t **out, struct cr_err *err);

/* Writing: put remembers the first member that failed, done reports it. @value's reference is taken. */
struct role_json_out {
    json_t *obj;
    const char *failed;
};
void role_json_put(struct role_json_out *o, const char *name, json_t *value);
void role_json_put_text(struct role_json_out *o, const char *name, const char *text); /* NULL gives null */
/* Text from outside that may not be UTF-8: foreign bytes become '?', so that a change is never refused for them. */
void role_json_put_foreign(struct role_json_out *o, const char *name, const char *text);
void role_json_put_time(struct role_json_out *o, const char *name, int64_t t);
void role_json_put_base64(struct role_json_out *o, const char *name, struct cr_bytes bytes);
/* Adds the members of @extra (may be NULL). */
void role_json_put_extra(struct role_json_out *o, json_t *extra);
/* A new string with the base64 of @bytes, or NULL. */
json_t *role_json_base64_new(struct cr_bytes bytes);
/* *out gets the object, or it is released and the failure reported. */
cr_status role_json_done(struct role_json_out *o, json_t **out, struct cr_err *err);

#endif
