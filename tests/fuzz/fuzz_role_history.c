/* SPDX-License-Identifier: Apache-2.0 */
/* History lines: any bytes are judged without harm, and any text that goes into an entry comes out as one line that
 * checks. The hash is a stand-in: its strength is not what is tried here. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static cr_status hash(struct cr_bytes in, char out[65], struct cr_err *err)
{
    uint64_t h = UINT64_C(14695981039346656037);

    (void)err;
    for (size_t i = 0; i < in.n; i++)
        h = (h ^ in.p[i]) * UINT64_C(1099511628211);
    snprintf(out, 65, "%016llx%016llx%016llx%016llx", (unsigned long long)h, (unsigned long long)~h,
             (unsigned long long)(h * 3), (unsigned long long)(h * 5));
    return cr_ok();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_history_entry e = {.when = 1767225600, .verb = "assign", .role = "R"};
    struct cr_buf line = {0};
    char *text = malloc(size + 1), own[65], got[65], prev[65];
    struct cr_err err = {0};

    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (cr_failed(role_history_check(cr_bytes(data, size), NULL, hash, got, &err)))
        check(err.text[0] != '\0');
    e.login = e.host = e.reason = e.note = text;
    e.uid = (unsigned)size;
    check(!cr_failed(hash(cr_bytes(data, size), prev, NULL)));
    if (!cr_failed(role_history_write(&e, prev, hash, &line, own, &err))) {
        check(memchr(line.p, '\n', line.n) == line.p + line.n - 1);
        check(!cr_failed(role_history_check(cr_buf_bytes(&line), prev, hash, got, &err)));
        check(strcmp(own, got) == 0);
        line.p[(size * 7) % (line.n - 1)] ^= 1; /* any flipped bit is noticed */
        check(cr_failed(role_history_check(cr_buf_bytes(&line), prev, hash, got, &err)));
    }
    cr_buf_clear(&line);
    free(text);
    return 0;
}
