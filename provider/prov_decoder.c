/* SPDX-License-Identifier: Apache-2.0 */
/* Reference files in two stages: PEM to DER for the one label that is ours, and DER to a key reference. Once the label is
 * ours, a failure is our own sentence and decoding stops. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_host.h"
#include "prov_key.h"
#include "prov_pem.h"

#define REF_MAX 1024

/* What the application asked for, and how it may be asked in turn. */
struct wish {
    bool priv;
    OSSL_PASSPHRASE_CALLBACK *pw;
    void *pw_arg;
};

/* Everything that can go wrong with a reference goes wrong here, in one sentence. */
static cr_status open_reference(struct prov_ctx *ctx, struct cr_bytes der, const struct wish *wish,
                                struct prov_key **out, struct cr_err *err)
{
    struct prov_snap *snap = NULL;
    struct prov_key *key = NULL;
    struct role_uri uri;
    cr_status st;

    if (cr_failed(st = role_ref_read(der, &uri, err)) || cr_failed(st = prov_ctx_usable(ctx, err)))
        return st;
    if (!conf_reference_allowed(ctx->conf, uri.role))
        return cr_fail(err, CR_E_REFUSED, "%s does not allow a key reference to the role %s (references =)",
                       ctx->conf->path, uri.role);
    if (uri.object == ROLE_OBJECT_CERT)
        return cr_fail(err, CR_E_INVALID, "the reference to the role %s names its certificate, not its key", uri.role);
    if (cr_failed(st = prov_key_open(ctx, &uri, wish->priv, &key, &snap, err)))
        return st;
    if (wish->priv && cr_failed(st = prov_key_contact(key, snap, wish->pw, wish->pw_arg, err)))
        prov_key_unref(&key);
    else
        *out = key;
    prov_snap_unref(&snap);
    return st;
}

/* A reference that the first stage of this thread has opened, while its callback runs: the second stage, which OpenSSL
 * calls in there, need not open it again. */
static __thread struct opened {
    const struct prov_ctx *ctx;
    struct cr_bytes der;
    bool priv;
    struct prov_key *key; /* NULL: taken */
} opened;

static struct prov_key *take_opened(const struct prov_ctx *ctx, struct cr_bytes der, bool priv)
{
    struct prov_key *key = opened.key;

    if (key == NULL || opened.ctx != ctx || opened.priv != priv || !cr_bytes_equal(opened.der, der))
        return NULL;
    opened.key = NULL;
    return key;
}

static void *new_ctx(void *provctx)
{
    return provctx;
}

static void free_ctx(void *vctx)
{
    (void)vctx;
}

static int give_der(unsigned char *der, size_t n, OSSL_CALLBACK *cb, void *arg)
{
    static char structure[] = PROV_REF_STRUCT;
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, n),
        OSSL_PARAM_construct_end(),
    };

    return cb(params, arg);
}

static bool wants_private(int selection)
{
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

/* A reference stands for a private key file, and no such file is a public key: programs that are given either try a public
 * one first, and take what comes for one to verify with (PyJWT, python3-jose). */
static bool wants_public_alone(int selection)
{
    return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !wants_private(selection);
}

/* The label is ours. OpenSSL's file store drops the errors of the second stage and says "unsupported" instead, so the
 * reference is opened here. */
static int handle_ours(struct prov_ctx *ctx, unsigned char *der, size_t n, const struct wish *wish, OSSL_CALLBACK *cb,
                       void *arg)
{
    struct opened mine = {ctx, cr_bytes(der, n), wish->priv, NULL}, outer = opened;
    struct cr_err err = {0};
    int good;

    if (cr_failed(open_reference(ctx, mine.der, wish, &mine.key, &err)))
        return prov_raise(&ctx->core, &err);
    opened = mine;
    good = give_der(der, n, cb, arg);
    prov_key_unref(&opened.key);
    opened = outer; /* a callback that loads another reference */
    return good;
}

struct block {
    char *label, *header;
    unsigned char *der;
    long n;
};

static void clear_block(struct block *b)
{
    OPENSSL_free(b->label);
    OPENSSL_free(b->header);
    OPENSSL_free(b->der);
    *b = (struct block){0};
}

/* What stands beside a key in files for servers, and is none. */
static bool beside_keys(const char *label)
{
    static const char *const labels[] = {PEM_STRING_X509,     PEM_STRING_X509_TRUSTED, PEM_STRING_X509_OLD,
                                         PEM_STRING_DHPARAMS, PEM_STRING_DHXPARAMS,    PEM_STRING_ECPARAMETERS};

    for (size_t i = 0; i < CR_COUNT(labels); i++) {
        if (strcmp(label, labels[i]) == 0)
            return true;
    }
    return false;
}

/* Reads one block, as the default provider's reader does, and decodes it if it is ours. Who wants a private key alone reads
 * on past certificates: PEM_read_bio_PrivateKey itself does so only if the error queue was empty before, and for ordinary
 * keys it has another reader to fall back on. The position stays behind the first block unless a reference was found. */
static bool read_ours(BIO *bio, bool past_others, struct block *b)
{
    char label[PROV_PEM_LABEL];
    int start, end = 0;

    while (prov_pem_label(bio, label, &start)) {
        if (strcmp(label, ROLE_REF_PEM_LABEL) == 0)
            return BIO_seek(bio, start) >= 0 && PEM_read_bio(bio, &b->label, &b->header, &b->der, &b->n) == 1;
        prov_pem_pass(bio);
        if (end == 0)
            end = BIO_tell(bio);
        if (!past_others || end <= 0 || !beside_keys(label))
            break;
    }
    if (end > 0)
        (void)BIO_seek(bio, end);
    return false;
}

static int decode_pem(void *vctx, OSSL_CORE_BIO *cbio, int selection, OSSL_CALLBACK *cb, void *arg,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    struct wish wish = {wants_private(selection), pw, pw_arg};
    struct prov_ctx *ctx = vctx;
    struct block block = {0};
    int good = 1, saved = errno;
    BIO *bio;

    if (wants_public_alone(selection))
        return 1;
    bio = BIO_new_from_core_bio(prov_ctx_inner(ctx), cbio);
    if (bio == NULL)
        return 1;
    (void)ERR_set_mark();
    if (read_ours(bio, selection != 0 && wish.priv, &block)) {
        (void)ERR_clear_last_mark();
        good = handle_ours(ctx, block.der, (size_t)block.n, &wish, cb, arg);
    } else {
        (void)ERR_pop_to_mark();
    }
    clear_block(&block);
    BIO_free(bio);
    errno = saved;
    return good;
}

/* The whole DER object at the reading position, if it has the shape SEQUENCE { INTEGER, UTF8String }. */
static bool read_shape(BIO *bio, struct cr_buf *out)
{
    unsigned char buf[REF_MAX + 4];
    int got = 0, n;

    while (got < (int)sizeof buf && (n = BIO_read(bio, buf + got, (int)sizeof buf - got)) > 0)
        got += n;
    if (got < 8 || got > REF_MAX || buf[0] != 0x30)
        return false;
    n = buf[1] < 0x80 ? 2 : buf[1] == 0x81 ? 3 : 4;
    if (buf[n] != 0x02 || buf[n + 1] != 1 || buf[n + 3] != 0x0c)
        return false;
    return !cr_failed(cr_buf_set(out, buf, (size_t)got, NULL));
}

static int decode_ref(void *vctx, OSSL_CORE_BIO *cbio, int selection, OSSL_CALLBACK *cb, void *arg,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    struct wish wish = {wants_private(selection), pw, pw_arg};
    struct prov_ctx *ctx = vctx;
    struct prov_key *key = NULL;
    struct cr_buf der = {0};
    struct cr_err err = {0};
    bool ours;
    int good = 1, saved = errno;
    BIO *bio;

    if (wants_public_alone(selection))
        return 1;
    bio = BIO_new_from_core_bio(prov_ctx_inner(ctx), cbio);
    if (bio == NULL)
        return 1;
    ours = read_shape(bio, &der);
    BIO_free(bio);
    if (ours)
        key = take_opened(ctx, cr_buf_bytes(&der), wish.priv);
    if (ours && key == NULL && cr_failed(open_reference(ctx, cr_buf_bytes(&der), &wish, &key, &err)))
        good = prov_raise(&ctx->core, &err);
    if (key != NULL) {
        prov_host_finds_its_own(ctx, prov_key_type_name(key->type));
        good = prov_key_give(key, cb, arg);
    }
    cr_buf_clear(&der);
    errno = saved;
    return good;
}

/* OpenSSL calls this, whether it is there or not, where it has found another provider's key management for what we gave. */
static int export_object(void *vctx, const void *reference, size_t n, OSSL_CALLBACK *cb, void *arg)
{
    struct prov_ctx *ctx = vctx;
    struct cr_err err = {0};

    (void)reference;
    (void)n;
    (void)cb;
    (void)arg;
    cr_ignore(cr_fail(&err, CR_E_UNSUPPORTED, "a token's key cannot be exported to another provider"));
    return prov_raise(&ctx->core, &err);
}

static int any_key(void *provctx, int selection)
{
    (void)provctx;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_ALL) != 0;
}

const OSSL_DISPATCH prov_decoder_pem[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_ctx},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_pem},
    {0, NULL},
};

const OSSL_DISPATCH prov_decoder_ref[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))free_ctx},
    {OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))any_key},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_ref},
    {OSSL_FUNC_DECODER_EXPORT_OBJECT, (void (*)(void))export_object},
    {0, NULL},
};
