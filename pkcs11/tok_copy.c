/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_copy.h"

#include <string.h>

#define MEASURED 3    /* signatures of each kind */
#define SLOW_US  2000 /* a token that signs faster than this is left alone */
#define ID_MAX   64

static CK_ULONG other_id(const struct tok_key *pub, unsigned char out[ID_MAX])
{
    size_t n = pub->id.n > 0 && pub->id.n <= ID_MAX ? pub->id.n : 1;

    memset(out, 0xff, n);
    for (size_t i = 0; i < pub->id.n && i < n; i++)
        out[i] = (unsigned char)~pub->id.p[i];
    return (CK_ULONG)n;
}

static bool copy_call(struct tok_session *keeper, const struct tok_key *pub, CK_OBJECT_HANDLE from,
                      CK_OBJECT_HANDLE *out)
{
    unsigned char id[ID_MAX];
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE tmpl[] = {{CKA_TOKEN, &no, sizeof(no)}, {CKA_ID, id, other_id(pub, id)}};
    CK_RV rv;

    if (cr_failed(tok_session_enter(keeper, NULL)))
        return false;
    rv = keeper->p11->C_CopyObject(keeper->handle, from, tmpl, CR_COUNT(tmpl), out);
    tok_session_leave(keeper);
    return rv == CKR_OK;
}

/* One at a time makes a copy in a slot's keeper session; who comes meanwhile goes on with the key itself. */
static bool keeper_take(struct tok_entry *entry, struct tok_session *ses, struct tok_session *keeper)
{
    struct tok_slot *slot = entry->slot;
    bool mine;

    pthread_mutex_lock(&slot->mod->lock);
    mine = !slot->keeper.busy && entry->copy.state == TOK_COPY_NONE && entry->copy.stamp == slot->stamp;
    if (mine) {
        slot->keeper.busy = true;
        *keeper = *ses;
        keeper->handle = slot->keeper.handle;
        keeper->stamp = slot->keeper.stamp;
        keeper->epoch = slot->keeper.epoch;
    }
    pthread_mutex_unlock(&slot->mod->lock);
    return mine;
}

static void keeper_give(struct tok_entry *entry, const struct tok_session *ses, const struct tok_session *keeper,
                        bool open, bool made, CK_OBJECT_HANDLE copy)
{
    struct tok_slot *slot = entry->slot;

    pthread_mutex_lock(&slot->mod->lock);
    if (slot->mod->epoch == ses->epoch) { /* otherwise it was forgotten, and may be another one's by now */
        slot->keeper.busy = false;
        slot->keeper.handle = keeper->handle;
        slot->keeper.stamp = open ? keeper->stamp : 0;
        slot->keeper.epoch = keeper->epoch;
    }
    if (entry->copy.stamp == keeper->stamp) {
        entry->copy.handle = copy;
        entry->copy.state = !made                                   ? TOK_COPY_REFUSED
                            : slot->key_copy == TOK_KEY_COPY_ALWAYS ? TOK_COPY_USED
                                                                    : TOK_COPY_TRIED;
    }
    pthread_mutex_unlock(&slot->mod->lock);
}

static void make(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE from)
{
    struct tok_session keeper;
    CK_OBJECT_HANDLE copy = 0;
    bool open, made;

    if (!keeper_take(entry, ses, &keeper))
        return;
    open = keeper.stamp == ses->stamp;
    if (!open && keeper.stamp != 0)
        tok_session_give(&keeper, false); /* of before a repair */
    if (!open)
        open = tok_session_spare(ses, &keeper);
    made = open && copy_call(&keeper, &entry->pub, from, &copy);
    keeper.stamp = ses->stamp;
    keeper_give(entry, ses, &keeper, open, made, copy);
}

/* Is it time for a copy, and what is there? */
static enum tok_copy_state look(struct tok_entry *entry, const struct tok_session *ses, bool *make_one,
                                CK_OBJECT_HANDLE *copy)
{
    struct tok_copy *c = &entry->copy;
    enum tok_copy_state state;

    pthread_mutex_lock(&entry->slot->mod->lock);
    if (c->stamp < ses->stamp)
        *c = (struct tok_copy){.stamp = ses->stamp};
    state = c->stamp == ses->stamp ? c->state : TOK_COPY_REFUSED;
    *make_one = state == TOK_COPY_NONE && (entry->slot->key_copy == TOK_KEY_COPY_ALWAYS || c->measured == MEASURED);
    *copy = c->handle;
    pthread_mutex_unlock(&entry->slot->mod->lock);
    return state;
}

static bool wanted(const struct tok_entry *entry, const struct tok_session *ses)
{
    const struct tok_slot *slot = entry->slot;

    return slot->key_copy != TOK_KEY_COPY_NEVER && !slot->share && !ses->always_auth;
}

void tok_copy_swap(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE *handle)
{
    enum tok_copy_state state;
    CK_OBJECT_HANDLE copy;
    bool make_one;

    if (!wanted(entry, ses))
        return;
    state = look(entry, ses, &make_one, &copy);
    if (make_one && entry->slot->key_copy == TOK_KEY_COPY_ALWAYS) {
        make(entry, ses, *handle);
        state = look(entry, ses, &make_one, &copy);
    }
    if (state == TOK_COPY_USED)
        *handle = copy;
}

void tok_copy_begin(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE *handle,
                    struct tok_copy_use *use)
{
    enum tok_copy_state state;
    CK_OBJECT_HANDLE copy;
    bool make_one;

    *use = (struct tok_copy_use){0};
    if (!wanted(entry, ses))
        return;
    state = look(entry, ses, &make_one, &copy);
    if (make_one) {
        make(entry, ses, *handle);
        state = look(entry, ses, &make_one, &copy);
    }
    use->copy = state == TOK_COPY_TRIED || state == TOK_COPY_USED;
    if (use->copy)
        *handle = copy;
    use->measured = entry->slot->key_copy == TOK_KEY_COPY_AUTO && (state == TOK_COPY_NONE || state == TOK_COPY_TRIED);
    if (use->measured)
        use->begun = tok_clock_us();
}

static void shortest(int64_t *us, unsigned *measured, int64_t took)
{
    if (*measured == 0 || took < *us)
        *us = took;
    (*measured)++;
}

static void decide(struct tok_copy *c, const struct tok_copy_use *use, int64_t took)
{
    if (!use->copy && c->state == TOK_COPY_NONE && c->measured < MEASURED) {
        shortest(&c->key_us, &c->measured, took);
        if (c->measured == MEASURED && c->key_us < SLOW_US)
            c->state = TOK_COPY_REFUSED;
    } else if (use->copy && c->state == TOK_COPY_TRIED) {
        shortest(&c->copy_us, &c->tried, took);
        if (c->tried == MEASURED)
            c->state = c->copy_us * 5 <= c->key_us * 4 ? TOK_COPY_USED : TOK_COPY_REFUSED;
    }
}

/* A copy of no use stays where it is: another thread may be signing with it at this moment. */
void tok_copy_end(struct tok_entry *entry, const struct tok_session *ses, const struct tok_copy_use *use, bool good)
{
    int64_t took;

    if (!use->measured || !good)
        return;
    took = tok_clock_us() - use->begun;
    pthread_mutex_lock(&entry->slot->mod->lock);
    if (entry->copy.stamp == ses->stamp)
        decide(&entry->copy, use, took);
    pthread_mutex_unlock(&entry->slot->mod->lock);
}
