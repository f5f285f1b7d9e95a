/* SPDX-License-Identifier: Apache-2.0 */
/* usage: worker KEY PUB[,PUB...] STEP...: a server in small. Loads the private key KEY (a file or URI) and the public keys,
 * then takes the steps one after the other: clearenv; chroot DIR; user UID GID GROUP; line (waits for one on stdin); fork N
 * (N children take the rest of the steps, the parent waits for them first); sign. A signature prints "PID signed: PUB", by
 * the public key that verifies it; a failure "PID failed: " and the errors. */
#include <grp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PUBS 4

static const char text[] = "some text that a server signs";
static EVP_PKEY *key, *pubs[PUBS];
static const char *names[PUBS];
static int failures;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static EVP_PKEY *private_key(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *found = NULL;

    while (store != NULL && found == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info == NULL)
            break;
        found = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (found == NULL) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    return found;
}

static void public_keys(char *list)
{
    char *rest = NULL;
    int n = 0;

    for (char *name = strtok_r(list, ",", &rest); name != NULL && n < PUBS; name = strtok_r(NULL, ",", &rest)) {
        FILE *f = fopen(name, "r");
        if (f == NULL || (pubs[n] = PEM_read_PUBKEY(f, NULL, NULL, NULL)) == NULL)
            die(name);
        fclose(f);
        names[n++] = name;
    }
}

static const char *verified_by(const unsigned char *sig, size_t n)
{
    const char *name = NULL;

    for (int i = 0; i < PUBS && pubs[i] != NULL && name == NULL; i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pubs[i]) == 1 &&
            EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text, sizeof text) == 1)
            name = names[i];
        EVP_MD_CTX_free(ctx);
    }
    return name;
}

/* One write a line: children print at the same time. */
static void say_failed(void)
{
    const char *why = NULL;
    char line[4096];
    size_t n = (size_t)snprintf(line, sizeof line, "%d failed:", (int)getpid());
    int flags = 0;

    while (ERR_get_error_all(NULL, NULL, NULL, &why, &flags) != 0)
        if ((flags & ERR_TXT_STRING) != 0 && n < sizeof line)
            n += (size_t)snprintf(line + n, sizeof line - n, " %s", why);
    printf("%s\n", line);
    failures++;
}

static void sign(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[1024];
    size_t n = sizeof sig;
    const char *who = NULL;

    ERR_clear_error();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text, sizeof text) == 1) {
        who = verified_by(sig, n);
        printf("%d signed: %s\n", (int)getpid(), who != NULL ? who : "nobody's key");
        failures += who == NULL;
    } else {
        say_failed();
    }
    fflush(stdout);
    EVP_MD_CTX_free(ctx);
}

static void become(const char *uid, const char *gid, const char *group)
{
    gid_t groups[1] = {(gid_t)atoi(group)};

    if (setgid((gid_t)atoi(gid)) != 0 || setgroups(1, groups) != 0 || setuid((uid_t)atoi(uid)) != 0)
        die("user");
}

/* Returns in each child; in the parent when all have ended. */
static void fork_workers(int n)
{
    int status;

    for (int i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            failures = 0;
            alarm(120);
            return;
        }
    }
    while (wait(&status) > 0)
        failures += status != 0;
}

int main(int argc, char **argv)
{
    char line[64];

    if (argc < 3)
        return 2;
    key = private_key(argv[1]);
    public_keys(argv[2]);
    for (char **step = argv + 3; *step != NULL; step++) {
        if (strcmp(*step, "clearenv") == 0)
            clearenv();
        else if (strcmp(*step, "sign") == 0)
            sign();
        else if (strcmp(*step, "line") == 0 && fgets(line, sizeof line, stdin) == NULL)
            die("line");
        else if (strcmp(*step, "chroot") == 0 && (chroot(*++step) != 0 || chdir("/") != 0))
            die("chroot");
        else if (strcmp(*step, "fork") == 0)
            fork_workers(atoi(*++step));
        else if (strcmp(*step, "user") == 0 && argv + argc - step > 3) {
            become(step[1], step[2], step[3]);
            step += 3;
        }
    }
    return failures != 0;
}
