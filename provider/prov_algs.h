/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatch tables, each defined in the file of its operation and algorithm. */
#ifndef PROV_ALGS_H
#define PROV_ALGS_H

#include <openssl/core.h>

#define PROV_SIG_RSA     "CERTROLL-RSA"
#define PROV_SIG_ECDSA   "CERTROLL-ECDSA"
#define PROV_SIG_ED25519 "CERTROLL-ED25519"
#define PROV_CIPHER_RSA  "CERTROLL-RSA"
#define PROV_EXCH_ECDH   "CERTROLL-ECDH"
#define PROV_REF         "CERTROLL-REF"
#define PROV_REF_STRUCT  "certroll-ref"

extern const OSSL_DISPATCH prov_keymgmt_rsa[], prov_keymgmt_ec[], prov_keymgmt_ed25519[], prov_keymgmt_ref[];
extern const OSSL_DISPATCH prov_sig_rsa[], prov_sig_ecdsa[], prov_sig_eddsa[];
extern const OSSL_DISPATCH prov_cipher_rsa[], prov_exch_ecdh[];
extern const OSSL_DISPATCH prov_store[];
extern const OSSL_DISPATCH prov_decoder_pem[], prov_decoder_ref[];
extern const OSSL_DISPATCH prov_encoder_spki_der[], prov_encoder_spki_pem[], prov_encoder_text[], prov_encoder_none[];

#endif
