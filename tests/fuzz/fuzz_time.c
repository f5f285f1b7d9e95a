/* SPDX-License-Identifier: Apache-2.0 */
/* Dates: what parses is written as a text that parses to the same; WHEN never runs over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_when(const char *text, int64_t now, int64_t offset)
{
    struct cr_err err = {0};
    int64_t v = -1, d = -1;

    if (cr_failed(cr_when_parse(text, now, offset, &v, &err))) {
        check(err.code == CR_E_INVALID && err.text[0] != '\0' && v == -1);
        return;
    }
    check(v >= 0);
    if (text[0] == '+')
        check(!cr_failed(cr_duration_parse(text + 1, &d, &err)) && d >= 0 && v == now + d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), back[CR_TIME_TEXT];
    struct cr_err err = {0};
    int64_t t = -1, again = -1;

    check(text != NULL);
    if (cr_failed(cr_time_parse(text, &t, &err))) {
        check(err.code == CR_E_INVALID && err.text[0] != '\0' && t == -1);
    } else {
        check(!cr_failed(cr_time_parse(cr_time_text(t, back), &again, &err)) && again == t);
        (void)cr_time_distance(t, INT64_MAX, back);
    }
    check_when(text, 0, 0);
    check_when(text, INT64_C(1795382280), 19800);
    check_when(text, INT64_MAX, -43200);
    free(text);
    return 0;
}
