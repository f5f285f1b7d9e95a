/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate entries made from bytes, and found by what an admin types. */
#ifndef TOOL_CERT_H
#define TOOL_CERT_H

#include "tool.h"

#define TOOL_THUMB_MIN 8

/* What a person pastes: colons, spaces and the left-to-right mark of Windows' certificate dialogue are dropped, letters
 * become lower case. CR_E_USAGE unless 8 to 64 hex digits remain. */
cr_status tool_thumbprint_clean(const char *text, char out[65], struct cr_err *err);
/* Does the cleaned prefix @hex name this certificate, by either thumbprint? */
bool tool_thumbprint_match(const char *hex, const char *sha256, const char *sha1);

bool tool_cert_has_location(const struct role_cert *cert, const char *location);
/* On an entry nobody else holds. */
cr_status tool_cert_add_location(struct role_cert *cert, const char *location, struct cr_err *err);
bool tool_cert_same_chain(const struct role_cert *cert, const struct cr_buf *chain, size_t nchain);

/* The known certificates: of certs/ and of every role's slots, each once. Entries that cannot be read are warned about
 * and left out. *certs is the caller's: tool_certs_free. */
cr_status tool_certs_known(struct tool *tool, struct role_cert ***certs, size_t *n, struct cr_err *err);
void tool_certs_free(struct role_cert ***certs, size_t n);

#endif
