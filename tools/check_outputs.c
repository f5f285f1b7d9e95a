/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "tool_outputs.h"

#define FILE_MAX (16 * 1024 * 1024)

/* A role among those that are checked? Metrics are of no role, and of the second they were written. */
static bool concerns(const struct check *check, const struct store_output *o)
{
    for (size_t i = 0; i < o->nroles; i++)
        for (size_t k = 0; k < check->nroles; k++)
            if (!strcmp(o->roles[i], check->roles[k].rec->name))
                return true;
    return false;
}

static void compare(struct check *check, const struct store_output *o)
{
    static const char *const names[] = {"reference", "bundle", "key set"};
    const char *kind = names[o->kind];
    struct cr_buf want = {0}, have = {0};
    struct cr_err why = {0};
    char remedy[320];
    cr_status st = cr_file_read(AT_FDCWD, o->path, FILE_MAX, false, &have, NULL, &why);

    if (st.code == CR_E_NOT_FOUND) /* somebody removed it, and need not be told */
        goto out;
    tool_output_command(o, remedy, sizeof(remedy));
    if (cr_failed(st))
        check_add(check, CHECK_UNKNOWN, "output", o->path, remedy, "the %s cannot be read: %s", kind, why.text);
    else if (cr_failed(tool_output_compose(check->tool, o, &want, &why)))
        check_add(check, CHECK_WARNING, "output", o->path, "assign a certificate, or remove the file",
                  "the %s cannot be written again: %s", kind, why.text);
    else if (!cr_bytes_equal(cr_buf_bytes(&want), cr_buf_bytes(&have)))
        check_add(check, CHECK_WARNING, "output", o->path, remedy,
                  o->kind == STORE_OUTPUT_JWKS
                      ? "the %s is not what verifiers should have now"
                      : "the %s is not what its role has now; reload its server after mending it",
                  kind);
out:
    cr_buf_clear(&want);
    cr_buf_clear(&have);
}

void check_outputs(struct check *check)
{
    struct store_output *list = NULL;
    struct store *store;
    struct cr_err why = {0};
    size_t n = 0;

    if (cr_failed(tool_store(check->tool, &store, &why)) || cr_failed(store_outputs(store, &list, &n, &why))) {
        check_add(check, CHECK_UNKNOWN, "output", "outputs.json", "put it back from a backup, or remove it", "%s",
                  why.text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (concerns(check, &list[i]))
            compare(check, &list[i]);
    store_outputs_free(&list, n);
}
