/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a certificate: facts, domain and JWK must come or be refused, and the error queue stay empty. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_facts.h"
#include "certs/cert_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cr_bytes der = cr_bytes(data, size);
    struct cert_facts facts = {0};
    struct cert_jwk jwk = {0};
    EVP_PKEY *pkey = NULL;

    if (size > 65536)
        return 0;
    if (!cr_failed(cert_facts_read(NULL, der, &facts, NULL))) {
        if (strlen(facts.thumbprint) != 64 || strlen(facts.jkt) != 43 || facts.subject == NULL || facts.key.id.n != 20)
            abort();
        if (cr_failed(cert_jwk_members(&facts.key, &jwk, NULL)) || cr_failed(cert_pkey_of(NULL, der, &pkey, NULL)))
            abort();
        cert_jwk_clear(&jwk);
        EVP_PKEY_free(pkey);
    }
    (void)cert_has_domain(NULL, der, "example.org");
    (void)cert_is_self_signed(NULL, der);
    if (ERR_peek_error() != 0)
        abort();
    cert_facts_clear(&facts);
    return 0;
}
