/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an HTML page into a buffer. The first failure is remembered and what follows does nothing, so that only the end is
 * asked. All text that is not of this program goes through html_text. */
#ifndef HTML_H
#define HTML_H

#include "common/cr_bytes.h"

struct html {
    struct cr_buf *out;
    cr_status st;
    struct cr_err *err;
};

/* Markup. What %s stands for is of this program: a class, a number, a date. */
void html_put(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text of anybody's (NULL: none), good between tags and in a quoted attribute. What is no UTF-8, no character for HTML, or turns
 * the direction of writing (Unicode's bidirectional controls) becomes U+FFFD. */
void html_text(struct html *h, const char *text);
/* html_text as a cell of a table. */
void html_cell(struct html *h, const char *text);

#endif
