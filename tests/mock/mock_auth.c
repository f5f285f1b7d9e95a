/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_hooks.h"

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define SESSIONS 512

static struct ck_function_list *target;
static struct mock_persona *as;
static struct mock_seen *seen;

/* What each session with an operation of an always_auth key has been given. */
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    ck_session_handle_t session;
    bool begun, given;
} states[SESSIONS];

static void state_set(ck_session_handle_t session, bool begun, bool given)
{
    size_t at = SESSIONS;

    pthread_mutex_lock(&state_lock);
    for (size_t i = 0; i < SESSIONS && (at == SESSIONS || states[at].session != session); i++)
        if (states[i].session == session || (at == SESSIONS && !states[i].begun))
            at = i;
    if (at < SESSIONS) {
        states[at].session = session;
        states[at].begun = begun;
        states[at].given = given;
    }
    pthread_mutex_unlock(&state_lock);
}

static bool state_get(ck_session_handle_t session, bool *given)
{
    bool begun = false;

    pthread_mutex_lock(&state_lock);
    for (size_t i = 0; i < SESSIONS && !begun; i++) {
        begun = states[i].begun && states[i].session == session;
        *given = begun && states[i].given;
    }
    pthread_mutex_unlock(&state_lock);
    return begun;
}

static bool pin_equal(const char *want, const unsigned char *pin, unsigned long n)
{
    return pin != NULL && n == strlen(want) && !memcmp(pin, want, n);
}

/* Typed at the device. */
static bool by_path(const unsigned char *pin)
{
    return pin == NULL && (atomic_load(&as->flags_set) & CKF_PROTECTED_AUTHENTICATION_PATH);
}

static ck_rv_t context_login(ck_session_handle_t session, const unsigned char *pin, unsigned long n)
{
    bool given = false;

    if (!state_get(session, &given))
        return CKR_OPERATION_NOT_INITIALIZED;
    if (!by_path(pin) && !pin_equal(as->pin, pin, n))
        return CKR_PIN_INCORRECT;
    state_set(session, true, true);
    atomic_fetch_add(&seen->context_logins, 1);
    return CKR_OK;
}

static ck_rv_t user_login(ck_session_handle_t session, unsigned char *pin, unsigned long n)
{
    atomic_fetch_add(&seen->user_logins, 1);
    if (!atomic_load(&as->pin_asked))
        return target->C_Login(session, CKU_USER, pin, n);
    if (!by_path(pin) && !pin_equal(as->pin, pin, n))
        return CKR_PIN_INCORRECT;
    return target->C_Login(session, CKU_USER, (unsigned char *)as->target_pin, strlen(as->target_pin));
}

static ck_rv_t login(ck_session_handle_t session, ck_user_type_t type, unsigned char *pin, unsigned long n)
{
    ck_rv_t rv;

    if (type == CKU_USER)
        rv = user_login(session, pin, n);
    else if (type == CKU_CONTEXT_SPECIFIC && atomic_load(&as->always_auth))
        rv = context_login(session, pin, n);
    else
        rv = target->C_Login(session, type, pin, n);
    if (rv == CKR_PIN_INCORRECT)
        atomic_fetch_add(&seen->wrong_pins, 1);
    return rv;
}

static ck_rv_t sign_init(ck_session_handle_t session, struct ck_mechanism *mechanism, ck_object_handle_t key)
{
    ck_rv_t rv = target->C_SignInit(session, mechanism, key);

    if (rv == CKR_OK && atomic_load(&as->always_auth))
        state_set(session, true, false);
    return rv;
}

static ck_rv_t decrypt_init(ck_session_handle_t session, struct ck_mechanism *mechanism, ck_object_handle_t key)
{
    ck_rv_t rv = target->C_DecryptInit(session, mechanism, key);

    if (rv == CKR_OK && atomic_load(&as->always_auth))
        state_set(session, true, false);
    return rv;
}

/* The end of an operation. One without its own login is ended in the target all the same, as tokens do. */
static bool allowed(ck_session_handle_t session)
{
    bool given = false;

    if (!atomic_load(&as->always_auth))
        return true;
    if (state_get(session, &given) && !given)
        atomic_fetch_add(&seen->unauthenticated, 1);
    state_set(session, false, false);
    return given;
}

static ck_rv_t sign(ck_session_handle_t session, unsigned char *data, unsigned long data_len, unsigned char *signature,
                    unsigned long *signature_len)
{
    unsigned char waste[4096];
    unsigned long n = sizeof(waste), say = atomic_load(&as->signature);
    ck_rv_t rv;

    if (!allowed(session)) {
        target->C_Sign(session, data, data_len, waste, &n);
        return CKR_USER_NOT_LOGGED_IN;
    }
    rv = target->C_Sign(session, data, data_len, signature, signature_len);
    if (rv == CKR_OK && say > 0)
        *signature_len = say;
    return rv;
}

static ck_rv_t decrypt(ck_session_handle_t session, unsigned char *in, unsigned long in_len, unsigned char *out,
                       unsigned long *out_len)
{
    unsigned char waste[4096];
    unsigned long n = sizeof(waste);

    if (allowed(session))
        return target->C_Decrypt(session, in, in_len, out, out_len);
    target->C_Decrypt(session, in, in_len, waste, &n);
    return CKR_USER_NOT_LOGGED_IN;
}

void mock_auth_closed(unsigned long session)
{
    state_set(session, false, false);
}

void mock_auth_install(struct ck_function_list *real, struct ck_function_list *behind, struct mock_persona *persona,
                       struct mock_seen *what_is_seen)
{
    target = real;
    as = persona;
    seen = what_is_seen;
    behind->C_Login = login;
    behind->C_SignInit = sign_init;
    behind->C_Sign = sign;
    behind->C_DecryptInit = decrypt_init;
    behind->C_Decrypt = decrypt;
}
