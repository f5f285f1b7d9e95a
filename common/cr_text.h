/* SPDX-License-Identifier: Apache-2.0 */
/* Text of anybody's (subjects, labels, reasons) on its way to a person: what in it would steer a terminal, or turn the direction
 * of writing so that it reads as something else. Names of certificates come with the same characters
 * escaped already (cert_name_text). */
#ifndef CR_TEXT_H
#define CR_TEXT_H

#include "cr_bytes.h"

/* Bytes of the UTF-8 character (RFC 3629) at @text, which is not at its end; *code is -1 for a byte that belongs to none. */
size_t cr_text_char(const char *text, long *code);
/* False for controls (C0, DEL, C1: those drive terminals too), Unicode's bidirectional controls (UAX #9, 2.), blanks and
 * breaks of lines that are not seen as such (U+2000 to U+200F, U+2028, U+2029), and what is no character. */
bool cr_text_shown(long code);
/* Appends @text, '?' for each character that is not shown. */
cr_status cr_text_plain(const char *text, struct cr_buf *out, struct cr_err *err);

#endif
