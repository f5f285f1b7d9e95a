/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_softhsm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool_token.h"

#define CONF_MAX (64 * 1024)

static cr_status group_id(const char *name, gid_t *out, struct cr_err *err)
{
    const struct group *gr = getgrnam(name);

    if (!gr)
        return cr_fail(err, CR_E_NOT_FOUND, "there is no group %s", name);
    *out = gr->gr_gid;
    return cr_ok();
}

/* The value of directories.tokendir in a softhsm2.conf; the caller frees. */
static cr_status tokendir(const char *path, char **out, struct cr_err *err)
{
    static const char key[] = "directories.tokendir";
    struct cr_buf text = {0};
    cr_status st = cr_file_read(AT_FDCWD, path, CONF_MAX, false, &text, NULL, err);

    if (cr_failed(st))
        return st;
    st = cr_fail(err, CR_E_INVALID, "%s names no %s", path, key);
    for (char *save = NULL, *line = strtok_r((char *)text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
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
    cr_buf_clear(&text);
    return st;
}

static bool entry_open(const FTSENT *e, gid_t gid)
{
    mode_t mode = e->fts_info == FTS_D ? 02750 : 0640;

    if (e->fts_info != FTS_D && e->fts_info != FTS_F)
        return true;
    /* chown first: it may clear the set-group-ID bit */
    return (e->fts_statp->st_gid == gid || !lchown(e->fts_accpath, (uid_t)-1, gid)) &&
           ((e->fts_statp->st_mode & 07777) == mode || !chmod(e->fts_accpath, mode));
}

static cr_status tree_open(char *dir, gid_t gid, struct cr_err *err)
{
    char *roots[] = {dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
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
    if (cr_failed(st = group_id(conf->group, &gid, err)))
        return st;
    for (size_t t = 0; t < conf->ntokens && !cr_failed(st); t++) {
        for (size_t i = 0; i < conf->tokens[t].nenv && !cr_failed(st); i++) {
            const struct conf_env *env = &conf->tokens[t].env[i];
            char *dir = NULL;
            if (strcmp(env->name, "SOFTHSM2_CONF"))
                continue;
            if (!cr_failed(st = tokendir(env->value, &dir, err)))
                st = tree_open(dir, gid, err);
            free(dir);
        }
    }
    return st;
}

/* In the child: from here on nobody, a member of the group and of nothing else. */
static cr_status member_become(gid_t gid, struct cr_err *err)
{
    const struct passwd *pw = getpwnam("nobody");
    uid_t uid = pw ? pw->pw_uid : 65534;
    gid_t own = pw ? pw->pw_gid : 65534;

    if (setgroups(1, &gid) || setgid(own) || setuid(uid))
        return cr_fail_errno(err, CR_E_IO, errno, "becoming nobody");
    return cr_ok();
}

static void child_run(struct tool *tool, const char *location, const struct tok_key *pub, gid_t gid, int out)
{
    struct tok_local *tokens = NULL;
    struct cr_err err = {0};
    cr_status st;

    if (!cr_failed(st = member_become(gid, &err)) && !cr_failed(st = tool_tokens_new(tool->conf, &tokens, &err)))
        st = tool_key_prove(tokens, location, pub, &err);
    err.code = st.code;
    /* No clean-up: the parent owns the tokens' state. */
    _exit(write(out, &err, sizeof(err)) == (ssize_t)sizeof(err) ? 0 : 1);
}

static cr_status child_result(int in, pid_t pid, struct cr_err *err)
{
    struct cr_err got = {0};
    size_t n = 0;
    ssize_t r;
    int status;

    while (n < sizeof(got) && ((r = read(in, (char *)&got + n, sizeof(got) - n)) > 0 || (r < 0 && errno == EINTR)))
        if (r > 0)
            n += (size_t)r;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (n != sizeof(got))
        return cr_fail(err, CR_E_TOKEN, "the process that tried ended early");
    return got.code == CR_OK ? cr_ok() : cr_fail(err, got.code, "%s", got.text);
}

cr_status tool_prove_member(struct tool *tool, const char *location, const struct tok_key *pub, bool *done,
                            struct cr_err *err)
{
    const struct conf *conf;
    int fds[2];
    pid_t pid;
    gid_t gid;
    cr_status st;

    *done = false;
    if (cr_failed(st = tool_conf(tool, &conf, err)) || !conf->group || geteuid())
        return st;
    if (cr_failed(st = group_id(conf->group, &gid, err)))
        return st;
    if (pipe2(fds, O_CLOEXEC))
        return cr_fail_errno(err, CR_E_IO, errno, "pipe");
    fflush(NULL);
    if ((pid = fork()) < 0) {
        st = cr_fail_errno(err, CR_E_IO, errno, "fork");
        close(fds[1]);
    } else if (!pid) {
        alarm(60);
        child_run(tool, location, pub, gid, fds[1]);
    } else {
        close(fds[1]);
        if (cr_failed(st = child_result(fds[0], pid, err)))
            st = cr_prefix(err, st, "signing as a member of group %s", conf->group);
        *done = true;
    }
    close(fds[0]);
    return st;
}
