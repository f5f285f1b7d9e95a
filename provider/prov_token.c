/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_token.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

static __thread unsigned inside;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

cr_status prov_token_outside(struct cr_err *err)
{
    if (inside == 0)
        return cr_ok();
    return cr_fail(err, CR_E_REFUSED, "a PKCS#11 module asks certroll for a key from inside a call that certroll made");
}

/* A module's own errors on the thread's queue are not the application's. @saved is errno to restore. */
static cr_status enter(int *saved, struct cr_err *err)
{
    cr_status st = prov_token_outside(err);

    if (cr_failed(st))
        return st;
    *saved = errno;
    inside++;
    (void)ERR_set_mark();
    return st;
}

static void leave(int saved)
{
    (void)ERR_pop_to_mark();
    inside--;
    errno = saved;
}

static void at_exit(void)
{
    (void)atexit(tok_process_exiting);
}

cr_status prov_token_find(struct prov_ctx *ctx, const struct role_cert *cert, const struct tok_key *pub,
                          struct cert_probe *probe, struct tok_object **out, struct cr_err *err)
{
    int saved;
    cr_status st;

    if (cr_failed(st = enter(&saved, err)))
        return st;
    st = ctx->signer->ops->find(ctx->signer, (const char *const *)cert->locations, cert->nlocations, pub,
                                cert_verify_probe_in, probe, out, err);
    (void)pthread_once(&exit_once, at_exit);
    leave(saved);
    return st;
}

cr_status prov_token_sign(struct prov_ctx *ctx, struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in,
                          unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    int saved;
    cr_status st;

    if (cr_failed(st = enter(&saved, err)))
        return st;
    st = ctx->signer->ops->sign(obj, mech, in, out, size, n, err);
    leave(saved);
    return st;
}

cr_status prov_token_decrypt(struct prov_ctx *ctx, struct tok_object *obj, const struct tok_mech *mech,
                             struct cr_bytes in, unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    int saved;
    cr_status st;

    if (cr_failed(st = enter(&saved, err)))
        return st;
    st = ctx->signer->ops->decrypt(obj, mech, in, out, size, n, err);
    leave(saved);
    return st;
}

cr_status prov_token_derive(struct prov_ctx *ctx, struct tok_object *obj, struct cr_bytes peer, unsigned char *out,
                            size_t size, size_t *n, struct cr_err *err)
{
    int saved;
    cr_status st;

    if (cr_failed(st = enter(&saved, err)))
        return st;
    st = ctx->signer->ops->derive(obj, peer, out, size, n, err);
    leave(saved);
    return st;
}
