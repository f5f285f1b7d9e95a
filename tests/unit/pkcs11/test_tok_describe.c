/* SPDX-License-Identifier: Apache-2.0 */
/* What a token tells of itself, without a login, and each call failing once. */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pkcs11/tok_describe.h"

static void counts_have_three_meanings(void **state)
{
    (void)state;
    assert_true(tok_count(CK_UNAVAILABLE_INFORMATION, false) == TOK_COUNT_UNKNOWN);
    assert_true(tok_count(CK_UNAVAILABLE_INFORMATION, true) == TOK_COUNT_UNKNOWN);
    assert_true(tok_count(CK_EFFECTIVELY_INFINITE, true) == TOK_COUNT_ENDLESS);
    assert_true(tok_count(0, false) == 0);
    assert_true(tok_count(7, true) == 7);
}

static const struct tok_slot_desc *selected(const struct tok_module_desc *desc)
{
    const struct tok_slot_desc *hit = NULL;

    for (size_t i = 0; i < desc->nslots; i++) {
        if (desc->slots[i].selected) {
            assert_null(hit);
            hit = &desc->slots[i];
        }
    }
    assert_non_null(hit);
    return hit;
}

static void a_token_is_described_without_a_login(void **state)
{
    struct tok_module_desc desc = {0};
    const struct tok_slot_desc *slot;
    struct cr_err err = {0};
    unsigned long logins;
    unsigned asked;

    (void)state;
    mocked_open();
    logins = mocked_calls(MOCK_C_Login);
    asked = mocked.pins_asked;
    assert_int_equal(tok_describe(mocked.f.loc, 0, &desc, &err).code, CR_OK);
    slot = selected(&desc);
    assert_true(slot->token.initialized && slot->token.login_required);
    assert_non_null(slot->uri);
    assert_string_equal(slot->mechs[0].name, "RSA_PKCS");
    assert_true(slot->mechs[0].has && slot->mechs[0].max >= 2048);
    assert_true(slot->sessions_max == TOK_COUNT_ENDLESS);
    assert_int_equal(mocked_calls(MOCK_C_Login), logins);
    assert_int_equal(mocked.pins_asked, asked);
    tok_module_desc_clear(&desc);
    assert_int_equal(tok_describe(mocked.f.loc, 1, &desc, &err).code, CR_E_NOT_FOUND);
    mocked_close();
}

static void a_module_that_fails_is_named_with_the_call(void **state)
{
    static const struct {
        enum mock_function of;
        const char *name;
    } calls[] = {{MOCK_C_GetInfo, "C_GetInfo: CKR_DEVICE_ERROR"},
                 {MOCK_C_GetSlotList, "C_GetSlotList: CKR_DEVICE_ERROR"},
                 {MOCK_C_Initialize, "CKR_DEVICE_ERROR"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(calls); i++) {
        struct tok_module_desc desc = {0};
        struct cr_err err = {0};
        mocked_open();
        mock_fail(mocked.counts, calls[i].of, CKR_DEVICE_ERROR, 0, 1000);
        assert_int_equal(tok_describe(mocked.f.loc, 0, &desc, &err).code, CR_E_TOKEN);
        assert_non_null(strstr(err.text, calls[i].name));
        assert_null(desc.slots);
        mocked_heal();
        mocked_sign_ok();
        mocked_close();
    }
}

static void a_token_slot_that_fails_is_one_of_the_list(void **state)
{
    struct tok_module_desc desc = {0};
    struct cr_err err = {0};

    (void)state;
    mocked_open();
    mock_fail(mocked.counts, MOCK_C_GetTokenInfo, CKR_DEVICE_REMOVED, 0, 1000);
    assert_int_equal(tok_describe(mocked.f.loc, 0, &desc, &err).code, CR_OK);
    assert_true(desc.nslots > 0);
    for (size_t i = 0; i < desc.nslots; i++) {
        assert_non_null(strstr(desc.slots[i].unread, "CKR_DEVICE_REMOVED"));
        assert_false(desc.slots[i].selected);
        assert_null(desc.slots[i].uri);
    }
    tok_module_desc_clear(&desc);
    mocked_heal();
    mocked_close();
}

static void a_mechanism_that_fails_is_missing(void **state)
{
    struct tok_module_desc desc = {0};
    struct cr_err err = {0};

    (void)state;
    mocked_open();
    mock_fail(mocked.counts, MOCK_C_GetMechanismInfo, CKR_MECHANISM_INVALID, 0, 1000);
    assert_int_equal(tok_describe(mocked.f.loc, 0, &desc, &err).code, CR_OK);
    for (size_t i = 0; i < TOK_MECHS; i++)
        assert_false(selected(&desc)->mechs[i].has);
    tok_module_desc_clear(&desc);
    mocked_heal();
    mocked_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_three_meanings),
        cmocka_unit_test(a_token_is_described_without_a_login),
        cmocka_unit_test(a_module_that_fails_is_named_with_the_call),
        cmocka_unit_test(a_token_slot_that_fails_is_one_of_the_list),
        cmocka_unit_test(a_mechanism_that_fails_is_missing),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
