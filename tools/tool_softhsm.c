/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_softhsm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_member.h"

#define CONF_MAX (64 * 1024)

/* Takes @text apart. */
static cr_status tokendir_read(char *text, const char *path, char **out, struct cr_err *err)
{
    static const char key[] = "directories.tokendir";
    cr_status st = cr_fail(err, CR_E_INVALID, "%s names no %s", path, key);

    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value;
        size_t n;
        while (isspace((unsigned char)*line))
            line++;
        if (strncmp(line, key, sizeof(key) - 1) || !(value = strchr(line, '=')))
            continue;
        for (value++; isspace((unsigned char)*value);)
            value++;
        for (n = strlen(value); n && isspace((unsigned char)value[n - 1]); n--)
            value[n - 1] = '\0';
        st = cr_strdup(value, out, err);
        break;
    }
    return st;
}

cr_status tool_softhsm_tokendir(const char *path, const char *instead, char **out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_file_read(AT_FDCWD, path, CONF_MAX, false, &text, NULL, err);

    if (st.code == CR_E_NOT_FOUND && instead)
        st = cr_buf_append_str(&text, instead, err);
    if (!cr_failed(st))
        st = tokendir_read(text.n ? (char *)text.p : (char[]){""}, path, out, err);
    cr_buf_clear(&text);
    return st;
}

/* Members write what a login writes; the objects, their keys among them, they only read. */
static bool entry_open(const FTSENT *e, gid_t gid)
{
    bool login = !strcmp(e->fts_name, "token.object") || !strcmp(e->fts_name, "token.lock");
    mode_t mode = e->fts_info == FTS_D ? 02750 : login ? 0660 : 0640;

    if (e->fts_info != FTS_D && e->fts_info != FTS_F)
        return true;
    /* chown first: it may clear the set-group-ID bit; the folder itself may be a link, and nothing below is followed */
    return (e->fts_statp->st_gid == gid ||
            !(e->fts_level == FTS_ROOTLEVEL ? chown : lchown)(e->fts_accpath, (uid_t)-1, gid)) &&
           ((e->fts_statp->st_mode & 07777) == mode || !chmod(e->fts_accpath, mode));
}

static cr_status tree_open(char *dir, gid_t gid, struct cr_err *err)
{
    char *roots[] = {dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    cr_status st = cr_ok();
    FTSENT *e;

    if (!fts)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    while (!cr_failed(st) && (e = fts_read(fts)))
        if (!entry_open(e, gid))
            st = cr_fail_errno(err, CR_E_IO, errno, "%s could not be opened to the group", e->fts_path);
    fts_close(fts);
    return st;
}

cr_status tool_softhsm_open(struct tool *tool, struct cr_err *err)
{
    const struct conf *conf;
    gid_t gid;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)) || !conf->group)
        return st;
    if (cr_failed(st = tool_group_id(conf->group, &gid, err)))
        return st;
    for (size_t t = 0; t < conf->ntokens && !cr_failed(st); t++) {
        for (size_t i = 0; i < conf->tokens[t].nenv && !cr_failed(st); i++) {
            const struct conf_env *env = &conf->tokens[t].env[i];
            char *dir = NULL;
            if (strcmp(env->name, "SOFTHSM2_CONF"))
                continue;
            if (!cr_failed(st = tool_softhsm_tokendir(env->value, NULL, &dir, err)))
                st = tree_open(dir, gid, err);
            free(dir);
        }
    }
    return st;
}
