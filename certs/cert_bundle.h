/* SPDX-License-Identifier: Apache-2.0 */
/* What an admin hands in: PKCS#12 or PEM, with key or certificates alone. Untrusted bytes, strict limits (1 MiB, 16
 * certificates). The private numbers wipe on clear. */
#ifndef CERT_BUNDLE_H
#define CERT_BUNDLE_H

#include <openssl/types.h>

#include "pkcs11/tok_key.h"

#define CERT_BUNDLE_MAX (1024 * 1024)

struct cert_bundle {
    bool has_key;
    struct tok_key key; /* with private parts when has_key */
    struct cr_buf leaf; /* DER; the certificate of the key, or without key the one no other certificate names issuer */
    struct cr_buf
        *chain; /* DER, ordered leaf's issuer first; certificates that do not belong are dropped and counted */
    size_t nchain, dropped;
    char *friendly_name; /* PKCS#12 friendlyName, or NULL */
};

/* Called when the file is encrypted; fills @pass (UTF-8). Asked at most once a file; an empty answer is a valid passphrase. */
typedef cr_status cert_pass_fn(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err);

/* PKCS#12 (DER) or PEM is seen from the bytes. Old PFX (RC2-40, 3DES, SHA-1 MAC) is read with the legacy provider in a
 * private context; empty passphrases in both encodings (none and zero-length), UTF-8 and, on failure, Latin-1 are tried.
 * More than 10 million iterations of key derivation in one file: CR_E_REFUSED before any is done.
 * Several private keys, a key that no certificate matches, no certificate, two possible leaves: CR_E_REFUSED naming them.
 * A wrong passphrase: CR_E_PIN. */
cr_status cert_bundle_read(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_bundle *out,
                           struct cr_err *err);
void cert_bundle_clear(struct cert_bundle *b);

/* Appends @der as PEM with @label ("CERTIFICATE", "CERTROLL KEY REFERENCE"). */
cr_status cert_pem_append(const char *label, struct cr_bytes der, struct cr_buf *out, struct cr_err *err);

#endif
