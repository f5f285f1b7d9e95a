/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_pem.h"

#include <string.h>

#include "certs/cert_bundle.h"
#include "tool_jwks.h"

cr_status tool_pem_reference(const struct role_uri *uri, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0}, der = {0};
    cr_status st;

    if (!cr_failed(st = role_uri_write(uri, &text, err)) &&
        !cr_failed(st = role_ref_write((const char *)text.p, &der, err)))
        st = cert_pem_append(ROLE_REF_PEM_LABEL, cr_buf_bytes(&der), out, err);
    cr_buf_clear(&text);
    cr_buf_clear(&der);
    return st;
}

/* "NAME: VALUE" lines cannot be taken for a PEM boundary, which starts a line. */
static cr_status append_digest(const char *name, const char *hex, struct cr_buf *out, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(out, name, err)) || cr_failed(st = tool_x5t(hex, out, err)))
        return st;
    return cr_buf_append_str(out, "\n", err);
}

static cr_status append_text(const struct role_record *rec, const struct role_cert *cert, struct cr_buf *out,
                             struct cr_err *err)
{
    char kid[128];
    cr_status st;

    role_kid(rec->kid_format, cert, kid);
    if (cr_failed(st = cr_buf_printf(out, err, "role: %s\nkid: %s\n", rec->name, kid)) ||
        cr_failed(st = append_digest("x5t: ", cert->sha1, out, err)))
        return st;
    return append_digest("x5t#S256: ", cert->thumbprint, out, err);
}

cr_status tool_pem_bundle(const struct role_record *rec, const struct role_cert *cert, struct cr_buf *out,
                          struct cr_err *err)
{
    struct role_uri uri = {.has_bind = true, .bind = ROLE_BIND_PINNED};
    cr_status st;

    memcpy(uri.role, rec->name, sizeof(uri.role));
    memcpy(uri.thumbprint, cert->thumbprint, sizeof(uri.thumbprint));
    if (cr_failed(st = append_text(rec, cert, out, err)) ||
        cr_failed(st = cert_pem_append("CERTIFICATE", cr_buf_bytes(&cert->leaf), out, err)))
        return st;
    for (size_t i = 0; i < cert->nchain; i++)
        if (cr_failed(st = cert_pem_append("CERTIFICATE", cr_buf_bytes(&cert->chain[i]), out, err)))
            return st;
    return tool_pem_reference(&uri, out, err);
}
