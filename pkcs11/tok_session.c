/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_session.h"

cr_status tok_session_fail(struct tok_session *ses, const char *function, CK_RV rv, struct cr_err *err)
{
    ses->rv = rv;
    return tok_ckr_fail(err, ses->m->name, function, rv);
}

static void close_handle(struct tok_member *m, CK_SESSION_HANDLE handle)
{
    struct tok_module *mod = m->slot->mod;

    if (cr_failed(tok_gate_enter(mod, m->wait_ms, NULL)))
        return;
    mod->p11->C_CloseSession(handle);
    tok_gate_leave(mod);
}

enum room { ROOM_IDLE, ROOM_OPEN, ROOM_STALE, ROOM_TIMEOUT };

/* An idle session, or leave to open one (counted already), waiting for either. For @rw an idle one gives its place. */
static enum room room_take(struct tok_slot *slot, bool rw, int64_t deadline, struct tok_session *ses)
{
    struct tok_module *mod = slot->mod;
    bool in_time = true;
    enum room room;

    pthread_mutex_lock(&mod->lock);
    while (in_time && slot->stamp == ses->stamp && slot->nidle == 0 && slot->open >= slot->max_sessions)
        in_time = tok_module_wait(mod, deadline);
    ses->epoch = mod->epoch;
    ses->id = slot->id;
    if (slot->stamp != ses->stamp) {
        room = ROOM_STALE;
    } else if (slot->nidle > 0 && (!rw || slot->open >= slot->max_sessions)) {
        ses->handle = slot->idle[--slot->nidle];
        room = ROOM_IDLE;
    } else if (slot->open < slot->max_sessions) {
        slot->open++;
        room = ROOM_OPEN;
    } else {
        room = ROOM_TIMEOUT;
    }
    pthread_mutex_unlock(&mod->lock);
    return room;
}

static void room_give(struct tok_slot *slot, uint64_t epoch)
{
    pthread_mutex_lock(&slot->mod->lock);
    if (slot->mod->epoch == epoch && slot->open > 0)
        slot->open--;
    tok_module_wake(slot->mod);
    pthread_mutex_unlock(&slot->mod->lock);
}

static cr_status session_open(struct tok_session *ses, struct cr_err *err)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (ses->rw ? CKF_RW_SESSION : 0);
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (!cr_failed(st)) {
        rv = ses->p11->C_OpenSession(ses->id, flags, NULL, NULL, &ses->handle);
        tok_session_leave(ses);
        if (rv != CKR_OK)
            st = tok_session_fail(ses, "C_OpenSession", rv, err);
    }
    if (cr_failed(st))
        room_give(ses->m->slot, ses->epoch);
    return st;
}

static cr_status take(struct tok_session *ses, int64_t deadline, struct cr_err *err)
{
    struct tok_member *m = ses->m;
    cr_status st;

    for (;;) {
        if (cr_failed(st = tok_slot_ready(m, deadline, &ses->stamp, err)))
            return st;
        ses->p11 = m->slot->mod->p11;
        switch (room_take(m->slot, ses->rw, deadline, ses)) {
        case ROOM_IDLE:
            if (!ses->rw)
                return st;
            close_handle(m, ses->handle);
            return session_open(ses, err);
        case ROOM_OPEN:
            return session_open(ses, err);
        case ROOM_STALE:
            break;
        case ROOM_TIMEOUT:
            return cr_fail(err, CR_E_BUSY, "token %s: all %u sessions stayed in use for %u ms", m->name,
                           m->slot->max_sessions, m->wait_ms);
        }
    }
}

cr_status tok_session_take(struct tok_member *m, bool rw, struct tok_session *ses, struct cr_err *err)
{
    cr_status st;

    *ses = (struct tok_session){.m = m, .rw = rw};
    st = take(ses, tok_clock_ms() + m->wait_ms, err);
    if (cr_failed(st))
        ses->m = NULL;
    return st;
}

void tok_session_give(struct tok_session *ses, bool clean)
{
    struct tok_slot *slot;
    bool alive, kept = false;

    if (ses->m == NULL)
        return;
    slot = ses->m->slot;
    pthread_mutex_lock(&slot->mod->lock);
    alive = slot->mod->epoch == ses->epoch;
    if (clean && !ses->rw && slot->stamp == ses->stamp && slot->nidle < slot->max_sessions) {
        slot->idle[slot->nidle++] = ses->handle;
        tok_module_wake(slot->mod);
        kept = true;
    }
    pthread_mutex_unlock(&slot->mod->lock);
    if (!kept && alive) {
        /* An old handle may be somebody else's session in a newer epoch: then it is not closed. */
        close_handle(ses->m, ses->handle);
        room_give(slot, ses->epoch);
    }
    ses->m = NULL;
}

cr_status tok_session_run(struct tok_member *m, bool rw,
                          cr_status (*fn)(struct tok_session *ses, void *arg, struct cr_err *err), void *arg,
                          struct cr_err *err)
{
    struct tok_sigpipe pipe;
    cr_status st;

    tok_sigpipe_block(&pipe);
    for (int tries = 0; tries < 2; tries++) {
        struct tok_session ses;
        enum tok_repair repair;
        st = tok_session_take(m, rw, &ses, err);
        if (!cr_failed(st))
            st = fn(&ses, arg, err);
        repair = cr_failed(st) ? tok_ckr_repair(ses.rv) : TOK_REPAIR_NONE;
        if (repair != TOK_REPAIR_NONE)
            tok_slot_doubt(m->slot, ses.stamp, ses.epoch, repair);
        tok_session_give(&ses, !cr_failed(st) && ses.rv == CKR_OK);
        if (repair == TOK_REPAIR_NONE)
            break;
    }
    tok_sigpipe_restore(&pipe);
    return st;
}
