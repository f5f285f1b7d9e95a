/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_find.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

void prov_find_clear(struct prov_find *find)
{
    cr_buf_clear(&find->subject);
    cr_buf_clear(&find->issuer);
    cr_buf_clear(&find->fingerprint);
    BN_free(find->serial);
    free(find->alias);
    *find = (struct prov_find){0};
}

static int set_octets(const OSSL_PARAM params[], const char *name, struct cr_buf *out)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

    if (p == NULL)
        return 1;
    return p->data_type == OSSL_PARAM_OCTET_STRING && !cr_failed(cr_buf_set(out, p->data, p->data_size, NULL));
}

int prov_find_set(struct prov_find *find, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p;
    char *to = find->digest;
    const char *alias = NULL;

    if (!set_octets(params, OSSL_STORE_PARAM_SUBJECT, &find->subject) ||
        !set_octets(params, OSSL_STORE_PARAM_ISSUER, &find->issuer) ||
        !set_octets(params, OSSL_STORE_PARAM_FINGERPRINT, &find->fingerprint))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SERIAL);
    if (p != NULL && OSSL_PARAM_get_BN(p, &find->serial) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_DIGEST);
    if (p != NULL && OSSL_PARAM_get_utf8_string(p, &to, sizeof find->digest) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ALIAS);
    if (p != NULL) {
        if (OSSL_PARAM_get_utf8_string_ptr(p, &alias) != 1 || alias == NULL)
            return 0;
        free(find->alias);
        /* Without it everything would match. */
        if ((find->alias = strndup(alias, p->data_size)) == NULL)
            return 0;
    }
    return 1;
}

static bool name_is(X509_NAME *name, const struct cr_buf *want)
{
    const unsigned char *p = want->p;
    X509_NAME *other = d2i_X509_NAME(NULL, &p, (long)want->n);
    bool same = other != NULL && X509_NAME_cmp(name, other) == 0;

    X509_NAME_free(other);
    return same;
}

static bool serial_is(X509 *x509, const BIGNUM *want)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    bool same = serial != NULL && BN_cmp(serial, want) == 0;

    BN_free(serial);
    return same;
}

/* Of the certificate, of its SubjectPublicKeyInfo, or of the bits of its public key. */
static bool fingerprint_is(const struct prov_find *find, OSSL_LIB_CTX *inner, X509 *x509)
{
    EVP_MD *md = EVP_MD_fetch(inner, find->digest[0] != '\0' ? find->digest : "SHA256", NULL);
    unsigned char got[3][EVP_MAX_MD_SIZE], *spki = NULL;
    unsigned n = 0, i;
    bool same = false;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);

    if (md != NULL && len > 0 && X509_digest(x509, md, got[0], &n) == 1 &&
        X509_pubkey_digest(x509, md, got[1], &n) == 1 && EVP_Digest(spki, (size_t)len, got[2], &n, md, NULL) == 1) {
        for (i = 0; i < CR_COUNT(got) && !same; i++)
            same = cr_bytes_equal(cr_bytes(got[i], n), cr_buf_bytes(&find->fingerprint));
    }
    OPENSSL_free(spki);
    EVP_MD_free(md);
    return same;
}

static bool alias_is(const char *alias, const struct role_record *rec, const struct role_cert *cert)
{
    char kid[128];

    role_kid(rec->kid_format, cert, kid);
    return strcmp(alias, rec->name) == 0 || strcmp(alias, kid) == 0 || strcasecmp(alias, cert->thumbprint) == 0 ||
           strcasecmp(alias, cert->sha1) == 0;
}

bool prov_find_by_name(const struct prov_find *find)
{
    return find->subject.n > 0 || find->issuer.n > 0 || find->serial != NULL;
}

bool prov_find_match(const struct prov_find *find, OSSL_LIB_CTX *inner, const struct role_record *rec,
                     const struct role_cert *cert, bool leaf, struct cr_bytes der)
{
    const unsigned char *p = der.p;
    X509 *x509 = NULL;
    bool good = true;

    if (find->alias != NULL && !(leaf && alias_is(find->alias, rec, cert)))
        return false;
    if (find->subject.n + find->issuer.n + find->fingerprint.n == 0 && find->serial == NULL)
        return true;
    (void)ERR_set_mark();
    x509 = X509_new_ex(inner, NULL);
    if (x509 == NULL || d2i_X509(&x509, &p, (long)der.n) == NULL)
        good = false;
    if (good && find->subject.n > 0)
        good = name_is(X509_get_subject_name(x509), &find->subject);
    if (good && find->issuer.n > 0)
        good = name_is(X509_get_issuer_name(x509), &find->issuer);
    if (good && find->serial != NULL)
        good = serial_is(x509, find->serial);
    if (good && find->fingerprint.n > 0)
        good = fingerprint_is(find, inner, x509);
    (void)ERR_pop_to_mark();
    X509_free(x509);
    return good;
}
