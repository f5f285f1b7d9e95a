/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that take an RSA or EC_KEY structure out of a key and sign with that, by functions deprecated since 3.0. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static const unsigned char digest[32] = "as long as a SHA-256 has to be";

/* Does @rsa sign so that @pub verifies? */
static int rsa_signs(RSA *rsa, EVP_PKEY *pub)
{
    EVP_PKEY_CTX *v = EVP_PKEY_CTX_new(pub, NULL);
    unsigned char sig[512];
    unsigned n = 0;
    int good = RSA_sign(NID_sha256, digest, sizeof digest, sig, &n, rsa) == 1 && EVP_PKEY_verify_init(v) == 1 &&
               EVP_PKEY_CTX_set_signature_md(v, EVP_sha256()) == 1 &&
               EVP_PKEY_verify(v, sig, n, digest, sizeof digest) == 1;

    EVP_PKEY_CTX_free(v);
    return good;
}

static int ec_signs(EC_KEY *ec, EVP_PKEY *pub)
{
    EVP_PKEY_CTX *v = EVP_PKEY_CTX_new(pub, NULL);
    unsigned char sig[160];
    unsigned n = 0;
    int good = ECDSA_sign(0, digest, sizeof digest, sig, &n, ec) == 1 && EVP_PKEY_verify_init(v) == 1 &&
               EVP_PKEY_verify(v, sig, n, digest, sizeof digest) == 1;

    EVP_PKEY_CTX_free(v);
    return good;
}

static void an_rsa_structure_signs_and_decrypts(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    struct role_cert *cert = fixture_cert("RsaA");
    EVP_PKEY *pub = fixture_public(cert);
    RSA *rsa = EVP_PKEY_get1_RSA(key), *other = EVP_PKEY_get1_RSA(pub);
    static const int pads[] = {RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING};
    unsigned char box[256], back[256], block[256] = {0, 7};
    const BIGNUM *d = NULL;

    (void)state;
    EVP_PKEY_free(key); /* the structure is enough */
    assert_true(rsa_signs(rsa, pub));
    for (size_t i = 0; i < CR_COUNT(pads); i++) {
        assert_int_equal(RSA_public_encrypt(sizeof digest, digest, box, other, pads[i]), sizeof box);
        assert_int_equal(RSA_private_decrypt(sizeof box, box, back, rsa, pads[i]), sizeof digest);
        assert_memory_equal(back, digest, sizeof digest);
    }
    assert_int_equal(RSA_private_encrypt(sizeof block, block, box, rsa, RSA_NO_PADDING), sizeof box);
    assert_int_equal(RSA_public_decrypt(sizeof box, box, back, other, RSA_NO_PADDING), sizeof block);
    assert_memory_equal(back, block, sizeof block);
    assert_int_equal(RSA_private_encrypt(32, digest, box, rsa, RSA_X931_PADDING), -1);
    assert_true(fixture_error_has("padding"));
    RSA_get0_key(rsa, NULL, NULL, &d);
    assert_null(d);
    assert_int_not_equal(RSA_test_flags(rsa, RSA_FLAG_EXT_PKEY), 0);
    RSA_free(rsa);
    RSA_free(other);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

static void an_ec_structure_signs_and_agrees(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://EcA"), *mine = EVP_EC_gen("P-256");
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *pub = fixture_public(cert);
    EC_KEY *first = EVP_PKEY_get1_EC_KEY(key), *theirs = EVP_PKEY_get1_EC_KEY(mine), *ec = EC_KEY_dup(first);
    unsigned char ours[32], other[32];
    ECDSA_SIG *numbers;

    (void)state;
    EVP_PKEY_free(key);
    assert_true(ec_signs(first, pub));
    EC_KEY_free(first); /* its copy signs on */
    assert_true(ec_signs(ec, pub));
    numbers = ECDSA_do_sign(digest, sizeof digest, ec);
    assert_non_null(numbers);
    assert_int_equal(ECDSA_do_verify(digest, sizeof digest, numbers, ec), 1);
    assert_int_equal(ECDH_compute_key(ours, sizeof ours, EC_KEY_get0_public_key(theirs), ec, NULL), sizeof ours);
    assert_int_equal(ECDH_compute_key(other, sizeof other, EC_KEY_get0_public_key(ec), theirs, NULL), sizeof other);
    assert_memory_equal(ours, other, sizeof ours);
    assert_null(EC_KEY_get0_private_key(ec));
    ECDSA_SIG_free(numbers);
    EC_KEY_free(ec);
    EC_KEY_free(theirs);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

/* Such a key is one of an engine, to OpenSSL: signatures go by the structure's methods. */
static void a_key_made_of_the_structure_signs(void **state)
{
    EVP_PKEY *rsa = fixture_key(NULL, "certroll://RsaA"), *ec = fixture_key(NULL, "certroll://EcA");
    struct role_cert *cr = fixture_cert("RsaA"), *ce = fixture_cert("EcA");
    EVP_PKEY *pr = fixture_public(cr), *pe = fixture_public(ce), *made = EVP_PKEY_new();
    unsigned char sig[512];
    size_t n = sizeof sig;

    (void)state;
    assert_int_equal(EVP_PKEY_set1_RSA(made, (RSA *)(uintptr_t)EVP_PKEY_get0_RSA(rsa)), 1);
    assert_true(fixture_sign(made, digest, sizeof digest, sig, &n, NULL));
    assert_true(fixture_verify(pr, digest, sizeof digest, sig, n));
    assert_int_equal(EVP_PKEY_set1_EC_KEY(made, (EC_KEY *)(uintptr_t)EVP_PKEY_get0_EC_KEY(ec)), 1);
    n = sizeof sig;
    assert_true(fixture_sign(made, digest, sizeof digest, sig, &n, NULL));
    assert_true(fixture_verify(pe, digest, sizeof digest, sig, n));
    EVP_PKEY_free(made);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(pr);
    EVP_PKEY_free(pe);
    role_cert_unref(&cr);
    role_cert_unref(&ce);
}

/* Both ends of a handshake in memory, by steps in turn. */
static int shake_hands(SSL *server, SSL *client)
{
    BIO *a = NULL, *b = NULL;

    if (BIO_new_bio_pair(&a, 0, &b, 0) != 1)
        return 0;
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client)); i++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    return SSL_is_init_finished(server) && SSL_is_init_finished(client);
}

static void a_tls_server_takes_the_structure(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    struct role_cert *cert = fixture_cert("RsaA");
    const unsigned char *p = cert->leaf.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)cert->leaf.n);
    SSL_CTX *ours = SSL_CTX_new(TLS_server_method()), *theirs = SSL_CTX_new(TLS_client_method());
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(ours, x509), 1);
    assert_int_equal(SSL_CTX_use_RSAPrivateKey(ours, (RSA *)(uintptr_t)EVP_PKEY_get0_RSA(key)), 1);
    assert_int_equal(SSL_CTX_check_private_key(ours), 1);
    for (size_t i = 0; i < CR_COUNT(versions); i++) {
        SSL *server = SSL_new(ours), *client = SSL_new(theirs);

        (void)SSL_set_min_proto_version(client, versions[i]);
        (void)SSL_set_max_proto_version(client, versions[i]);
        assert_true(shake_hands(server, client));
        SSL_free(server);
        SSL_free(client);
    }
    SSL_CTX_free(ours);
    SSL_CTX_free(theirs);
    X509_free(x509);
    EVP_PKEY_free(key);
    role_cert_unref(&cert);
}

static void a_structure_stays_with_the_numbers_it_shows(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    EVP_PKEY *pa = fixture_public(a), *pb = fixture_public(b), *key;
    RSA *before, *after;

    (void)state;
    fixture_assign("Legacy", a);
    key = fixture_key(NULL, "certroll://Legacy");
    before = EVP_PKEY_get1_RSA(key);
    fixture_assign("Legacy", b);
    assert_true(rsa_signs(before, pa));
    EVP_PKEY_free(key);
    key = fixture_key(NULL, "certroll://Legacy");
    after = EVP_PKEY_get1_RSA(key);
    assert_true(rsa_signs(after, pb));
    fixture_revoke("Legacy", a->spki);
    assert_false(rsa_signs(before, pa));
    assert_true(fixture_error_has("revoked"));
    assert_true(rsa_signs(after, pb));
    RSA_free(before);
    RSA_free(after);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_structure_outlives_its_provider_and_signs_no_more(void **state)
{
    struct fixture_instance in = fixture_load("certroll.conf");
    struct role_cert *a = fixture_cert("RsaA"), *e = fixture_cert("EcA");
    EVP_PKEY *pa = fixture_public(a), *pe = fixture_public(e);
    EVP_PKEY *rsa_key = fixture_key(in.ctx, "certroll://RsaA"), *ec_key = fixture_key(in.ctx, "certroll://EcA");
    RSA *rsa = EVP_PKEY_get1_RSA(rsa_key);
    EC_KEY *ec = EVP_PKEY_get1_EC_KEY(ec_key);

    (void)state;
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ec_key);
    assert_true(rsa_signs(rsa, pa) && ec_signs(ec, pe));
    fixture_unload(&in);
    assert_false(rsa_signs(rsa, pa));
    assert_false(ec_signs(ec, pe));
    ERR_clear_error();
    RSA_free(rsa);
    EC_KEY_free(ec);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pe);
    role_cert_unref(&a);
    role_cert_unref(&e);
}

static void a_structure_outlives_openssl_itself(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
        struct role_cert *a = fixture_cert("RsaA");
        EVP_PKEY *pa = fixture_public(a);
        RSA *rsa = EVP_PKEY_get1_RSA(key);

        if (!rsa_signs(rsa, pa))
            _exit(2);
        OPENSSL_cleanup();
        RSA_free(rsa);
        EVP_PKEY_free(key);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static atomic_bool stop;
static atomic_uint made, foreign;

/* What another thread of the program makes meanwhile. */
static void *makes_its_own(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        RSA *rsa = RSA_new();
        EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);

        if (RSA_get_method(rsa) != RSA_PKCS1_OpenSSL() || RSA_test_flags(rsa, RSA_FLAG_EXT_PKEY) != 0 ||
            EC_KEY_get_method(ec) != EC_KEY_OpenSSL())
            atomic_fetch_add(&foreign, 1);
        atomic_fetch_add(&made, 1);
        RSA_free(rsa);
        EC_KEY_free(ec);
    }
    return NULL;
}

static void structures_of_others_are_ordinary(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, makes_its_own, NULL), 0);
    for (int i = 0; i < 300 || atomic_load(&made) < 300; i++) {
        EVP_PKEY *key = fixture_key(NULL, i % 2 == 0 ? "certroll://RsaA" : "certroll://EcA");

        if (i % 2 == 0)
            assert_ptr_not_equal(RSA_get_method(EVP_PKEY_get0_RSA(key)), RSA_PKCS1_OpenSSL());
        else
            assert_ptr_not_equal(EC_KEY_get_method(EVP_PKEY_get0_EC_KEY(key)), EC_KEY_OpenSSL());
        EVP_PKEY_free(key);
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&made) >= 300);
    assert_int_equal(atomic_load(&foreign), 0);
    assert_ptr_equal(RSA_get_default_method(), RSA_PKCS1_OpenSSL());
    assert_ptr_equal(EC_KEY_get_default_method(), EC_KEY_OpenSSL());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rsa_structure_signs_and_decrypts),
        cmocka_unit_test(an_ec_structure_signs_and_agrees),
        cmocka_unit_test(a_key_made_of_the_structure_signs),
        cmocka_unit_test(a_tls_server_takes_the_structure),
        cmocka_unit_test(a_structure_stays_with_the_numbers_it_shows),
        cmocka_unit_test(a_structure_outlives_its_provider_and_signs_no_more),
        cmocka_unit_test(a_structure_outlives_openssl_itself),
        cmocka_unit_test(structures_of_others_are_ordinary),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
