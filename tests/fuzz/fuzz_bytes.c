/* SPDX-License-Identifier: Apache-2.0 */
/* Hex and base64: bytes come back from their text, and base64 that decodes has that one text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void bytes_come_back(struct cr_bytes in)
{
    struct cr_buf text = {0}, back = {0};
    char *hex = malloc(2 * in.n + 1);

    check(hex != NULL);
    cr_hex(in, hex);
    check(!cr_failed(cr_unhex(hex, &back, NULL)) && cr_bytes_equal(cr_buf_bytes(&back), in));
    check(!cr_failed(cr_base64(in, &text, NULL)));
    check(!cr_failed(cr_unbase64(cr_buf_bytes(&text), &back, NULL)) && cr_bytes_equal(cr_buf_bytes(&back), in));
    cr_buf_clear(&text);
    check(!cr_failed(cr_base64url(in, &text, NULL)));
    check(text.n == (in.n * 4 + 2) / 3 && (text.n == 0 || memchr(text.p, '=', text.n) == NULL));
    check(!cr_failed(cr_unbase64url(cr_buf_bytes(&text), &back, NULL)) && cr_bytes_equal(cr_buf_bytes(&back), in));
    cr_buf_clear(&text);
    cr_buf_clear(&back);
    free(hex);
}

/* Strict decoding accepts only what encoding writes. */
static void text_is_canonical(struct cr_bytes text)
{
    struct cr_buf got = {0}, again = {0};
    struct cr_err err = {0};

    if (cr_failed(cr_unbase64(text, &got, &err))) {
        check(err.code == CR_E_INVALID && got.p == NULL);
        return;
    }
    check(!cr_failed(cr_base64(cr_buf_bytes(&got), &again, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&again), text));
    cr_buf_clear(&got);
    cr_buf_clear(&again);
}

static void url_text_is_canonical(struct cr_bytes text)
{
    struct cr_buf got = {0}, again = {0};
    struct cr_err err = {0};

    if (cr_failed(cr_unbase64url(text, &got, &err))) {
        check(err.code == CR_E_INVALID && got.p == NULL);
        return;
    }
    check(!cr_failed(cr_base64url(cr_buf_bytes(&got), &again, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&again), text));
    cr_buf_clear(&got);
    cr_buf_clear(&again);
}

static void hex_is_read_or_refused(const char *text)
{
    struct cr_buf got = {0}, again = {0};
    struct cr_err err = {0};
    char *hex;

    if (cr_failed(cr_unhex(text, &got, &err))) {
        check(err.code == CR_E_INVALID && got.p == NULL);
        return;
    }
    hex = malloc(2 * got.n + 1);
    check(hex != NULL);
    cr_hex(cr_buf_bytes(&got), hex);
    check(!cr_failed(cr_unhex(hex, &again, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&got), cr_buf_bytes(&again)));
    cr_buf_clear(&got);
    cr_buf_clear(&again);
    free(hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);

    check(text != NULL);
    bytes_come_back(cr_bytes(data, size));
    text_is_canonical(cr_bytes(data, size));
    url_text_is_canonical(cr_bytes(data, size));
    hex_is_read_or_refused(text);
    free(text);
    return 0;
}
