/* SPDX-License-Identifier: Apache-2.0 */
/* RSA decryption by the token: PKCS#1, OAEP, and TLS's premaster secret, whose failure must not be told from success.
 * Where the token decrypts raw, the padding comes off here, in constant time: of a token's own time nobody knows.
 * Encryption, for programs that do both with one key, is software.
 *
 * A wrong PKCS#1 padding is an error, as OpenSSL 3.0 has it. The implicit rejection of 3.2, which answers with a text made
 * of the message and the private exponent, always the same, is not possible: the exponent stays on the token. Asking for
 * it (provider-asym_cipher(7), "implicit-rejection") is refused, and saying that it is off is what CMS does. */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_log.h"
#include "prov_algs.h"
#include "prov_cipher.h"
#include "prov_cipher_pad.h"
#include "prov_key.h"
#include "prov_pss.h"

#define RSA_BYTES_MAX 2048

static void *new_ctx(void *provctx)
{
    struct prov_cipher *c = calloc(1, sizeof *c);

    if (c != NULL) {
        c->ctx = provctx;
        c->pad = RSA_PKCS1_PADDING;
    }
    return c;
}

static void free_ctx(void *vc)
{
    struct prov_cipher *c = vc;

    if (c == NULL)
        return;
    prov_bound_clear(&c->bound);
    prov_key_unref(&c->key);
    EVP_MD_free(c->md);
    EVP_MD_free(c->mgf);
    cr_buf_clear(&c->label);
    free(c);
}

static void *dup_ctx(void *vc)
{
    const struct prov_cipher *from = vc;
    struct prov_cipher *to = new_ctx(from->ctx);

    if (to == NULL)
        return NULL;
    to->key = prov_key_ref(from->key);
    prov_bound_copy(&from->bound, &to->bound);
    to->pad = from->pad;
    to->client_version = from->client_version;
    to->negotiated_version = from->negotiated_version;
    if (from->md != NULL && EVP_MD_up_ref(from->md) == 1)
        to->md = from->md;
    if (from->mgf != NULL && EVP_MD_up_ref(from->mgf) == 1)
        to->mgf = from->mgf;
    if (to->md != from->md || to->mgf != from->mgf ||
        cr_failed(cr_buf_set(&to->label, from->label.p, from->label.n, NULL))) {
        free_ctx(to);
        return NULL;
    }
    return to;
}

static int init(void *vc, void *vkey, const OSSL_PARAM params[])
{
    struct prov_cipher *c = vc;
    struct prov_key *key = vkey != NULL ? vkey : c->key;
    struct cr_err err = {0};
    int saved = errno, good = 1;

    if (key == NULL || key->type != TOK_KEY_RSA)
        return prov_cipher_refuse(c, CR_E_USAGE, "no RSA key was given");
    if (cr_failed(prov_key_bind(key, &c->bound, &err))) {
        good = prov_raise(&c->ctx->core, &err);
    } else {
        (void)prov_key_ref(key);
        prov_key_unref(&c->key);
        c->key = key;
    }
    errno = saved;
    return good && prov_cipher_set(c, params);
}

/* What the token says, into @out of RSA_BYTES_MAX bytes. */
static cr_status ask(struct prov_cipher *c, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                     size_t *n, struct cr_err *err)
{
    return prov_key_decrypt(c->key, &c->bound, mech, in, out, RSA_BYTES_MAX, n, err);
}

/* Raw, into @em, as long as the modulus like @in. A token that cannot is asked once. */
static cr_status ask_raw(struct prov_cipher *c, struct cr_bytes in, unsigned char *em, struct cr_err *err)
{
    const struct tok_mech raw = {.op = TOK_DECRYPT_RSA_RAW};
    unsigned char got[RSA_BYTES_MAX];
    size_t n = 0;
    cr_status st;

    if (prov_pub_lacks(c->bound.pub, &raw))
        return cr_fail(err, CR_E_UNSUPPORTED, "the token does not decrypt raw RSA");
    st = ask(c, &raw, in, got, &n, err);
    if (!cr_failed(st))
        prov_pad_align(cr_bytes(got, n), em, in.n);
    else if (st.code == CR_E_UNSUPPORTED)
        prov_pub_mark_lack(c->bound.pub, &raw);
    cr_cleanse(got, sizeof got);
    return st;
}

static cr_status pkcs1(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n, struct cr_err *err)
{
    const struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1};
    unsigned char em[RSA_BYTES_MAX];
    cr_status st = ask_raw(c, in, em, err);

    if (st.code == CR_E_UNSUPPORTED)
        return ask(c, &mech, in, out, n, err);
    if (!cr_failed(st))
        st = prov_pad_pkcs1(cr_bytes(em, in.n), out, n, err);
    cr_cleanse(em, sizeof em);
    return st;
}

static cr_status oaep_on_host(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n,
                              struct cr_err *err)
{
    EVP_MD *sha1 = c->md == NULL ? EVP_MD_fetch(prov_ctx_inner(c->ctx), "SHA1", NULL) : NULL;
    const EVP_MD *md = c->md != NULL ? c->md : sha1;
    unsigned char em[RSA_BYTES_MAX];
    cr_status st;

    if (md == NULL)
        return cr_fail(err, CR_E_UNSUPPORTED, "there is no SHA-1");
    if (!cr_failed(st = ask_raw(c, in, em, err)))
        st = prov_pad_oaep(cr_bytes(em, in.n), md, c->mgf != NULL ? c->mgf : md, cr_buf_bytes(&c->label), out, n, err);
    cr_cleanse(em, sizeof em);
    EVP_MD_free(sha1);
    return st;
}

/* All digests the same, no label: what a token is asked for first. */
static bool oaep_usual(const struct prov_cipher *c)
{
    return c->label.n == 0 && (c->mgf == NULL || EVP_MD_is_a(c->mgf, c->md != NULL ? EVP_MD_get0_name(c->md) : "SHA1"));
}

static cr_status oaep_by_token(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n,
                               struct cr_err *err)
{
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_OAEP, .hash = TOK_SHA1, .mgf = TOK_SHA1};
    const EVP_MD *mgf = c->mgf != NULL ? c->mgf : c->md;
    bool named = (c->md == NULL || prov_hash_of(c->md, &mech.hash)) && (mgf == NULL || prov_hash_of(mgf, &mech.mgf));
    cr_status st;

    mech.label = cr_buf_bytes(&c->label);
    if (!named || (oaep_usual(c) && prov_pub_lacks(c->bound.pub, &mech)))
        return cr_fail(err, CR_E_UNSUPPORTED, "the token does not decrypt OAEP with this digest");
    st = ask(c, &mech, in, out, n, err);
    if (st.code == CR_E_UNSUPPORTED && oaep_usual(c))
        prov_pub_mark_lack(c->bound.pub, &mech);
    return st;
}

/* SoftHSM ignores the label: others' texts it cannot decrypt, and those of no or another label it would. */
static cr_status oaep(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n, struct cr_err *err)
{
    cr_status st;

    if (oaep_usual(c)) {
        st = oaep_by_token(c, in, out, n, err);
        return st.code == CR_E_UNSUPPORTED ? oaep_on_host(c, in, out, n, err) : st;
    }
    st = oaep_on_host(c, in, out, n, err);
    return st.code == CR_E_UNSUPPORTED ? oaep_by_token(c, in, out, n, err) : st;
}

/* Of what a token took the padding off. Silent: a failure may be one of the padding. */
static void premaster_by_token(struct prov_cipher *c, struct cr_bytes in, const struct prov_premaster *pre,
                               unsigned char *out)
{
    const struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1};
    unsigned char text[RSA_BYTES_MAX] = {0};
    size_t n = 0;

    cr_ignore(ask(c, &mech, in, text, &n, NULL));
    prov_pad_premaster_plain(text, n, pre, out);
    cr_cleanse(text, sizeof text);
}

/* Whatever happens, the answer has 48 bytes and is success, once there are random ones. A raw decryption that fails has
 * not seen the padding: the log may say why, since the handshake only says that its keys differ. */
static int premaster(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n)
{
    struct prov_premaster pre = {.client = c->client_version, .negotiated = c->negotiated_version};
    unsigned char em[RSA_BYTES_MAX];
    struct cr_err err = {0};
    cr_status st;

    if (c->client_version == 0)
        return prov_cipher_refuse(c, CR_E_USAGE, "the premaster secret needs the client's version");
    if (RAND_priv_bytes_ex(prov_ctx_inner(c->ctx), pre.random, sizeof pre.random, 0) != 1)
        return prov_cipher_refuse(c, CR_E_INTERNAL, "no random bytes");
    st = ask_raw(c, in, em, &err);
    if (st.code == CR_E_UNSUPPORTED) {
        premaster_by_token(c, in, &pre, out);
    } else if (cr_failed(st)) {
        cr_log(CR_LOG_ERROR, "no premaster secret, the handshake will fail: %s", err.text);
        memcpy(out, pre.random, sizeof pre.random);
    } else {
        prov_pad_premaster(cr_bytes(em, in.n), &pre, out);
    }
    *n = PROV_PREMASTER;
    cr_cleanse(em, sizeof em);
    cr_cleanse(&pre, sizeof pre);
    return 1;
}

static int plain(struct prov_cipher *c, struct cr_bytes in, unsigned char *out, size_t *n)
{
    unsigned char text[RSA_BYTES_MAX];
    struct cr_err err = {0};
    size_t len = in.n;
    cr_status st;

    if (c->pad == RSA_PKCS1_OAEP_PADDING)
        st = oaep(c, in, text, &len, &err);
    else if (c->pad == RSA_PKCS1_PADDING)
        st = pkcs1(c, in, text, &len, &err);
    else
        st = ask_raw(c, in, text, &err);
    if (!cr_failed(st)) {
        memcpy(out, text, len);
        *n = len;
    }
    cr_cleanse(text, sizeof text);
    return cr_failed(st) ? prov_raise(&c->ctx->core, &err) : 1;
}

static int decrypt(void *vc, unsigned char *out, size_t *n, size_t size, const unsigned char *in, size_t in_n)
{
    struct prov_cipher *c = vc;
    bool tls = c->pad == RSA_PKCS1_WITH_TLS_PADDING;
    int saved = errno, good;
    size_t want;

    if (c->bound.pub == NULL)
        return prov_cipher_refuse(c, CR_E_USAGE, "the context was not initialized");
    want = tls ? PROV_PREMASTER : prov_pub_size(c->bound.pub);
    if (out == NULL) {
        *n = want;
        return 1;
    }
    /* Before anything is decrypted: a text too long for the buffer would be one more thing to learn about it. */
    if (size < want)
        return prov_cipher_refuse(c, CR_E_SIZE, "the buffer is too small for what may be decrypted");
    if (!c->key->priv || c->bound.cert == NULL)
        return prov_cipher_refuse(c, CR_E_USAGE, "a public key cannot do this");
    if (in_n != prov_pub_size(c->bound.pub) || in_n > RSA_BYTES_MAX)
        return prov_cipher_refuse(c, CR_E_INVALID, "the message is not as long as the modulus");
    good = tls ? premaster(c, cr_bytes(in, in_n), out, n) : plain(c, cr_bytes(in, in_n), out, n);
    errno = saved;
    return good;
}

static int set_oaep(const struct prov_cipher *c, EVP_PKEY_CTX *ctx)
{
    void *label = NULL;

    if (c->md != NULL && EVP_PKEY_CTX_set_rsa_oaep_md(ctx, c->md) != 1)
        return 0;
    if (c->mgf != NULL && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, c->mgf) != 1)
        return 0;
    if (c->label.n == 0)
        return 1;
    label = OPENSSL_memdup(c->label.p, c->label.n);
    if (label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)c->label.n) == 1)
        return 1;
    OPENSSL_free(label);
    return 0;
}

static int encrypt(void *vc, unsigned char *out, size_t *n, size_t size, const unsigned char *in, size_t in_n)
{
    struct prov_cipher *c = vc;
    EVP_PKEY_CTX *ctx;
    size_t len = size;
    int good;

    if (c->bound.pub == NULL)
        return prov_cipher_refuse(c, CR_E_USAGE, "the context was not initialized");
    if (out == NULL) {
        *n = prov_pub_size(c->bound.pub);
        return 1;
    }
    if (size < prov_pub_size(c->bound.pub)) /* not every OpenSSL 3.0 looks */
        return prov_cipher_refuse(c, CR_E_SIZE, "the buffer is too small for what is encrypted");
    ctx = EVP_PKEY_CTX_new_from_pkey(prov_ctx_inner(c->ctx), c->bound.pub->pkey, NULL);
    good = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, c->pad) == 1 &&
           (c->pad != RSA_PKCS1_OAEP_PADDING || set_oaep(c, ctx)) && EVP_PKEY_encrypt(ctx, out, &len, in, in_n) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (good)
        *n = len;
    return good;
}

const OSSL_DISPATCH prov_cipher_rsa[] = {
    {OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))free_ctx},
    {OSSL_FUNC_ASYM_CIPHER_DUPCTX, (void (*)(void))dup_ctx},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))init},
    {OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))decrypt},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, (void (*)(void))init},
    {OSSL_FUNC_ASYM_CIPHER_ENCRYPT, (void (*)(void))encrypt},
    {OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, (void (*)(void))prov_cipher_get},
    {OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))prov_cipher_gettable},
    {OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (void (*)(void))prov_cipher_set},
    {OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))prov_cipher_settable},
    {0, NULL},
};
