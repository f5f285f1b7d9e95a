/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever text comes in, what goes out has no markup in it and is UTF-8 without characters that steer. */
#include "tools/html.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cr_buf in = {0}, out = {0};
    struct html h = {&out, cr_ok(), NULL};
    json_t *text;

    if (size > 65536 || cr_failed(cr_buf_set(&in, data, size, NULL)))
        return 0;
    html_text(&h, (const char *)in.p);
    if (cr_failed(h.st))
        abort();
    if (out.n) {
        if (strpbrk((const char *)out.p, "<>\"'\x1b\x7f") || strlen((const char *)out.p) != out.n)
            abort();
        text = json_stringn((const char *)out.p, out.n); /* refuses what is no UTF-8 */
        if (!text)
            abort();
        json_decref(text);
    }
    cr_buf_clear(&in);
    cr_buf_clear(&out);
    return 0;
}
