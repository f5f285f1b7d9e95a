/* SPDX-License-Identifier: Apache-2.0 */
/* Pending certificate requests in certs/, each a file named by the hash of its public key. */
#ifndef STORE_REQUESTS_H
#define STORE_REQUESTS_H

#include "roles/role_request.h"
#include "store.h"

/* CR_E_NOT_FOUND: none for this key. The caller clears @out (cleared storage). */
cr_status store_request_load(struct store *store, const char *spki, struct role_request *out, struct cr_err *err);
/* Takes the lock itself when the caller does not hold it, as does store_request_remove. */
cr_status store_request_save(struct store *store, const struct role_request *request, struct cr_err *err);
cr_status store_request_remove(struct store *store, const char *spki, struct cr_err *err);
/* The keys of all, sorted. The caller frees with store_names_free. */
cr_status store_requests(struct store *store, char ***spkis, size_t *n, struct cr_err *err);

#endif
