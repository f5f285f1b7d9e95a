/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSL's reader would do in silence, looked for before it sees the text; and lists of words. */
#ifndef CONF_LINES_H
#define CONF_LINES_H

#include "common/cr_bytes.h"

/* Longest line that may have a backslash: OpenSSL's reader loses one where its pieces of a long line meet. */
#define CONF_LINE_MAX 500

/* Refuses, naming the line: directives (.include, .pragma), continued lines, variables ($), a repeated section or key,
 * names OpenSSL would unescape, an open quote, a '#' that would cut a value (one not after white space), text behind a
 * ']', control bytes and NULs. */
cr_status conf_lines_check(const char *path, struct cr_bytes text, struct cr_err *err);

/* A name of a role or token: [A-Za-z][A-Za-z0-9._-]{0,63}. */
bool conf_name_valid(const char *name);

/* The words of @value, separated by any of @separators; the caller owns *words (conf_words_free). */
cr_status conf_words(const char *value, const char *separators, char ***words, size_t *n, struct cr_err *err);
void conf_words_free(char ***words, size_t n);

#endif
