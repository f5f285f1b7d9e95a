/* SPDX-License-Identifier: Apache-2.0 */
#include "token_mint.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool_progress.h"
#include "tool_server.h"

#define GOOD '+' /* the first byte of an answer; a sentence follows any other */
#define BAD  '-'

/* ---- the child ---- */

/* What the provider says of the certificate that this context is bound to. */
struct bound {
    char kid[128], thumbprint[65];
};

static cr_status by_provider(struct cr_err *err)
{
    char why[400];

    tool_server_why(why, sizeof(why));
    return cr_fail(err, CR_E_REFUSED, "%s", why);
}

static cr_status bind(EVP_PKEY_CTX *pctx, const struct tool_jwt_alg *alg, struct bound *out, struct cr_err *err)
{
    OSSL_PARAM want[] = {OSSL_PARAM_utf8_string("certroll-kid", out->kid, sizeof(out->kid)),
                         OSSL_PARAM_utf8_string("certroll-thumbprint", out->thumbprint, sizeof(out->thumbprint)),
                         OSSL_PARAM_END};

    if (alg->pss && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        return by_provider(err);
    if (EVP_PKEY_CTX_get_params(pctx, want) != 1 || !*out->kid || !*out->thumbprint)
        return cr_fail(err, CR_E_REFUSED, "the signature's context does not say whose key signs");
    return cr_ok();
}

static cr_status sign(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey, const struct token_mint *mint, const struct role_cert *cert,
                      struct cr_buf *token, struct cr_err *err)
{
    const struct tool_jwt_alg *alg = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* md owns it */
    unsigned char sig[2048];
    struct bound bound = {0};
    size_t n = sizeof(sig);
    cr_status st;

    if (cr_failed(st = tool_jwt_alg(cert->key, mint->alg, &alg, err)))
        goto out;
    if (!md || EVP_DigestSignInit_ex(md, &pctx, alg->digest, ctx, NULL, pkey, NULL) != 1) {
        st = by_provider(err);
        goto out;
    }
    if (cr_failed(st = bind(pctx, alg, &bound, err)))
        goto out;
    if (strcmp(bound.thumbprint, cert->thumbprint)) {
        st = cr_fail(err, CR_E_CHANGED, "the role changed meanwhile: try again");
        goto out;
    }
    if (cr_failed(st = tool_jwt_input(alg, bound.kid, cert, mint->claims, token, err)))
        goto out;
    st = EVP_DigestSign(md, sig, &n, token->p, token->n) == 1 ? tool_jwt_append(alg, cr_bytes(sig, n), token, err)
                                                              : by_provider(err);
    if (!cr_failed(st) && token->n > TOOL_JWT_MAX)
        st = cr_fail(err, CR_E_INVALID,
                     "the token would have %zu bytes, and verifiers take at most %d: shorten the claims", token->n,
                     TOOL_JWT_MAX);
out:
    EVP_MD_CTX_free(md);
    return st;
}

static cr_status child_mint(const struct token_mint *mint, const struct role_cert *cert, struct cr_buf *token,
                            struct cr_err *err)
{
    char uri[ROLE_NAME_MAX + 64], why[400] = "";
    OSSL_LIB_CTX *ctx = tool_server_ctx(mint->conf_path, mint->cnf, why, sizeof(why));
    EVP_PKEY *pkey = NULL;
    cr_status st;

    snprintf(uri, sizeof(uri), "certroll://%s%s%s", mint->role->rec->name,
             mint->slot == ROLE_CURRENT ? "" : ";slot=", mint->slot == ROLE_CURRENT ? "" : role_slot_text(mint->slot));
    if (!ctx)
        st = cr_fail(err, CR_E_REFUSED, "%s: %s", mint->cnf, why);
    else if (!(pkey = tool_server_key(ctx, uri)))
        st = by_provider(err);
    else
        st = sign(ctx, pkey, mint, cert, token, err);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(ctx);
    return st;
}

static bool write_all(int fd, const void *data, size_t n)
{
    for (const char *p = data; n > 0;) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static _Noreturn void child(const struct token_mint *mint, const struct role_cert *cert, int fd)
{
    struct cr_buf token = {0};
    struct cr_err err = {0};
    cr_status st = child_mint(mint, cert, &token, &err);
    const char mark[2] = {cr_failed(st) ? BAD : GOOD, (char)st.code};

    if (write_all(fd, mark, sizeof(mark)))
        (void)write_all(fd, cr_failed(st) ? (void *)err.text : token.p, cr_failed(st) ? strlen(err.text) : token.n);
    _exit(0);
}

/* ---- the parent ---- */

/* All that comes until the child ends, which minds TOOL_JWT_MAX; false when it takes too long. */
static bool answer_read(int fd, struct cr_buf *out)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    unsigned char part[4096];
    ssize_t n = 1;

    while (n > 0) {
        int rc = poll(&pfd, 1, TOOL_SERVER_TIMEOUT_MS);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc != 1)
            return false;
        if ((n = read(fd, part, sizeof(part))) > 0 && cr_failed(cr_buf_append(out, part, (size_t)n, NULL)))
            return false;
    }
    return n == 0;
}

static cr_status answer_judge(const struct cr_buf *answer, int status, struct cr_buf *token, struct cr_err *err)
{
    if (WIFSIGNALED(status))
        return cr_fail(err, CR_E_TOKEN,
                       "the provider or its token's module ended the process (%s): try it by 'certroll token check'",
                       strsignal(WTERMSIG(status)));
    if (answer->n < 2)
        return cr_fail(err, CR_E_TOKEN, "the process that signs ended early: 'certroll check' may say why");
    if (answer->p[0] != GOOD)
        return cr_fail(err, (enum cr_code)answer->p[1], "%s", (const char *)answer->p + 2);
    return cr_buf_set(token, answer->p + 2, answer->n - 2, err);
}

static cr_status parent(int fd, pid_t pid, struct cr_buf *token, struct cr_err *err)
{
    struct cr_buf answer = {0};
    int status = 0;
    bool whole;
    cr_status st;

    tool_progress_begin("signing by the provider");
    whole = answer_read(fd, &answer);
    tool_progress_end();
    if (!whole)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (whole)
        st = answer_judge(&answer, status, token, err);
    else
        st = cr_fail(err, CR_E_TOKEN, "its token gave no answer for %d s: try it by 'certroll token check'",
                     TOOL_SERVER_TIMEOUT_MS / 1000);
    cr_buf_clear(&answer);
    return st;
}

cr_status token_mint(const struct token_mint *mint, struct cr_buf *token, struct cr_err *err)
{
    struct role_cert *cert = NULL;
    const struct tool_jwt_alg *alg;
    int fds[2];
    pid_t pid;
    cr_status st;

    if (cr_failed(st = tool_role_slot(mint->role, mint->slot, &cert, err)) ||
        cr_failed(st = tool_jwt_alg(cert->key, mint->alg, &alg, err)))
        return st;
    if (pipe(fds))
        return cr_fail_errno(err, CR_E_IO, errno, "a pipe");
    fflush(stdout);
    if ((pid = fork()) == 0) {
        close(fds[0]);
        child(mint, cert, fds[1]);
    }
    close(fds[1]);
    st = pid > 0 ? parent(fds[0], pid, token, err) : cr_fail_errno(err, CR_E_IO, errno, "no process to sign in");
    close(fds[0]);
    return st;
}
