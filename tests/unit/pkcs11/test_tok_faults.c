/* SPDX-License-Identifier: Apache-2.0 */
/* Each C_ function fails, in each place where the token layer calls it, with each CKR that a token may give: the result
 * is right or an error that names both, and the next use, of the same process, is right. */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pkcs11/tok_ckr.h"

static const CK_RV all_rvs[] = {
    CKR_DEVICE_ERROR,
    CKR_DEVICE_REMOVED,
    CKR_DEVICE_MEMORY,
    CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_SLOT_ID_INVALID,
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_SESSION_COUNT,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_KEY_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
    CKR_PIN_INCORRECT,
    CKR_PIN_LOCKED,
    CKR_HOST_MEMORY,
    CKR_FUNCTION_FAILED,
    CKR_GENERAL_ERROR,
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_BUFFER_TOO_SMALL,
    CKR_MECHANISM_INVALID,
    CKR_ARGUMENTS_BAD,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_VENDOR_DEFINED | 7,
};

/* One of each kind, where each row writes to a disk. */
static const CK_RV few_rvs[] = {CKR_DEVICE_ERROR,          CKR_SESSION_HANDLE_INVALID,
                                CKR_OBJECT_HANDLE_INVALID, CKR_FUNCTION_FAILED,
                                CKR_HOST_MEMORY,           CKR_USER_NOT_LOGGED_IN};

/* One way through the token layer. */
struct path {
    const char *name;
    bool writes;
    void (*prepare)(void);               /* no fault yet */
    cr_status (*go)(struct cr_err *err); /* success: the result was checked */
    void (*clean)(void);                 /* no fault any more */
    const enum mock_function *of;
    size_t nof;
};

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

/* ---- import and removal ---- */

static struct tok_key fresh;
static EVP_PKEY *fresh_pkey;

static void fresh_make(void)
{
    mocked_open();
    fresh_pkey = fixture_key_fresh("EC:P-256");
    fixture_numbers(fresh_pkey, &fresh);
}

static cr_status import(struct cr_err *err)
{
    struct tok_import what = {.key = &fresh, .label = "fresh"};
    char *where = NULL;
    bool created = false;
    cr_status st = tok_import(mocked.f.loc, 0, &what, &where, &created, err);

    if (!cr_failed(st) && !created)
        st = cr_fail(err, CR_E_INTERNAL, "said to have been there before");
    free(where);
    return st;
}

/* What a failed import could not take away again is gone after a removal, whole or not. */
static void fresh_remove(void)
{
    struct cr_err err = {0};
    cr_status st = tok_remove(mocked.f.loc, 0, cr_buf_bytes(&fresh.id), cr_bytes(NULL, 0), &err);

    assert_true(!cr_failed(st) || st.code == CR_E_NOT_FOUND);
    st = tok_remove(mocked.f.loc, 0, cr_buf_bytes(&fresh.id), cr_bytes(NULL, 0), &err);
    assert_int_equal(st.code, CR_E_NOT_FOUND);
    tok_key_clear(&fresh);
    EVP_PKEY_free(fresh_pkey);
}

static const enum mock_function import_of[] = {
    MOCK_C_OpenSession,       MOCK_C_FindObjectsInit, MOCK_C_FindObjects,  MOCK_C_FindObjectsFinal,
    MOCK_C_GetAttributeValue, MOCK_C_CreateObject,    MOCK_C_CloseSession,
};

static void fresh_import(void)
{
    struct cr_err err = {0};

    fresh_make();
    assert_int_equal(import(&err).code, CR_OK);
}

static cr_status removal(struct cr_err *err)
{
    return tok_remove(mocked.f.loc, 0, cr_buf_bytes(&fresh.id), cr_bytes(NULL, 0), err);
}

static const enum mock_function removal_of[] = {MOCK_C_OpenSession, MOCK_C_FindObjectsInit, MOCK_C_FindObjects,
                                                MOCK_C_FindObjectsFinal, MOCK_C_DestroyObject};

/* The session dies after the key was made and before its flags were read; what is found then is ours, and is looked at. */
static void a_key_made_by_a_try_that_died_is_checked(void **state)
{
    static const unsigned char no = 0;
    struct cr_err err = {0};

    (void)state;
    for (unsigned long skip = 0; skip < 2; skip++) { /* CKA_SENSITIVE is asked by its length, and read */
        mocked_heal();
        fresh_make();
        mock_fail(mocked.counts, MOCK_C_GetAttributeValue, CKR_SESSION_CLOSED, skip, 1);
        mock_fail(mocked.counts, MOCK_C_DestroyObject, CKR_SESSION_CLOSED, 0, 1);
        assert_int_equal(import(&err).code, CR_OK); /* and says that it was created */
        assert_int_equal(atomic_load(&mocked.counts->of[MOCK_C_DestroyObject].failed), 1);
        fresh_remove();
    }
    fresh_make();
    mocked.counts->persona.attr_value[0] = no;
    atomic_store(&mocked.counts->persona.attr_type, CKA_SENSITIVE);
    atomic_store(&mocked.counts->persona.attr_len, sizeof(no));
    atomic_store(&mocked.counts->persona.attr_mode, MOCK_ATTR_VALUE);
    mock_fail(mocked.counts, MOCK_C_GetAttributeValue, CKR_SESSION_CLOSED, 0, 1);
    mock_fail(mocked.counts, MOCK_C_DestroyObject, CKR_SESSION_CLOSED, 0, 1);
    assert_int_equal(import(&err).code, CR_E_REFUSED);
    mocked_heal();
    assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&fresh.id), cr_bytes(NULL, 0), &err).code,
                     CR_E_NOT_FOUND);
    fresh_remove();
}

/* ---- lists ---- */

/* An object that is not there any more when it is read is left out of a list. */
static bool list_whole(void)
{
    for (int i = 0; i < MOCK_COUNT; i++)
        if (atomic_load(&mocked.counts->of[i].fail_rv) == CKR_OBJECT_HANDLE_INVALID)
            return false;
    return true;
}

static cr_status list(struct cr_err *err)
{
    struct tok_item *items = NULL;
    size_t n = 0;
    bool seen = false;
    cr_status st = tok_list(mocked.f.loc, 0, &items, &n, err);

    for (size_t i = 0; i < n; i++)
        seen = seen || (items[i].cls == TOK_CLASS_PRIVATE && tok_key_same_public(&items[i].key, &mocked.pub));
    tok_items_free(&items, n);
    if (!cr_failed(st) && !seen && list_whole())
        st = cr_fail(err, CR_E_INTERNAL, "the key is not listed");
    return st;
}

static const enum mock_function list_of[] = {MOCK_C_FindObjectsInit, MOCK_C_FindObjects, MOCK_C_FindObjectsFinal,
                                             MOCK_C_GetAttributeValue};

static cr_status info(struct cr_err *err)
{
    struct tok_info seen = {0};
    cr_status st = tok_token_info(mocked.f.loc, 0, &seen, err);

    if (!cr_failed(st) && strcmp(seen.label, "unit") != 0)
        st = cr_fail(err, CR_E_INTERNAL, "another label");
    return st;
}

static const enum mock_function info_of[] = {MOCK_C_GetTokenInfo};

#define OF(list) list, CR_COUNT(list)
static const struct path load_path = {"load", false, mocked_close, mocked_sign, nothing, OF(load_of)},
                         sign_path = {"sign", false, warm_up, sign_warm, cool_down, OF(sign_of)},
                         repair_path = {"repair", false, break_device, sign_warm, cool_down, OF(repair_of)},
                         reopen_path = {"reopen", false, break_session, sign_warm, cool_down, OF(reopen_of)},
                         auth_path = {"auth", false, warm_up_auth, sign_warm, cool_down, OF(auth_of)},
                         decrypt_path = {"decrypt", false, rsa_find, decrypt, cool_down, OF(decrypt_of)},
                         derive_path = {"derive", false, warm_up, derive, cool_down, OF(derive_of)},
                         import_path = {"import", true, fresh_make, import, fresh_remove, OF(import_of)},
                         removal_path = {"remove", true, fresh_import, removal, fresh_remove, OF(removal_of)},
                         finalize_path = {"finalize", false, break_device, sign_warm, cool_down, OF(finalize_of)},
                         list_path = {"list", false, mocked_open, list, nothing, OF(list_of)},
                         info_path = {"info", false, mocked_open, info, nothing, OF(info_of)};

/* ---- one fault ---- */

/* "C_Sign" is not in "C_SignInit". */
static bool names(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = strstr(text, word); p != NULL; p = strstr(p + n, word))
        if (!isalnum((unsigned char)p[n]) && p[n] != '_')
            return true;
    return false;
}

static long ms_since(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/* A session that a token would not close stays open in it, and a text that it refused may leave an operation active: the
 * token layer found no fault of its own in either. */
static void judge(const struct path *path, enum mock_function of, CK_RV rv, struct cr_err *err, cr_status st, long ms)
{
    const char *function = mocked.counts->of[of].label, *ckr = tok_ckr_name(rv);
    struct mock_seen *seen = &mocked.counts->seen;
    unsigned long bound = mocked.conf.max_sessions + atomic_load(&mocked.counts->of[MOCK_C_CloseSession].failed);
    bool told = !cr_failed(st) || (names(err->text, function) && names(err->text, ckr));

    if (told && ms < 8000 && atomic_load(&seen->most) <= bound)
        return;
    fprintf(stderr, "%s: %s fails with %s: %lu sessions of %lu, %ld ms: %s\n", path->name, function, ckr,
            (unsigned long)atomic_load(&seen->most), bound, ms, err->text);
    fail();
}

/* The fault is gone: the same process signs, and nothing active is left in a session. */
static void judge_after(const struct path *path, enum mock_function of, CK_RV rv)
{
    struct mock_seen *seen = &mocked.counts->seen;
    bool text = of == MOCK_C_Decrypt;
    struct cr_err err = {0};
    cr_status st;

    for (unsigned i = 0; i < mocked.conf.max_sessions; i++) {
        st = mocked_sign(&err);
        if (!cr_failed(st) && (text || atomic_load(&seen->dirty) == 0))
            continue;
        fprintf(stderr, "%s: after %s failed with %s: %lu dirty: %s\n", path->name, mocked.counts->of[of].label,
                tok_ckr_name(rv), (unsigned long)atomic_load(&seen->dirty), err.text);
        fail();
    }
}

/* False when the call that is to fail is not made. */
static bool fault(const struct path *path, enum mock_function of, CK_RV rv, unsigned long skip, unsigned long times)
{
    static unsigned pins;
    struct mock_entry *entry = &mocked.counts->of[of];
    struct cr_err err = {0};
    struct timespec from;
    bool failed;
    char pin[32];
    cr_status st;

    mocked_heal();
    path->prepare();
    mock_fail(mocked.counts, of, rv, skip, times);
    clock_gettime(CLOCK_MONOTONIC, &from);
    st = path->go(&err);
    failed = atomic_load(&entry->failed) > 0;
    judge(path, of, rv, &err, st, ms_since(&from));
    mock_fail(mocked.counts, of, 0, 0, 0);
    if (of == MOCK_C_Login && (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED)) {
        snprintf(pin, sizeof(pin), "pin %u", ++pins); /* the one refused is not tried again */
        mocked_pin_set(pin, pin);
    }
    path->clean();
    judge_after(path, of, rv);
    if (of == MOCK_C_CloseSession)
        mocked_close(); /* p11-kit closes them before C_Finalize */
    return failed;
}

static void each_call_once(const struct path *path)
{
    const CK_RV *rvs = path->writes ? few_rvs : all_rvs;
    size_t nrvs = path->writes ? CR_COUNT(few_rvs) : CR_COUNT(all_rvs);

    for (size_t i = 0; i < path->nof; i++) {
        unsigned long at, rows = 0;
        for (size_t j = 0; j < nrvs; j++)
            for (at = 0; at < 8 && fault(path, path->of[i], rvs[j], at, 1); at++)
                rows++;
        assert_true(rows > 0 || path->of[i] == MOCK_C_CloseSession);
    }
}

static void for_ever(const struct path *path)
{
    static const CK_RV rvs[] = {CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID, CKR_HOST_MEMORY, CKR_OPERATION_ACTIVE};

    for (size_t i = 0; i < path->nof; i++)
        for (size_t j = 0; j < CR_COUNT(rvs); j++)
            fault(path, path->of[i], rvs[j], 0, 1000000);
}

#define ONCE(name)                                                                                                     \
    static void name##_survives_each_call_that_fails_once(void **state)                                                \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        each_call_once(&name##_path);                                                                                  \
    }                                                                                                                  \
    static void name##_ends_in_time_when_a_call_fails_for_ever(void **state)                                           \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        for_ever(&name##_path);                                                                                        \
    }
ONCE(load)
ONCE(sign)
ONCE(repair)
ONCE(reopen)
ONCE(auth)
ONCE(decrypt)
ONCE(derive)
ONCE(import)
ONCE(removal)
ONCE(list)
ONCE(info)
ONCE(finalize)

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

#define BOTH(name)                                                                                                     \
    cmocka_unit_test(name##_survives_each_call_that_fails_once),                                                       \
        cmocka_unit_test(name##_ends_in_time_when_a_call_fails_for_ever)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_made_by_a_try_that_died_is_checked),
        BOTH(load),
        BOTH(sign),
        BOTH(repair),
        BOTH(reopen),
        BOTH(auth),
        BOTH(decrypt),
        BOTH(derive),
        BOTH(import),
        BOTH(removal),
        BOTH(list),
        BOTH(info),
        BOTH(finalize),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
