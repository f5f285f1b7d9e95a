/* SPDX-License-Identifier: Apache-2.0 */
/* Reference payloads: DER has one encoding, so what is read is exactly what writing its URI gives. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The URI is the end of the payload, behind 7 to 11 bytes of headers. */
static bool written_again(const uint8_t *data, size_t size)
{
    bool same = false;

    for (size_t head = 7; head <= 11 && head < size && !same; head++) {
        struct cr_buf der = {0};
        char text[ROLE_URI_MAX + 1];

        if (size - head > ROLE_URI_MAX)
            continue;
        memcpy(text, data + head, size - head);
        text[size - head] = '\0';
        same = !cr_failed(role_ref_write(text, &der, NULL)) && cr_bytes_equal(cr_buf_bytes(&der), cr_bytes(data, size));
        cr_buf_clear(&der);
    }
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_uri uri;
    struct cr_err err = {0};

    if (cr_failed(role_ref_read(cr_bytes(data, size), &uri, &err)))
        check(err.text[0] != '\0');
    else
        check(written_again(data, size));
    return 0;
}
