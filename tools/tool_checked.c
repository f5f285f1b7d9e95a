/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_checked.h"

#include <fcntl.h>
#include <unistd.h>

#include "roles/role_json.h"

#define FILE_NAME   "checked.json"
#define FILE_FORMAT 1
#define FILE_MAX    4096

const char *const tool_check_levels[TOOL_CHECK_LEVELS] = {"ok", "warning", "critical", "unknown"};

cr_status tool_checked_save(struct tool *tool, const struct tool_checked *checked, struct cr_err *err)
{
    struct role_json_out o = {.obj = json_object()};
    struct cr_buf text = {0};
    struct store *store;
    json_t *json = NULL;
    cr_status st = tool_store(tool, &store, err);

    role_json_put(&o, "format", json_integer(FILE_FORMAT));
    role_json_put_time(&o, "when", checked->when);
    role_json_put(&o, "level", json_integer(checked->level));
    for (size_t i = 0; i < TOOL_CHECK_LEVELS; i++)
        role_json_put(&o, tool_check_levels[i], json_integer((json_int_t)checked->counts[i]));
    if (cr_failed(role_json_done(&o, &json, err)))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st) && !faccessat(store_dirfd(store), ".", W_OK, AT_EACCESS) &&
        !cr_failed(st = role_json_dump(json, JSON_INDENT(2), &text, err)))
        st = cr_file_replace(store_dirfd(store), FILE_NAME, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
    json_decref(json);
    cr_buf_clear(&text);
    return st;
}

static cr_status parse(struct cr_bytes text, struct tool_checked *out, struct cr_err *err)
{
    json_t *json = NULL;
    int64_t n = 0;
    cr_status st;

    if (cr_failed(st = role_json_load(text, FILE_MAX, &json, err)))
        return st;
    if (!cr_failed(st = role_json_format(json, FILE_FORMAT, err)) &&
        !cr_failed(st = role_json_time(json, "when", &out->when, err)) &&
        !cr_failed(st = role_json_int(json, "level", 0, TOOL_CHECK_LEVELS - 1, &n, err)))
        out->level = (int)n;
    for (size_t i = 0; i < TOOL_CHECK_LEVELS && !cr_failed(st); i++)
        if (!cr_failed(st = role_json_int(json, tool_check_levels[i], 0, INT32_MAX, &n, err)))
            out->counts[i] = (size_t)n;
    json_decref(json);
    return st;
}

cr_status tool_checked_load(struct tool *tool, struct tool_checked *out, struct cr_err *err)
{
    struct tool_checked got = {0};
    struct cr_buf text = {0};
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = cr_file_read(store_dirfd(store), FILE_NAME, FILE_MAX, true, &text, NULL, err);
    if (!cr_failed(st) && !cr_failed(st = parse(cr_buf_bytes(&text), &got, err)))
        *out = got;
    cr_buf_clear(&text);
    return st.code == CR_OK || st.code == CR_E_NOT_FOUND ? st : cr_prefix(err, st, FILE_NAME);
}
