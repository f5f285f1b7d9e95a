/* SPDX-License-Identifier: Apache-2.0 */
/* What an admin types for a certificate: subject, alternative names, purposes, kind of key. */
#ifndef CERT_WORDS_H
#define CERT_WORDS_H

#include <openssl/x509v3.h>

#include "pkcs11/tok_key.h"

/* RFC 4514 ("CN=www.example.org,O=Example,C=DE", the most particular first; \ escapes, + joins) or OpenSSL's
 * ("/C=DE/O=Example/CN=www.example.org"). The caller owns *out (X509_NAME_free). CR_E_USAGE. */
cr_status cert_subject_parse(const char *text, X509_NAME **out, struct cr_err *err);
/* As facts' subject. The caller owns *out (free). */
cr_status cert_subject_text(const X509_NAME *name, char **out, struct cr_err *err);
/* "dns:NAME,ip:ADDRESS,email:ADDRESS,uri:URI". The caller owns *out (GENERAL_NAMES_free). CR_E_USAGE. */
cr_status cert_san_parse(const char *text, GENERAL_NAMES **out, struct cr_err *err);
/* "serverAuth,clientAuth,1.2.3.4". The caller owns *out (EXTENDED_KEY_USAGE_free). CR_E_USAGE. */
cr_status cert_eku_parse(const char *text, EXTENDED_KEY_USAGE **out, struct cr_err *err);
/* "rsa:2048" to "rsa:16384" by 8, "ec:P-256", "ec:P-384", "ec:P-521", "ed25519": type, bits and curve into @out, which the
 * caller clears. CR_E_USAGE. */
cr_status cert_kind_parse(const char *text, struct tok_key *out, struct cr_err *err);
/* Bytes of the public point of that kind; 0 for RSA. */
size_t cert_kind_point(const struct tok_key *kind);

#endif
