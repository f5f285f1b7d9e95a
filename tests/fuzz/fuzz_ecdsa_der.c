/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: the field length. The rest is read as DER and, what is accepted, must come back the same; and as r||s. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void from_raw(struct cr_bytes rs)
{
    unsigned char der[160];
    struct cr_buf back = {0};
    size_t n = 0;

    if (cr_failed(cert_ecdsa_to_der(rs, der, sizeof der, &n, NULL)))
        return;
    if (n > sizeof der || cr_failed(cert_ecdsa_from_der(cr_bytes(der, n), rs.n / 2, &back, NULL)) ||
        !cr_bytes_equal(rs, cr_buf_bytes(&back)))
        abort();
    cr_buf_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char der[160];
    struct cr_buf rs = {0};
    size_t n = 0;

    if (size == 0)
        return 0;
    if (!cr_failed(cert_ecdsa_from_der(cr_bytes(data + 1, size - 1), data[0], &rs, NULL))) {
        if (rs.n != 2u * data[0] || cr_failed(cert_ecdsa_to_der(cr_buf_bytes(&rs), der, sizeof der, &n, NULL)) ||
            !cr_bytes_equal(cr_bytes(der, n), cr_bytes(data + 1, size - 1)))
            abort();
    }
    from_raw(cr_bytes(data + 1, size - 1));
    cr_buf_clear(&rs);
    return 0;
}
