/* SPDX-License-Identifier: Apache-2.0 */
/* A pending certificate request: the key stands in a token, the answer of a CA is awaited. Pure. */
#ifndef ROLE_REQUEST_H
#define ROLE_REQUEST_H

#include "role_record.h"

#define ROLE_REQUEST_FORMAT 1
#define ROLE_REQUEST_MAX    (256 * 1024)
#define ROLE_REQUEST_ROLES  100

struct role_request {
    char spki[65]; /* of the key; the request's identity */
    char id[65];   /* CKA_ID, lower-case hex */
    char key[32];  /* "rsa:3072", ... */
    char *location;
    char *subject;
    char **roles; /* that the answer goes to; at least one */
    size_t nroles;
    bool has_use;
    enum role_use use; /* of roles that do not exist yet */
    int64_t created;
    char *who;
    struct cr_buf csr; /* PKCS#10 DER */
    json_t *extra;     /* unknown members, kept; or NULL */
};

/* Zeroes it; NULL members are fine. */
void role_request_clear(struct role_request *request);
/* Strict JSON as of records (role_codec.h). @out is cleared storage, the caller clears it, after a failure it is clear. */
cr_status role_request_read(struct cr_bytes json, struct role_request *out, struct cr_err *err);
/* Replaces @out; what was written is read back. */
cr_status role_request_write(const struct role_request *request, struct cr_buf *out, struct cr_err *err);

#endif
