/* SPDX-License-Identifier: Apache-2.0 */
/* Only these functions take no library context; SHA1() and EVP_Q_digest fetch from one. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "cert_hash.h"

#include <openssl/sha.h>

void cert_sha1(struct cr_bytes in, unsigned char out[20])
{
    SHA_CTX ctx;

    (void)SHA1_Init(&ctx); /* these cannot fail */
    (void)SHA1_Update(&ctx, in.p, in.n);
    (void)SHA1_Final(out, &ctx);
}

void cert_sha256(struct cr_bytes in, unsigned char out[32])
{
    SHA256_CTX ctx;

    (void)SHA256_Init(&ctx);
    (void)SHA256_Update(&ctx, in.p, in.n);
    (void)SHA256_Final(out, &ctx);
}
