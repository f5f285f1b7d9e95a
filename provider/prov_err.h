/* SPDX-License-Identifier: Apache-2.0 */
/* Errors reach the application through the core's upcalls, under a reason table of our own: OpenSSL prints the reason and
 * behind it our sentence. Only the thread's own error queue is touched. */
#ifndef PROV_ERR_H
#define PROV_ERR_H

#include <openssl/core.h>
#include <stdarg.h>
#include <stdint.h>

#include "common/cr_status.h"

struct prov_err_reasons; /* their texts, as OpenSSL has them */

struct prov_err_core { /* upcalls, each may be NULL */
    const OSSL_CORE_HANDLE *handle;
    void (*new_error)(const OSSL_CORE_HANDLE *);
    void (*set_debug)(const OSSL_CORE_HANDLE *, const char *, int, const char *);
    void (*vset_error)(const OSSL_CORE_HANDLE *, uint32_t, const char *, va_list);
    struct prov_err_reasons *reasons; /* NULL: the core has them */
};

void prov_err_init(struct prov_err_core *out, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in);
/* For a core that is another libcrypto than the one we call. */
const OSSL_ITEM *prov_err_reasons(void *provctx);
/* The core is the libcrypto that we call: the reasons are told to it at the first error, instead of by prov_err_reasons. It would
 * forget those when the last key is freed, and a program that frees one after OPENSSL_cleanup (Squid's static destructors) then
 * crashes in its error lock. Out of memory: the reasons are numbers. */
void prov_err_own_reasons(struct prov_err_core *core);
void prov_err_clear(struct prov_err_core *core);

/* Raises the sentence in @err and returns 0, so that an entry point says: return prov_raise(core, &err). */
int prov_raise(const struct prov_err_core *core, const struct cr_err *err);

#endif
