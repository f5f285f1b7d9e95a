/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON codec of records and certificate entries. Reading: UTF-8, one object, no duplicate member, known members
 * must have the right type and range, unknown members are kept and written back, "format" above ours is refused
 * (CR_E_UNSUPPORTED: written by a newer certroll). Times are RFC 3339, or "never". Reading what was written gives the same
 * record: writing reads it back and fails otherwise, so that no reader ever meets a record it must refuse.
 *
 * A record is flat: a slot is a certificate entry or null under its name, its times stand beside it (current_since,
 * previous_until, next_since, next_effective) exactly when it is not empty. minimum_lead and token_lifetime are null for
 * configuration's default. An entry in a slot has at least one location, and no location holds a PIN. */
#ifndef ROLE_CODEC_H
#define ROLE_CODEC_H

#include "role_record.h"

#define ROLE_FORMAT   1
#define ROLE_JSON_MAX (4 * 1024 * 1024)

/* The caller owns *out. @name names the source in errors; the record's own name must equal it when not NULL. */
cr_status role_record_read(struct cr_bytes json, const char *name, struct role_record **out, struct cr_err *err);
/* Replaces @out: members in a fixed order, indented, newline at the end. */
cr_status role_record_write(const struct role_record *rec, struct cr_buf *out, struct cr_err *err);
cr_status role_cert_read(struct cr_bytes json, struct role_cert **out, struct cr_err *err);
cr_status role_cert_write(const struct role_cert *cert, struct cr_buf *out, struct cr_err *err);

/* The stable JSON of `show --json` for one resolved role; a new reference. */
struct role_view;
cr_status role_view_json(const struct role_record *rec, const struct role_view *view, json_t **out, struct cr_err *err);

#endif
