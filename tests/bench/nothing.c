/* SPDX-License-Identifier: Apache-2.0 */
/* A provider with nothing in it: what any activated module costs a process. */
#include <openssl/core_dispatch.h>

__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                       void **provctx)
{
    static const OSSL_DISPATCH functions[] = {{0, NULL}};

    (void)in;
    *out = functions;
    *provctx = (void *)handle;
    return 1;
}
