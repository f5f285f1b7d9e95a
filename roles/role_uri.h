/* SPDX-License-Identifier: Apache-2.0 */
/* certroll://ROLE[;slot=current|previous|next][;thumbprint=HEX][;bind=live|pinned][;object=cert|key|all], also
 * certroll:ROLE. Grammar after RFC 7512 section 2.3 (percent-encoding in values); no query part; unknown or repeated
 * attributes and bad values are errors. And the reference payload of a PEM file. */
#ifndef ROLE_URI_H
#define ROLE_URI_H

#include "role_record.h"

enum role_object { ROLE_OBJECT_ALL, ROLE_OBJECT_CERT, ROLE_OBJECT_KEY };

struct role_uri {
    char role[ROLE_NAME_MAX + 1];
    bool has_slot, has_bind; /* a thumbprint pins: has_bind and bind are set then, slot is not */
    enum role_slot slot;     /* current when not said */
    enum role_binding bind;
    char thumbprint[65]; /* "" or 40 or 64 lower-case hex digits: SHA-1 or SHA-256 */
    enum role_object object;
};

#define ROLE_URI_MAX 512

/* CR_E_INVALID naming the URI; slot with thumbprint, and thumbprint with bind=live, contradict each other. */
cr_status role_uri_parse(const char *text, size_t len, struct role_uri *out, struct cr_err *err);
/* Canonical text, replaced in @out; parsing it gives the same struct. */
cr_status role_uri_write(const struct role_uri *uri, struct cr_buf *out, struct cr_err *err);

#define ROLE_REF_PEM_LABEL "CERTROLL KEY REFERENCE"
#define ROLE_REF_FORMAT    1

/* DER SEQUENCE { INTEGER 1, UTF8String uri } and back; strict DER, nothing behind it, a higher number is CR_E_UNSUPPORTED. */
cr_status role_ref_write(const char *uri, struct cr_buf *out, struct cr_err *err);
cr_status role_ref_read(struct cr_bytes der, struct role_uri *out, struct cr_err *err);

#endif
