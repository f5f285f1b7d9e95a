/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_columns.h"
#include "tools/tool_show_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY ((int64_t)86400)
#define NOW INT64_C(1795392000) /* 2026-11-23T00:00:00Z */

static struct role_cert *cert_new(char digit, const char *subject, int64_t not_after)
{
    struct role_cert *cert = NULL;

    assert_int_equal(role_cert_new(&cert, NULL).code, CR_OK);
    memset(cert->thumbprint, digit, 64);
    memset(cert->sha1, digit, 40);
    memset(cert->spki, digit, 64);
    memset(cert->jkt, digit, 43);
    assert_int_equal(cr_strdup(subject, &cert->subject, NULL).code, CR_OK);
    cert->not_before = NOW - 100 * DAY;
    cert->not_after = not_after;
    snprintf(cert->key, sizeof(cert->key), "rsa:2048");
    return cert;
}

static struct role_record *record_new(const char *name)
{
    struct role_record *rec = NULL;

    assert_int_equal(role_record_new(name, &rec, NULL).code, CR_OK);
    rec->use = ROLE_USE_TOKEN;
    rec->binding = ROLE_BIND_LIVE;
    rec->generation = 7;
    return rec;
}

static void current_set(struct role_record *rec, char digit, const char *subject, int64_t not_after)
{
    rec->current = cert_new(digit, subject, not_after);
    rec->current_since = NOW - 10 * DAY;
}

static void next_set(struct role_record *rec, char digit, const char *subject, int64_t effective)
{
    rec->next = cert_new(digit, subject, NOW + 400 * DAY);
    rec->next_since = NOW - 3600;
    rec->next_effective = effective;
}

/* The text of @rec, which is given away. */
static void expect(struct role_record *rec, const char *want)
{
    struct tool_role role = {.rec = rec};
    struct cr_buf text = {0};

    role_resolve(rec, NOW, NULL, &role.view);
    assert_int_equal(tool_show_text(&role, NOW, 80, &text, NULL).code, CR_OK);
    assert_string_equal((const char *)text.p, want);
    cr_buf_clear(&text);
    role_record_unref(&role.rec);
}

#define TITLE "OAuthTokenIssuer                                       token, live, generation 7\n"

static void slots_stand_in_time_order(void **state)
{
    struct role_record *rec = record_new("OAuthTokenIssuer");

    (void)state;
    rec->previous = cert_new('a', "CN=old.example.org,O=Example", NOW + 5 * DAY);
    rec->previous_until = NOW + 20 * DAY;
    current_set(rec, 'b', "CN=now.example.org,O=Example", NOW + 300 * DAY + 5);
    next_set(rec, 'c', "CN=new.example.org,O=Example", NOW + 30 * DAY);
    expect(rec, TITLE "  previous  verifies until 2026-12-13T00:00:00Z (in 20 days)\n"
                      "            aaaaaaaaaaaaaaaa  rsa:2048  expires 2026-11-28, 5 days left\n"
                      "            kid aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
                      "            CN=old.example.org,O=Example\n"
                      "  current   signs since 2026-11-13T00:00:00Z (10 days ago)\n"
                      "            bbbbbbbbbbbbbbbb  rsa:2048  expires 2027-09-19, 300 days left\n"
                      "            kid bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
                      "            CN=now.example.org,O=Example\n"
                      "  next      takes over 2026-12-23T00:00:00Z (in 30 days)\n"
                      "            in jwks since 2026-11-22T23:00:00Z (60 minutes ago)\n"
                      "            cccccccccccccccc  rsa:2048  expires 2027-12-28, 400 days left\n"
                      "            kid ccccccccccccccccccccccccccccccccccccccccccc\n"
                      "            CN=new.example.org,O=Example\n");
}

static void a_due_roll_is_shown_as_done(void **state)
{
    struct role_record *rec = record_new("OAuthTokenIssuer");

    (void)state;
    rec->retain_previous = 30 * DAY;
    current_set(rec, 'b', "CN=b", NOW + 300 * DAY);
    next_set(rec, 'c', "CN=c", NOW);
    expect(rec, TITLE "  previous  verifies until 2026-12-23T00:00:00Z (in 30 days)\n"
                      "            bbbbbbbbbbbbbbbb  rsa:2048  expires 2027-09-19, 300 days left\n"
                      "            kid bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
                      "            CN=b\n"
                      "  current   signs since 2026-11-23T00:00:00Z (now)\n"
                      "            cccccccccccccccc  rsa:2048  expires 2027-12-28, 400 days left\n"
                      "            kid ccccccccccccccccccccccccccccccccccccccccccc\n"
                      "            CN=c\n");
}

static void an_expired_current_is_warned_about(void **state)
{
    struct role_record *rec = record_new("OAuthTokenIssuer");

    (void)state;
    current_set(rec, 'b', "CN=b", NOW - 3 * DAY);
    expect(rec, TITLE "  current   signs since 2026-11-13T00:00:00Z (10 days ago)\n"
                      "            bbbbbbbbbbbbbbbb  rsa:2048  EXPIRED 2026-11-20, 3 days ago\n"
                      "            kid bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
                      "            CN=b\n"
                      "  WARNING: current expired 3 days ago; it goes on signing\n");
}

static void a_revoked_current_says_what_comes(void **state)
{
    struct role_record *rec = record_new("OAuthTokenIssuer");

    (void)state;
    current_set(rec, 'b', "CN=b", NOW + 300 * DAY);
    next_set(rec, 'c', "CN=c", NOW + DAY);
    assert_int_equal(role_record_add_revoked(rec, rec->current->spki, NULL).code, CR_OK);
    expect(rec, TITLE "  next      takes over 2026-11-24T00:00:00Z (in 24 hours)\n"
                      "            in jwks since 2026-11-22T23:00:00Z (60 minutes ago)\n"
                      "            cccccccccccccccc  rsa:2048  expires 2027-12-28, 400 days left\n"
                      "            kid ccccccccccccccccccccccccccccccccccccccccccc\n"
                      "            CN=c\n"
                      "  WARNING: nothing signs: the key of current is revoked; next takes over\n"
                      "           2026-11-24T00:00:00Z\n");
}

static void an_empty_role_says_so(void **state)
{
    (void)state;
    expect(record_new("OAuthTokenIssuer"), TITLE "  nothing assigned\n");
}

/* Every line of the text of @role fits into @columns; the widest takes *widest. */
static void expect_within(const struct tool_role *role, const char *part, size_t columns, size_t *widest)
{
    struct cr_buf text = {0};

    *widest = 0;
    assert_int_equal(tool_show_text(role, NOW, columns, &text, NULL).code, CR_OK);
    assert_non_null(strstr((const char *)text.p, part));
    for (const char *p = (const char *)text.p; *p; p++) {
        size_t n = 0;
        for (; *p != '\n'; p++)
            n += ((unsigned char)*p & 0xc0) != 0x80;
        assert_true(n <= columns);
        *widest = n > *widest ? n : *widest;
    }
    cr_buf_clear(&text);
}

/* The text of @rec, which is given away, is as wide as there is room. */
static void expect_fits(struct role_record *rec, const char *part)
{
    static const size_t widths[] = {80, 100, 132};
    struct tool_role role = {.rec = rec};
    size_t widest;

    role_resolve(rec, NOW, NULL, &role.view);
    for (size_t i = 0; i < CR_COUNT(widths); i++) {
        expect_within(&role, part, widths[i], &widest);
        assert_true(widest > widths[i] - 4);
    }
    role_record_unref(&role.rec);
}

/* Who reads it by lines has the role and its words on one. */
static void a_long_name_keeps_its_title_on_one_line_in_a_pipe(void **state)
{
    static const char name[] = "ARoleWhoseNameIsLongerThanWhatALineOf80ColumnsHasRoomFor";
    struct role_record *rec = record_new(name);
    struct tool_role role = {.rec = rec};
    struct cr_buf text = {0};
    char want[128];

    (void)state;
    snprintf(want, sizeof(want), "%s  token, live, generation 7\n", name);
    role_resolve(rec, NOW, NULL, &role.view);
    assert_int_equal(tool_show_text(&role, NOW, TOOL_COLUMNS_WHOLE, &text, NULL).code, CR_OK);
    assert_memory_equal(text.p, want, strlen(want));
    cr_buf_clear(&text);
    role_record_unref(&role.rec);
}

static void long_names_subjects_and_kids_fit_80_columns(void **state)
{
    struct role_record *rec = record_new("A234567890123456789012345678901234567890123456789012345678901234");
    char subject[400] = "CN=", kid[121];

    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(subject, "\xc3\xa9z");
    memset(kid, 'k', 120);
    kid[120] = '\0';
    rec->scope = ROLE_SCOPE_GLOBAL;
    rec->generation = UINT64_C(9223372036854775807);
    current_set(rec, 'b', subject, CR_TIME_NEVER);
    assert_int_equal(cr_strdup(kid, &rec->current->own_kid, NULL).code, CR_OK);
    expect_fits(rec, "z...\n");
}

static void wide_characters_count_two_columns(void **state)
{
    struct role_record *rec = record_new("R");
    char subject[400] = "CN=";
    struct tool_role role = {.rec = rec};
    struct cr_buf text = {0};
    const char *line;

    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(subject, "\xe6\xbc\xa2");
    current_set(rec, 'b', subject, CR_TIME_NEVER);
    role_resolve(rec, NOW, NULL, &role.view);
    assert_int_equal(tool_show_text(&role, NOW, 80, &text, NULL).code, CR_OK);
    line = strstr((const char *)text.p, "CN=");
    assert_int_equal(strcspn(line, "\n"), 3 + 31 * 3 + 3); /* 12 + 3 + 31 * 2 + 3 = 80 columns */
    cr_buf_clear(&text);
    role_record_unref(&role.rec);
}

static void warnings_tell_what_is_wrong(void **state)
{
    static const struct {
        int64_t not_before, not_after, next_effective; /* days from now; next 0: none */
        const char *want;                              /* NULL: none */
    } rows[] = {
        {-10, 31, 0, NULL},
        {-10, 29, 0, "current expires in 29 days and no next is scheduled"},
        {-10, 29, 28, NULL},
        {-10, 29, 30, "current expires before next takes over"},
        {-10, -1, 1, "current expired 24 hours ago; it goes on signing"},
        {3, 100, 0, "current is not yet valid: it will be in 3 days"},
        {-10, 500, 401, "next will have expired when it takes over"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_record *rec = record_new("R");
        struct tool_role role = {.rec = rec};
        struct tool_show_warnings got;
        current_set(rec, 'b', "CN=b", NOW + rows[i].not_after * DAY);
        rec->current->not_before = NOW + rows[i].not_before * DAY;
        if (rows[i].next_effective)
            next_set(rec, 'c', "CN=c", NOW + rows[i].next_effective * DAY);
        role_resolve(rec, NOW, NULL, &role.view);
        tool_show_warn(&role, NOW, &got);
        assert_int_equal(got.n, rows[i].want ? 1 : 0);
        if (rows[i].want)
            assert_string_equal(got.text[0], rows[i].want);
        role_record_unref(&role.rec);
    }
}

static void an_unfinished_revocation_comes_first(void **state)
{
    struct role_record *rec = record_new("R");
    struct tool_role role = {.rec = rec, .pending = true};
    struct tool_show_warnings got;

    (void)state;
    current_set(rec, 'b', "CN=b", NOW - DAY);
    role_resolve(rec, NOW, NULL, &role.view);
    tool_show_warn(&role, NOW, &got);
    assert_int_equal(got.n, 2);
    assert_string_equal(got.text[0], "a revocation is unfinished: the next change finishes it");
    role_record_unref(&role.rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_stand_in_time_order),
        cmocka_unit_test(a_due_roll_is_shown_as_done),
        cmocka_unit_test(an_expired_current_is_warned_about),
        cmocka_unit_test(a_revoked_current_says_what_comes),
        cmocka_unit_test(an_empty_role_says_so),
        cmocka_unit_test(a_long_name_keeps_its_title_on_one_line_in_a_pipe),
        cmocka_unit_test(long_names_subjects_and_kids_fit_80_columns),
        cmocka_unit_test(wide_characters_count_two_columns),
        cmocka_unit_test(warnings_tell_what_is_wrong),
        cmocka_unit_test(an_unfinished_revocation_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
