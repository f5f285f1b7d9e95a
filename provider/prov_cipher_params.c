/* SPDX-License-Identifier: Apache-2.0 */
/* "implicit-rejection" is settable so that who switches it off, as CMS does, hears that it is. */
#include "prov_cipher.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#ifndef OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION /* before 3.2 */
#define OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION "implicit-rejection"
#endif

int prov_cipher_refuse(const struct prov_cipher *c, enum cr_code code, const char *sentence)
{
    struct cr_err err = {0};

    cr_ignore(cr_fail(&err, code, "%s", sentence));
    return prov_raise(&c->ctx->core, &err);
}

static int fetch(struct prov_cipher *c, const OSSL_PARAM *p, EVP_MD **md)
{
    const char *name = NULL;
    EVP_MD *found = NULL;

    if (OSSL_PARAM_get_utf8_string_ptr(p, &name) == 1)
        found = EVP_MD_fetch(prov_ctx_inner(c->ctx), name, NULL);
    if (found == NULL)
        return prov_cipher_refuse(c, CR_E_UNSUPPORTED, "this digest is not known");
    EVP_MD_free(*md);
    *md = found;
    return 1;
}

static const struct {
    const char *name;
    int mode;
} pads[] = {{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
            {OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
            {OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING},
            {"", RSA_PKCS1_WITH_TLS_PADDING}};

static int set_pad(struct prov_cipher *c, const OSSL_PARAM *p)
{
    const char *name = NULL;
    int mode = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1
                                               : OSSL_PARAM_get_int(p, &mode) != 1)
        return 0;
    for (size_t i = 0; i < CR_COUNT(pads); i++) {
        if (name != NULL ? name[0] != '\0' && strcmp(name, pads[i].name) == 0 : mode == pads[i].mode) {
            c->pad = pads[i].mode;
            return 1;
        }
    }
    return prov_cipher_refuse(c, CR_E_UNSUPPORTED, "this padding is not supported: pkcs1, oaep and none are");
}

/* Those of TLS, and what 3.2 asks for. */
static int set_rest(struct prov_cipher *c, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    unsigned reject = 0;

    if (p != NULL && OSSL_PARAM_get_uint(p, &c->client_version) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);
    if (p != NULL && OSSL_PARAM_get_uint(p, &c->negotiated_version) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION);
    if (p != NULL && OSSL_PARAM_get_uint(p, &reject) != 1)
        return 0;
    return reject == 0 || prov_cipher_refuse(c, CR_E_UNSUPPORTED, "implicit rejection needs the private exponent");
}

int prov_cipher_set(void *vc, const OSSL_PARAM params[])
{
    struct prov_cipher *c = vc;
    const OSSL_PARAM *p;

    if (params == NULL)
        return 1;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE)) != NULL && !set_pad(c, p))
        return 0;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST)) != NULL && !fetch(c, p, &c->md))
        return 0;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST)) != NULL && !fetch(c, p, &c->mgf))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    if (p != NULL &&
        (p->data_type != OSSL_PARAM_OCTET_STRING || cr_failed(cr_buf_set(&c->label, p->data, p->data_size, NULL))))
        return 0;
    return set_rest(c, params);
}

static int get_pad(const struct prov_cipher *c, OSSL_PARAM *p)
{
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(p, c->pad);
    for (size_t i = 0; i < CR_COUNT(pads); i++) {
        if (pads[i].mode == c->pad)
            return OSSL_PARAM_set_utf8_string(p, pads[i].name);
    }
    return 0;
}

int prov_cipher_get(void *vc, OSSL_PARAM params[])
{
    const struct prov_cipher *c = vc;
    const EVP_MD *mgf = c->mgf != NULL ? c->mgf : c->md;
    OSSL_PARAM *p;

    if ((p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE)) != NULL && !get_pad(c, p))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, c->md != NULL ? EVP_MD_get0_name(c->md) : "SHA1"))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, mgf != NULL ? EVP_MD_get0_name(mgf) : "SHA1"))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    return p == NULL || OSSL_PARAM_set_octet_ptr(p, c->label.p, c->label.n) == 1;
}

const OSSL_PARAM *prov_cipher_gettable(void *vc, void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, OSSL_PARAM_OCTET_PTR, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)vc;
    (void)provctx;
    return known;
}

const OSSL_PARAM *prov_cipher_settable(void *vc, void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_IMPLICIT_REJECTION, NULL),
        OSSL_PARAM_END,
    };

    (void)vc;
    (void)provctx;
    return known;
}
