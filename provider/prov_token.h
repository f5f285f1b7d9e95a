/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through the signer seam, marked as such for this thread: a PKCS#11 module that itself uses libcrypto may come
 * back to us, and is refused then (CR_E_REFUSED). Keeps errno. After the first contact, tok_process_exiting is registered
 * with atexit, behind the module's own destructors. */
#ifndef PROV_TOKEN_H
#define PROV_TOKEN_H

#include "certs/cert_key.h"
#include "prov_ctx.h"
#include "roles/role_record.h"

/* Fails inside a token call of this thread. */
cr_status prov_token_outside(struct cr_err *err);

cr_status prov_token_find(struct prov_ctx *ctx, const struct role_cert *cert, const struct tok_key *pub,
                          struct cert_probe *probe, struct tok_object **out, struct cr_err *err);
cr_status prov_token_sign(struct prov_ctx *ctx, struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in,
                          unsigned char *out, size_t size, size_t *n, struct cr_err *err);
cr_status prov_token_decrypt(struct prov_ctx *ctx, struct tok_object *obj, const struct tok_mech *mech,
                             struct cr_bytes in, unsigned char *out, size_t size, size_t *n, struct cr_err *err);
cr_status prov_token_derive(struct prov_ctx *ctx, struct tok_object *obj, struct cr_bytes peer, unsigned char *out,
                            size_t size, size_t *n, struct cr_err *err);

#endif
