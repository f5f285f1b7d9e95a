/* SPDX-License-Identifier: Apache-2.0 */
/* An openssl.cnf: whatever stands in it, a block is found again where it was appended, or there is a sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append(struct cr_bytes text)
{
    struct cr_buf block = {0}, whole = {0};
    struct cr_err err = {0};
    size_t begin = 0, end = 0;
    cr_status st = system_block_text(text, "/certroll.so", "/certroll.conf", &block, &err);

    if (cr_failed(st) && (block.n || !err.text[0]))
        abort();
    if (block.n) {
        if (cr_failed(cr_buf_append(&whole, text.p, text.n, NULL)) ||
            cr_failed(cr_buf_append(&whole, block.p, block.n, NULL)) ||
            cr_failed(system_block_find(cr_buf_bytes(&whole), &begin, &end, NULL)) || begin != text.n || end != whole.n)
            abort();
    }
    cr_buf_clear(&block);
    cr_buf_clear(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cr_buf text = {0}; /* with a zero byte behind it, as files are read */
    struct cr_err err = {0};
    size_t begin = 0, end = 0;
    cr_status st;

    /* what .include opens is not this target's business */
    if (size > 65536 || memmem(data, size, ".include", 8) || cr_failed(cr_buf_set(&text, data, size, NULL)))
        return 0;
    st = system_block_find(cr_buf_bytes(&text), &begin, &end, &err);
    if (cr_failed(st) ? !err.text[0] : begin > end || end > size)
        abort();
    if (!cr_failed(st) && !end)
        append(cr_buf_bytes(&text));
    cr_buf_clear(&text);
    return 0;
}
