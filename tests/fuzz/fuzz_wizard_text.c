/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate or a file name may hold, on its way to a terminal: nothing that drives it comes through, lines are no
 * wider than they may be, and a shell's word is printable. */
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "common/cr_text.h"
#include "tools/wizard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool ok)
{
    if (!ok)
        abort();
}

/* Columns of the longest line; every character is one that may be shown. */
static size_t widest(const struct cr_buf *text, bool lines)
{
    const char *p = text->p ? (const char *)text->p : "";
    size_t most = 0, used = 0;
    long code;

    for (; *p; used = code == '\n' ? 0 : used, most = used > most ? used : most) {
        p += cr_text_char(p, &code);
        need(code >= 0x20 || (lines && code == '\n'));
        need(code < 0x7f || code >= 0xa0);
        used += code == '\n' ? 0 : (size_t)wcwidth((wchar_t)code);
    }
    return most;
}

static void shell_word(const char *text)
{
    struct wizard_words words = {.w = {(char *)text}, .n = 1};
    struct cr_buf out = {0};

    need(!cr_failed(wizard_quote(&words, &out, NULL)) && out.n);
    (void)widest(&out, false);
    cr_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cr_buf text = {0}, plain = {0}, out = {0};
    size_t width;

    if (!size || size > 4096 || !setlocale(LC_CTYPE, "C.UTF-8"))
        return 0;
    width = data[0] % 100 + 2; /* nothing is wider than two columns */
    need(!cr_failed(cr_buf_set(&text, data + 1, size - 1, NULL)));
    if (strlen((const char *)text.p) != text.n)
        goto out;
    shell_word((const char *)text.p);
    need(!cr_failed(wizard_common_name((const char *)text.p, &out, NULL)));
    cr_buf_clear(&out);
    need(!cr_failed(wizard_plain((const char *)text.p, data[0] & 1, &plain, NULL)));
    (void)widest(&plain, true);
    if (plain.p)
        need(!cr_failed(wizard_wrap((const char *)plain.p, width, &out, NULL)) && widest(&out, true) <= width);
    cr_buf_clear(&out);
    if (plain.p && !strchr((const char *)plain.p, '\n'))
        need(!cr_failed(wizard_fit((const char *)plain.p, width, true, &out, NULL)) && widest(&out, false) == width);
out:
    cr_buf_clear(&out);
    cr_buf_clear(&plain);
    cr_buf_clear(&text);
    return 0;
}
