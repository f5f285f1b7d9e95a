/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_slot.h"

#include <stdlib.h>
#include <string.h>

#include "tok_gate.h"
#include "tok_member.h"
#include "tok_uri.h"

#define SLOTS_MAX     256
#define REBUILD_MS    1200 /* begun no later than this after the first try */
#define REBUILD_TRIES 24
#define LIMIT_MS      10000
#define RETRY_MS      10
#define RETRY_MAX_MS  250

static void slot_free(struct tok_slot *slot)
{
    if (slot == NULL)
        return; /* what is freed was never matched */
    free(slot->uri);
    free(slot->idle);
    free(slot);
}

static cr_status slot_new(struct tok_module *mod, const char *uri, unsigned max_sessions, struct tok_slot **out,
                          struct cr_err *err)
{
    struct tok_slot *slot = calloc(1, sizeof(*slot));
    cr_status st;

    if (slot == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    slot->mod = mod;
    slot->max_sessions = max_sessions;
    if ((slot->idle = calloc(max_sessions, sizeof(*slot->idle))) == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (!cr_failed(st = cr_strdup(uri, &slot->uri, err)))
        st = tok_uri_token_check(uri, err);
    if (cr_failed(st))
        slot_free(slot);
    else
        *out = slot;
    return st;
}

cr_status tok_slot_match(struct tok_slot *slot, P11KitUri **out, struct cr_err *err)
{
    P11KitUri *made = NULL, *none = NULL;
    cr_status st;

    if ((*out = atomic_load(&slot->match)) != NULL)
        return cr_ok();
    if (cr_failed(st = tok_uri_token(slot->uri, &made, err)))
        return st;
    if (!atomic_compare_exchange_strong(&slot->match, &none, made)) {
        tok_uri_free(made); /* another thread was first */
        made = none;
    }
    *out = made;
    return st;
}

static struct tok_slot *slot_find(struct tok_module *mod, const char *uri)
{
    struct tok_slot *slot = mod->slots;

    while (slot != NULL && strcmp(slot->uri, uri))
        slot = slot->next;
    return slot;
}

/* Nobody uses it, no session is left: it is as the next one configures it. */
static void pool_swap(struct tok_slot *slot, struct tok_slot *fresh)
{
    CK_SESSION_HANDLE *idle = slot->idle;
    unsigned max = slot->max_sessions;

    slot->idle = fresh->idle;
    slot->max_sessions = fresh->max_sessions;
    fresh->idle = idle;
    fresh->max_sessions = max;
}

/* Two hosts that configure one token share it; the first one's session limit holds. */
cr_status tok_slot_get(struct tok_module *mod, const char *uri, unsigned max_sessions, struct tok_slot **out,
                       struct cr_err *err)
{
    struct tok_slot *slot = NULL, *fresh = NULL;
    cr_status st = slot_new(mod, uri, max_sessions, &fresh, err);

    if (cr_failed(st))
        return st;
    pthread_mutex_lock(&mod->lock);
    slot = slot_find(mod, uri);
    if (slot == NULL) {
        fresh->next = mod->slots;
        mod->slots = slot = fresh;
        fresh = NULL;
    } else if (slot->refs == 0 && slot->open == 0) {
        pool_swap(slot, fresh);
    }
    slot->refs++;
    pthread_mutex_unlock(&mod->lock);
    slot_free(fresh);
    *out = slot;
    return st;
}

void tok_slot_put(struct tok_slot **slot)
{
    if (*slot == NULL)
        return;
    pthread_mutex_lock(&(*slot)->mod->lock);
    (*slot)->refs--;
    pthread_mutex_unlock(&(*slot)->mod->lock);
    *slot = NULL;
}

void tok_slots_forget(struct tok_module *mod)
{
    for (struct tok_slot *slot = mod->slots; slot != NULL; slot = slot->next) {
        slot->stamp = 0;
        slot->open = slot->opening = slot->closing = slot->nidle = slot->limit = 0;
        slot->keeper.stamp = 0;
        slot->keeper.busy = false;
    }
}

unsigned tok_slot_bound(struct tok_slot *slot)
{
    if (slot->limit > 0 && tok_clock_ms() >= slot->limit_until)
        slot->limit = 0;
    return slot->limit > 0 && slot->limit < slot->max_sessions ? slot->limit : slot->max_sessions;
}

/* One session too few would idle for long, one too many is found out by the next refusal. */
void tok_slot_full(struct tok_slot *slot, unsigned had)
{
    unsigned there = slot->open - slot->opening;

    slot->limit = there > had ? there : had;
    slot->limit += slot->limit == 0;
    slot->limit_until = tok_clock_ms() + LIMIT_MS;
}

void tok_slot_doubt(struct tok_slot *slot, uint64_t stamp, uint64_t epoch, enum tok_repair repair)
{
    struct tok_module *mod = slot->mod;

    pthread_mutex_lock(&mod->lock);
    if (repair == TOK_REPAIR_MODULE && mod->epoch == epoch) {
        mod->broken = mod->up;
        for (struct tok_slot *s = mod->slots; s != NULL; s = s->next)
            s->stamp = 0;
    } else if (repair == TOK_REPAIR_SLOT && slot->stamp == stamp) {
        slot->stamp = 0;
    }
    pthread_mutex_unlock(&mod->lock);
}

static cr_status none_found(struct tok_member *m, CK_ULONG n, CK_RV unread, struct cr_err *err)
{
    const char *path = m->slot->mod->path, *uri = m->slot->uri;
    char reach[TOK_REACH_MAX];

    tok_module_reach(m->slot->mod, reach);
    if (unread == CKR_OK)
        return cr_fail(err, CR_E_TOKEN, "token %s: %s has no initialized token '%s' (%lu token slots), %s", m->name,
                       path, uri, n, reach);
    return cr_fail(err, CR_E_TOKEN, "token %s: %s has no initialized token '%s': C_GetTokenInfo: %s (0x%lx), %s",
                   m->name, path, uri, tok_ckr_name(unread), unread, reach);
}

/* Two token slots that match are refused: a label is no identity where somebody may plug in another token. */
static cr_status token_find(struct tok_member *m, CK_SLOT_ID *id, CK_TOKEN_INFO *info, CK_RV *rv, struct cr_err *err)
{
    struct tok_slot *slot = m->slot;
    CK_FUNCTION_LIST *p11 = slot->mod->p11;
    CK_SLOT_ID ids[SLOTS_MAX] = {0}, want;
    P11KitUri *match = NULL;
    CK_ULONG n = SLOTS_MAX;
    CK_RV unread = CKR_OK, got;
    unsigned hits = 0;
    CK_TOKEN_INFO seen;
    cr_status st = tok_slot_match(slot, &match, err);

    if (cr_failed(st) || cr_failed(st = tok_gate_enter(slot->mod, m->wait_ms, err)))
        return st;
    want = tok_uri_slot(match);
    *rv = p11->C_GetSlotList(CK_TRUE, ids, &n);
    for (CK_ULONG i = 0; *rv == CKR_OK && i < n && i < SLOTS_MAX; i++) {
        memset(&seen, 0, sizeof(seen));
        if (want != (CK_SLOT_ID)-1 && want != ids[i])
            continue;
        if ((got = p11->C_GetTokenInfo(ids[i], &seen)) != CKR_OK) {
            unread = got;
            continue;
        }
        if (!(seen.flags & CKF_TOKEN_INITIALIZED) || !tok_uri_selects(match, &seen))
            continue;
        if (hits++ == 0) {
            *id = ids[i];
            *info = seen;
        }
    }
    tok_gate_leave(slot->mod);
    if (*rv != CKR_OK)
        return tok_ckr_fail(err, m->name, "C_GetSlotList", *rv);
    if (hits > 1)
        return cr_fail(err, CR_E_AMBIGUOUS, "token %s: '%s' selects %u tokens of %s", m->name, slot->uri, hits,
                       slot->mod->path);
    if (hits == 0) {
        *rv = CKR_TOKEN_NOT_PRESENT;
        return none_found(m, n, unread, err);
    }
    return st;
}

static cr_status session_open(struct tok_member *m, CK_SLOT_ID id, CK_SESSION_HANDLE *out, CK_RV *rv,
                              struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    cr_status st = tok_gate_enter(mod, m->wait_ms, err);

    if (cr_failed(st))
        return st;
    *rv = mod->p11->C_OpenSession(id, CKF_SERIAL_SESSION, NULL, NULL, out);
    tok_gate_leave(mod);
    return *rv == CKR_OK ? st : tok_ckr_fail(err, m->name, "C_OpenSession", *rv);
}

/* Sessions that other threads still hold from before a doubt may be all that the token allows: one will come free. */
static cr_status session_wait(struct tok_member *m, CK_SLOT_ID id, CK_SESSION_HANDLE *out, CK_RV *rv,
                              struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    int64_t deadline = tok_clock_ms() + m->wait_ms;
    bool again = true;
    unsigned had;
    cr_status st;

    for (;;) {
        pthread_mutex_lock(&mod->lock);
        had = m->slot->open;
        pthread_mutex_unlock(&mod->lock);
        *rv = CKR_OK;
        st = session_open(m, id, out, rv, err);
        if (*rv != CKR_SESSION_COUNT || had == 0 || !again)
            return st;
        pthread_mutex_lock(&mod->lock);
        while (again && m->slot->open >= had)
            again = tok_module_wait(mod, deadline);
        pthread_mutex_unlock(&mod->lock);
    }
}

static void session_close(struct tok_member *m, CK_SESSION_HANDLE session)
{
    struct tok_module *mod = m->slot->mod;

    if (cr_failed(tok_gate_enter(mod, m->wait_ms, NULL)))
        return;
    mod->p11->C_CloseSession(session);
    tok_gate_leave(mod);
}

/* Sessions left from before a doubt: closed here, by the one who repairs. */
static void idle_close(struct tok_member *m)
{
    struct tok_slot *slot = m->slot;
    CK_SESSION_HANDLE old = 0;
    bool more = true;

    while (more) {
        pthread_mutex_lock(&slot->mod->lock);
        more = slot->nidle > 0;
        if (more) {
            old = slot->idle[--slot->nidle];
            slot->open--;
        }
        pthread_mutex_unlock(&slot->mod->lock);
        if (more)
            session_close(m, old);
    }
}

/* A token stays logged in only while a session is open, so the one that logged in starts the pool. */
static void publish(struct tok_slot *slot, CK_SLOT_ID id, const CK_TOKEN_INFO *info, CK_SESSION_HANDLE session)
{
    pthread_mutex_lock(&slot->mod->lock);
    slot->id = id;
    slot->info = *info;
    slot->info_known = true;
    slot->idle[slot->nidle++] = session;
    slot->open++;
    slot->stamp = ++slot->mod->stamp;
    pthread_mutex_unlock(&slot->mod->lock);
}

static cr_status bring_up(struct tok_member *m, bool *fresh, CK_RV *rv, struct cr_err *err)
{
    uint64_t process = tok_gate_process();
    CK_SESSION_HANDLE session = 0;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID id = 0;
    cr_status st;

    *rv = CKR_OK;
    if (cr_failed(st = tok_member_env(m, err)))
        return st;
    if (cr_failed(st = tok_module_start(m->slot->mod, m->wait_ms, fresh, err)))
        return cr_prefix(err, st, "token %s", m->name);
    idle_close(m);
    if (cr_failed(st = token_find(m, &id, &info, rv, err)) || cr_failed(st = session_wait(m, id, &session, rv, err)))
        return st;
    st = tok_login(m, session, &info, rv, err);
    if (process != tok_gate_process())
        return cr_fail(err, CR_E_BUSY, "token %s: forked while logging in", m->name);
    if (cr_failed(st))
        session_close(m, session);
    else
        publish(m->slot, id, &info, session);
    return st;
}

/* SoftHSM 2.6.1 rewrites a token's file at each login. Another process that reads it meanwhile sees no token, one without
 * a PIN, or an error, until it is initialized anew. A refused PIN is none of these. */
static bool passing(CK_RV rv)
{
    return rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_SLOT_ID_INVALID ||
           rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

/* Says whether other tokens of the module are in use, which each rebuild disturbs. */
static bool rebuild_mark(struct tok_slot *slot)
{
    struct tok_module *mod = slot->mod;
    bool shared = false;

    pthread_mutex_lock(&mod->lock);
    mod->broken = mod->up;
    for (struct tok_slot *s = mod->slots; s != NULL; s = s->next)
        shared = shared || (s != slot && s->stamp != 0);
    pthread_mutex_unlock(&mod->lock);
    return shared;
}

/* After an outage modules show no token until they are initialized anew: once, and not if that was just done; for a while
 * where it may be another process's doing. */
static cr_status bring_up_or_rebuild(struct tok_member *m, struct cr_err *err)
{
    int64_t deadline = tok_clock_ms() + REBUILD_MS;
    uint64_t process = tok_gate_process();
    bool fresh = false, shared = false;
    CK_RV rv = CKR_OK;
    cr_status st = bring_up(m, &fresh, &rv, err);

    for (unsigned tried = 0; tried < REBUILD_TRIES && cr_failed(st) && process == tok_gate_process(); tried++) {
        bool again = passing(rv) && !shared && tok_clock_ms() < deadline;
        if (!again && (fresh || tok_ckr_repair(rv) == TOK_REPAIR_NONE))
            break;
        shared = rebuild_mark(m->slot) || shared;
        if (fresh)
            tok_pause(tried);
        st = bring_up(m, &fresh, &rv, err);
    }
    return st;
}

/* A rebuild costs the HSM a login, and others their time: with many threads one would follow the other. mod->lock held. */
static void retry_later(struct tok_slot *slot, cr_status st)
{
    if (st.code != CR_E_TOKEN) {
        slot->retry_ms = 0;
        slot->mod->vain = 0;
        return;
    }
    slot->retry_ms = slot->retry_ms == 0 ? RETRY_MS : slot->retry_ms * 2;
    if (slot->retry_ms > RETRY_MAX_MS)
        slot->retry_ms = RETRY_MAX_MS;
    slot->retry_at = tok_clock_ms() + slot->retry_ms;
    slot->mod->vain++;
}

static cr_status attempt(struct tok_member *m, struct cr_err *err)
{
    struct tok_slot *slot = m->slot;
    uint64_t process = tok_gate_process();
    struct cr_err why = {0};
    cr_status st = bring_up_or_rebuild(m, &why);

    if (process != tok_gate_process())
        return cr_ok(); /* a child that came out of the PIN callback: it begins anew */
    pthread_mutex_lock(&slot->mod->lock);
    slot->mod->busy = false;
    slot->attempts++;
    retry_later(slot, st);
    if (cr_failed(st) && slot->mod->kept)
        st = cr_fail(&why, st.code,
                     "%.300s; another library in this process keeps %.100s initialized: restart the process",
                     strdupa(why.text), slot->mod->path);
    slot->failure = why;
    slot->failure.code = st.code;
    tok_module_wake(slot->mod);
    pthread_mutex_unlock(&slot->mod->lock);
    return cr_failed(st) ? cr_fail(err, st.code, "%s", why.text) : st;
}

enum turn { TURN_READY, TURN_MINE, TURN_FAILED, TURN_TIMEOUT };

/* mod->lock held. */
static enum turn turn_look(const struct tok_slot *slot, uint64_t attempts, int64_t deadline, int64_t *wait)
{
    int64_t now;

    *wait = 0;
    if (slot->stamp != 0)
        return TURN_READY;
    now = tok_clock_ms();
    if (slot->mod->busy)
        *wait = deadline;
    else if (slot->attempts != attempts && slot->failure.code != CR_OK)
        return TURN_FAILED;
    else if (slot->retry_ms > 0 && now < slot->retry_at)
        *wait = slot->retry_at < deadline ? slot->retry_at : deadline;
    return *wait > 0 && now >= deadline ? TURN_TIMEOUT : TURN_MINE;
}

/* Whoever waited while another one failed fails with the same words, instead of each trying in turn. */
static enum turn turn_take(struct tok_slot *slot, int64_t deadline, uint64_t *stamp, struct cr_err *failure)
{
    struct tok_module *mod = slot->mod;
    uint64_t attempts;
    enum turn turn;
    int64_t wait;

    pthread_mutex_lock(&mod->lock);
    attempts = slot->attempts;
    while ((turn = turn_look(slot, attempts, deadline, &wait)) == TURN_MINE && wait > 0)
        (void)tok_module_wait(mod, wait);
    *stamp = slot->stamp;
    if (turn == TURN_MINE)
        mod->busy = true;
    if (turn == TURN_FAILED)
        *failure = slot->failure;
    pthread_mutex_unlock(&mod->lock);
    return turn;
}

cr_status tok_slot_ready(struct tok_member *m, int64_t deadline, uint64_t *stamp, struct cr_err *err)
{
    struct cr_err failure;
    cr_status st;

    for (;;) {
        if (tok_gate_exiting())
            return cr_fail(err, CR_E_TOKEN, "token %s: the process is exiting", m->name);
        if (m->slot->mod->stuck)
            return cr_fail(err, CR_E_TOKEN,
                           "token %s: this process was forked while a call was stuck in %s: restart it", m->name,
                           m->slot->mod->path);
        switch (turn_take(m->slot, deadline, stamp, &failure)) {
        case TURN_READY:
            return cr_ok();
        case TURN_MINE:
            if (cr_failed(st = attempt(m, err)))
                return st;
            break;
        case TURN_FAILED:
            return cr_fail(err, failure.code, "%s", failure.text);
        case TURN_TIMEOUT:
            return cr_fail(err, CR_E_BUSY, "token %s: timed out waiting for another thread's login", m->name);
        }
    }
}
