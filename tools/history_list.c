/* SPDX-License-Identifier: Apache-2.0 */
#include "history_list.h"

#include <stdio.h>
#include <string.h>

#include "roles/role_json.h"

#define LINE_MAX_BYTES (256 * 1024)

struct listing {
    const struct tool *tool;
    int64_t since;
    json_t *entries;
    size_t nbad;
};

const char *history_member(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));

    return text ? text : "";
}

static bool wanted(const struct listing *l, const json_t *entry, int64_t when)
{
    if (when < l->since)
        return false;
    for (int i = 0; i < l->tool->nargs; i++)
        if (!strcmp(history_member(entry, "role"), l->tool->args[i]))
            return true;
    return !l->tool->nargs;
}

/* A line that cannot be read is told and counted; the others are shown. */
static cr_status collect(void *arg, size_t number, struct cr_bytes line, bool whole, struct cr_err *err)
{
    struct listing *l = arg;
    json_t *entry = NULL;
    int64_t when = 0;
    cr_status st = whole ? role_json_load(line, LINE_MAX_BYTES, &entry, err)
                         : cr_fail(err, CR_E_INVALID, "it has no end: its writer was killed, or is at it");

    if (!cr_failed(st))
        st = role_json_time(entry, "when", &when, err);
    if (cr_failed(st)) {
        tool_warn("history.jsonl line %zu: %s", number, err->text);
        l->nbad++;
    } else if (wanted(l, entry, when) && json_array_append(l->entries, entry)) {
        json_decref(entry);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    json_decref(entry);
    return cr_ok();
}

cr_status history_list(struct tool *tool, int64_t since, json_t **entries, size_t *nbad, struct cr_err *err)
{
    struct listing l = {.tool = tool, .since = since, .entries = json_array()};
    struct store *store;
    cr_status st = tool_store(tool, &store, err);

    if (!cr_failed(st))
        st = store_history_each(store, collect, &l, err);
    if (cr_failed(st)) {
        json_decref(l.entries);
        return st;
    }
    *entries = l.entries;
    *nbad = l.nbad;
    return st;
}

void history_who(const json_t *entry, char *out, size_t size)
{
    const char *login = history_member(entry, "login"), *sudo = history_member(entry, "sudo_user");
    const char *host = history_member(entry, "host");

    snprintf(out, size, "%s%suid %lld%s%s on %s", *login ? login : sudo, *login || *sudo ? ", " : "",
             (long long)json_integer_value(json_object_get(entry, "uid")), *sudo ? ", by sudo of " : "", sudo,
             *host ? host : "?");
}

bool history_slot(const json_t *entry, const char *slot, char *out, size_t size)
{
    const json_t *before = json_object_get(entry, "before"), *after = json_object_get(entry, "after");
    const char *was = history_member(before, slot), *is = history_member(after, slot);
    const char *due = !strcmp(slot, "next") && *is ? history_member(after, "next_effective") : "";

    if (!strcmp(was, is))
        return false;
    snprintf(out, size, "%.16s -> %.16s%s%.32s", *was ? was : "none", *is ? is : "none", *due ? ", takes over " : "",
             due);
    return true;
}

/* Was the change of entry @i never made? The next one of its role says so. */
static bool undone(const json_t *entries, size_t i, const char *role)
{
    for (size_t k = i + 1; k < json_array_size(entries); k++) {
        const json_t *next = json_array_get(entries, k);
        if (!strcmp(history_member(next, "role"), role))
            return !strcmp(history_member(next, "note"), TOOL_NOT_DONE);
    }
    return false;
}

bool history_current_since(const json_t *entries, const char *role, const char *thumbprint, int64_t *since)
{
    const json_t *entry;
    bool known = false;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const json_t *before = json_object_get(entry, "before"), *after = json_object_get(entry, "after");
        bool becomes = !strcmp(history_member(after, "current"), thumbprint), took_over;
        int64_t when = 0, due = 0;

        if (strcmp(history_member(entry, "role"), role) || !strcmp(history_member(before, "current"), thumbprint) ||
            cr_failed(cr_time_parse(history_member(entry, "when"), &when, NULL)))
            continue;
        /* by its date, perhaps unsettled until this change, which may have put another one in its place */
        took_over = !strcmp(history_member(before, "next"), thumbprint) &&
                    !cr_failed(cr_time_parse(history_member(before, "next_effective"), &due, NULL)) && due <= when;
        if ((!becomes && !took_over) || undone(entries, i, role))
            continue;
        if (took_over)
            when = due;
        *since = when;
        known = true;
    }
    return known;
}
