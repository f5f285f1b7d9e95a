/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture fx;

static const char script[] =
    "set -e; umask 022; cd \"$1\"; unset OPENSSL_CONF LD_PRELOAD\n"
    "\"$2\" init --dir \"$1/lab\" --provider \"$3\" >init.log 2>&1 || { cat init.log; exit 1; }\n"
    "sed -i /^key-copy/d lab/certroll.conf\n" /* here the token's keys themselves sign */
    "export OPENSSL_CONF=\"$1/lab/openssl.cnf\" CERTROLL_CONFIG=\"$1/lab/certroll.conf\"\n"
    "one() { name=$1; shift\n"
    "  env -u OPENSSL_CONF openssl req -x509 \"$@\" -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=$name "
    "2>/dev/null\n"
    "  cat k.pem c.pem >b.pem; \"$TOOL\" import b.pem $name --use token --force >import.log 2>&1 || { cat import.log; "
    "exit 1; }; }\n"
    "TOOL=$2\n"
    "one RsaA -newkey rsa:2048; one RsaB -newkey rsa:2048; one Rsa3 -newkey rsa:3072\n"
    "one EcA -newkey ec -pkeyopt ec_paramgen_curve:P-256; one EcB -newkey ec -pkeyopt ec_paramgen_curve:P-256\n"
    "one P384 -newkey ec -pkeyopt ec_paramgen_curve:P-384; one EdA -newkey ed25519; one EdB -newkey ed25519\n"
    "rm -f k.pem b.pem\n";

int fixture_setup(void **state)
{
    char command[4096], path[128];
    struct cr_err err = {0};

    (void)state;
    /* In memory where there is such a place: thousands of records are written with fsync. */
    (void)snprintf(fx.dir, sizeof fx.dir, "/dev/shm/certroll-prov.XXXXXX");
    if (mkdtemp(fx.dir) == NULL) {
        (void)snprintf(fx.dir, sizeof fx.dir, "/tmp/certroll-prov.XXXXXX");
        if (mkdtemp(fx.dir) == NULL)
            return -1;
    }
    (void)snprintf(path, sizeof path, "%s/make", fx.dir);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(script, f) < 0 || fclose(f) != 0)
        return -1;
    (void)snprintf(command, sizeof command, "bash %s %s %s %s", path, fx.dir, CERTROLL_TOOL, CERTROLL_SO);
    if (system(command) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lab/openssl.cnf", fx.dir);
    (void)setenv("OPENSSL_CONF", path, 1);
    (void)snprintf(path, sizeof path, "%s/lab/certroll.conf", fx.dir);
    (void)setenv("CERTROLL_CONFIG", path, 1);
    (void)snprintf(path, sizeof path, "%s/lab/state", fx.dir);
    if (cr_failed(store_file_open(path, true, &fx.store, &err))) {
        (void)fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return 0;
}

int fixture_teardown(void **state)
{
    char command[128];

    (void)state;
    store_close(&fx.store);
    (void)snprintf(command, sizeof command, "rm -rf %s", fx.dir);
    return system(command);
}

int64_t fixture_now(void)
{
    return time(NULL);
}

int64_t fixture_clock_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct role_cert *fixture_cert(const char *name)
{
    struct role_record *rec = NULL;
    struct role_cert *cert;

    assert_false(cr_failed(store_load(fx.store, name, &rec, NULL, NULL)));
    cert = role_cert_ref(rec->current);
    assert_non_null(cert);
    role_record_unref(&rec);
    return cert;
}

void fixture_change(const char *name, struct role_intent intent)
{
    struct role_record *old = NULL, *rec = NULL;
    struct role_outcome outcome;
    struct cr_err err = {0};

    intent.who = "test";
    intent.force = true;
    intent.has_use = true;
    intent.use = ROLE_USE_TOKEN;
    intent.policy = (struct role_policy){.retain_previous = 3600, .max_rsa_bits = 4096};
    cr_ignore(store_load(fx.store, name, &old, NULL, NULL));
    if (old != NULL)
        intent.has_use = false;
    if (cr_failed(role_change(name, old, &intent, fixture_now(), &rec, &outcome, &err)) ||
        (outcome.changed && cr_failed(store_save(fx.store, rec, old != NULL ? old->generation : 0, &err))))
        fail_msg("%s: %s", name, err.text);
    role_record_unref(&old);
    role_record_unref(&rec);
}

void fixture_assign(const char *name, struct role_cert *cert)
{
    fixture_change(name, (struct role_intent){.verb = ROLE_ASSIGN, .cert = cert});
}

void fixture_roll(const char *name, struct role_cert *cert, int64_t effective)
{
    fixture_change(name, (struct role_intent){.verb = ROLE_ROLL, .cert = cert, .effective = effective});
}

void fixture_revoke(const char *name, const char *spki)
{
    fixture_change(name, (struct role_intent){.verb = ROLE_REVOKE, .spki = spki});
}

struct fixture_instance fixture_load(const char *conf)
{
    struct fixture_instance in = {OSSL_LIB_CTX_new(), NULL, NULL};
    char path[128], folder[256];

    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(OSSL_PROVIDER_set_default_search_path(in.ctx, folder), 1);
    (void)snprintf(path, sizeof path, "%s/lab/%s", fx.dir, conf);
    (void)setenv("CERTROLL_CONFIG", path, 1);
    in.base = OSSL_PROVIDER_load(in.ctx, "default");
    in.ours = OSSL_PROVIDER_load(in.ctx, "certroll");
    (void)snprintf(path, sizeof path, "%s/lab/certroll.conf", fx.dir);
    (void)setenv("CERTROLL_CONFIG", path, 1);
    assert_non_null(in.ours);
    return in;
}

void fixture_unload(struct fixture_instance *in)
{
    (void)OSSL_PROVIDER_unload(in->ours);
    (void)OSSL_PROVIDER_unload(in->base);
    OSSL_LIB_CTX_free(in->ctx);
}

EVP_PKEY *fixture_key(OSSL_LIB_CTX *ctx, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    EVP_PKEY *key = NULL;

    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        info = OSSL_STORE_load(store);
        if (info == NULL)
            break;
        key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

EVP_PKEY *fixture_public(const struct role_cert *cert)
{
    const unsigned char *p = cert->leaf.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)cert->leaf.n);
    EVP_PKEY *key = X509_get_pubkey(x509);

    X509_free(x509);
    assert_non_null(key);
    return key;
}

int fixture_sign(EVP_PKEY *key, const void *data, size_t data_n, unsigned char *sig, size_t *n, char *kid)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("certroll-kid", kid, kid != NULL ? 128 : 0), OSSL_PARAM_END};
    const char *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA256";
    int good;

    good = EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL) == 1 &&
           (kid == NULL || EVP_PKEY_CTX_get_params(pctx, params) == 1) &&
           EVP_DigestSign(ctx, sig, n, data, data_n) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

int fixture_verify(EVP_PKEY *pub, const void *data, size_t data_n, const unsigned char *sig, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *md = EVP_PKEY_is_a(pub, "ED25519") ? NULL : "SHA256";
    int good = EVP_DigestVerifyInit_ex(ctx, NULL, md, NULL, NULL, pub, NULL) == 1 &&
               EVP_DigestVerify(ctx, sig, n, data, data_n) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

bool fixture_error_has(const char *part)
{
    const char *text = NULL;
    bool found = false;
    int flags = 0;

    while (ERR_get_error_all(NULL, NULL, NULL, &text, &flags) != 0)
        found = found || ((flags & ERR_TXT_STRING) != 0 && strstr(text, part) != NULL);
    return found;
}
