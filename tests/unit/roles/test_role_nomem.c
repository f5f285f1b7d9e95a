/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of every function of this folder fails once: the result is a failure with a sentence and an untouched
 * output, or the same answer as ever; never a crash, and (under ASan) never a leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"
#include "roles/role_change.h"
#include "roles/role_codec.h"
#include "roles/role_history.h"
#include "roles/role_uri.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
char *__wrap_strdup(const char *text);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static long countdown = -1; /* the allocation that fails, counted from 0; below: none */
static bool failed;

static bool fails(void)
{
    if (countdown < 0 || countdown-- > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static struct role_cert *a, *b;
static struct role_record *record;
static struct cr_buf text;

static cr_status read_one(struct cr_err *err)
{
    struct role_record *out = NULL;
    cr_status st = role_record_read(cr_buf_bytes(&text), NULL, &out, err);

    assert_int_equal(out != NULL, !cr_failed(st));
    role_record_unref(&out);
    return st;
}

static cr_status write_one(struct cr_err *err)
{
    struct cr_buf out = {0};
    cr_status st = role_record_write(record, &out, err);

    assert_int_equal(out.p != NULL, !cr_failed(st));
    if (!cr_failed(st))
        assert_true(cr_bytes_equal(cr_buf_bytes(&out), cr_buf_bytes(&text)));
    cr_buf_clear(&out);
    return st;
}

static cr_status cert_both_ways(struct cr_err *err)
{
    struct role_cert *out = NULL;
    struct cr_buf json = {0};
    cr_status st = role_cert_write(a, &json, err);

    if (!cr_failed(st))
        st = role_cert_read(cr_buf_bytes(&json), &out, err);
    assert_int_equal(out != NULL, !cr_failed(st));
    role_cert_unref(&out);
    cr_buf_clear(&json);
    return st;
}

static cr_status show(struct cr_err *err)
{
    struct role_view view;
    json_t *json = NULL;
    cr_status st;

    role_resolve(record, 1767225600, NULL, &view);
    st = role_view_json(record, &view, &json, err);
    assert_int_equal(json != NULL, !cr_failed(st));
    json_decref(json);
    return st;
}

static cr_status change_by(const struct role_intent *intent, struct cr_err *err)
{
    struct role_record *out = NULL;
    struct role_outcome o;
    cr_status st = role_change("OAuthTokenIssuer", record, intent, 1767225700, &out, &o, err);

    assert_int_equal(out != NULL, !cr_failed(st));
    role_record_unref(&out);
    return st;
}

static cr_status assign(struct cr_err *err)
{
    return change_by(&(struct role_intent){.verb = ROLE_ASSIGN, .cert = b, .who = "alice"}, err);
}

static cr_status revoke(struct cr_err *err)
{
    return change_by(&(struct role_intent){.verb = ROLE_REVOKE, .spki = a->spki, .cert = b, .who = "alice"}, err);
}

static cr_status relocate(struct cr_err *err)
{
    struct role_cert other = *a;
    char place[] = "pkcs11:token=other", *places[] = {place};

    other.locations = places;
    other.nlocations = 1;
    return change_by(&(struct role_intent){.verb = ROLE_LOCATION, .cert = &other, .who = "alice"}, err);
}

static cr_status create(struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_ASSIGN, .cert = a, .who = "alice"};
    struct role_record *out = NULL;
    struct role_outcome o;
    cr_status st = role_change("Default", NULL, &intent, 1767225700, &out, &o, err);

    assert_int_equal(out != NULL, !cr_failed(st));
    role_record_unref(&out);
    return st;
}

static cr_status history(struct cr_err *err)
{
    struct role_history_entry e = {.verb = "roll", .role = "R", .reason = "J\xfcrg", .before = record, .after = record};
    struct cr_buf line = {0};
    char hash[65];
    cr_status st = role_history_write(&e, "", fake_hash, &line, hash, err);

    assert_int_equal(line.p != NULL, !cr_failed(st));
    if (!cr_failed(st))
        st = role_history_check(cr_buf_bytes(&line), "", fake_hash, hash, err);
    cr_buf_clear(&line);
    return st;
}

static cr_status reference(struct cr_err *err)
{
    struct role_uri uri;
    struct cr_buf der = {0};
    cr_status st = role_ref_write("certroll://A;slot=next;bind=pinned;object=key", &der, err);

    if (!cr_failed(st))
        st = role_ref_read(cr_buf_bytes(&der), &uri, err);
    if (!cr_failed(st))
        st = role_uri_write(&uri, &der, err);
    cr_buf_clear(&der);
    return st;
}

static void each_allocation_fails_once(void **state)
{
    static cr_status (*const runs[])(struct cr_err * err) = {read_one, write_one, cert_both_ways, show,    assign,
                                                             revoke,   relocate,  create,         history, reference};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(runs); i++) {
        struct cr_err err;
        unsigned failures = 0;

        for (long n = 0;; n++) {
            cr_status st;

            memset(&err, 0, sizeof err);
            failed = false;
            countdown = n;
            st = runs[i](&err);
            countdown = -1;
            if (!failed) { /* there is no n-th allocation */
                assert_false(cr_failed(st));
                break;
            }
            failures += cr_failed(st);
            if (cr_failed(st) && (err.text[0] == '\0' || err.code != st.code))
                fail_msg("run %zu, allocation %ld: no sentence", i, n);
        }
        assert_true(failures > 0);
    }
}

static int setup(void **state)
{
    struct role_intent intent = {.verb = ROLE_ASSIGN, .who = "alice"};
    struct role_outcome o;
    unsigned char der[2][3] = {"CA", "RA"};
    struct cr_buf chain[2] = {{der[0], 2, 0}, {der[1], 2, 0}};
    char old[65];

    (void)state;
    json_set_alloc_funcs(__wrap_malloc, free);
    a = fake_cert("A", NULL);
    b = fake_cert("B", NULL);
    a->extra = json_pack("{s:[i]}", "pending", 1);
    if (a->extra == NULL || cr_failed(cr_strdup("own", &a->own_kid, NULL)) ||
        cr_failed(role_cert_set_chain(a, chain, 2, NULL)))
        return -1;
    intent.cert = a;
    if (cr_failed(role_change("OAuthTokenIssuer", NULL, &intent, 1767225600, &record, &o, NULL)))
        return -1;
    record->extra = json_pack("{s:[s,i]}", "future", "x", 1);
    fake_spki("old", old);
    if (record->extra == NULL || cr_failed(role_record_add_revoked(record, old, NULL)))
        return -1;
    return cr_failed(role_record_write(record, &text, NULL)) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    role_record_unref(&record);
    role_cert_unref(&a);
    role_cert_unref(&b);
    cr_buf_clear(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_once)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
