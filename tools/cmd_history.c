/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history_list.h"
#include "tool_columns.h"
#include "tool_history.h"
#include "tool_journal.h"
#include "tool_progress.h"

enum { OPT_SINCE = 1 };

/* ---- listing ---- */

/* "label: text" below an entry if there is a text. */
static cr_status detail(struct cr_buf *out, const char *label, const char *text, struct cr_err *err)
{
    return *text ? tool_columns_wrap(out, tool_columns(), 4, label, text, err) : cr_ok();
}

static cr_status who_say(struct cr_buf *out, const json_t *entry, struct cr_err *err)
{
    char text[512];

    history_who(entry, text, sizeof(text));
    return detail(out, "by ", text, err);
}

/* The slots that differ. */
static cr_status slots_say(struct cr_buf *out, const json_t *entry, struct cr_err *err)
{
    static const char *const slots[] = {"current", "previous", "next"};
    cr_status st = cr_ok();
    char label[16], text[160];

    for (size_t i = 0; i < CR_COUNT(slots) && !cr_failed(st); i++) {
        snprintf(label, sizeof(label), "%-8s  ", slots[i]);
        if (history_slot(entry, slots[i], text, sizeof(text)))
            st = detail(out, label, text, err);
    }
    return st;
}

static cr_status head_say(struct cr_buf *out, const json_t *entry, struct cr_err *err)
{
    const json_t *generation = json_object_get(json_object_get(entry, "after"), "generation");
    const char *role = history_member(entry, "role");
    struct cr_buf label = {0}, text = {0};
    cr_status st = cr_buf_printf(&label, err, "%s  ", history_member(entry, "when"));

    if (!cr_failed(st))
        st = cr_buf_printf(&text, err, "%s%s%s", history_member(entry, "verb"), *role ? " " : "", role);
    if (!cr_failed(st) && generation)
        st = cr_buf_printf(&text, err, ", generation %lld", (long long)json_integer_value(generation));
    if (!cr_failed(st))
        st = tool_columns_wrap(out, tool_columns(), 0, (const char *)label.p, (const char *)text.p, err);
    cr_buf_clear(&label);
    cr_buf_clear(&text);
    return st;
}

static cr_status entry_say(struct cr_buf *out, const json_t *entry, struct cr_err *err)
{
    cr_status st = head_say(out, entry, err);

    if (cr_failed(st) || cr_failed(st = who_say(out, entry, err)) || cr_failed(st = slots_say(out, entry, err)) ||
        cr_failed(st = detail(out, "note: ", history_member(entry, "note"), err)) ||
        cr_failed(st = detail(out, "reason: ", history_member(entry, "reason"), err)))
        return st;
    return detail(out, "forced: ", history_member(entry, "overridden"), err);
}

static cr_status entries_say(const json_t *entries, struct cr_err *err)
{
    struct cr_buf out = {0};
    cr_status st = cr_ok();
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        if (cr_failed(st = entry_say(&out, entry, err)))
            break;
    }
    if (!cr_failed(st))
        st = tool_output(NULL, 0, cr_buf_bytes(&out), err);
    cr_buf_clear(&out);
    return st;
}

static cr_status list(struct tool *tool, struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_SINCE);
    int64_t since = INT64_MIN;
    json_t *entries = NULL;
    size_t nbad = 0;
    cr_status st = text ? tool_when(tool, text, &since, err) : cr_ok();

    if (!cr_failed(st) && !cr_failed(st = history_list(tool, since, &entries, &nbad, err)))
        st = tool->json ? tool_print_json(json_pack("{s:O}", "entries", entries), err) : entries_say(entries, err);
    if (!cr_failed(st) && tool->nargs && !json_array_size(entries))
        tool_warn("no change of %s stands in the history%s", tool->nargs == 1 ? tool->args[0] : "these roles",
                  text ? " since then" : "");
    if (!cr_failed(st) && nbad)
        st = cr_fail(err, CR_E_INVALID,
                     "%zu line%s of the history could not be read: 'certroll history verify' says why", nbad,
                     nbad == 1 ? "" : "s");
    json_decref(entries);
    return st;
}

/* ---- verify ---- */

struct chain {
    char (*hashes)[65];
    size_t n, room;
    bool torn;
};

static cr_status follow(void *arg, size_t number, struct cr_bytes line, bool whole, struct cr_err *err)
{
    struct chain *c = arg;
    cr_status st;

    if (!whole) {
        c->torn = true;
        return cr_ok();
    }
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        char(*grown)[65] = realloc(c->hashes, room * sizeof(*grown));

        if (!grown)
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        c->hashes = grown;
        c->room = room;
    }
    st = role_history_check(line, c->n ? c->hashes[c->n - 1] : "", tool_history_hash, c->hashes[c->n], err);
    if (cr_failed(st))
        return cr_prefix(err, st, "history.jsonl line %zu", number);
    c->n++;
    return st;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What the journal has of this history and the file has not. @hashes is sorted by this. */
static cr_status journal_check(char (*hashes)[65], size_t n, char (*copies)[65], size_t ncopies, struct cr_err *err)
{
    const char *first = NULL;
    size_t missing = 0;

    if (n)
        qsort(hashes, n, sizeof(*hashes), by_text);
    for (size_t i = 0; i < ncopies; i++) {
        if (n && bsearch(copies[i], hashes, n, sizeof(*hashes), by_text))
            continue;
        first = first ? first : copies[i];
        missing++;
    }
    return missing ? cr_fail(err, CR_E_INVALID,
                             "the journal has %zu entr%s that history.jsonl lacks, the first with the hash %s: look at "
                             "'journalctl CERTROLL_HASH=%s'",
                             missing, missing == 1 ? "y" : "ies", first, first)
                   : cr_ok();
}

static cr_status verified_say(struct tool *tool, const struct chain *c, const char *last, bool readable, size_t ncopies,
                              struct cr_err *err)
{
    if (c->torn)
        tool_warn("history.jsonl ends in a line without an end: its writer was killed, or is at it");
    if (tool->json)
        return tool_print_json(json_pack("{s:I, s:s, s:b, s:o}", "entries", (json_int_t)c->n, "last", last, "torn",
                                         c->torn, "in_journal",
                                         readable ? json_integer((json_int_t)ncopies) : json_null()),
                               err);
    tool_say(tool, "%zu entr%s, each chained to the one before%s%s", c->n, c->n == 1 ? "y" : "ies",
             c->n ? "; the last hash is " : "", last);
    if (readable)
        tool_say(tool, "%zu of them in the journal too", ncopies);
    else
        tool_say(tool, "No journal can be read here: a cut end would not show.");
    return cr_ok();
}

static cr_status verify(struct tool *tool, struct store *store, struct cr_err *err)
{
    char(*copies)[65] = NULL, last[65] = "";
    struct chain c = {0};
    bool readable = false;
    size_t ncopies = 0;
    cr_status st;

    tool_progress_begin("checking the history");
    if (cr_failed(st = store_history_each(store, follow, &c, err)))
        goto out;
    if (c.n)
        memcpy(last, c.hashes[c.n - 1], sizeof(last));
    if (cr_failed(st = tool_journal_hashes(tool->conf->state_dir, &copies, &ncopies, &readable, err)))
        goto out;
    if (!cr_failed(st = journal_check(c.hashes, c.n, copies, ncopies, err)))
        st = verified_say(tool, &c, last, readable, ncopies, err);
out:
    tool_progress_end();
    free(c.hashes);
    free(copies);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct store *store;
    cr_status st = tool_store(tool, &store, err);

    if (cr_failed(st))
        return st;
    if (!tool->nargs || strcmp(tool->args[0], "verify"))
        return list(tool, err);
    if (tool->nargs > 1 || tool_opt(tool, OPT_SINCE))
        return cr_fail(err, CR_E_USAGE, "history verify takes neither a role nor --since: the chain is one");
    return verify(tool, store, err);
}

static const struct tool_option options[] = {
    {"since", OPT_SINCE, "WHEN", "entries from this time on: RFC 3339"},
    {0},
};

const struct tool_cmd tool_cmd_history = {
    .name = "history",
    .args = "[ROLE...] | verify",
    .summary = "who changed what, when and why",
    .doc = "Oldest first. verify: checks that each entry is unchanged and follows the one\n"
           "before it, and that the journal has none that the file lacks. Needs neither\n"
           "the token nor write access.",
    .flags = TOOL_JSON,
    .options = options,
    .max_args = -1,
    .run = run,
};
