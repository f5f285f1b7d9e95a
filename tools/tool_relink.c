/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_relink.h"

#include <string.h>

struct making {
    const struct tool_relink_old *old;
    size_t nold;
    const struct tool_relink_found *found;
    size_t nfound, next; /* of @found, in their order */
    const char **out;
    size_t n;
};

static bool has(const struct making *m, const char *location)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->out[i], location))
            return true;
    for (size_t i = 0; i < m->nold; i++)
        if (m->old[i].stays && !strcmp(m->old[i].location, location))
            return true;
    return false;
}

/* A location that stays names the key of this token already, maybe in other words. */
static bool covered(const struct making *m, size_t token)
{
    for (size_t i = 0; i < m->nold; i++)
        if (m->old[i].stays && m->old[i].token == token)
            return true;
    return false;
}

static void add(struct making *m, const char *location)
{
    if (m->n < TOOL_RELINK_MAX)
        m->out[m->n++] = location;
}

/* The next one found that is not there yet; false when there is none left. */
static bool add_found(struct making *m)
{
    while (m->next < m->nfound) {
        const struct tool_relink_found *f = &m->found[m->next++];
        if (covered(m, f->token) || has(m, f->location))
            continue;
        add(m, f->location);
        return true;
    }
    return false;
}

static bool stands_twice(const struct making *m, const char *twice[2])
{
    for (size_t i = 0; i < m->nfound; i++) {
        for (size_t k = i + 1; k < m->nfound && !covered(m, m->found[i].token); k++) {
            if (m->found[i].token != m->found[k].token)
                continue;
            twice[0] = m->found[i].location;
            twice[1] = m->found[k].location;
            return true;
        }
    }
    return false;
}

enum tool_relink_state tool_relink(const struct tool_relink_old *old, size_t nold,
                                   const struct tool_relink_found *found, size_t nfound,
                                   const char *out[TOOL_RELINK_MAX], size_t *n, const char *twice[2])
{
    struct making m = {.old = old, .nold = nold, .found = found, .nfound = nfound, .out = out};
    bool same;

    if (stands_twice(&m, twice))
        return TOOL_RELINK_TWICE;
    for (size_t i = 0; i < nold; i++) {
        if (old[i].stays)
            add(&m, old[i].location);
        else
            add_found(&m);
    }
    while (add_found(&m))
        ;
    if (m.n == 0)
        return TOOL_RELINK_MISSING;
    same = m.n == nold;
    for (size_t i = 0; i < nold && same; i++)
        same = !strcmp(old[i].location, out[i]);
    *n = m.n;
    return same ? TOOL_RELINK_SAME : TOOL_RELINK_CHANGED;
}
