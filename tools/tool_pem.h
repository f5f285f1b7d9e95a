/* SPDX-License-Identifier: Apache-2.0 */
/* Reference files and bundles: what a program gets that wants a file. No secret stands in them. Pure. */
#ifndef TOOL_PEM_H
#define TOOL_PEM_H

#include "roles/role_uri.h"

/* Appends the reference of @uri as PEM. */
cr_status tool_pem_reference(const struct role_uri *uri, struct cr_buf *out, struct cr_err *err);

/* Appends kid and x5t as leading text, leaf, chain and the reference by thumbprint of @cert of role @rec. */
cr_status tool_pem_bundle(const struct role_record *rec, const struct role_cert *cert, struct cr_buf *out,
                          struct cr_err *err);

#endif
