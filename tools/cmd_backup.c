/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "tool_progress.h"

#define FILE_MAX (64 * 1024 * 1024)

enum { OPT_WITH_TOKEN = 1 };

/* @name below @dirfd as text; one that is not there is left out. */
static cr_status file_add(json_t *files, int dirfd, const char *name, struct cr_err *err)
{
    struct cr_buf text = {0};
    json_t *value;
    cr_status st = cr_file_read(dirfd, name, FILE_MAX, true, &text, NULL, err);

    if (st.code == CR_E_NOT_FOUND)
        return cr_ok();
    if (!cr_failed(st)) {
        value = json_stringn(text.n ? (const char *)text.p : "", text.n);
        if (!value)
            st = cr_fail(err, CR_E_INVALID, "%s is not UTF-8: mend it first", name);
        else if (json_object_set_new(files, name, value))
            st = cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    cr_buf_clear(&text);
    return st;
}

static cr_status folder_add(struct store *store, json_t *files, const char *folder,
                            cr_status (*list)(struct store *store, char ***names, size_t *n, struct cr_err *err),
                            struct cr_err *err)
{
    char **names = NULL, path[256];
    size_t n = 0;
    cr_status st = list(store, &names, &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        snprintf(path, sizeof(path), "%s/%s.json", folder, names[i]);
        st = file_add(files, store_dirfd(store), path, err);
    }
    store_names_free(&names, n);
    return st;
}

/* The history last: a change made meanwhile then stands in it rather than without it. */
static cr_status state_add(struct tool *tool, json_t *root, struct cr_err *err)
{
    json_t *files = json_object();
    struct store *store;
    cr_status st = tool_store(tool, &store, err);

    if (!cr_failed(st) && json_object_set_new(root, "files", files))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st) || cr_failed(st = folder_add(store, files, "roles", store_roles, err)) ||
        cr_failed(st = folder_add(store, files, "certs", store_certs, err)) ||
        cr_failed(st = file_add(files, store_dirfd(store), "revoked.json", err)) ||
        cr_failed(st = file_add(files, store_dirfd(store), "outputs.json", err)))
        return st;
    return file_add(files, store_dirfd(store), "history.jsonl", err);
}

static cr_status token_add(const struct conf *conf, json_t *root, struct cr_err *err)
{
    json_t *files = NULL;
    char *dir = NULL;
    cr_status st = backup_token_dir(conf, NULL, &dir, err);

    if (!cr_failed(st) && !cr_failed(st = backup_token_read(dir, &files, err)) &&
        json_object_set_new(root, "token", files))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    free(dir);
    return st;
}

static cr_status conf_add(const struct conf *conf, json_t *root, struct cr_err *err)
{
    const char *slash = strrchr(conf->path, '/');
    json_t *etc = json_object();
    struct cr_buf text = {0};
    int fd = -1;
    cr_status st = cr_file_read(AT_FDCWD, conf->path, FILE_MAX, true, &text, NULL, err);

    if (!cr_failed(st) && json_object_set_new(root, "configuration", json_stringn((const char *)text.p, text.n)))
        st = cr_fail(err, CR_E_INVALID, "%s is not UTF-8", conf->path);
    if (!cr_failed(st) && slash &&
        (fd = open(strndupa(conf->path, (size_t)(slash - conf->path) + 1), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", conf->path);
    for (size_t i = 0; backup_etc[i] && !cr_failed(st); i++)
        st = file_add(etc, fd, backup_etc[i], err);
    if (fd >= 0)
        close(fd);
    json_object_set_new(root, "etc", etc);
    cr_buf_clear(&text);
    return st;
}

static cr_status compose(struct tool *tool, json_t *root, struct cr_err *err)
{
    const struct conf *conf;
    char at[CR_TIME_TEXT];
    cr_status st = tool_conf(tool, &conf, err);

    if (cr_failed(st))
        return st;
    json_object_set_new(root, BACKUP_VERSION, json_integer(BACKUP_FORMAT));
    json_object_set_new(root, "when", json_string(cr_time_text(tool->now, at)));
    json_object_set_new(root, "host", json_string(tool_who(tool)->host ? tool_who(tool)->host : ""));
    json_object_set_new(root, "state", json_string(conf->state_dir));
    if (cr_failed(st = conf_add(conf, root, err)) || cr_failed(st = state_add(tool, root, err)))
        return st;
    return tool_opt(tool, OPT_WITH_TOKEN) ? token_add(conf, root, err) : st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    json_t *root = json_object();
    struct cr_buf text = {0};
    char *dump = NULL;
    cr_status st;

    tool_progress_begin("reading the state%s", tool_opt(tool, OPT_WITH_TOKEN) ? " and the token" : "");
    st = root ? compose(tool, root, err) : cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st) && !(dump = json_dumps(root, JSON_INDENT(1))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st) && !cr_failed(st = cr_buf_printf(&text, err, "%s\n", dump)))
        st = tool_output(tool->args[0], 0600, cr_buf_bytes(&text), err);
    tool_progress_end();
    if (!cr_failed(st) && strcmp(tool->args[0], "-"))
        tool_say(tool, "%zu files of the state in %s%s", json_object_size(json_object_get(root, "files")),
                 tool->args[0],
                 tool_opt(tool, OPT_WITH_TOKEN) ? ", and the token; keep the PIN elsewhere" : "; no key is in it");
    free(dump);
    cr_buf_clear(&text);
    json_decref(root);
    return st;
}

static const struct tool_option options[] = {
    {"with-token", OPT_WITH_TOKEN, NULL, "the SoftHSM token too, encrypted under its PIN"},
    {0},
};

const struct tool_cmd tool_cmd_backup = {
    .name = "backup",
    .args = "FILE",
    .summary = "put state, configuration and history into one file",
    .doc = "Mode 0600. Without --with-token no key is in it, and never a PIN. Servers and\n"
           "other commands go on meanwhile.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
