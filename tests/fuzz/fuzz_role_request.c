/* SPDX-License-Identifier: Apache-2.0 */
/* A pending request: whatever bytes stand there, they are one that writes and reads the same, or a sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_request r = {0}, again = {0};
    struct cr_buf text = {0};
    struct cr_err err = {0};
    cr_status st = role_request_read(cr_bytes(data, size), &r, &err);

    if (cr_failed(st)) {
        if (err.text[0] == '\0' || r.location != NULL || r.nroles > 0)
            abort();
        return 0;
    }
    if (r.nroles == 0 || cr_failed(role_request_write(&r, &text, &err)) ||
        cr_failed(role_request_read(cr_buf_bytes(&text), &again, &err)) || strcmp(r.spki, again.spki) != 0 ||
        strcmp(r.location, again.location) != 0 || r.nroles != again.nroles || r.created != again.created ||
        !cr_bytes_equal(cr_buf_bytes(&r.csr), cr_buf_bytes(&again.csr)))
        abort();
    role_request_clear(&r);
    role_request_clear(&again);
    cr_buf_clear(&text);
    return 0;
}
