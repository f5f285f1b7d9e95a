/* SPDX-License-Identifier: Apache-2.0 */
/* A change that leaves the certificate and moves its key: where the key is said to stand, before and after. */
#ifndef TOOL_MOVED_H
#define TOOL_MOVED_H

#include "roles/role_record.h"

/* Does @other, the record before or after (may be NULL), hold the certificate of @cert (may be NULL) in an effective slot
 * under other locations? */
bool tool_moved(const struct role_cert *cert, const struct role_record *other, int64_t now);
/* A digest of the locations, in their order. */
cr_status tool_moved_hash(char *const *locations, size_t n, char out[65], struct cr_err *err);

#endif
