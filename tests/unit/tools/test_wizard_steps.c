/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wizard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */

static char *const roles[] = {(char *)"OAuthTokenIssuer", (char *)"Site"};
static const struct wizard_facts facts = {.roles = roles, .nroles = CR_COUNT(roles), .now = NOW, .local_offset = 3600};

/* From the task page to the last one, forwards and all the way back. */
static void walks(struct wizard *w, const enum wizard_step *steps, unsigned n)
{
    unsigned number, of;

    w->step = WIZARD_TASK;
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(w->step, steps[i]);
        wizard_progress(w, &number, &of);
        assert_int_equal(number, i + 1);
        assert_int_equal(of, n);
        wizard_next(w);
    }
    assert_int_equal(w->step, WIZARD_DONE);
    wizard_next(w);
    assert_int_equal(w->step, WIZARD_DONE);
    for (unsigned i = n; i-- > 0;) {
        assert_true(wizard_back(w));
        assert_int_equal(w->step, steps[i]);
    }
    assert_false(wizard_back(w));
    assert_int_equal(w->step, WIZARD_TASK);
}

#define WALKS(w, ...)                                                                                                  \
    walks(w, (const enum wizard_step[]){__VA_ARGS__},                                                                  \
          sizeof((enum wizard_step[]){__VA_ARGS__}) / sizeof(enum wizard_step))

static void each_task_asks_what_it_needs_and_goes_back_the_same_way(void **state)
{
    struct wizard w;

    (void)state;
    wizard_init(&w);
    w.task = WIZARD_ASSIGN;
    WALKS(&w, WIZARD_TASK, WIZARD_ROLE, WIZARD_CERT, WIZARD_WHEN, WIZARD_SUMMARY);
    w.role_kind = WIZARD_ROLE_NEW;
    WALKS(&w, WIZARD_TASK, WIZARD_ROLE, WIZARD_NEW, WIZARD_CERT, WIZARD_WHEN, WIZARD_SUMMARY);
    w.task = WIZARD_REQUEST;
    WALKS(&w, WIZARD_TASK, WIZARD_ROLE, WIZARD_NEW, WIZARD_SUBJECT, WIZARD_SUMMARY);
    w.role_kind = WIZARD_ROLE_OLD;
    WALKS(&w, WIZARD_TASK, WIZARD_ROLE, WIZARD_SUBJECT, WIZARD_SUMMARY);
    w.task = WIZARD_IMPORT;
    WALKS(&w, WIZARD_TASK, WIZARD_FILE, WIZARD_ROLE, WIZARD_WHEN, WIZARD_SUMMARY);
    w.encrypted = true;
    WALKS(&w, WIZARD_TASK, WIZARD_FILE, WIZARD_PASS, WIZARD_ROLE, WIZARD_WHEN, WIZARD_SUMMARY);
    w.role_kind = WIZARD_ROLE_NONE;
    WALKS(&w, WIZARD_TASK, WIZARD_FILE, WIZARD_PASS, WIZARD_ROLE, WIZARD_SUMMARY);
    wizard_clear(&w);
}

static void clear_wipes_the_passphrase_and_every_answer(void **state)
{
    struct wizard w, fresh;
    struct cr_err err = {0};

    (void)state;
    wizard_init(&w);
    wizard_init(&fresh);
    assert_false(cr_failed(cr_buf_set(&w.pass, "secret", 6, &err)));
    assert_false(cr_failed(wizard_set(w.file, sizeof(w.file), "File", "a.pfx", &err)));
    w.encrypted = w.at = true;
    w.step = WIZARD_DONE;
    wizard_clear(&w);
    assert_null(w.pass.p);
    assert_string_equal(w.file, fresh.file);
    assert_string_equal(w.key, "rsa:3072");
    assert_false(w.encrypted || w.at);
    assert_int_equal(w.step, WIZARD_TASK);
}

static void refused(struct wizard *w, enum wizard_step step, enum cr_code code, const char *part)
{
    struct cr_err err = {0};

    w->step = step;
    assert_int_equal(wizard_check(w, &facts, &err).code, code);
    if (strstr(err.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, part);
}

static void accepted(struct wizard *w, enum wizard_step step)
{
    struct cr_err err = {0};

    w->step = step;
    if (cr_failed(wizard_check(w, &facts, &err)))
        fail_msg("%s", err.text);
}

static void put(char *field, const char *text)
{
    memcpy(field, text, strlen(text) + 1);
}

static void roles_are_checked(void **state)
{
    struct wizard w;

    (void)state;
    wizard_init(&w);
    refused(&w, WIZARD_ROLE, CR_E_USAGE, "choose a role");
    put(w.role, "Site");
    accepted(&w, WIZARD_ROLE);
    w.role_kind = WIZARD_ROLE_NONE;
    refused(&w, WIZARD_ROLE, CR_E_USAGE, "a role is needed");
    w.task = WIZARD_IMPORT;
    accepted(&w, WIZARD_ROLE);
    assert_null(wizard_role(&w));

    w.role_kind = WIZARD_ROLE_NEW;
    for (size_t i = 0; i < 4; i++) {
        put(w.new_role, (const char *const[]){"", "bad/name", "9lives", "has space"}[i]);
        refused(&w, WIZARD_NEW, CR_E_USAGE, "role");
    }
    put(w.new_role, "Site");
    refused(&w, WIZARD_NEW, CR_E_EXISTS, "exists already");
    put(w.new_role, "sITE");
    refused(&w, WIZARD_NEW, CR_E_REFUSED, "differs from the existing role Site only in case");
    put(w.new_role, "Other");
    w.use = ROLE_USE_TLS;
    accepted(&w, WIZARD_NEW);
    assert_int_equal(w.use, ROLE_USE_TLS);
    assert_string_equal(wizard_role(&w), "Other");
    put(w.new_role, "WsFedTokenTransfer"); /* its name tells */
    accepted(&w, WIZARD_NEW);
    assert_int_equal(w.use, ROLE_USE_TOKEN);
}

static void dates_are_read_when_they_are_typed(void **state)
{
    struct wizard w;

    (void)state;
    wizard_init(&w);
    put(w.when, "rubbish");
    accepted(&w, WIZARD_WHEN); /* now: nobody looks at it */
    w.at = true;
    refused(&w, WIZARD_WHEN, CR_E_INVALID, "rubbish");
    put(w.when, "");
    refused(&w, WIZARD_WHEN, CR_E_USAGE, "a date is needed");
    put(w.when, "2027-02-01T00:00:00");
    refused(&w, WIZARD_WHEN, CR_E_INVALID, "2027-02-01T00:00:00+01:00");
    put(w.when, "+36h");
    accepted(&w, WIZARD_WHEN);
    assert_int_equal(w.effective, NOW + 36 * 3600);
    put(w.when, "2027-02-01T00:00:00+01:00");
    accepted(&w, WIZARD_WHEN);
    assert_int_equal(w.effective, INT64_C(1801436400));
}

static void the_other_steps_want_an_answer(void **state)
{
    struct wizard w;
    struct cr_err err = {0};
    char small[4];

    (void)state;
    wizard_init(&w);
    refused(&w, WIZARD_CERT, CR_E_USAGE, "choose a certificate");
    refused(&w, WIZARD_FILE, CR_E_USAGE, "file");
    refused(&w, WIZARD_SUBJECT, CR_E_USAGE, "subject");
    put(w.subject, "CN=a");
    refused(&w, WIZARD_SUBJECT, CR_E_USAGE, "file");
    put(w.out, "-");
    refused(&w, WIZARD_SUBJECT, CR_E_USAGE, "file");
    put(w.out, "a.csr");
    accepted(&w, WIZARD_SUBJECT);
    put(w.key, "");
    refused(&w, WIZARD_SUBJECT, CR_E_USAGE, "kind of key");
    put(w.cert, "00");
    accepted(&w, WIZARD_CERT);
    put(w.file, "a.pfx");
    accepted(&w, WIZARD_FILE);
    accepted(&w, WIZARD_TASK);
    accepted(&w, WIZARD_PASS);
    accepted(&w, WIZARD_SUMMARY);
    accepted(&w, WIZARD_DONE);
    assert_false(cr_failed(wizard_set(small, sizeof(small), "It", "abc", &err)));
    assert_int_equal(wizard_set(small, sizeof(small), "It", "abcd", &err).code, CR_E_USAGE);
    assert_string_equal(small, "abc");
    assert_string_equal(err.text, "It is longer than 3 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_asks_what_it_needs_and_goes_back_the_same_way),
        cmocka_unit_test(clear_wipes_the_passphrase_and_every_answer),
        cmocka_unit_test(roles_are_checked),
        cmocka_unit_test(dates_are_read_when_they_are_typed),
        cmocka_unit_test(the_other_steps_want_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
