/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM's tokens are files; objects in them are encrypted under the PIN. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "tool_softhsm.h"

#define FILE_MAX (16 * 1024 * 1024)

const char *const backup_etc[] = {"openssl.cnf", "softhsm2.conf", "env", NULL};

cr_status backup_token_dir(const struct conf *conf, const char *softhsm, char **dir, struct cr_err *err)
{
    const char *found = NULL;

    for (size_t t = 0; t < conf->ntokens; t++)
        for (size_t i = 0; i < conf->tokens[t].nenv; i++) {
            const struct conf_env *env = &conf->tokens[t].env[i];
            if (strcmp(env->name, "SOFTHSM2_CONF"))
                continue;
            if (found && strcmp(found, env->value))
                return cr_fail(err, CR_E_UNSUPPORTED, "%s has several SoftHSM directories: back them up by themselves",
                               conf->path);
            found = env->value;
        }
    if (!found)
        return cr_fail(
            err, CR_E_UNSUPPORTED,
            "--with-token is for SoftHSM, whose tokens are files: use the HSM's own backup, or leave it out");
    return tool_softhsm_tokendir(found, softhsm, dir, err);
}

static cr_status file_add(json_t *files, const char *root, const FTSENT *e, struct cr_err *err)
{
    const char *name = e->fts_path + strlen(root);
    struct cr_buf data = {0}, text = {0};
    cr_status st = cr_file_read(AT_FDCWD, e->fts_path, FILE_MAX, false, &data, NULL, err);

    while (*name == '/')
        name++;
    if (!cr_failed(st) && !cr_failed(st = cr_base64(cr_buf_bytes(&data), &text, err)) &&
        json_object_set_new(files, name, json_stringn(text.n ? (const char *)text.p : "", text.n)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    cr_buf_clear(&data);
    cr_buf_clear(&text);
    return st;
}

cr_status backup_token_read(const char *dir, json_t **out, struct cr_err *err)
{
    char *roots[] = {(char *)dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    json_t *files = json_object();
    cr_status st = cr_ok();
    FTSENT *e;

    if (!fts || !files)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    while (!cr_failed(st) && (e = fts_read(fts))) {
        if (e->fts_info == FTS_F)
            st = file_add(files, dir, e, err);
        else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
            st = cr_fail_errno(err, CR_E_IO, e->fts_errno, "%s", e->fts_path);
    }
    if (fts)
        fts_close(fts);
    if (cr_failed(st))
        json_decref(files);
    else
        *out = files;
    return st;
}

/* FOLDER/FILE: what SoftHSM has, and nothing that leads elsewhere. */
static bool name_valid(const char *name)
{
    size_t slashes = 0;

    if (*name == '/' || !*name || strlen(name) > 200)
        return false;
    for (const char *p = name; *p; p++) {
        bool start = p == name || p[-1] == '/';
        if ((unsigned char)*p <= ' ' || (start && (*p == '.' || *p == '/')))
            return false;
        slashes += *p == '/';
    }
    return slashes <= 1 && name[strlen(name) - 1] != '/';
}

static cr_status file_put(int dirfd, const char *name, const char *base64, struct cr_err *err)
{
    const char *slash = strchr(name, '/'), *base = slash ? slash + 1 : name;
    struct cr_buf data = {0};
    char folder[256];
    int fd = dirfd;
    cr_status st = cr_unbase64(cr_bytes_str(base64), &data, err);

    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - name) : 0, name);
    if (!cr_failed(st) && slash &&
        ((mkdirat(dirfd, folder, 0700) && errno != EEXIST) ||
         (fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0))
        st = cr_fail_errno(err, CR_E_IO, errno, "the token's folder %s", folder);
    if (!cr_failed(st))
        st = cr_file_replace(fd, base, 0600, (gid_t)-1, cr_buf_bytes(&data), err);
    if (fd >= 0 && fd != dirfd)
        close(fd);
    cr_buf_clear(&data);
    return st;
}

/* What SoftHSM writes again at a login, and need not be as it was. */
static bool login_writes(const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');

    return !strcmp(base, "token.object") || !strcmp(base, "generation") || (dot && !strcmp(dot, ".lock"));
}

/* A file that is there must be the backup's: an interrupted restore goes on, another token is left alone. */
static cr_status there_check(const char *dir, const FTSENT *e, const json_t *files, struct cr_err *err)
{
    const char *name = e->fts_path + strlen(dir), *base64;
    struct cr_buf data = {0}, text = {0};
    bool same = false;
    cr_status st = cr_ok();

    while (*name == '/')
        name++;
    if (e->fts_name[0] == '.') /* of a killed writer */
        return st;
    if ((base64 = json_string_value(json_object_get(files, name))) && !(same = login_writes(name)) &&
        !cr_failed(st = cr_file_read(AT_FDCWD, e->fts_path, FILE_MAX, false, &data, NULL, err)) &&
        !cr_failed(st = cr_base64(cr_buf_bytes(&data), &text, err)))
        same = cr_bytes_equal(cr_buf_bytes(&text), cr_bytes_str(base64));
    cr_buf_clear(&data);
    cr_buf_clear(&text);
    return same || cr_failed(st)
               ? st
               : cr_fail(err, CR_E_EXISTS, "%s has tokens already: move them away first, or leave --with-token out",
                         dir);
}

static cr_status dir_check(const char *dir, const json_t *files, struct cr_err *err)
{
    char *roots[] = {(char *)dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    cr_status st = fts ? cr_ok() : cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    FTSENT *e;

    while (!cr_failed(st) && (e = fts_read(fts))) {
        if (e->fts_info == FTS_F)
            st = there_check(dir, e, files, err);
        else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
            st = cr_fail_errno(err, CR_E_IO, e->fts_errno, "%s", e->fts_path);
    }
    if (fts)
        fts_close(fts);
    return st;
}

cr_status backup_token_check(const char *dir, json_t *files, struct cr_err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(files, name, value)
    {
        if (!name_valid(name) || !json_is_string(value))
            return cr_fail(err, CR_E_INVALID, "the backup's token has a file with the name '%.40s'", name);
    }
    return access(dir, F_OK) && errno == ENOENT ? cr_ok() : dir_check(dir, files, err);
}

cr_status backup_token_write(const char *dir, json_t *files, struct cr_err *err)
{
    const char *name;
    json_t *value;
    int fd = -1;
    cr_status st = backup_token_check(dir, files, err);

    if (cr_failed(st))
        return st;
    if (mkdir(dir, 0700) && errno != EEXIST)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    json_object_foreach(files, name, value)
    {
        if (faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) &&
            cr_failed(st = file_put(fd, name, json_string_value(value), err)))
            break;
    }
    close(fd);
    return st;
}
