/* SPDX-License-Identifier: Apache-2.0 */
/* pkcs11: URIs (RFC 7512) of token slots and of private keys: a strict scan of the attribute names here, decoding by
 * p11-kit. Locations come from records and PEM files that strangers may have written: nothing in one may name a PIN, a
 * file or a module. */
#ifndef TOK_URI_H
#define TOK_URI_H

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "common/cr_bytes.h"

/* A private key's location: id or object required. The caller owns *out (tok_uri_free). CR_E_INVALID; CR_E_TOKEN: no
 * libp11-kit. */
cr_status tok_uri_location(const char *text, P11KitUri **out, struct cr_err *err);
/* A token slot's URI: token, manufacturer, serial, model, slot-id; NULL, "" and "pkcs11:" select any. */
cr_status tok_uri_token(const char *text, P11KitUri **out, struct cr_err *err);
/* Is it such a URI? Without p11-kit: for configuration, which is read when no token may ever be used. */
cr_status tok_uri_token_check(const char *text, struct cr_err *err);
void tok_uri_free(P11KitUri *uri); /* or NULL */

/* Borrowed from the URI. Fields that it does not name begin with '\0'. */
CK_TOKEN_INFO *tok_uri_info(P11KitUri *uri);
CK_SLOT_ID tok_uri_slot(P11KitUri *uri);                                 /* (CK_SLOT_ID)-1: any */
CK_ATTRIBUTE *tok_uri_attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type); /* or NULL */

bool tok_uri_selects(P11KitUri *uri, const CK_TOKEN_INFO *info);
/* The object's URI: token, serial, id, and the label where there is no id. @type is CKO_PRIVATE_KEY or CKO_CERTIFICATE.
 * *out is the caller's (free). */
cr_status tok_uri_make(const CK_TOKEN_INFO *info, CK_OBJECT_CLASS type, struct cr_bytes id, struct cr_bytes label,
                       char **out, struct cr_err *err);
/* What selects this token and no other: label and serial. *out is the caller's (free). */
cr_status tok_uri_make_token(const CK_TOKEN_INFO *info, char **out, struct cr_err *err);

#endif
