/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate entries as JSON objects: in certs/SHA256.json and inside records. */
#ifndef ROLE_CERT_JSON_H
#define ROLE_CERT_JSON_H

#include "role_record.h"

/* "rsa:2048", "ec:P-256", ..., "ed25519"? */
bool role_key_valid(const char *key);

/* The caller owns *out. */
cr_status role_cert_from_json(json_t *obj, struct role_cert **out, struct cr_err *err);
cr_status role_cert_to_json(const struct role_cert *cert, json_t **out, struct cr_err *err);

#endif
