/* SPDX-License-Identifier: Apache-2.0 */
/* Pending requests, and how a person names one. */
#ifndef TOOL_REQUEST_H
#define TOOL_REQUEST_H

#include "roles/role_request.h"
#include "tool_token.h"

#define TOOL_REQUEST_ID 16 /* digits shown of the key's hash */

struct tool_requests {
    struct role_request *list;
    size_t n;
};

/* All of them; one that cannot be read is warned about and left out. Clear @out with tool_requests_clear. */
cr_status tool_requests_read(struct tool *tool, struct tool_requests *out, struct cr_err *err);
void tool_requests_clear(struct tool_requests *requests);

/* The one named by @text: a role that it is for, or at least 8 digits of the key's hash or CKA_ID. Borrowed from
 * @requests. CR_E_NOT_FOUND, CR_E_AMBIGUOUS. */
cr_status tool_request_find(const struct tool_requests *requests, const char *text, const struct role_request **out,
                            struct cr_err *err);
/* Is @item its private key? */
bool tool_request_key(const struct role_request *request, const struct tok_item *item);
/* For `certs`. */
json_t *tool_request_json(const struct role_request *request, bool key_present);
cr_status tool_request_text(const struct role_request *request, bool key_present, size_t columns, struct cr_buf *out,
                            struct cr_err *err);

#endif
