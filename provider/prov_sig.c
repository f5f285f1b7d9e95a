/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_sig.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "prov_md.h"

struct prov_sig *prov_sig_new(void *provctx, const struct prov_sig_alg *alg)
{
    struct prov_sig *sig = calloc(1, sizeof *sig);

    if (sig == NULL)
        return NULL;
    sig->ctx = provctx;
    sig->alg = alg;
    sig->matched = "";
    sig->pad = RSA_PKCS1_PADDING;
    sig->saltlen = RSA_PSS_SALTLEN_AUTO;
    return sig;
}

void prov_sig_free(void *vsig)
{
    struct prov_sig *sig = vsig;

    if (sig == NULL)
        return;
    prov_bound_clear(&sig->bound);
    prov_key_unref(&sig->key);
    EVP_MD_CTX_free(sig->mdctx);
    EVP_MD_free(sig->md);
    EVP_MD_free(sig->mgf);
    free(sig);
}

void *prov_sig_dup(void *vsig)
{
    const struct prov_sig *from = vsig;
    struct prov_sig *to = prov_sig_new(from->ctx, from->alg);

    if (to == NULL)
        return NULL;
    to->matched = from->matched;
    to->pad = from->pad;
    to->saltlen = from->saltlen;
    to->key = prov_key_ref(from->key);
    prov_bound_copy(&from->bound, &to->bound);
    if (from->md != NULL && EVP_MD_up_ref(from->md) == 1)
        to->md = from->md;
    if (from->mgf != NULL && EVP_MD_up_ref(from->mgf) == 1)
        to->mgf = from->mgf;
    if (from->mdctx != NULL) {
        to->mdctx = EVP_MD_CTX_new();
        if (to->mdctx == NULL || EVP_MD_CTX_copy_ex(to->mdctx, from->mdctx) != 1) {
            prov_sig_free(to);
            return NULL;
        }
    }
    return to;
}

static int raise_err(const struct prov_sig *sig, const struct cr_err *err)
{
    return prov_raise(&sig->ctx->core, err);
}

int prov_sig_refuse(struct prov_sig *sig, enum cr_code code, const char *sentence)
{
    struct cr_err err = {0};

    cr_ignore(cr_fail(&err, code, "%s", sentence));
    return raise_err(sig, &err);
}

int prov_sig_init(struct prov_sig *sig, void *vkey)
{
    struct prov_key *key = vkey != NULL ? vkey : sig->key;
    struct cr_err err;
    int saved = errno, good = 1;

    cr_err_init(&err);
    if (key == NULL)
        return prov_sig_refuse(sig, CR_E_USAGE, "no key was given");
    if (key->type != sig->alg->type)
        return prov_sig_refuse(sig, CR_E_USAGE, "the key is of another type");
    if (cr_failed(prov_key_bind(key, &sig->bound, &err))) {
        good = raise_err(sig, &err);
    } else {
        (void)prov_key_ref(key);
        prov_key_unref(&sig->key);
        sig->key = key;
        sig->matched = "";
    }
    errno = saved;
    return good;
}

int prov_sig_fetch(struct prov_sig *sig, const char *name, EVP_MD **md)
{
    EVP_MD *found = prov_md_get(sig->ctx, name);

    if (found == NULL)
        return prov_sig_refuse(sig, CR_E_UNSUPPORTED, "the digest is not known");
    EVP_MD_free(*md);
    *md = found;
    return 1;
}

/* As the default provider: a new key starts from the defaults. */
static void reset(struct prov_sig *sig)
{
    sig->pad = RSA_PKCS1_PADDING;
    sig->saltlen = RSA_PSS_SALTLEN_AUTO;
    EVP_MD_free(sig->mgf);
    sig->mgf = NULL;
    EVP_MD_CTX_free(sig->mdctx);
    sig->mdctx = NULL;
}

int prov_sig_plain_init(void *vsig, void *vkey, const OSSL_PARAM params[])
{
    struct prov_sig *sig = vsig;

    if (!prov_sig_init(sig, vkey))
        return 0;
    if (vkey != NULL) {
        reset(sig);
        EVP_MD_free(sig->md);
        sig->md = NULL;
    }
    return params == NULL || prov_sig_set(sig, params);
}

int prov_sig_digest_init(void *vsig, const char *md, void *vkey, const OSSL_PARAM params[])
{
    struct prov_sig *sig = vsig;

    if (!prov_sig_init(sig, vkey))
        return 0;
    if (vkey != NULL)
        reset(sig);
    if (md != NULL && md[0] != '\0') {
        if (!prov_sig_fetch(sig, md, &sig->md))
            return 0;
    } else if (sig->md == NULL && !prov_sig_fetch(sig, "SHA256", &sig->md)) {
        return 0;
    }
    if (params != NULL && !prov_sig_set(sig, params))
        return 0;
    if (sig->mdctx == NULL)
        sig->mdctx = EVP_MD_CTX_new();
    return sig->mdctx != NULL && EVP_DigestInit_ex2(sig->mdctx, sig->md, NULL) == 1;
}

int prov_sig_update(void *vsig, const unsigned char *data, size_t n)
{
    struct prov_sig *sig = vsig;

    return sig->mdctx != NULL && EVP_DigestUpdate(sig->mdctx, data, n) == 1;
}

static int is_bound(struct prov_sig *sig)
{
    return sig->bound.pub != NULL ? 1 : prov_sig_refuse(sig, CR_E_USAGE, "the context was not initialized");
}

/* @out NULL asks for the length: the exact bound of the key that is bound. */
static int sign(struct prov_sig *sig, unsigned char *out, size_t *n, size_t size, struct cr_bytes tbs)
{
    struct cr_err err;
    int saved = errno, good = 1;

    cr_err_init(&err);
    if (cr_failed(sig->alg->sign(sig, tbs, out, size, n, &err)))
        good = raise_err(sig, &err);
    errno = saved;
    return good;
}

int prov_sig_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *tbs, size_t tbs_n)
{
    struct prov_sig *sig = vsig;

    if (!is_bound(sig))
        return 0;
    if (out == NULL) {
        *n = prov_pub_size(sig->bound.pub);
        return 1;
    }
    if (sig->md != NULL && (size_t)EVP_MD_get_size(sig->md) != tbs_n)
        return prov_sig_refuse(sig, CR_E_INVALID, "the input is not as long as the digest that was set");
    return sign(sig, out, n, size, cr_bytes(tbs, tbs_n));
}

int prov_sig_sign_final(void *vsig, unsigned char *out, size_t *n, size_t size)
{
    struct prov_sig *sig = vsig;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!is_bound(sig))
        return 0;
    if (out == NULL) {
        *n = prov_pub_size(sig->bound.pub);
        return 1;
    }
    return sig->mdctx != NULL && EVP_DigestFinal_ex(sig->mdctx, digest, &len) == 1 &&
           sign(sig, out, n, size, cr_bytes(digest, len));
}

int prov_sig_digest_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *data,
                         size_t data_n)
{
    if (out != NULL && !prov_sig_update(vsig, data, data_n))
        return 0;
    return prov_sig_sign_final(vsig, out, n, size);
}

/* A slot of the role whose key may have made the signature; its public key, or NULL for one that cannot have. */
static struct prov_pub *slot_pub(struct prov_sig *sig, struct role_cert *cert)
{
    struct prov_pub *pub = NULL;

    if (cert == NULL || strcmp(cert->spki, sig->bound.cert->spki) == 0 ||
        cr_failed(prov_pub_get(sig->ctx, cert, &pub, NULL)))
        return NULL;
    if (pub->key.type != sig->alg->type)
        prov_pub_unref(&pub);
    return pub;
}

static const char *bound_slot(const struct prov_sig *sig)
{
    const struct role_view *view;

    if (sig->bound.snap == NULL)
        return "";
    view = &sig->bound.snap->view;
    if (role_cert_same(view->current, sig->bound.cert))
        return "current";
    if (role_cert_same(view->previous, sig->bound.cert))
        return "previous";
    return role_cert_same(view->next, sig->bound.cert) ? "next" : "pinned";
}

/* To be verified; or to be read, where @out is given. */
struct attempt {
    struct cr_bytes tbs, signature;
    unsigned char *out;
    size_t *n, size;
};

static bool verify_by(struct prov_sig *sig, const struct prov_pub *pub, const struct attempt *what)
{
    if (what->out == NULL)
        return sig->alg->verify(sig, pub, what->tbs, what->signature);
    *what->n = what->size;
    return sig->alg->recover(sig, pub, what->signature, what->out, what->n);
}

static bool verify_slots(struct prov_sig *sig, const struct attempt *what)
{
    const struct role_view *view = &sig->bound.snap->view;
    const struct {
        struct role_cert *cert;
        const char *name;
    } slots[] = {{view->current, "current"}, {view->previous, "previous"}, {view->next, "next"}};
    bool good = false;

    for (size_t i = 0; i < CR_COUNT(slots) && !good; i++) {
        struct prov_pub *pub = slot_pub(sig, slots[i].cert);

        if (pub != NULL)
            good = verify_by(sig, pub, what);
        if (good)
            sig->matched = slots[i].name;
        prov_pub_unref(&pub);
    }
    return good;
}

/* A pinned key verifies what it signed; a live one what any valid key of the role signed: servers' clocks differ. */
static int verify_any(struct prov_sig *sig, const struct attempt *what)
{
    int saved = errno, good;

    (void)ERR_set_mark();
    sig->matched = "";
    good = verify_by(sig, sig->bound.pub, what);
    if (good)
        sig->matched = bound_slot(sig);
    else if (sig->key->live && sig->bound.snap != NULL)
        good = verify_slots(sig, what);
    (void)ERR_pop_to_mark();
    errno = saved;
    return good;
}

static int verify(struct prov_sig *sig, struct cr_bytes tbs, struct cr_bytes signature)
{
    const struct attempt what = {.tbs = tbs, .signature = signature};

    return verify_any(sig, &what);
}

int prov_sig_recover(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *signature,
                     size_t signature_n)
{
    struct prov_sig *sig = vsig;
    const struct attempt what = {.signature = cr_bytes(signature, signature_n), .out = out, .n = n, .size = size};

    if (!is_bound(sig))
        return 0;
    if (out == NULL) {
        *n = prov_pub_size(sig->bound.pub);
        return 1;
    }
    return verify_any(sig, &what) || prov_sig_refuse(sig, CR_E_INVALID, "the signature is of no key of the role");
}

int prov_sig_verify(void *vsig, const unsigned char *signature, size_t n, const unsigned char *tbs, size_t tbs_n)
{
    struct prov_sig *sig = vsig;

    return is_bound(sig) && verify(sig, cr_bytes(tbs, tbs_n), cr_bytes(signature, n));
}

int prov_sig_verify_final(void *vsig, const unsigned char *signature, size_t n)
{
    struct prov_sig *sig = vsig;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return is_bound(sig) && sig->mdctx != NULL && EVP_DigestFinal_ex(sig->mdctx, digest, &len) == 1 &&
           verify(sig, cr_bytes(digest, len), cr_bytes(signature, n));
}

int prov_sig_digest_verify(void *vsig, const unsigned char *signature, size_t n, const unsigned char *data,
                           size_t data_n)
{
    return prov_sig_update(vsig, data, data_n) && prov_sig_verify_final(vsig, signature, n);
}
