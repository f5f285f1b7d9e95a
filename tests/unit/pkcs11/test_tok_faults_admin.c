/* SPDX-License-Identifier: Apache-2.0 */
/* Faults while keys are imported, removed, listed and sought. */
#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/tok_init.h"

static void nothing(void)
{
}

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

/* ---- a token made ---- */

static cr_status init(struct cr_err *err)
{
    static unsigned made;
    char label[32];
    struct tok_init what = {
        .module = mocked.conf.module, .label = label, .so_pin = cr_bytes("12345678", 8), .pin = cr_bytes("1234", 4)};

    snprintf(label, sizeof(label), "made %u", ++made);
    return tok_init_token(&what, err);
}

static const enum mock_function init_of[] = {MOCK_C_Initialize,  MOCK_C_GetSlotList, MOCK_C_InitToken,
                                             MOCK_C_OpenSession, MOCK_C_Login,       MOCK_C_InitPIN};

/* ---- a key that is not there: or are we logged out? ---- */

static cr_status seek(struct cr_err *err)
{
    struct tok_object *obj = NULL;
    cr_status st = fixture_find(&mocked.f, "pkcs11:id=%01%02;type=private", &mocked.pub, mocked.pkey, &obj, err);

    return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
}

static const enum mock_function seek_of[] = {MOCK_C_FindObjectsInit, MOCK_C_FindObjects, MOCK_C_FindObjectsFinal,
                                             MOCK_C_GetSessionInfo};

static const struct path import_path = {"import", true, fresh_make, import, fresh_remove, FAULTS_OF(import_of)},
                         removal_path = {"remove", true, fresh_import, removal, fresh_remove, FAULTS_OF(removal_of)},
                         list_path = {"list", false, mocked_open, list, nothing, FAULTS_OF(list_of)},
                         info_path = {"info", false, mocked_open, info, nothing, FAULTS_OF(info_of)},
                         init_path = {"init", true, mocked_close, init, nothing, FAULTS_OF(init_of)},
                         seek_path = {"seek", false, mocked_open, seek, nothing, FAULTS_OF(seek_of)};

FAULTS_DEFINE(import)
FAULTS_DEFINE(removal)
FAULTS_DEFINE(list)
FAULTS_DEFINE(info)
FAULTS_DEFINE(seek)
FAULTS_DEFINE(init)

/* No other test waits for the turns of its imports here. */
static int setup(void **state)
{
    mocked_setup(state);
    mocked_module_own();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_made_by_a_try_that_died_is_checked),
        FAULTS_TESTS(import),
        FAULTS_TESTS(removal),
        FAULTS_TESTS(list),
        FAULTS_TESTS(info),
        FAULTS_TESTS(seek),
        FAULTS_TESTS(init),
    };

    return cmocka_run_group_tests(tests, setup, mocked_teardown);
}
