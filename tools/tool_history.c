/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_history.h"

#include <openssl/sha.h>

#include "roles/role_json.h"
#include "tool_journal.h"

cr_status tool_history_hash(struct cr_bytes in, char out[65], struct cr_err *err)
{
    unsigned char md[SHA256_DIGEST_LENGTH];

    if (!SHA256(in.p, in.n, md))
        return cr_fail(err, CR_E_INTERNAL, "SHA-256 failed");
    cr_hex(cr_bytes(md, sizeof(md)), out);
    return cr_ok();
}

cr_status tool_history(struct tool *tool, const char *verb, const char *role, const struct role_record *before,
                       const struct role_record *after, const char *note, const char *overridden, struct cr_err *err)
{
    const struct tool_who *who = tool_who(tool);
    struct role_history_entry entry = {
        .when = tool->now,
        .login = who->login,
        .sudo_user = who->sudo_user,
        .host = who->host,
        .uid = who->uid,
        .verb = verb,
        .role = role,
        .reason = tool->reason,
        .overridden = overridden && *overridden ? overridden : NULL,
        .before = before,
        .after = after,
        .note = note,
    };
    char hash[65];
    struct store *store;
    cr_status st;

    if (tool->dry_run)
        return cr_ok();
    if (!cr_failed(st = tool_store(tool, &store, err)) &&
        !cr_failed(st = store_history_append(store, &entry, tool_history_hash, hash, err)))
        tool_journal_send(tool->conf->state_dir, &entry, who->text, hash);
    return st;
}

/* The change that a line tells of. */
struct told {
    const char *verb, *role;
    int64_t before, after; /* generations; 0: there was no record, or the line tells of none */
};

static int64_t generation_of(const json_t *entry, const char *side)
{
    return json_integer_value(json_object_get(json_object_get(entry, side), "generation"));
}

static bool told_read(const json_t *entry, struct told *out)
{
    out->verb = json_string_value(json_object_get(entry, "verb"));
    out->role = json_string_value(json_object_get(entry, "role"));
    out->before = generation_of(entry, "before");
    out->after = generation_of(entry, "after");
    return out->verb && out->role && out->after > out->before && !cr_failed(role_name_check(out->role, NULL));
}

/* The record stands where it stood before the change. */
static void told_check(struct tool *tool, struct store *store, const struct told *told)
{
    const char *reason = tool->reason;
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    cr_status st = store_load(store, told->role, &rec, &stamp, NULL);

    tool->reason = NULL; /* of this command */
    if (st.code == CR_E_NOT_FOUND ? !told->before : !cr_failed(st) && (int64_t)rec->generation == told->before)
        cr_ignore(tool_history(tool, told->verb, told->role, rec, rec, TOOL_NOT_DONE, NULL, NULL));
    tool->reason = reason;
    role_record_unref(&rec);
}

void tool_history_undone(struct tool *tool)
{
    struct cr_buf line = {0};
    json_t *entry = NULL;
    struct store *store;
    struct told told;
    bool found;

    if (!cr_failed(tool_store(tool, &store, NULL)) && !cr_failed(store_history_last(store, &line, &found, NULL)) &&
        found && !cr_failed(role_json_load(cr_buf_bytes(&line), line.n, &entry, NULL)) && told_read(entry, &told))
        told_check(tool, store, &told);
    json_decref(entry);
    cr_buf_clear(&line);
}
