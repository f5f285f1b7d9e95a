/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_word_reads_back(void **state)
{
    enum role_slot slot;
    enum role_use use;
    enum role_scope scope;
    enum role_binding binding;
    enum role_kid_format format;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_false(cr_failed(role_slot_parse(role_slot_text((enum role_slot)i), &slot, NULL)));
        assert_int_equal(slot, i);
        assert_false(cr_failed(role_kid_format_parse(role_kid_format_text((enum role_kid_format)i), &format, NULL)));
        assert_int_equal(format, i);
    }
    for (int i = 0; i < 2; i++) {
        assert_false(cr_failed(role_use_parse(role_use_text((enum role_use)i), &use, NULL)));
        assert_int_equal(use, i);
        assert_false(cr_failed(role_scope_parse(role_scope_text((enum role_scope)i), &scope, NULL)));
        assert_int_equal(scope, i);
        assert_false(cr_failed(role_binding_parse(role_binding_text((enum role_binding)i), &binding, NULL)));
        assert_int_equal(binding, i);
    }
}

static void another_word_is_refused_listing_the_choices(void **state)
{
    enum role_slot slot = ROLE_NEXT;
    enum role_use use = ROLE_USE_TLS;
    struct cr_err err;

    (void)state;
    assert_int_equal(role_slot_parse("Current", &slot, &err).code, CR_E_USAGE);
    assert_string_equal(err.text, "a slot is current, previous or next, not \"Current\"");
    assert_int_equal(slot, ROLE_NEXT);
    assert_int_equal(role_use_parse(NULL, &use, &err).code, CR_E_USAGE);
    assert_string_equal(err.text, "a use is token or tls, not \"\"");
    assert_int_equal(use, ROLE_USE_TLS);
}

static void lyncs_types_have_their_use(void **state)
{
    static const struct {
        const char *name;
        bool known;
        enum role_use use;
    } rows[] = {
        {"OAuthTokenIssuer", true, ROLE_USE_TOKEN},   {"oauthtokenissuer", true, ROLE_USE_TOKEN},
        {"WsFedTokenTransfer", true, ROLE_USE_TOKEN}, {"Default", true, ROLE_USE_TLS},
        {"WebServicesInternal", true, ROLE_USE_TLS},  {"WebServicesExternal", true, ROLE_USE_TLS},
        {"AccessEdgeExternal", true, ROLE_USE_TLS},   {"XmppServer", true, ROLE_USE_TLS},
        {"Partner", false, ROLE_USE_TOKEN},           {"OAuthTokenIssuer2", false, ROLE_USE_TOKEN},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        enum role_use use = ROLE_USE_TOKEN;

        assert_int_equal(role_use_known(rows[i].name, &use), rows[i].known);
        assert_int_equal(use, rows[i].use);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_reads_back),
        cmocka_unit_test(another_word_is_refused_listing_the_choices),
        cmocka_unit_test(lyncs_types_have_their_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
