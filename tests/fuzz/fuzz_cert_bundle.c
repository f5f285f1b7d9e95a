/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what an admin hands in; the passphrase of the seeds is "test". */
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>

#include "certs/cert_bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cr_status answer(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    (void)what;
    if ((*(unsigned *)arg)++ > 0)
        abort(); /* asked twice */
    return cr_buf_set(pass, "test", 4, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert_bundle bundle = {0};
    struct cr_err err = {0};
    unsigned asked = 0;
    cr_status st;

    if (size > 65536)
        return 0;
    st = cert_bundle_read(cr_bytes(data, size), answer, &asked, &bundle, &err);
    if (cr_failed(st) ? err.text[0] == '\0' || bundle.leaf.p != NULL : bundle.leaf.n == 0)
        abort();
    if (ERR_peek_error() != 0)
        abort();
    cert_bundle_clear(&bundle);
    return 0;
}
