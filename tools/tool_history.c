/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_history.h"

#include <openssl/sha.h>

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
