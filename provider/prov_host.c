/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_host.h"

#include <dlfcn.h>
#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

/* Not dladdr: it looks for the symbol, too, through all of libcrypto's, at the start of each process. */
static bool same_object(const void *a, const void *b)
{
    struct dl_find_object one, two;

    return _dl_find_object((void *)(uintptr_t)a, &one) == 0 && _dl_find_object((void *)(uintptr_t)b, &two) == 0 &&
           one.dlfo_link_map == two.dlfo_link_map;
}

/* The host's context may be used as one only if the libcrypto that loaded us is the one that we call: a program may bring
 * another, linked into itself. */
void prov_host_learn(struct prov_ctx *ctx)
{
    const OSSL_DISPATCH *fn = ctx->upcalls;

    while (fn->function_id != 0 && fn->function_id != OSSL_FUNC_CORE_GET_LIBCTX)
        fn++;
    if (fn->function_id == 0 || !same_object((const void *)fn->function, (const void *)&EVP_KEYMGMT_fetch))
        return;
    ctx->host = (OSSL_LIB_CTX *)OSSL_FUNC_core_get_libctx(fn)(ctx->core.handle);
    ctx->host_known = true;
    prov_err_own_reasons(&ctx->core);
}

void prov_host_finds_its_own(const struct prov_ctx *ctx, const char *type)
{
    if (!ctx->host_known)
        return;
    (void)ERR_set_mark();
    EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(ctx->host, type, NULL));
    (void)ERR_pop_to_mark();
}

bool prov_host_came_first(struct prov_ctx *ctx)
{
    static _Thread_local bool searching;

    if (searching)
        return false;
    if (!__atomic_load_n(&ctx->host_searched, __ATOMIC_ACQUIRE)) {
        searching = true; /* another thread that asks meanwhile searches, too, and finds the same */
        prov_host_finds_its_own(ctx, "RSA");
        prov_host_finds_its_own(ctx, "EC");
        prov_host_finds_its_own(ctx, "ED25519");
        searching = false;
        __atomic_store_n(&ctx->host_searched, true, __ATOMIC_RELEASE);
    }
    return true;
}
