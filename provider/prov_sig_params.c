/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of signature contexts (prov_sig.h). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prov_params.h"
#include "prov_sig.h"

static const struct {
    const char *name;
    int mode;
} pads[] = {{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
            {OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING},
            {OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING}};

/* "auto-digestmax" is -4 from OpenSSL 3.1 on. */
static const struct {
    const char *name;
    int len;
} salts[] = {{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST},
             {OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO},
             {OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX},
             {"auto-digestmax", -4}};

static int set_algorithm(struct prov_sig *sig, OSSL_PARAM *p)
{
    X509_ALGOR *alg = X509_ALGOR_new();
    unsigned char *der = NULL;
    int n = -1, good;

    if (alg != NULL && sig->alg->algorithm(sig, alg))
        n = i2d_X509_ALGOR(alg, &der);
    good = n > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)n) == 1;
    OPENSSL_free(der);
    X509_ALGOR_free(alg);
    return good;
}

static int set_text(OSSL_PARAM params[], const char *name, const char *value)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    return p == NULL || OSSL_PARAM_set_utf8_string(p, value) == 1;
}

static int get_pad(const struct prov_sig *sig, OSSL_PARAM params[])
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);

    if (p == NULL)
        return 1;
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(p, sig->pad);
    for (size_t i = 0; i < CR_COUNT(pads); i++) {
        if (pads[i].mode == sig->pad)
            return OSSL_PARAM_set_utf8_string(p, pads[i].name);
    }
    return 0;
}

static int get_salt(const struct prov_sig *sig, OSSL_PARAM params[])
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    char number[16];

    if (p == NULL)
        return 1;
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(p, sig->saltlen);
    for (size_t i = 0; i < CR_COUNT(salts); i++) {
        if (salts[i].len == sig->saltlen)
            return OSSL_PARAM_set_utf8_string(p, salts[i].name);
    }
    (void)snprintf(number, sizeof number, "%d", sig->saltlen);
    return OSSL_PARAM_set_utf8_string(p, number);
}

static int get_rsa(const struct prov_sig *sig, OSSL_PARAM params[])
{
    const EVP_MD *mgf = sig->mgf != NULL ? sig->mgf : sig->md;

    return get_pad(sig, params) && get_salt(sig, params) &&
           set_text(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, mgf != NULL ? EVP_MD_get0_name(mgf) : "");
}

int prov_sig_get(void *vsig, OSSL_PARAM params[])
{
    struct prov_sig *sig = vsig;
    OSSL_PARAM *p;
    char kid[128];

    if (params == NULL)
        return 1;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (p != NULL && !set_algorithm(sig, p))
        return 0;
    if (!set_text(params, OSSL_SIGNATURE_PARAM_DIGEST, sig->md != NULL ? EVP_MD_get0_name(sig->md) : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
    if (p != NULL && OSSL_PARAM_set_size_t(p, sig->md != NULL ? (size_t)EVP_MD_get_size(sig->md) : 0) != 1)
        return 0;
    prov_bound_kid(&sig->bound, kid);
    if (!set_text(params, PROV_PARAM_KID, kid) || !set_text(params, PROV_PARAM_MATCHED, sig->matched) ||
        !set_text(params, PROV_PARAM_THUMBPRINT, sig->bound.cert != NULL ? sig->bound.cert->thumbprint : ""))
        return 0;
    return sig->alg->type != TOK_KEY_RSA || get_rsa(sig, params);
}

static int set_pad(struct prov_sig *sig, const OSSL_PARAM *p)
{
    const char *name = NULL;
    int mode = 0;

    if (p->data_type != OSSL_PARAM_UTF8_STRING && OSSL_PARAM_get_int(p, &mode) != 1)
        return 0;
    if (p->data_type == OSSL_PARAM_UTF8_STRING && OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
        return 0;
    for (size_t i = 0; i < CR_COUNT(pads); i++) {
        if (name != NULL ? strcmp(name, pads[i].name) == 0 : mode == pads[i].mode) {
            sig->pad = pads[i].mode;
            return 1;
        }
    }
    return prov_sig_refuse(sig, CR_E_UNSUPPORTED, "this padding is not supported: pkcs1, pss and none are");
}

static int set_salt(struct prov_sig *sig, const OSSL_PARAM *p)
{
    const char *name = NULL;
    char *end;
    long len;

    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(p, &sig->saltlen) == 1 && sig->saltlen >= -4;
    if (OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
        return 0;
    for (size_t i = 0; i < CR_COUNT(salts); i++) {
        if (strcmp(name, salts[i].name) == 0) {
            sig->saltlen = salts[i].len;
            return 1;
        }
    }
    len = strtol(name, &end, 10);
    if (*name == '\0' || *end != '\0' || len < -4 || len > 2048)
        return prov_sig_refuse(sig, CR_E_USAGE, "this is not a salt length");
    sig->saltlen = (int)len;
    return 1;
}

static int set_rsa(struct prov_sig *sig, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    const char *name = NULL;

    if (p != NULL && !set_pad(sig, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    if (p != NULL && !set_salt(sig, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    return p == NULL || (OSSL_PARAM_get_utf8_string_ptr(p, &name) == 1 && prov_sig_fetch(sig, name, &sig->mgf));
}

int prov_sig_set(void *vsig, const OSSL_PARAM params[])
{
    struct prov_sig *sig = vsig;
    const OSSL_PARAM *p;
    const char *name = NULL;

    if (params == NULL)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p != NULL) {
        /* Once data flows into one digest, another cannot be set. */
        if (OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1 || (sig->mdctx != NULL && !EVP_MD_is_a(sig->md, name)))
            return prov_sig_refuse(sig, CR_E_USAGE, "the digest cannot be changed now");
        if (!prov_sig_fetch(sig, name, &sig->md))
            return 0;
    }
    return sig->alg->type != TOK_KEY_RSA || set_rsa(sig, params);
}

#define COMMON_GETTABLE                                                                                                \
    OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),                                               \
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),                                                  \
        OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL), OSSL_PARAM_utf8_string(PROV_PARAM_KID, NULL, 0),    \
        OSSL_PARAM_utf8_string(PROV_PARAM_THUMBPRINT, NULL, 0), OSSL_PARAM_utf8_string(PROV_PARAM_MATCHED, NULL, 0)

const OSSL_PARAM *prov_sig_gettable(void *vsig, void *provctx)
{
    static const OSSL_PARAM known[] = {
        COMMON_GETTABLE,
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM others[] = {COMMON_GETTABLE, OSSL_PARAM_END};
    const struct prov_sig *sig = vsig;

    (void)provctx;
    return sig != NULL && sig->alg->type != TOK_KEY_RSA ? others : known;
}

const OSSL_PARAM *prov_sig_settable(void *vsig, void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
        OSSL_PARAM_END,
    };
    const struct prov_sig *sig = vsig;

    (void)provctx;
    /* Without padding the last four do not exist. */
    static const OSSL_PARAM others[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_END,
    };
    return sig != NULL && sig->alg->type != TOK_KEY_RSA ? others : known;
}
