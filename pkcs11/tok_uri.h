/* SPDX-License-Identifier: Apache-2.0 */
/* pkcs11: URIs (RFC 7512) of token slots and of private keys: a strict scan of the attribute names here, decoding by
 * p11-kit. Locations come from records and PEM files that strangers may have written: nothing in one may name a PIN, a
 * file or a module. */
#ifndef TOK_URI_H
#define TOK_URI_H

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "common/cr_bytes.h"

/* A private key's location: id or object required. The caller owns *out (p11_kit_uri_free). CR_E_INVALID. */
cr_status tok_uri_location(const char *text, P11KitUri **out, struct cr_err *err);
/* A token slot's URI: token, manufacturer, serial, model, slot-id; NULL, "" and "pkcs11:" select any. */
cr_status tok_uri_token(const char *text, P11KitUri **out, struct cr_err *err);

bool tok_uri_selects(P11KitUri *uri, const CK_TOKEN_INFO *info);
/* The object's URI: token, serial, id, and the label where there is no id. @type is CKO_PRIVATE_KEY or CKO_CERTIFICATE.
 * *out is the caller's (free). */
cr_status tok_uri_make(const CK_TOKEN_INFO *info, CK_OBJECT_CLASS type, struct cr_bytes id, struct cr_bytes label,
                       char **out, struct cr_err *err);

#endif
