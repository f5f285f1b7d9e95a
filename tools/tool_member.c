/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_member.h"

#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/cert_key.h"
#include "tool_token.h"

#define REQUEST_MAX 4096 /* location, zero, SubjectPublicKeyInfo: one packet */
#define PROVE_SECS  60

struct tool_member {
    pid_t pid;
    int fd; /* SOCK_SEQPACKET to the process */
};

cr_status tool_group_id(const char *name, gid_t *out, struct cr_err *err)
{
    const struct group *gr = getgrnam(name);

    if (!gr)
        return cr_fail(err, CR_E_NOT_FOUND, "there is no group %s: make it by 'groupadd --system %s'", name, name);
    *out = gr->gr_gid;
    return cr_ok();
}

/* From here on nobody, a member of the group and of nothing else. */
static cr_status rights_drop(gid_t gid, struct cr_err *err)
{
    const struct passwd *pw = getpwnam("nobody");
    uid_t uid = pw ? pw->pw_uid : 65534;
    gid_t own = pw ? pw->pw_gid : 65534;

    if (setgroups(1, &gid) || setgid(own) || setuid(uid))
        return cr_fail_errno(err, CR_E_IO, errno, "becoming nobody");
    return cr_ok();
}

static cr_status request_read(const unsigned char *p, size_t n, struct tok_key *pub, struct cr_err *err)
{
    const unsigned char *zero = memchr(p, 0, n);
    EVP_PKEY *pkey = NULL;
    cr_status st;

    if (zero) {
        const unsigned char *der = zero + 1;
        pkey = d2i_PUBKEY(NULL, &der, (long)(n - (size_t)(der - p)));
    }
    if (!pkey)
        return cr_fail(err, CR_E_INTERNAL, "a malformed request");
    st = cert_key_from_pkey(pkey, pub, err);
    EVP_PKEY_free(pkey);
    return st;
}

/* The process: waits for one request, answers with the sentence. Never returns and cleans nothing up. */
static void member_run(struct conf *conf, gid_t gid, int fd)
{
    unsigned char request[REQUEST_MAX];
    struct tok_local *tokens = NULL;
    struct cr_err err = {0}, dropped = {0};
    struct tok_key pub = {0};
    bool dropping = cr_failed(rights_drop(gid, &dropped));
    ssize_t n;
    cr_status st;

    signal(SIGINT, SIG_IGN); /* the parent decides */
    while ((n = recv(fd, request, sizeof(request), 0)) < 0 && errno == EINTR)
        continue;
    if (n <= 0)
        _exit(0);
    alarm(PROVE_SECS);
    if (dropping)
        st = cr_fail(&err, CR_E_IO, "%s", dropped.text);
    else if (!cr_failed(st = request_read(request, (size_t)n, &pub, &err)) &&
             !cr_failed(st = tool_tokens_new(conf, &tokens, &err)))
        st = tool_key_prove(tokens, (const char *)request, &pub, &err);
    err.code = st.code;
    _exit(send(fd, &err, sizeof(err), MSG_NOSIGNAL) == (ssize_t)sizeof(err) ? 0 : 1);
}

cr_status tool_member_start(struct conf *conf, struct tool_member **out, struct cr_err *err)
{
    struct tool_member *m;
    int fds[2];
    gid_t gid = (gid_t)-1;
    cr_status st;

    if (!conf->group || geteuid())
        return cr_ok();
    if (cr_failed(st = tool_group_id(conf->group, &gid, err)))
        return st;
    if (!(m = calloc(1, sizeof(*m))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
        free(m);
        return cr_fail_errno(err, CR_E_IO, errno, "socketpair");
    }
    fflush(NULL);
    m->fd = fds[0];
    if (!(m->pid = fork())) {
        close(fds[0]);
        member_run(conf, gid, fds[1]);
    }
    close(fds[1]);
    if (m->pid < 0) {
        st = cr_fail_errno(err, CR_E_IO, errno, "fork");
        close(m->fd);
        free(m);
        return st;
    }
    *out = m;
    return cr_ok();
}

void tool_member_stop(struct tool_member **member)
{
    struct tool_member *m = *member;

    if (!m)
        return;
    close(m->fd);
    while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(m);
    *member = NULL;
}

static cr_status ask(struct tool_member *m, const char *location, const struct tok_key *pub, struct cr_err *err)
{
    struct cr_buf request = {0}, spki = {0};
    struct cr_err got = {0};
    ssize_t n;
    cr_status st;

    if (cr_failed(st = cert_key_spki(NULL, pub, &spki, err)) ||
        cr_failed(st = cr_buf_append(&request, location, strlen(location) + 1, err)) ||
        cr_failed(st = cr_buf_append(&request, spki.p, spki.n, err)))
        goto out;
    if (send(m->fd, request.p, request.n, MSG_NOSIGNAL) != (ssize_t)request.n) {
        st = cr_fail_errno(err, CR_E_TOKEN, errno, "the process that tries");
        goto out;
    }
    while ((n = recv(m->fd, &got, sizeof(got), 0)) < 0 && errno == EINTR)
        continue;
    if (n != (ssize_t)sizeof(got))
        st = cr_fail(err, CR_E_TOKEN, "the process that tried ended early");
    else if (got.code != CR_OK)
        st = cr_fail(err, got.code, "%s", got.text);
out:
    cr_buf_clear(&request);
    cr_buf_clear(&spki);
    return st;
}

cr_status tool_member_prove(struct tool *tool, const char *location, const struct tok_key *pub, bool *done,
                            struct cr_err *err)
{
    cr_status st;

    *done = false;
    if (!tool->member)
        return cr_ok();
    st = ask(tool->member, location, pub, err);
    tool_member_stop(&tool->member);
    *done = true;
    return cr_failed(st) ? cr_prefix(err, st, "signing as a member of group %s", tool->conf->group) : st;
}
