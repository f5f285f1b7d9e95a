/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fixture: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

void fixture_make(struct fixture *f)
{
    const char *ci = getenv("CI");
    char path[96];
    FILE *conf;

    if (access(FIXTURE_MODULE, R_OK)) {
        printf("skipped: no SoftHSM here\n");
        exit(ci != NULL && strcmp(ci, "true") == 0 ? 1 : 77);
    }
    *f = (struct fixture){0};
    strcpy(f->dir, "/tmp/certroll-unit-XXXXXX");
    must(mkdtemp(f->dir) != NULL, "mkdtemp");
    snprintf(path, sizeof(path), "mkdir %s/tokens", f->dir);
    must(system(path) == 0, "mkdir");
    snprintf(f->conf, sizeof(f->conf), "%s/softhsm2.conf", f->dir);
    must((conf = fopen(f->conf, "w")) != NULL, "conf");
    fprintf(conf, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", f->dir);
    must(fclose(conf) == 0, "conf");
    must(setenv("SOFTHSM2_CONF", f->conf, 1) == 0, "setenv");
    must(system("softhsm2-util --init-token --free --label unit --so-pin 12345678 --pin " FIXTURE_PIN " >/dev/null") ==
             0,
         "softhsm2-util");
}

unsigned fixture_threads(void)
{
    struct stat tasks;

    must(stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2, "/proc/self/task");
    return (unsigned)tasks.st_nlink - 2;
}

void fixture_threads_wait(unsigned most)
{
    for (int ms = 0; fixture_threads() > most; ms++) {
        must(ms < 60000, "waiting for threads to end");
        usleep(1000);
    }
}

cr_status fixture_pin(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    (void)arg;
    (void)token_name;
    (void)retry;
    return cr_buf_set(pin, FIXTURE_PIN, strlen(FIXTURE_PIN), err);
}

void fixture_open(struct fixture *f, const struct tok_conf *over)
{
    struct tok_conf conf = over != NULL ? *over : (struct tok_conf){0};
    struct cr_err err = {0};

    conf.name = conf.name != NULL ? conf.name : "unit";
    conf.module = conf.module != NULL ? conf.module : FIXTURE_MODULE;
    conf.token_uri = conf.token_uri != NULL ? conf.token_uri : "pkcs11:token=unit";
    conf.pin = conf.pin != NULL ? conf.pin : fixture_pin;
    must(!cr_failed(tok_local_new(&conf, 1, &f->loc, &err)), err.text);
    f->signer = tok_local_signer(f->loc);
}

void fixture_close(struct fixture *f)
{
    if (f->signer != NULL)
        f->signer->ops->signer_unref(&f->signer);
    f->loc = NULL;
}

void fixture_remove(struct fixture *f)
{
    char command[96];

    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    must(system(command) == 0, "rm");
}

EVP_PKEY *fixture_key_fresh(const char *name)
{
    EVP_PKEY *pkey = NULL;

    if (strncmp(name, "RSA:", 4) == 0)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(name + 4));
    else if (strncmp(name, "EC:", 3) == 0)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", name + 3);
    else
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    must(pkey != NULL, "keygen");
    return pkey;
}

EVP_PKEY *fixture_key(const char *name)
{
    static struct {
        char name[16];
        EVP_PKEY *pkey;
    } kept[16];

    for (size_t i = 0; i < CR_COUNT(kept); i++) {
        if (kept[i].pkey != NULL && strcmp(kept[i].name, name))
            continue;
        if (kept[i].pkey == NULL) {
            snprintf(kept[i].name, sizeof(kept[i].name), "%s", name);
            kept[i].pkey = fixture_key_fresh(name);
        }
        return kept[i].pkey;
    }
    abort();
}

static void bn_get(EVP_PKEY *pkey, const char *param, size_t width, struct cr_buf *out)
{
    unsigned char bytes[1024];
    BIGNUM *bn = NULL;
    int n;

    must(EVP_PKEY_get_bn_param(pkey, param, &bn), param);
    n = width > 0 ? BN_bn2binpad(bn, bytes, (int)width) : BN_bn2bin(bn, bytes);
    must(n > 0 && !cr_failed(cr_buf_set(out, bytes, (size_t)n, NULL)), param);
    BN_clear_free(bn);
}

static void rsa_get(EVP_PKEY *pkey, struct tok_key *out)
{
    out->type = TOK_KEY_RSA;
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_N, 0, &out->n);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_E, 0, &out->e);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_D, 0, &out->d);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, 0, &out->p);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, 0, &out->q);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, 0, &out->dp);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, 0, &out->dq);
    bn_get(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0, &out->qi);
}

static void ec_get(EVP_PKEY *pkey, struct tok_key *out)
{
    unsigned char point[200], *der = NULL;
    char group[32];
    size_t n = 0;
    int len;
    ASN1_OBJECT *oid;

    out->type = TOK_KEY_EC;
    must(EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL), "group");
    oid = OBJ_nid2obj(OBJ_sn2nid(group));
    must((len = i2d_ASN1_OBJECT(oid, &der)) > 0, "oid");
    must(!cr_failed(cr_buf_set(&out->ec_params, der, (size_t)len, NULL)), "oid");
    OPENSSL_free(der);
    must(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n), "pub");
    must(!cr_failed(cr_buf_set(&out->point, point, n, NULL)), "pub");
    bn_get(pkey, OSSL_PKEY_PARAM_PRIV_KEY, (out->bits + 7) / 8, &out->d);
}

static void ed_get(EVP_PKEY *pkey, struct tok_key *out)
{
    unsigned char raw[32];
    size_t n = sizeof(raw);

    out->type = TOK_KEY_ED25519;
    out->bits = 256;
    must(EVP_PKEY_get_raw_public_key(pkey, raw, &n) && !cr_failed(cr_buf_set(&out->point, raw, n, NULL)), "pub");
    must(EVP_PKEY_get_raw_private_key(pkey, raw, &n) && !cr_failed(cr_buf_set(&out->d, raw, n, NULL)), "priv");
}

void fixture_numbers(EVP_PKEY *pkey, struct tok_key *out)
{
    unsigned char id[SHA_DIGEST_LENGTH];
    const unsigned char *bits = NULL;
    X509_PUBKEY *spki = NULL;
    int n = 0;

    *out = (struct tok_key){.bits = (unsigned)EVP_PKEY_get_bits(pkey), .has_private = true};
    if (EVP_PKEY_is_a(pkey, "RSA"))
        rsa_get(pkey, out);
    else if (EVP_PKEY_is_a(pkey, "EC"))
        ec_get(pkey, out);
    else
        ed_get(pkey, out);
    must(X509_PUBKEY_set(&spki, pkey) && X509_PUBKEY_get0_param(NULL, &bits, &n, NULL, spki), "spki");
    SHA1(bits, (size_t)n, id);
    must(!cr_failed(cr_buf_set(&out->id, id, sizeof(id), NULL)), "id");
    X509_PUBKEY_free(spki);
}

static bool rsa_verify(EVP_PKEY *pkey, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig)
{
    static const EVP_MD *(*const mds[])(void) = {EVP_sha1, EVP_sha224, EVP_sha256, EVP_sha384, EVP_sha512};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = EVP_PKEY_verify_init(ctx) > 0;
    int pad = mech->op == TOK_SIGN_RSA_PSS   ? RSA_PKCS1_PSS_PADDING
              : mech->op == TOK_SIGN_RSA_RAW ? RSA_NO_PADDING
                                             : RSA_PKCS1_PADDING;

    ok = ok && EVP_PKEY_CTX_set_rsa_padding(ctx, pad) > 0;
    if (pad == RSA_PKCS1_PSS_PADDING)
        ok = ok && EVP_PKEY_CTX_set_signature_md(ctx, mds[mech->hash]()) > 0 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mds[mech->mgf]()) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)mech->salt_len) > 0;
    ok = ok && EVP_PKEY_verify(ctx, sig.p, sig.n, msg.p, msg.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool ec_verify(EVP_PKEY *pkey, struct cr_bytes msg, struct cr_bytes sig)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    ECDSA_SIG *rs = ECDSA_SIG_new();
    unsigned char *der = NULL;
    int half = (int)sig.n / 2, n;
    bool ok;

    ECDSA_SIG_set0(rs, BN_bin2bn(sig.p, half, NULL), BN_bin2bn(sig.p + half, half, NULL));
    n = i2d_ECDSA_SIG(rs, &der);
    ok = n > 0 && EVP_PKEY_verify_init(ctx) > 0 && EVP_PKEY_verify(ctx, der, (size_t)n, msg.p, msg.n) == 1;
    OPENSSL_free(der);
    ECDSA_SIG_free(rs);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool ed_verify(EVP_PKEY *pkey, struct cr_bytes msg, struct cr_bytes sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) > 0 && EVP_DigestVerify(ctx, sig.p, sig.n, msg.p, msg.n) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

cr_status fixture_verify(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                         struct cr_err *err)
{
    EVP_PKEY *pkey = arg;
    bool ok;

    if (EVP_PKEY_is_a(pkey, "RSA"))
        ok = rsa_verify(pkey, mech, msg, sig);
    else if (EVP_PKEY_is_a(pkey, "EC"))
        ok = ec_verify(pkey, msg, sig);
    else
        ok = ed_verify(pkey, msg, sig);
    ERR_clear_error();
    return ok ? cr_ok() : cr_fail(err, CR_E_INVALID, "the signature does not verify");
}

void fixture_import(struct fixture *f, EVP_PKEY *pkey, char **location)
{
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "unit"};
    struct cr_err err = {0};
    bool created = false;

    fixture_numbers(pkey, &key);
    must(!cr_failed(tok_import(f->loc, 0, &what, location, &created, &err)), err.text);
    tok_key_clear(&key);
}

cr_status fixture_sign_verify(struct fixture *f, struct tok_object *obj, EVP_PKEY *pkey, struct cr_err *err)
{
    static const char info[] = "0123456789abcdef0123456789abcdef";
    struct tok_mech mech = {.op = EVP_PKEY_is_a(pkey, "RSA")  ? TOK_SIGN_RSA_PKCS1
                                  : EVP_PKEY_is_a(pkey, "EC") ? TOK_SIGN_ECDSA
                                                              : TOK_SIGN_EDDSA};
    unsigned char sig[1024];
    size_t n = 0;
    cr_status st = f->signer->ops->sign(obj, &mech, cr_bytes(info, 32), sig, sizeof(sig), &n, err);

    return cr_failed(st) ? st : fixture_verify(pkey, &mech, cr_bytes(info, 32), cr_bytes(sig, n), err);
}

cr_status fixture_find(struct fixture *f, const char *location, const struct tok_key *pub, EVP_PKEY *pkey,
                       struct tok_object **out, struct cr_err *err)
{
    return f->signer->ops->find(f->signer, &location, 1, pub, fixture_verify, pkey, out, err);
}
