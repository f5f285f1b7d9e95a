/* SPDX-License-Identifier: Apache-2.0 */
/* One provider instance: configuration, store, token layer and PINs, all read at load, because servers empty their
 * environment, chroot and change uid afterwards; and an inner library context for digests and software verification,
 * made when first needed. What could not be read is remembered as one sentence that every later use reports: failing the
 * load would break every program whose openssl.cnf names us. */
#ifndef PROV_CTX_H
#define PROV_CTX_H

#include <openssl/core.h>
#include <openssl/types.h>
#include <stdint.h>

#include "config/conf.h"
#include "pkcs11/tok_local.h"
#include "prov_err.h"
#include "prov_pin.h"
#include "stores/store.h"

struct prov_inner;
struct prov_md;
struct prov_role;
struct prov_pub;

struct prov_ctx {
    struct prov_err_core core;
    const OSSL_DISPATCH *upcalls; /* of libcrypto, as long as it is loaded */
    OSSL_LIB_CTX *host;           /* the loading program's, if host_known; prov_host.h */
    bool host_known;
    bool host_searched; /* atomic; prov_host_came_first */
    bool core_30;       /* it is an OpenSSL 3.0 */
    struct conf *conf;
    struct store *store;
    struct tok_signer *signer;
    struct tok_local *tokens; /* the same one */
    struct prov_pin *pins;    /* one a token */
    struct cr_err broken;     /* code CR_OK: all could be read */
    struct prov_inner *inner; /* atomic; NULL until needed */
    struct prov_md *mds;      /* atomic; prov_md.h */
    struct prov_role *roles;  /* prov_lock */
    struct prov_pub *pubs;    /* prov_lock */
};

/* @config_param may be NULL. Fails only for want of memory. */
cr_status prov_ctx_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const char *config_param,
                       struct prov_ctx **out, struct cr_err *err);
void prov_ctx_free(struct prov_ctx **ctx);

/* Fails with the sentence of what could not be read at load. */
cr_status prov_ctx_usable(const struct prov_ctx *ctx, struct cr_err *err);
/* A library context of our own with the default provider; NULL only without memory. Borrowed. */
OSSL_LIB_CTX *prov_ctx_inner(struct prov_ctx *ctx);
/* The provider's clock: seconds UTC. */
int64_t prov_now(void);
/* The same, cheaper: within a second of @limit and after it exact, else perhaps a tick of the kernel late. */
int64_t prov_now_before(int64_t limit);

#endif
