/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_chain.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "cert_err.h"
#include "cert_x509.h"
#include "common/cr_time.h"

/* Does this system trust an issuer of @top? Its dates are not looked at. */
static bool issuer_trusted(X509 *top)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    bool found = store && ctx && X509_STORE_set_default_paths(store) == 1 &&
                 X509_STORE_CTX_init(ctx, store, top, NULL) == 1 && X509_STORE_CTX_get1_issuer(&issuer, ctx, top) == 1;

    X509_free(issuer);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return found;
}

/* @issuer's name and key are those that @cert is signed with. */
static cr_status link_check(X509 *cert, X509 *issuer, size_t i, struct cr_err *err)
{
    if (X509_check_issued(issuer, cert) != X509_V_OK || X509_verify(cert, X509_get0_pubkey(issuer)) != 1)
        return cr_fail(err, CR_E_INVALID, "certificate %zu of the chain did not issue the one before it", i + 1);
    return cr_ok();
}

static cr_status walk(X509 **below, const struct cr_buf *chain, size_t nchain, struct cert_chain_report *report,
                      struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < nchain && !cr_failed(st); i++) {
        X509 *issuer = NULL;
        int64_t end = 0;

        if (cr_failed(st = cert_x509_read(NULL, cr_buf_bytes(&chain[i]), &issuer, err)))
            return cr_prefix(err, st, "certificate %zu of the chain", i + 1);
        if (!cr_failed(st = link_check(*below, issuer, i, err)) &&
            !cr_failed(st = cert_time_of(X509_get0_notAfter(issuer), &end, err)) && end < report->not_after)
            report->not_after = end;
        X509_free(*below);
        *below = issuer;
    }
    return st;
}

cr_status cert_chain_look(struct cr_bytes leaf, const struct cr_buf *chain, size_t nchain,
                          struct cert_chain_report *out, struct cr_err *err)
{
    struct cert_chain_report report = {.not_after = CR_TIME_NEVER};
    X509 *top = NULL;
    cr_status st;

    (void)ERR_set_mark();
    if (!cr_failed(st = cert_x509_read(NULL, leaf, &top, err)) &&
        !cr_failed(st = walk(&top, chain, nchain, &report, err))) {
        report.incomplete = !nchain && X509_self_signed(top, 1) != 1 && !issuer_trusted(top);
        *out = report;
    }
    X509_free(top);
    (void)ERR_pop_to_mark();
    return st;
}
