/* SPDX-License-Identifier: Apache-2.0 */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mocked mocked;

void mocked_make(void)
{
    char file[128];

    fixture_make(&mocked.f);
    snprintf(file, sizeof(file), "%s/counts", mocked.f.dir);
    setenv("CERTROLL_MOCK_TARGET", FIXTURE_MODULE, 1);
    setenv("CERTROLL_MOCK_COUNTS", file, 1);
    mocked.counts = mock_counts_map(file);
    assert_non_null(mocked.counts);
    mocked_pin_set(FIXTURE_PIN, FIXTURE_PIN);
    mocked.conf = (struct tok_conf){.module = MOCK_MODULE, .pin = mocked_pin, .max_sessions = 4, .wait_ms = 1000};
    mocked.pkey = fixture_key("EC:P-256");
    fixture_numbers(mocked.pkey, &mocked.pub);
    mocked_open();
    fixture_import(&mocked.f, mocked.pkey, &mocked.location);
    mocked_close();
}

void mocked_remove(void)
{
    mocked_close();
    free(mocked.location);
    tok_key_clear(&mocked.pub);
    fixture_remove(&mocked.f);
}

int mocked_setup(void **state)
{
    (void)state;
    mocked_make();
    return 0;
}

int mocked_teardown(void **state)
{
    (void)state;
    mocked_remove();
    return 0;
}

void mocked_module_own(void)
{
    char command[400];

    mocked_close();
    snprintf(mocked.own_module, sizeof(mocked.own_module), "%s/mock.so", mocked.f.dir);
    snprintf(command, sizeof(command), "cp '%s' '%s'", MOCK_MODULE, mocked.own_module);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): paths of this test's own */
    mocked.conf.module = mocked.own_module;
}

void mocked_open(void)
{
    if (mocked.f.signer == NULL)
        fixture_open(&mocked.f, &mocked.conf);
}

void mocked_close(void)
{
    fixture_close(&mocked.f);
}

cr_status mocked_pin(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    (void)arg;
    (void)token_name;
    (void)retry;
    mocked.pins_asked++;
    return cr_buf_set(pin, mocked.pin, strlen(mocked.pin), err);
}

void mocked_pin_set(const char *pin, const char *given)
{
    struct mock_persona *as = &mocked.counts->persona;

    atomic_store(&as->pin_asked, 1);
    snprintf(as->target_pin, sizeof(as->target_pin), "%s", FIXTURE_PIN);
    snprintf(as->pin, sizeof(as->pin), "%s", pin);
    snprintf(mocked.pin, sizeof(mocked.pin), "%s", given);
}

cr_status mocked_find(struct tok_object **out, struct cr_err *err)
{
    mocked_open();
    return fixture_find(&mocked.f, mocked.location, &mocked.pub, mocked.pkey, out, err);
}

cr_status mocked_sign(struct cr_err *err)
{
    struct tok_object *obj = NULL;
    cr_status st = mocked_find(&obj, err);

    if (cr_failed(st))
        return st;
    st = fixture_sign_verify(&mocked.f, obj, mocked.pkey, err);
    mocked.f.signer->ops->object_unref(&obj);
    return st;
}

void mocked_sign_ok(void)
{
    struct cr_err err = {0};
    cr_status st = mocked_sign(&err);

    assert_string_equal(err.text, "");
    assert_int_equal(st.code, CR_OK);
}

unsigned long mocked_calls(enum mock_function of)
{
    return atomic_load(&mocked.counts->of[of].calls);
}

void mocked_calls_wait(enum mock_function of, unsigned long n)
{
    for (int ms = 0; mocked_calls(of) < n; ms++) {
        if (ms == 60000)
            fail_msg("%s: %lu calls instead of %lu", mocked.counts->of[of].label, mocked_calls(of), n);
        usleep(1000);
    }
}

void mocked_heal(void)
{
    struct mock_persona *as = &mocked.counts->persona, keep = {.pin_asked = 1};
    struct mock_seen *seen = &mocked.counts->seen;
    unsigned long sessions = atomic_load(&seen->sessions);

    for (int i = 0; i < MOCK_COUNT; i++) {
        mock_fail(mocked.counts, (enum mock_function)i, 0, 0, 0);
        atomic_store(&mocked.counts->of[i].failed, 0);
        atomic_store(&mocked.counts->of[i].delay_us, 0);
    }
    memcpy(keep.pin, as->pin, sizeof(keep.pin));
    memcpy(keep.target_pin, as->target_pin, sizeof(keep.target_pin));
    memcpy(as, &keep, sizeof(keep));
    memset(seen, 0, sizeof(*seen));
    atomic_store(&seen->sessions, sessions);
    atomic_store(&seen->most, sessions);
}
