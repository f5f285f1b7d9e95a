/* SPDX-License-Identifier: Apache-2.0 */
/* A child does what a server does: reads openssl.cnf in a context of its own, loads each assigned key by its URI, and signs;
 * here the signature is verified with the certificate's key in software. A child, since the provider may hang with its
 * token, and since it may run as another user. */
#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/cert_key.h"
#include "check.h"
#include "tool_progress.h"
#include "tool_server.h"

static const unsigned char message[] = "certroll check";

struct probe {
    const struct tool_role *role;
    enum role_slot slot;
    const struct role_cert *cert;
};

/* What the child says of one key, in one write that no pipe splits (PIPE_BUF is 4096). */
struct answer {
    size_t index;
    bool good;
    char text[400];
};

/* ---- the child ---- */

static EVP_PKEY *key_load(OSSL_LIB_CTX *ctx, const struct probe *p)
{
    char uri[ROLE_NAME_MAX + 128];

    snprintf(uri, sizeof(uri), "certroll://%s;thumbprint=%s", p->role->rec->name, p->cert->thumbprint);
    return tool_server_key(ctx, uri);
}

static const char *digest_of(const struct probe *p)
{
    return strcmp(p->cert->key, "ed25519") ? "SHA256" : NULL;
}

static bool sign(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey, const struct probe *p, unsigned char *sig, size_t *n)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestSignInit_ex(md, NULL, digest_of(p), ctx, NULL, pkey, NULL) == 1 &&
                EVP_DigestSign(md, sig, n, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

/* In a context that no configuration reaches. */
static bool verify(const struct probe *p, const unsigned char *sig, size_t n)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *pub = NULL;
    bool good = ctx && md && !cr_failed(cert_pkey_of(ctx, cr_buf_bytes(&p->cert->leaf), &pub, NULL)) &&
                EVP_DigestVerifyInit_ex(md, NULL, digest_of(p), ctx, NULL, pub, NULL) == 1 &&
                EVP_DigestVerify(md, sig, n, message, sizeof(message)) == 1;

    EVP_PKEY_free(pub);
    EVP_MD_CTX_free(md);
    OSSL_LIB_CTX_free(ctx);
    return good;
}

static void probe_run(OSSL_LIB_CTX *ctx, const struct probe *p, struct answer *out)
{
    unsigned char sig[1024]; /* RSA of 8192 bits */
    size_t n = sizeof(sig);
    EVP_PKEY *pkey = key_load(ctx, p);

    out->good = false;
    if (!pkey || !sign(ctx, pkey, p, sig, &n))
        tool_server_why(out->text, sizeof(out->text));
    else if (!verify(p, sig, n))
        snprintf(out->text, sizeof(out->text), "its signature does not verify with the certificate's key");
    else
        out->good = true;
    EVP_PKEY_free(pkey);
}

static bool become(const char *user, char *text, size_t size)
{
    const struct passwd *pw = getpwnam(user);

    if (pw && !initgroups(user, pw->pw_gid) && !setgid(pw->pw_gid) && !setuid(pw->pw_uid))
        return true;
    snprintf(text, size, "cannot become %s: %s", user, pw ? strerror(errno) : "no such user");
    return false;
}

static _Noreturn void child(const struct check *check, const struct probe *probes, size_t n, int fd)
{
    struct answer a = {0};
    OSSL_LIB_CTX *ctx = NULL;

    if (!check->as_user || become(check->as_user, a.text, sizeof(a.text)))
        ctx = tool_server_ctx(check->conf->path, check->cnf, a.text, sizeof(a.text));
    for (size_t i = 0; i < n; i++) {
        a.index = i;
        if (ctx)
            probe_run(ctx, &probes[i], &a);
        if (write(fd, &a, sizeof(a)) != sizeof(a))
            break;
    }
    OSSL_LIB_CTX_free(ctx);
    _exit(0);
}

/* ---- the parent ---- */

static const char *remedy(const char *why)
{
    if (strncmp(why, "cannot become ", 14) == 0)
        return "name a user of this machine, and run check as root";
    if (strstr(why, "no configured token fits") != NULL)
        return "if the token was replaced, 'certroll token relink' finds the key on the new one";
    return "see 'certroll token check', and that the user is in the group of certroll.conf";
}

static void told(struct check *check, const struct probe *p, const struct answer *a)
{
    char about[ROLE_NAME_MAX + 16];

    snprintf(about, sizeof(about), "%s, %s", p->role->rec->name, role_slot_text(p->slot));
    if (a && a->good)
        check_add(check, CHECK_OK, "sign", about, NULL, "%.16s signs%s%s", p->cert->thumbprint,
                  check->as_user ? " as " : "", check->as_user ? check->as_user : "");
    else if (a)
        check_add(check, CHECK_CRITICAL, "sign", about, remedy(a->text), "%.16s does not sign%s%s: %s",
                  p->cert->thumbprint, check->as_user ? " as " : "", check->as_user ? check->as_user : "", a->text);
    else
        check_add(check, CHECK_CRITICAL, "sign", about,
                  "see 'certroll token info'; op-timeout makes servers give up earlier",
                  "its token gave no answer for %d s", TOOL_SERVER_TIMEOUT_MS / 1000);
}

/* One answer, whole; false when none comes any more. */
static bool answer_read(int fd, struct answer *out)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    int rc;

    do
        rc = poll(&pfd, 1, TOOL_SERVER_TIMEOUT_MS);
    while (rc < 0 && errno == EINTR);
    return rc == 1 && read(fd, out, sizeof(*out)) == sizeof(*out);
}

static void parent(struct check *check, const struct probe *probes, size_t n, int fd, pid_t pid)
{
    struct answer a;
    size_t done = 0;
    int status = 0;

    tool_progress_begin("signing with %zu key%s", n, n == 1 ? "" : "s");
    while (done < n && answer_read(fd, &a) && a.index == done) {
        a.text[sizeof(a.text) - 1] = '\0';
        told(check, &probes[done++], &a);
    }
    tool_progress_end();
    if (done < n)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        snprintf(a.text, sizeof(a.text), "the provider or its token's module ended the process: %s",
                 strsignal(WTERMSIG(status)));
        a.good = false;
    }
    for (; done < n; done++)
        told(check, &probes[done], WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL ? &a : NULL);
}

/* Each certificate that stands in a slot now. The caller frees it. */
static struct probe *probes_make(const struct check *check, size_t *n)
{
    struct probe *probes = calloc(3 * check->nroles + 1, sizeof(*probes));

    *n = 0;
    for (size_t i = 0; probes && i < check->nroles; i++) {
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++) {
            const struct role_cert *cert = role_view_slot(&check->roles[i].view, (enum role_slot)s);
            if (cert)
                probes[(*n)++] = (struct probe){&check->roles[i], (enum role_slot)s, cert};
        }
    }
    return probes;
}

void check_probe(struct check *check)
{
    struct probe *probes = NULL;
    int fds[2] = {-1, -1};
    pid_t pid = -1;
    size_t n = 0;

    if (!check->activated) /* told already */
        return;
    fflush(stdout);
    if (!(probes = probes_make(check, &n)) || pipe(fds) || (pid = fork()) < 0)
        check_add(check, CHECK_UNKNOWN, "sign", "certroll check", "try again", "no process for a probe: %s",
                  strerror(errno));
    if (pid == 0) {
        close(fds[0]);
        child(check, probes, n, fds[1]);
    }
    if (fds[1] >= 0)
        close(fds[1]);
    if (pid > 0)
        parent(check, probes, n, fds[0], pid);
    if (fds[0] >= 0)
        close(fds[0]);
    free(probes);
}
