/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.json: whatever bytes stand there, they are a list or a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "stores/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_output *list = NULL;
    struct cr_err err = {0};
    size_t n = 0;
    cr_status st = store_outputs_read(cr_bytes(data, size), &list, &n, &err);

    if (cr_failed(st) ? list != NULL || err.text[0] == '\0' : list == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        if (list[i].path[0] != '/' || (list[i].nroles > 0 && list[i].roles[list[i].nroles - 1] == NULL))
            abort();
    store_outputs_free(&list, n);
    return 0;
}
