/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate entries: what is read can be written and reads back to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_cert *cert = NULL, *again = NULL, *copy = NULL;
    struct cr_buf one = {0}, two = {0};
    struct cr_err err = {0};
    char kid[128];

    if (cr_failed(role_cert_read(cr_bytes(data, size), &cert, &err))) {
        check(cert == NULL && err.text[0] != '\0');
        return 0;
    }
    check(!cr_failed(role_cert_write(cert, &one, &err)));
    check(!cr_failed(role_cert_read(cr_buf_bytes(&one), &again, &err)));
    check(!cr_failed(role_cert_dup(again, &copy, &err)));
    check(!cr_failed(role_cert_write(copy, &two, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two)));
    for (int f = ROLE_KID_RFC7638; f <= ROLE_KID_X5T_HEX; f++) {
        role_kid((enum role_kid_format)f, cert, kid);
        check(kid[0] != '\0' && strlen(kid) <= ROLE_KID_MAX);
    }
    role_cert_unref(&cert);
    role_cert_unref(&again);
    role_cert_unref(&copy);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
    return 0;
}
