/* SPDX-License-Identifier: Apache-2.0 */
/* Faults while a key is found and used. */
#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *rsa;
static char *rsa_location;
static struct tok_key rsa_pub;
static struct tok_object *rsa_obj, *ec_obj;

static void nothing(void)
{
}

/* ---- from nothing to a signature ---- */

static const enum mock_function load_of[] = {
    MOCK_C_Initialize,
    MOCK_C_GetSlotList,
    MOCK_C_GetTokenInfo,
    MOCK_C_OpenSession,
    MOCK_C_Login,
    MOCK_C_FindObjectsInit,
    MOCK_C_FindObjects,
    MOCK_C_FindObjectsFinal,
    MOCK_C_GetAttributeValue,
    MOCK_C_SignInit,
    MOCK_C_Sign,
    MOCK_C_CloseSession,
};

/* ---- a signature by a warm key; and one for which everything has to be done anew ---- */

static void warm_up(void)
{
    struct cr_err err = {0};

    if (ec_obj == NULL)
        assert_int_equal(mocked_find(&ec_obj, &err).code, CR_OK);
    assert_int_equal(fixture_sign_verify(&mocked.f, ec_obj, mocked.pkey, &err).code, CR_OK);
}

static void cool_down(void)
{
    if (ec_obj != NULL)
        mocked.f.signer->ops->object_unref(&ec_obj);
    if (rsa_obj != NULL)
        mocked.f.signer->ops->object_unref(&rsa_obj);
}

static cr_status sign_warm(struct cr_err *err)
{
    return fixture_sign_verify(&mocked.f, ec_obj, mocked.pkey, err);
}

static const enum mock_function sign_of[] = {MOCK_C_SignInit, MOCK_C_Sign};

static void break_device(void)
{
    warm_up();
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
}

static const enum mock_function repair_of[] = {
    MOCK_C_Initialize, MOCK_C_GetSlotList,     MOCK_C_GetTokenInfo,     MOCK_C_OpenSession,
    MOCK_C_Login,      MOCK_C_FindObjects,     MOCK_C_FindObjectsFinal, MOCK_C_GetAttributeValue,
    MOCK_C_Sign,       MOCK_C_FindObjectsInit, MOCK_C_CloseSession,
};

/* p11-kit takes a module that it could not finalize for somebody else's, and never finalizes it again: these come last. */
static const enum mock_function finalize_of[] = {MOCK_C_Finalize};

/* A session that fails: the slot alone is brought up anew. */
static void break_session(void)
{
    warm_up();
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_SESSION_CLOSED, 0, 1);
}

static const enum mock_function reopen_of[] = {
    MOCK_C_CloseSession, MOCK_C_GetSlotList,     MOCK_C_GetTokenInfo, MOCK_C_OpenSession,
    MOCK_C_Login,        MOCK_C_FindObjectsInit, MOCK_C_Sign,
};

/* ---- a key that wants the PIN in each operation ---- */

static void warm_up_auth(void)
{
    mocked_close();
    atomic_store(&mocked.counts->persona.always_auth, 1);
    warm_up();
}

static const enum mock_function auth_of[] = {MOCK_C_SignInit, MOCK_C_Login, MOCK_C_Sign};

/* ---- decryption ---- */

static void rsa_find(void)
{
    const char *location = rsa_location;
    struct cr_err err = {0};
    cr_status st = cr_ok();

    mocked_open();
    if (rsa_obj == NULL)
        st = mocked.f.signer->ops->find(mocked.f.signer, &location, 1, &rsa_pub, fixture_verify, rsa, &rsa_obj, &err);
    assert_int_equal(st.code, CR_OK);
}

static cr_status decrypt(struct cr_err *err)
{
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1};
    unsigned char in[256], out[256];
    size_t nin = sizeof(in), n = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
    cr_status st;

    assert_true(EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0);
    assert_true(EVP_PKEY_encrypt(ctx, in, &nin, (const unsigned char *)"secret", 6) > 0);
    EVP_PKEY_CTX_free(ctx);
    st = mocked.f.signer->ops->decrypt(rsa_obj, &mech, cr_bytes(in, nin), out, sizeof(out), &n, err);
    if (!cr_failed(st) && (n != 6 || memcmp(out, "secret", 6)))
        return cr_fail(err, CR_E_INTERNAL, "decrypted to something else");
    return st;
}

static const enum mock_function decrypt_of[] = {MOCK_C_DecryptInit, MOCK_C_Decrypt};

/* ---- ECDH ---- */

static cr_status derive(struct cr_err *err)
{
    unsigned char out[32], want[32];
    size_t n = 0, nwant = sizeof(want);
    EVP_PKEY *peer = fixture_key("EC:prime256v1");
    struct tok_key numbers = {0};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mocked.pkey, NULL);
    cr_status st;

    fixture_numbers(peer, &numbers);
    assert_true(EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0);
    assert_true(EVP_PKEY_derive(ctx, want, &nwant) > 0);
    EVP_PKEY_CTX_free(ctx);
    st = mocked.f.signer->ops->derive(ec_obj, cr_buf_bytes(&numbers.point), out, sizeof(out), &n, err);
    tok_key_clear(&numbers);
    if (!cr_failed(st) && (n != nwant || memcmp(out, want, n)))
        return cr_fail(err, CR_E_INTERNAL, "derived something else");
    return st;
}

static const enum mock_function derive_of[] = {MOCK_C_DeriveKey, MOCK_C_GetAttributeValue, MOCK_C_DestroyObject};

/* ---- a signature by a session's copy of the key ---- */

static void reopen_to_copy(void)
{
    mocked_close();
    mocked.conf.key_copy = TOK_KEY_COPY_ALWAYS;
    mocked_open();
}

static void copy_no_more(void)
{
    cool_down();
    mocked_sign_ok();
    mocked.conf.key_copy = TOK_KEY_COPY_NEVER;
}

static cr_status sign_twice(struct cr_err *err)
{
    cr_status st = mocked_sign(err);

    return cr_failed(st) ? st : mocked_sign(err);
}

static const enum mock_function copy_of[] = {MOCK_C_OpenSession, MOCK_C_CopyObject, MOCK_C_SignInit, MOCK_C_Sign};

static const struct path load_path = {"load", false, mocked_close, mocked_sign, nothing, FAULTS_OF(load_of)},
                         sign_path = {"sign", false, warm_up, sign_warm, cool_down, FAULTS_OF(sign_of)},
                         repair_path = {"repair", false, break_device, sign_warm, cool_down, FAULTS_OF(repair_of)},
                         reopen_path = {"reopen", false, break_session, sign_warm, cool_down, FAULTS_OF(reopen_of)},
                         auth_path = {"auth", false, warm_up_auth, sign_warm, cool_down, FAULTS_OF(auth_of)},
                         copy_path = {"copy", false, reopen_to_copy, sign_twice, copy_no_more, FAULTS_OF(copy_of)},
                         decrypt_path = {"decrypt", false, rsa_find, decrypt, cool_down, FAULTS_OF(decrypt_of)},
                         derive_path = {"derive", false, warm_up, derive, cool_down, FAULTS_OF(derive_of)},
                         finalize_path = {"finalize", false,     break_device,
                                          sign_warm,  cool_down, FAULTS_OF(finalize_of)};

FAULTS_DEFINE(load)
FAULTS_DEFINE(sign)
FAULTS_DEFINE(repair)
FAULTS_DEFINE(reopen)
FAULTS_DEFINE(auth)
FAULTS_DEFINE(copy)
FAULTS_DEFINE(decrypt)
FAULTS_DEFINE(derive)
FAULTS_DEFINE(finalize)

static int setup(void **state)
{
    (void)state;
    mocked_make();
    rsa = fixture_key("RSA:2048");
    fixture_numbers(rsa, &rsa_pub);
    mocked_open();
    fixture_import(&mocked.f, rsa, &rsa_location);
    mocked_close();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(rsa_location);
    tok_key_clear(&rsa_pub);
    mocked_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULTS_TESTS(load), FAULTS_TESTS(sign),    FAULTS_TESTS(repair), FAULTS_TESTS(reopen),   FAULTS_TESTS(auth),
        FAULTS_TESTS(copy), FAULTS_TESTS(decrypt), FAULTS_TESTS(derive), FAULTS_TESTS(finalize),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
