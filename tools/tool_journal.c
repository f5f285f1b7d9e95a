/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_journal.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define HASH_FIELD  "CERTROLL_HASH"
#define STATE_FIELD "CERTROLL_STATE"

void tool_journal_send(const char *state, const struct role_history_entry *entry, const char *who, const char hash[65])
{
    const char *role = entry->role ? entry->role : "";

    /* An unreachable journal is no reason to refuse what has been done; verify says which entries it has. */
    (void)sd_journal_send("MESSAGE=%s %s%s%s: %s", who ? who : "?", entry->verb, *role ? " " : "", role, hash,
                          "MESSAGE_ID=" TOOL_JOURNAL_ID, "PRIORITY=5", "SYSLOG_IDENTIFIER=certroll", STATE_FIELD "=%s",
                          state, HASH_FIELD "=%s", hash, "CERTROLL_VERB=%s", entry->verb, "CERTROLL_ROLE=%s", role,
                          NULL);
}

void tool_journal_alert(int level, const char *id, const char *about, const char *text, const char *remedy)
{
    (void)sd_journal_send("MESSAGE=%s: %s (%s)", about, text, remedy, "MESSAGE_ID=" TOOL_JOURNAL_ALERT_ID,
                          "PRIORITY=%d", level > 1 ? 2 : 4, "SYSLOG_IDENTIFIER=certroll", "CERTROLL_FINDING=%s", id,
                          "CERTROLL_ABOUT=%s", about, NULL);
}

/* The value of @field in the entry where @j stands, if it is a hash. */
static bool hash_read(sd_journal *j, char out[65])
{
    const size_t head = strlen(HASH_FIELD "=");
    const void *data;
    size_t n;

    if (sd_journal_get_data(j, HASH_FIELD, &data, &n) < 0 || n != head + 64)
        return false;
    memcpy(out, (const char *)data + head, 64);
    out[64] = '\0';
    return role_hex_valid(out, 64);
}

static cr_status hashes_read(sd_journal *j, char (**hashes)[65], size_t *n, struct cr_err *err)
{
    char(*list)[65] = NULL, (*grown)[65];
    size_t have = 0, room = 0;

    SD_JOURNAL_FOREACH(j)
    {
        if (have == room) {
            room = room ? 2 * room : 64;
            if (!(grown = realloc(list, room * sizeof(*list)))) {
                free(list);
                return cr_fail(err, CR_E_NOMEM, "out of memory");
            }
            list = grown;
        }
        have += hash_read(j, list[have]);
    }
    *hashes = list;
    *n = have;
    return cr_ok();
}

cr_status tool_journal_hashes(const char *state, char (**hashes)[65], size_t *n, bool *readable, struct cr_err *err)
{
    sd_journal *j = NULL;
    char *match = NULL;
    cr_status st = cr_ok();
    int rc;

    *n = 0;
    *readable = false;
    if (asprintf(&match, STATE_FIELD "=%s", state) < 0)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    rc = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
    if (rc >= 0)
        rc = sd_journal_has_runtime_files(j) > 0 || sd_journal_has_persistent_files(j) > 0 ? 0 : -1;
    if (rc >= 0)
        rc = sd_journal_add_match(j, "MESSAGE_ID=" TOOL_JOURNAL_ID, 0);
    if (rc >= 0)
        rc = sd_journal_add_match(j, match, 0);
    if (rc >= 0 && !cr_failed(st = hashes_read(j, hashes, n, err)))
        *readable = true;
    sd_journal_close(j);
    free(match);
    return st;
}
