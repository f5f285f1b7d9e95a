/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tok_gate.h"
#include "tok_slot.h"

static cr_status flags_check(struct tok_member *m, CK_FLAGS flags, CK_RV *rv, struct cr_err *err)
{
    if (flags & CKF_USER_PIN_LOCKED)
        return cr_fail(err, CR_E_PIN, "token %s: the user PIN is locked", m->name);
    if (!(flags & CKF_USER_PIN_INITIALIZED)) {
        *rv = CKR_USER_PIN_NOT_INITIALIZED;
        return cr_fail(err, CR_E_PIN, "token %s: no user PIN has been set", m->name);
    }
    /* A person may use up the last try; a server that restarts may not. */
    if (flags & CKF_USER_PIN_FINAL_TRY)
        return cr_fail(err, CR_E_PIN, "token %s: one try is left before the PIN is locked; not used", m->name);
    return cr_ok();
}

static cr_status pin_send(struct tok_member *m, CK_SESSION_HANDLE session, const struct cr_buf *pin, CK_RV *rv,
                          struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    cr_status st = tok_gate_enter(mod, m->wait_ms, err);

    if (cr_failed(st))
        return st;
    *rv = mod->p11->C_Login(session, CKU_USER, pin != NULL ? pin->p : NULL, pin != NULL ? pin->n : 0);
    tok_gate_leave(mod);
    if (*rv == CKR_USER_ALREADY_LOGGED_IN)
        *rv = CKR_OK;
    return *rv == CKR_OK ? st : tok_ckr_fail(err, m->name, "C_Login", *rv);
}

static cr_status pin_get(struct tok_member *m, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    cr_buf_clear(pin);
    if (m->pin == NULL)
        return cr_fail(err, CR_E_PIN, "token %s: a PIN is needed and there is no source for one", m->name);
    return m->pin(m->pin_arg, m->name, retry, pin, err);
}

static bool known_bad(const struct tok_slot *slot, const struct cr_buf *pin)
{
    return slot->bad_pin.p != NULL && cr_bytes_equal(cr_buf_bytes(&slot->bad_pin), cr_buf_bytes(pin));
}

static cr_status flags_again(struct tok_member *m, CK_SESSION_HANDLE session, struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    CK_SESSION_INFO where = {0};
    CK_TOKEN_INFO info = {0};
    cr_status st = tok_gate_enter(mod, m->wait_ms, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    if ((rv = mod->p11->C_GetSessionInfo(session, &where)) == CKR_OK)
        rv = mod->p11->C_GetTokenInfo(where.slotID, &info);
    tok_gate_leave(mod);
    return rv == CKR_OK ? flags_check(m, info.flags, &rv, err) : tok_ckr_fail(err, m->name, "C_GetTokenInfo", rv);
}

/* The second try needs a source that meanwhile says something else, and a token that has tries left. */
static cr_status pin_login(struct tok_member *m, CK_SESSION_HANDLE session, struct cr_buf *pin, CK_RV *rv,
                           struct cr_err *err)
{
    uint64_t process = tok_gate_process();
    struct tok_slot *slot = m->slot;
    unsigned refused = 0;
    cr_status st;

    for (int retry = 0; retry < 2; retry++) {
        if (cr_failed(st = pin_get(m, retry > 0, pin, err)) || process != tok_gate_process())
            return st;
        if (known_bad(slot, pin))
            continue;
        if (refused > 0 && cr_failed(st = flags_again(m, session, err)))
            return st;
        if (!cr_failed(st = pin_send(m, session, pin, rv, err))) {
            cr_buf_clear(&slot->bad_pin);
            return st;
        }
        if (*rv != CKR_PIN_INCORRECT)
            return st;
        refused++;
        if (cr_failed(st = cr_buf_set(&slot->bad_pin, pin->p, pin->n, err)))
            return st;
    }
    if (refused > 0)
        return cr_fail(err, CR_E_PIN, "token %s: C_Login: CKR_PIN_INCORRECT: the PIN is wrong", m->name);
    return cr_fail(err, CR_E_PIN, "token %s: the PIN is the one the token refused before; not tried again", m->name);
}

cr_status tok_login(struct tok_member *m, CK_SESSION_HANDLE session, const CK_TOKEN_INFO *info, CK_RV *rv,
                    struct cr_err *err)
{
    struct cr_buf pin = {0};
    cr_status st;

    if (!(info->flags & CKF_LOGIN_REQUIRED))
        return cr_ok();
    if (m->pin == NULL && !(info->flags & CKF_PROTECTED_AUTHENTICATION_PATH))
        return cr_ok(); /* public objects only: what the host asked for */
    if (cr_failed(st = flags_check(m, info->flags, rv, err)))
        return st;
    if (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH)
        return pin_send(m, session, NULL, rv, err);
    st = pin_login(m, session, &pin, rv, err);
    cr_buf_clear(&pin);
    return st;
}
