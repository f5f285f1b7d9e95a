/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_facts.h"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cert_err.h"
#include "cert_hash.h"
#include "cert_key.h"
#include "cert_spki.h"
#include "cert_x509.h"
#include "common/cr_text.h"
#include "common/cr_time.h"

cr_status cert_x509_read(OSSL_LIB_CTX *ctx, struct cr_bytes der, X509 **out, struct cr_err *err)
{
    const unsigned char *p = der.p;
    X509 *x = X509_new_ex(ctx, CERT_PROPQ);

    if (x == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (der.n > LONG_MAX || d2i_X509(&x, &p, (long)der.n) == NULL) {
        X509_free(x);
        return cert_fail(err, CR_E_INVALID, "not a certificate");
    }
    if (p != der.p + der.n) {
        X509_free(x);
        return cr_fail(err, CR_E_INVALID, "there are bytes behind the certificate");
    }
    *out = x;
    return cr_ok();
}

static void sha256_hex(struct cr_bytes in, char out[65])
{
    unsigned char digest[32];

    cert_sha256(in, digest);
    cr_hex(cr_bytes(digest, sizeof digest), out);
}

static void sha1_hex(struct cr_bytes in, char out[41])
{
    unsigned char digest[20];

    cert_sha1(in, digest);
    cr_hex(cr_bytes(digest, sizeof digest), out);
}

static cr_status name_print(const X509_NAME *name, unsigned long flags, struct cr_buf *out, struct cr_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    cr_status st;
    long n;

    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, flags) < 0) {
        st = cert_fail(err, CR_E_INVALID, "a name cannot be printed");
    } else {
        n = BIO_get_mem_data(bio, &text);
        st = cr_buf_set(out, text, n > 0 ? (size_t)n : 0, err);
    }
    BIO_free(bio);
    return st;
}

cr_status cert_name_text(const X509_NAME *name, char **out, struct cr_err *err)
{
    const unsigned long utf8 = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    struct cr_buf text = {0}, safe = {0};
    size_t i = 0, n;
    long code;
    cr_status st;

    st = name_print(name, utf8, &text, NULL);
    if (cr_failed(st)) /* a UTF8String that is not UTF-8: its bytes, escaped */
        st = name_print(name, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_UTF8_CONVERT, &text, err);
    while (!cr_failed(st) && i < text.n) {
        n = cr_text_char((const char *)text.p + i, &code);
        if (cr_text_shown(code))
            st = cr_buf_append(&safe, text.p + i, n, err);
        for (size_t k = 0; k < n && !cr_text_shown(code) && !cr_failed(st); k++) /* OpenSSL passes them on */
            st = cr_buf_printf(&safe, err, "\\%02X", text.p[i + k]);
        i += n;
    }
    if (!cr_failed(st))
        st = cr_strdup(safe.p != NULL ? (const char *)safe.p : "", out, err);
    cr_buf_clear(&text);
    cr_buf_clear(&safe);
    return st;
}

cr_status cert_key_hash(const struct tok_key *key, char out[65], struct cr_err *err)
{
    struct cr_buf der = {0};
    cr_status st = cert_spki_der(key, &der, err);

    if (!cr_failed(st))
        sha256_hex(cr_buf_bytes(&der), out);
    cr_buf_clear(&der);
    return st;
}

cr_status cert_time_of(const ASN1_TIME *t, int64_t *out, struct cr_err *err)
{
    struct tm tm;
    int64_t v;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return cert_fail(err, CR_E_INVALID, "a date of the certificate cannot be read");
    v = (int64_t)timegm(&tm);
    *out = v == INT64_C(253402300799) ? CR_TIME_NEVER : v < 0 ? 0 : v;
    return cr_ok();
}

static cr_status serial_text(const X509 *x, char **out, struct cr_err *err)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = bn != NULL ? BN_bn2hex(bn) : NULL;
    cr_status st;

    BN_free(bn);
    if (hex == NULL)
        return cert_fail(err, CR_E_INVALID, "the serial number cannot be read");
    for (char *p = hex; *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p - 'A' + 'a');
    }
    st = cr_strdup(*hex == '-' ? hex + 1 : hex, out, err);
    if (!cr_failed(st) && strcmp(*out, "0") == 0) {
        cr_free_str(out);
        st = cr_strdup("00", out, err);
    }
    OPENSSL_free(hex);
    return st;
}

static cr_status take_der(int n, unsigned char **der, struct cr_buf *out, struct cr_err *err)
{
    cr_status st =
        n > 0 ? cr_buf_set(out, *der, (size_t)n, err) : cert_fail(err, CR_E_INVALID, "a name cannot be encoded");

    OPENSSL_free(*der);
    return st;
}

static cr_status read_names(X509 *x, struct cert_facts *f, struct cr_err *err)
{
    unsigned char *subject = NULL, *issuer = NULL, *serial = NULL;
    cr_status st;

    if (cr_failed(st = cert_name_text(X509_get_subject_name(x), &f->subject, err)) ||
        cr_failed(st = cert_name_text(X509_get_issuer_name(x), &f->issuer, err)) ||
        cr_failed(st = serial_text(x, &f->serial, err)) ||
        cr_failed(st = take_der(i2d_X509_NAME(X509_get_subject_name(x), &subject), &subject, &f->subject_der, err)) ||
        cr_failed(st = take_der(i2d_X509_NAME(X509_get_issuer_name(x), &issuer), &issuer, &f->issuer_der, err)))
        return st;
    return take_der(i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &serial), &serial, &f->serial_der, err);
}

static cr_status read_facts(X509 *x, struct cert_facts *f, struct cr_err *err)
{
    EVP_PKEY *pkey = X509_get0_pubkey(x);
    cr_status st;

    if (pkey == NULL)
        return cert_fail(err, CR_E_UNSUPPORTED, "the certificate's public key is of a kind that cannot be read");
    if (cr_failed(st = cert_key_from_pkey(pkey, &f->key, err)) ||
        cr_failed(st = cert_jwk_thumbprint(&f->key, f->jkt, err)) ||
        cr_failed(st = cert_key_hash(&f->key, f->spki, err)) ||
        cr_failed(st = cert_time_of(X509_get0_notBefore(x), &f->not_before, err)) ||
        cr_failed(st = cert_time_of(X509_get0_notAfter(x), &f->not_after, err)))
        return st;
    cert_key_text(&f->key, f->key_text);
    return read_names(x, f, err);
}

cr_status cert_facts_read(OSSL_LIB_CTX *ctx, struct cr_bytes der, struct cert_facts *out, struct cr_err *err)
{
    struct cert_facts facts = {0};
    X509 *x = NULL;
    cr_status st;

    (void)ERR_set_mark();
    st = cert_x509_read(ctx, der, &x, err);
    if (!cr_failed(st)) {
        sha256_hex(der, facts.thumbprint);
        sha1_hex(der, facts.sha1);
        st = read_facts(x, &facts, err);
    }
    (void)ERR_pop_to_mark();
    X509_free(x);
    if (cr_failed(st))
        cert_facts_clear(&facts);
    else
        *out = facts;
    return st;
}

void cert_facts_clear(struct cert_facts *facts)
{
    if (facts == NULL)
        return;
    cr_free_str(&facts->subject);
    cr_free_str(&facts->issuer);
    cr_free_str(&facts->serial);
    tok_key_clear(&facts->key);
    cr_buf_clear(&facts->subject_der);
    cr_buf_clear(&facts->issuer_der);
    cr_buf_clear(&facts->serial_der);
    *facts = (struct cert_facts){0};
}

cr_status cert_pkey_of(OSSL_LIB_CTX *ctx, struct cr_bytes cert_der, EVP_PKEY **out, struct cr_err *err)
{
    X509 *x = NULL;
    EVP_PKEY *pkey;
    cr_status st;

    (void)ERR_set_mark();
    st = cert_x509_read(ctx, cert_der, &x, err);
    if (!cr_failed(st)) {
        pkey = X509_get_pubkey(x);
        if (pkey != NULL)
            *out = pkey;
        else
            st = cert_fail(err, CR_E_UNSUPPORTED, "the certificate's public key cannot be read");
    }
    (void)ERR_pop_to_mark();
    X509_free(x);
    return st;
}

/* @name is @domain or ends in ".domain", case-insensitively; embedded NULs never match. */
static bool in_domain(const char *name, size_t len, const char *domain)
{
    size_t want = strlen(domain);

    if (want == 0 || len < want || memchr(name, '\0', len) != NULL)
        return false;
    if (strncasecmp(name + len - want, domain, want) != 0)
        return false;
    return len == want || name[len - want - 1] == '.';
}

/* A BMPString or a T61String says the same as a UTF8String. */
static bool string_in_domain(const ASN1_STRING *s, const char *domain)
{
    unsigned char *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, s);
    bool found = n > 0 && in_domain((const char *)text, (size_t)n, domain);

    OPENSSL_free(text);
    return found;
}

static void append_label(struct cr_buf *labels, const ASN1_STRING *s)
{
    if (labels->n > 0)
        cr_ignore(cr_buf_append(labels, ".", 1, NULL));
    cr_ignore(cr_buf_append(labels, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s), NULL));
}

static bool san_has_domain(const X509 *x, const char *domain)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *gn = sk_GENERAL_NAME_value(names, i);

        found = gn->type == GEN_DNS && string_in_domain(gn->d.dNSName, domain);
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* CN, or DC=example,DC=org (RFC 4519 section 2.4; the most general stands first in the name). */
static bool subject_has_domain(const X509 *x, const char *domain)
{
    const X509_NAME *name = X509_get_subject_name(x);
    struct cr_buf dcs = {0};
    bool found = false;

    for (int i = X509_NAME_entry_count(name) - 1; i >= 0 && !found; i--) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        const ASN1_STRING *value = X509_NAME_ENTRY_get_data(e);
        int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));

        if (nid == NID_commonName)
            found = string_in_domain(value, domain);
        else if (nid == NID_domainComponent)
            append_label(&dcs, value);
    }
    if (!found && dcs.p != NULL)
        found = in_domain((const char *)dcs.p, dcs.n, domain);
    cr_buf_clear(&dcs);
    return found;
}

bool cert_has_domain(OSSL_LIB_CTX *ctx, struct cr_bytes der, const char *domain)
{
    X509 *x = NULL;
    bool found = false;

    (void)ERR_set_mark();
    if (!cr_failed(cert_x509_read(ctx, der, &x, NULL)))
        found = san_has_domain(x, domain) || subject_has_domain(x, domain);
    (void)ERR_pop_to_mark();
    X509_free(x);
    return found;
}

bool cert_is_self_signed(OSSL_LIB_CTX *ctx, struct cr_bytes der)
{
    X509 *x = NULL;
    bool is = false;

    (void)ERR_set_mark();
    if (!cr_failed(cert_x509_read(ctx, der, &x, NULL)))
        is = X509_self_signed(x, 1) == 1;
    (void)ERR_pop_to_mark();
    X509_free(x);
    return is;
}
