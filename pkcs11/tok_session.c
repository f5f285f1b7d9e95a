/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_session.h"

#include "tok_member.h"

#define OUTLIVED_MAX 8

cr_status tok_session_fail(struct tok_session *ses, const char *function, CK_RV rv, struct cr_err *err)
{
    ses->rv = rv;
    ses->function = function;
    return tok_ckr_fail(err, ses->m->name, function, rv);
}

/* The epoch is written while nobody is inside. */
cr_status tok_session_enter(struct tok_session *ses, struct cr_err *err)
{
    struct tok_module *mod = ses->m->slot->mod;
    cr_status st = tok_gate_enter(mod, ses->m->wait_ms, err);

    if (cr_failed(st) || mod->epoch == ses->epoch)
        return st;
    tok_gate_leave(mod);
    ses->outlived = true;
    ses->rv = CKR_SESSION_HANDLE_INVALID;
    return cr_fail(err, CR_E_BUSY, "token %s: timed out while others started its module anew", ses->m->name);
}

enum room { ROOM_IDLE, ROOM_OPEN, ROOM_STALE, ROOM_TIMEOUT };

/* Where one session is all there is, a second one beside it, that writes, keeps the login. */
static unsigned room_bound(struct tok_slot *slot, bool rw)
{
    unsigned bound = tok_slot_bound(slot);

    return bound + (rw && bound == 1);
}

/* An idle session, or leave to open one (counted already), waiting for either. For @rw an idle one gives its place. */
static enum room room_take(struct tok_slot *slot, bool rw, int64_t deadline, struct tok_session *ses)
{
    struct tok_module *mod = slot->mod;
    bool in_time = true;
    enum room room;

    pthread_mutex_lock(&mod->lock);
    while (in_time && slot->stamp == ses->stamp && slot->nidle == 0 && slot->open >= room_bound(slot, rw))
        in_time = tok_module_wait(mod, deadline);
    ses->epoch = mod->epoch;
    ses->id = slot->id;
    if (slot->stamp != ses->stamp) {
        room = ROOM_STALE;
    } else if (slot->nidle > 0 && (!rw || slot->open >= room_bound(slot, rw))) {
        ses->handle = slot->idle[--slot->nidle];
        room = ROOM_IDLE;
    } else if (slot->open < room_bound(slot, rw)) {
        ses->had = slot->open - slot->opening;
        slot->open++;
        slot->opening++;
        room = ROOM_OPEN;
    } else {
        room = ROOM_TIMEOUT;
    }
    pthread_mutex_unlock(&mod->lock);
    return room;
}

/* When its last session closes, the token logs out: what is opened from then on needs a new login. */
static void logout_note(struct tok_slot *slot)
{
    if (slot->open == slot->opening + slot->closing)
        slot->stamp = 0;
}

static void session_close(struct tok_session *ses)
{
    struct tok_slot *slot = ses->m->slot;
    bool alive;

    pthread_mutex_lock(&slot->mod->lock);
    alive = slot->mod->epoch == ses->epoch;
    if (alive) {
        slot->closing++;
        logout_note(slot);
    }
    pthread_mutex_unlock(&slot->mod->lock);
    if (!alive)
        return; /* in a newer epoch the handle may be somebody else's session */
    if (!cr_failed(tok_session_enter(ses, NULL))) {
        ses->p11->C_CloseSession(ses->handle);
        tok_session_leave(ses);
    }
    pthread_mutex_lock(&slot->mod->lock);
    if (slot->mod->epoch == ses->epoch) {
        slot->closing--;
        slot->open--;
    }
    tok_module_wake(slot->mod);
    pthread_mutex_unlock(&slot->mod->lock);
}

/* Still logged in when it came to be? */
static bool session_opened(struct tok_session *ses, bool good)
{
    struct tok_slot *slot = ses->m->slot;
    bool current;

    pthread_mutex_lock(&slot->mod->lock);
    if (slot->mod->epoch == ses->epoch) {
        slot->opening--;
        slot->open -= !good;
        if (good && slot->limit > 0 && slot->limit < slot->open - slot->opening)
            slot->limit = slot->open - slot->opening;
        if (!good && ses->rv == CKR_SESSION_COUNT)
            tok_slot_full(slot, ses->had);
        logout_note(slot);
    }
    current = slot->stamp == ses->stamp;
    tok_module_wake(slot->mod);
    pthread_mutex_unlock(&slot->mod->lock);
    return current;
}

static cr_status session_open(struct tok_session *ses, bool *current, struct cr_err *err)
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
    *current = session_opened(ses, !cr_failed(st));
    if (!cr_failed(st) && !*current)
        session_close(ses);
    return st;
}

static cr_status timed_out(struct tok_session *ses, struct cr_err *err)
{
    struct tok_slot *slot = ses->m->slot;
    unsigned bound;
    bool learned;

    pthread_mutex_lock(&slot->mod->lock);
    bound = tok_slot_bound(slot);
    learned = bound < slot->max_sessions;
    pthread_mutex_unlock(&slot->mod->lock);
    return cr_fail(err, CR_E_BUSY, "token %s: all %u sessions stayed in use for %u ms%s", ses->m->name, bound,
                   ses->m->wait_ms, learned ? ", and C_OpenSession gives no more: CKR_SESSION_COUNT" : "");
}

/* The token allows fewer sessions than were configured, and others of ours come free. A lone one never does for @rw. */
static bool comes_free(struct tok_session *ses)
{
    return ses->rv == CKR_SESSION_COUNT && ses->had > (ses->rw ? 1 : 0);
}

static cr_status take(struct tok_session *ses, int64_t deadline, struct cr_err *err)
{
    struct tok_member *m = ses->m;
    bool current;
    cr_status st;

    for (;;) {
        if (cr_failed(st = tok_slot_ready(m, deadline, &ses->stamp, err)))
            return st;
        ses->p11 = m->slot->mod->p11;
        switch (room_take(m->slot, ses->rw, deadline, ses)) {
        case ROOM_IDLE:
            if (!ses->rw)
                return st;
            session_close(ses); /* gives its place */
            break;
        case ROOM_OPEN:
            st = session_open(ses, &current, err);
            if (cr_failed(st) ? !comes_free(ses) && !ses->outlived : current)
                return st;
            ses->rv = CKR_OK;
            ses->outlived = false;
            break;
        case ROOM_STALE:
            break;
        case ROOM_TIMEOUT:
            return timed_out(ses, err);
        }
        if (tok_clock_ms() > deadline)
            return cr_fail(err, CR_E_BUSY, "token %s: timed out opening a session", m->name);
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

bool tok_session_spare(const struct tok_session *beside, struct tok_session *ses)
{
    struct tok_slot *slot = beside->m->slot;
    bool current = false, room;

    *ses = (struct tok_session){.m = beside->m, .p11 = beside->p11, .id = beside->id, .stamp = beside->stamp};
    pthread_mutex_lock(&slot->mod->lock);
    ses->epoch = slot->mod->epoch;
    room = slot->stamp == ses->stamp && slot->open < tok_slot_bound(slot);
    if (room) {
        ses->had = slot->open - slot->opening;
        slot->open++;
        slot->opening++;
    }
    pthread_mutex_unlock(&slot->mod->lock);
    return room && !cr_failed(session_open(ses, &current, NULL)) && current;
}

void tok_session_give(struct tok_session *ses, bool clean)
{
    struct tok_slot *slot;
    bool kept = false;

    if (ses->m == NULL)
        return;
    slot = ses->m->slot;
    pthread_mutex_lock(&slot->mod->lock);
    if (clean && !ses->rw && slot->stamp == ses->stamp && slot->nidle < slot->max_sessions) {
        slot->idle[slot->nidle++] = ses->handle;
        tok_module_wake(slot->mod);
        kept = true;
    }
    pthread_mutex_unlock(&slot->mod->lock);
    if (!kept)
        session_close(ses);
    ses->m = NULL;
}

/* Other users of the module in this process share its login, and may end it. */
cr_status tok_session_unseen(struct tok_session *ses, struct cr_err *err)
{
    CK_SESSION_INFO now = {0};
    CK_TOKEN_INFO info = {0};
    cr_status st;
    CK_RV rv;

    if (!tok_member_info(ses->m, &info) || !(info.flags & CKF_LOGIN_REQUIRED))
        return cr_ok();
    if (cr_failed(st = tok_session_enter(ses, err)))
        return st;
    rv = ses->p11->C_GetSessionInfo(ses->handle, &now);
    tok_session_leave(ses);
    if (rv != CKR_OK && rv != CKR_FUNCTION_NOT_SUPPORTED)
        return tok_session_fail(ses, "C_GetSessionInfo", rv, err);
    if (rv != CKR_OK || (now.state != CKS_RO_PUBLIC_SESSION && now.state != CKS_RW_PUBLIC_SESSION))
        return st;
    ses->rv = CKR_USER_NOT_LOGGED_IN;
    return cr_fail(err, CR_E_PIN, "token %s: C_GetSessionInfo: somebody else logged out", ses->m->name);
}

cr_status tok_session_run(struct tok_member *m, bool rw,
                          cr_status (*fn)(struct tok_session *ses, void *arg, struct cr_err *err), void *arg,
                          struct cr_err *err)
{
    struct tok_sigpipe pipe;
    struct cr_err why;
    cr_status st;

    tok_sigpipe_block(&pipe);
    for (unsigned tries = 0, waits = 0; tries < 2;) {
        struct tok_session ses;
        enum tok_repair repair;
        st = tok_session_take(m, rw, &ses, &why);
        if (!cr_failed(st))
            st = fn(&ses, arg, &why);
        repair = cr_failed(st) ? tok_ckr_repair(ses.rv) : TOK_REPAIR_NONE;
        if (repair != TOK_REPAIR_NONE)
            tok_slot_doubt(m->slot, ses.stamp, ses.epoch, repair);
        tok_session_give(&ses, (!cr_failed(st) || ses.sound) && ses.rv == CKR_OK);
        if (repair == TOK_REPAIR_NONE)
            break;
        if (!ses.outlived || ++waits > OUTLIVED_MAX)
            tries++; /* somebody else's repair is none of ours */
    }
    tok_sigpipe_restore(&pipe);
    return cr_failed(st) ? cr_fail(err, st.code, "%s", why.text) : st;
}
