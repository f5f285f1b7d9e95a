/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_curves.h"

#include <string.h>

static const unsigned char p256_oid[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
static const unsigned char p384_oid[] = {6, 5, 0x2b, 0x81, 4, 0, 0x22};
static const unsigned char p521_oid[] = {6, 5, 0x2b, 0x81, 4, 0, 0x23};

static const struct cert_curve curves[] = {
    {256, 32, "P-256", "prime256v1", "ES256", {p256_oid, sizeof p256_oid}},
    {384, 48, "P-384", "secp384r1", "ES384", {p384_oid, sizeof p384_oid}},
    {521, 66, "P-521", "secp521r1", "ES512", {p521_oid, sizeof p521_oid}},
};

const struct cert_curve *cert_curve_by_group(const char *group)
{
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        if (strcmp(curves[i].group, group) == 0 || strcmp(curves[i].name, group) == 0)
            return &curves[i];
    }
    return NULL;
}

const struct cert_curve *cert_curve_of(const struct tok_key *key)
{
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        if (cr_bytes_equal(curves[i].oid, cr_buf_bytes(&key->ec_params)))
            return &curves[i];
    }
    return NULL;
}
