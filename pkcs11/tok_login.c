/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_login.h"

#include <string.h>

#include "tok_member.h"
#include "tok_job.h"

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
    cr_status st;

    cr_buf_clear(pin);
    if (m->pin == NULL)
        return cr_fail(err, CR_E_PIN, "token %s: a PIN is needed and there is no source for one", m->name);
    if (cr_failed(st = tok_job_host_begin(err)))
        return st;
    st = m->pin(m->pin_arg, m->name, retry, pin, err);
    tok_job_host_end();
    return st;
}

enum known { KNOWN_NONE, KNOWN_OTHER, KNOWN_BAD };

/* Are there PINs that the token refused, and is this one of them? */
static enum known known(struct tok_slot *slot, const struct cr_buf *pin)
{
    enum known is;

    pthread_mutex_lock(&slot->mod->lock);
    is = slot->nbad > 0 ? KNOWN_OTHER : KNOWN_NONE;
    for (size_t i = 0; i < TOK_BAD_PINS; i++)
        if (slot->bad_pins[i].p != NULL && cr_bytes_equal(cr_secret_bytes(&slot->bad_pins[i]), cr_buf_bytes(pin)))
            is = KNOWN_BAD;
    pthread_mutex_unlock(&slot->mod->lock);
    return is;
}

static cr_status bad_add(struct tok_slot *slot, const struct cr_buf *pin, struct cr_err *err)
{
    struct cr_secret bad = {0}, old;
    cr_status st = cr_secret_set(&bad, cr_buf_bytes(pin), err);

    if (cr_failed(st))
        return st;
    pthread_mutex_lock(&slot->mod->lock);
    old = slot->bad_pins[slot->nbad % TOK_BAD_PINS];
    slot->bad_pins[slot->nbad++ % TOK_BAD_PINS] = bad;
    pthread_mutex_unlock(&slot->mod->lock);
    cr_secret_clear(&old);
    return st;
}

/* A good one came first: whatever was refused may one day be right again. */
static void bad_forget(struct tok_slot *slot)
{
    struct cr_secret old[TOK_BAD_PINS];

    pthread_mutex_lock(&slot->mod->lock);
    memcpy(old, slot->bad_pins, sizeof(old));
    memset(slot->bad_pins, 0, sizeof(old));
    slot->nbad = 0;
    pthread_mutex_unlock(&slot->mod->lock);
    for (size_t i = 0; i < TOK_BAD_PINS; i++)
        cr_secret_clear(&old[i]);
}

static cr_status not_again(struct tok_member *m, struct cr_err *err)
{
    return cr_fail(err, CR_E_PIN, "token %s: the PIN%s%s is the one the token refused before; not tried again", m->name,
                   m->pin_from != NULL ? " from " : "", m->pin_from != NULL ? m->pin_from : "");
}

static cr_status wrong(struct tok_member *m, struct cr_err *err)
{
    return cr_fail(err, CR_E_PIN, "token %s: C_Login: CKR_PIN_INCORRECT: the PIN%s%s is wrong", m->name,
                   m->pin_from != NULL ? " from " : "", m->pin_from != NULL ? m->pin_from : "");
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

/* The second try needs a source that meanwhile says something else, and a token that has tries left. A source that gives
 * the refused PIN first will do so the next time, too: it stays remembered. */
static cr_status pin_login(struct tok_member *m, CK_SESSION_HANDLE session, struct cr_buf *pin, CK_RV *rv,
                           struct cr_err *err)
{
    uint64_t process = tok_gate_process();
    struct tok_slot *slot = m->slot;
    unsigned refused = 0;
    cr_status st;

    for (int retry = 0; retry < 2; retry++) {
        st = pin_get(m, retry > 0, pin, err);
        if (process != tok_gate_process() || (cr_failed(st) && retry == 0))
            return st;
        if (cr_failed(st) || known(slot, pin) == KNOWN_BAD)
            continue;
        if (refused > 0 && cr_failed(st = flags_again(m, session, err)))
            return st;
        if (!cr_failed(st = pin_send(m, session, pin, rv, err))) {
            if (retry == 0)
                bad_forget(slot);
            return st;
        }
        if (*rv != CKR_PIN_INCORRECT)
            return st;
        refused++;
        if (cr_failed(st = bad_add(slot, pin, err)))
            return st;
    }
    return refused > 0 ? wrong(m, err) : not_again(m, err);
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

static cr_status turn_take(struct tok_session *ses, struct tok_context *own, struct cr_err *err)
{
    int64_t deadline = tok_clock_ms() + ses->m->wait_ms;
    struct tok_slot *slot = ses->m->slot;
    bool in_time = true;

    pthread_mutex_lock(&slot->mod->lock);
    while (in_time && slot->authing && slot->auth_process == own->process)
        in_time = tok_module_wait(slot->mod, deadline);
    own->turn = in_time;
    if (in_time) {
        slot->authing = true;
        slot->auth_process = own->process;
    }
    pthread_mutex_unlock(&slot->mod->lock);
    return in_time ? cr_ok()
                   : cr_fail(err, CR_E_BUSY, "token %s: other operations that log in took more than %u ms",
                             ses->m->name, ses->m->wait_ms);
}

static void turn_give(struct tok_slot *slot, struct tok_context *own)
{
    if (!own->turn || own->process != tok_gate_process())
        return; /* a child is not bound by what went on in its parent */
    pthread_mutex_lock(&slot->mod->lock);
    slot->authing = false;
    tok_module_wake(slot->mod);
    pthread_mutex_unlock(&slot->mod->lock);
    own->turn = false;
}

static cr_status context_pin(struct tok_session *ses, struct tok_context *own, struct cr_err *err)
{
    struct tok_member *m = ses->m;
    enum known is;
    cr_status st;

    for (int retry = 0; retry < 2; retry++) {
        st = pin_get(m, retry > 0, &own->pin, err);
        if (own->process != tok_gate_process()) {
            ses->rv = CKR_SESSION_HANDLE_INVALID; /* the parent's: a child that came out of the PIN callback */
            return cr_fail(err, CR_E_BUSY, "token %s: forked while asking for the PIN", m->name);
        }
        if (cr_failed(st) && retry == 0)
            return st;
        is = cr_failed(st) ? KNOWN_BAD : known(m->slot, &own->pin);
        own->forgets = retry == 0 && is == KNOWN_OTHER;
        if (is != KNOWN_BAD)
            return st;
    }
    return not_again(m, err);
}

cr_status tok_context_ask(struct tok_session *ses, struct tok_context *own, struct cr_err *err)
{
    CK_TOKEN_INFO info;
    cr_status st;

    *own = (struct tok_context){.wanted = ses->always_auth, .process = tok_gate_process()};
    if (!own->wanted)
        return cr_ok();
    if (cr_failed(st = turn_take(ses, own, err)))
        return st;
    own->by_path = tok_member_info(ses->m, &info) && (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH);
    return own->by_path ? st : context_pin(ses, own, err);
}

CK_RV tok_context_login(struct tok_session *ses, const struct tok_context *own)
{
    CK_RV rv = CKR_OK;

    if (own->wanted)
        rv = ses->p11->C_Login(ses->handle, CKU_CONTEXT_SPECIFIC, own->by_path ? NULL : own->pin.p, own->pin.n);
    return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

cr_status tok_context_refused(struct tok_session *ses, const struct tok_context *own, CK_RV rv, struct cr_err *err)
{
    struct tok_member *m = ses->m;
    struct cr_buf other = {0};
    cr_status st;

    st = tok_session_fail(ses, "C_Login", rv, err);
    if (rv != CKR_PIN_INCORRECT)
        return st;
    st = wrong(m, err);
    if (own->by_path || cr_failed(bad_add(m->slot, &own->pin, NULL)))
        return st;
    if (!cr_failed(pin_get(m, true, &other, NULL)) && known(m->slot, &other) != KNOWN_BAD)
        ses->rv = CKR_USER_NOT_LOGGED_IN; /* log in with it, which looks at the flags, and begin again */
    cr_buf_clear(&other);
    return st;
}

void tok_context_end(struct tok_session *ses, struct tok_context *own, bool good)
{
    if (good && own->forgets)
        bad_forget(ses->m->slot);
    cr_buf_clear(&own->pin);
    turn_give(ses->m->slot, own);
}
