/* SPDX-License-Identifier: Apache-2.0 */
/* What a module tells of itself and its token slots, as text that may be shown. */
#ifndef TOK_DESCRIBE_H
#define TOK_DESCRIBE_H

#include <p11-kit/pkcs11.h>

#include "tok_local.h"

/* A field padded with spaces, not terminated, of whatever bytes: printable UTF-8 into @to (room for n + 1), '?' for what
 * is none. */
void tok_field_text(const unsigned char *from, size_t n, char *to);
void tok_info_set(const CK_TOKEN_INFO *from, struct tok_info *to);
/* CK_UNAVAILABLE_INFORMATION is TOK_COUNT_UNKNOWN; as a limit, CK_EFFECTIVELY_INFINITE (0) is TOK_COUNT_ENDLESS. */
uint64_t tok_count(CK_ULONG n, bool limit);

#endif
