/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_kdf.h"

#include <openssl/objects.h>

static cr_status add(uint64_t n, uint64_t *sum, struct cr_err *err)
{
    if (n > CERT_KDF_MAX || *sum + n > CERT_KDF_MAX)
        return cr_fail(err, CR_E_REFUSED, "the file asks for more than %d iterations of its key derivation",
                       CERT_KDF_MAX);
    *sum += n;
    return cr_ok();
}

cr_status cert_kdf_add_count(const ASN1_INTEGER *count, uint64_t *sum, struct cr_err *err)
{
    int64_t n = 1; /* absent: the DEFAULT of RFC 7292's MacData */

    if (count != NULL && ASN1_INTEGER_get_int64(&n, count) != 1)
        n = INT64_MAX;
    return n < 1 ? cr_fail(err, CR_E_INVALID, "the file's key derivation has a count below one")
                 : add((uint64_t)n, sum, err);
}

/* RFC 7914: N blocks of r units, p times over; each is some dozen hashes. */
static cr_status add_scrypt(const ASN1_TYPE *param, uint64_t *sum, struct cr_err *err)
{
    SCRYPT_PARAMS *s = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), param);
    uint64_t n = 0, r = 0, p = 0;
    cr_status st;

    if (s == NULL || ASN1_INTEGER_get_uint64(&n, s->costParameter) != 1 ||
        ASN1_INTEGER_get_uint64(&r, s->blockSize) != 1 || ASN1_INTEGER_get_uint64(&p, s->parallelizationParameter) != 1)
        st = cr_fail(err, CR_E_INVALID, "the file's key derivation cannot be read");
    else if (n > CERT_KDF_MAX || r > CERT_KDF_MAX || p > CERT_KDF_MAX || n * r > CERT_KDF_MAX)
        st = add(CERT_KDF_MAX + 1, sum, err);
    else
        st = add(n * r * p, sum, err);
    SCRYPT_PARAMS_free(s);
    return st;
}

static cr_status add_pbkdf2(const ASN1_TYPE *param, uint64_t *sum, struct cr_err *err)
{
    PBKDF2PARAM *k = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), param);
    cr_status st = k != NULL ? cert_kdf_add_count(k->iter, sum, err)
                             : cr_fail(err, CR_E_INVALID, "the file's key derivation cannot be read");

    PBKDF2PARAM_free(k);
    return st;
}

static cr_status add_pbes2(const ASN1_TYPE *param, uint64_t *sum, struct cr_err *err)
{
    PBE2PARAM *pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), param);
    const ASN1_OBJECT *oid = NULL;
    const void *value = NULL;
    cr_status st;
    int type = 0;

    if (pbe == NULL)
        return cr_fail(err, CR_E_INVALID, "the file's encryption parameters cannot be read");
    X509_ALGOR_get0(&oid, &type, &value, pbe->keyfunc);
    switch (OBJ_obj2nid(oid)) {
    case NID_id_pbkdf2:
        st = add_pbkdf2(pbe->keyfunc->parameter, sum, err);
        break;
    case NID_id_scrypt:
        st = add_scrypt(pbe->keyfunc->parameter, sum, err);
        break;
    default:
        st = cr_fail(err, CR_E_UNSUPPORTED, "the file's key derivation is neither PBKDF2 nor scrypt");
    }
    PBE2PARAM_free(pbe);
    return st;
}

cr_status cert_kdf_add(const X509_ALGOR *alg, uint64_t *sum, struct cr_err *err)
{
    const ASN1_OBJECT *oid = NULL;
    PBEPARAM *pbe;
    cr_status st;

    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    if (OBJ_obj2nid(oid) == NID_pbes2)
        return add_pbes2(alg->parameter, sum, err);
    pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), alg->parameter);
    if (pbe == NULL)
        return cr_fail(err, CR_E_UNSUPPORTED, "the file is encrypted with an unknown algorithm");
    st = cert_kdf_add_count(pbe->iter, sum, err);
    PBEPARAM_free(pbe);
    return st;
}
