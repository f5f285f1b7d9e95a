/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_place.h"

#include <stdlib.h>

#define BACKOFF_MS     250   /* doubled by each failure in a row */
#define BACKOFF_MAX_MS 16000 /* an HSM that is back is in use again after this at the latest */
#define DOWN           0x40000000u
#define BUSY_MAX       0xffffu

void tok_place_clear(struct tok_place *place)
{
    struct tok_entry *entry = atomic_exchange(&place->entry, NULL);

    tok_entry_put(&entry);
    free(place->location);
    place->location = NULL;
}

static struct tok_member *member_of(struct tok_local *loc, const struct tok_slot *slot)
{
    size_t i = 0;

    while (i + 1 < loc->n && loc->members[i].slot != slot)
        i++;
    return &loc->members[i];
}

/* The entry under this location, or one made for the token the location selects. */
static cr_status entry_find(struct tok_local *loc, const char *location, const struct tok_key *pub,
                            struct tok_entry **out, bool *warm, struct cr_err *err)
{
    struct tok_entry *entry = NULL;
    size_t at = 0;
    cr_status st;

    for (size_t i = 0; i < loc->n && entry == NULL; i++)
        entry = tok_entry_peek(loc->members[i].slot, location, pub, warm);
    if (entry == NULL) {
        if (cr_failed(st = tok_member_select(loc, location, &at, err)))
            return st;
        return tok_entry_get(loc->members[at].slot, location, pub, out, warm, err);
    }
    *out = entry;
    return cr_ok();
}

cr_status tok_place_entry(struct tok_local *loc, struct tok_place *place, const struct tok_key *pub,
                          struct tok_entry **out, struct tok_member **m, bool *warm, struct cr_err *err)
{
    struct tok_entry *entry = atomic_load(&place->entry), *other = NULL;
    cr_status st;

    *warm = false;
    if (entry == NULL) {
        if (cr_failed(st = entry_find(loc, place->location, pub, &entry, warm, err)))
            return st;
        if (!atomic_compare_exchange_strong(&place->entry, &other, entry)) {
            tok_entry_put(&entry); /* another thread was first */
            entry = other;
            *warm = false;
        }
    }
    *out = entry;
    *m = member_of(loc, entry->slot);
    return cr_ok();
}

static struct tok_down *down_of(struct tok_place *place)
{
    struct tok_entry *entry = atomic_load(&place->entry);

    return entry != NULL ? &entry->slot->down : &place->down;
}

void tok_place_good(struct tok_place *place)
{
    struct tok_down *down = down_of(place);

    if (atomic_load(&down->times) > 0)
        atomic_store(&down->times, 0);
}

void tok_place_bad(struct tok_place *place)
{
    struct tok_down *down = down_of(place);
    unsigned times = atomic_fetch_add(&down->times, 1);
    int64_t wait = times < 6 ? (int64_t)BACKOFF_MS << times : BACKOFF_MAX_MS;

    atomic_store(&down->until, tok_clock_ms() + wait);
}

static unsigned sessions_in_use(const struct tok_entry *entry)
{
    struct tok_slot *slot;
    unsigned n;

    if (entry == NULL)
        return 0;
    slot = entry->slot;
    pthread_mutex_lock(&slot->mod->lock);
    n = slot->share ? slot->open - slot->nidle : 0;
    pthread_mutex_unlock(&slot->mod->lock);
    return n < BUSY_MAX ? n : BUSY_MAX;
}

void tok_places_order(struct tok_place *places, size_t n, unsigned char order[TOK_PLACES_MAX])
{
    unsigned rank[TOK_PLACES_MAX];
    int64_t now = tok_clock_ms();

    for (size_t i = 0; i < n; i++) {
        struct tok_down *down = down_of(&places[i]);
        size_t j = i;

        rank[i] = sessions_in_use(atomic_load(&places[i].entry));
        if (atomic_load(&down->times) > 0 && now < atomic_load(&down->until))
            rank[i] |= DOWN;
        for (; j > 0 && rank[order[j - 1]] > rank[i]; j--)
            order[j] = order[j - 1];
        order[j] = (unsigned char)i;
    }
}

const struct tok_key *tok_places_public(const struct tok_place *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct tok_entry *entry = atomic_load(&places[i].entry);
        if (entry != NULL)
            return &entry->pub;
    }
    return NULL;
}
