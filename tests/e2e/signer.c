/* SPDX-License-Identifier: Apache-2.0 */
/* usage: signer [-f] THREADS KEY...: threads sign all the time with keys loaded once (URIs or reference files) and verify with
 * the public half that was read at load. Each line on standard input is answered by one line: a word for one signature with
 * the first key made now, then the counts of good and failed signatures, open descriptors and threads, and what the last
 * failure said. Ends with its input, or at once, by 2, when a signature does not verify. SIGPIPE is left as it is. -f: all that
 * is done by a forked child, after a first signature of its parent. */
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEYS_MAX 8

static struct {
    EVP_PKEY *key, *pub;
} keys[KEYS_MAX];
static int nkeys;
static atomic_ulong good, failed;
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[512];

static EVP_PKEY *load(const char *name)
{
    OSSL_STORE_CTX *ctx = OSSL_STORE_open(name, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (ctx != NULL)
        (void)OSSL_STORE_expect(ctx, OSSL_STORE_INFO_PKEY);
    while (ctx != NULL && key == NULL && !OSSL_STORE_eof(ctx)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(ctx);
        key = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(ctx);
    return key;
}

static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    const unsigned char *p;
    int n = i2d_PUBKEY(key, &der);
    EVP_PKEY *pub;

    p = der;
    pub = n > 0 ? d2i_PUBKEY(NULL, &p, n) : NULL;
    OPENSSL_free(der);
    return pub;
}

static void note_failure(void)
{
    unsigned long last = 0, e;
    const char *data = NULL, *d;
    int flags, f;

    pthread_mutex_lock(&said_lock);
    while ((e = ERR_get_error_all(NULL, NULL, NULL, &d, &f)) != 0) {
        last = e;
        data = d;
        flags = f;
        if (data != NULL && (flags & ERR_TXT_STRING) != 0 && *data != '\0')
            snprintf(said, sizeof said, "%s", data);
    }
    if (last == 0)
        snprintf(said, sizeof said, "a failure without an error");
    pthread_mutex_unlock(&said_lock);
}

static int sign_one(int i)
{
    static const unsigned char text[] = "some text to sign";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *check = EVP_MD_CTX_new();
    unsigned char sig[1024];
    size_t n = sizeof sig;
    int ok = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, keys[i].key) == 1 &&
             EVP_DigestSign(ctx, sig, &n, text, sizeof text) == 1;

    if (!ok) {
        note_failure();
        atomic_fetch_add(&failed, 1);
    } else if (EVP_DigestVerifyInit(check, NULL, EVP_sha256(), NULL, keys[i].pub) != 1 ||
               EVP_DigestVerify(check, sig, n, text, sizeof text) != 1) {
        fprintf(stderr, "a signature does not verify\n");
        _exit(2);
    } else {
        atomic_fetch_add(&good, 1);
    }
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(check);
    return ok;
}

static void *work(void *arg)
{
    const struct timespec pause = {0, 2000000};

    for (int i = (int)(long)arg;; i++) {
        sign_one(i % nkeys);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        closedir(dir);
    return n - 3; /* ".", "..", and for descriptors the folder itself */
}

/* Returns in the child; the parent waits for it and ends as it does. */
static void go_on_in_a_child(void)
{
    int status = 0;
    pid_t pid;

    if (!sign_one(0) || (pid = fork()) < 0)
        exit(1);
    if (pid > 0)
        _exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv)
{
    bool forked = argc > 1 && strcmp(argv[1], "-f") == 0;
    char line[64];
    pthread_t t;

    argc -= forked;
    argv += forked;
    for (int i = 2; i < argc && nkeys < KEYS_MAX; i++, nkeys++) {
        keys[nkeys].key = load(argv[i]);
        keys[nkeys].pub = keys[nkeys].key != NULL ? public_half(keys[nkeys].key) : NULL;
        if (keys[nkeys].pub == NULL) {
            ERR_print_errors_fp(stderr);
            return 1;
        }
    }
    if (nkeys == 0)
        return 1;
    if (forked)
        go_on_in_a_child();
    for (long i = 0; i < atoi(argv[1]); i++)
        if (pthread_create(&t, NULL, work, (void *)i) != 0)
            return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        int ok = sign_one(0);
        pthread_mutex_lock(&said_lock);
        printf("%s %lu %lu %d %d %s\n", ok ? "signed" : "failed", atomic_load(&good), atomic_load(&failed),
               entries("/proc/self/fd"), entries("/proc/self/task") + 1, said);
        pthread_mutex_unlock(&said_lock);
        fflush(stdout);
    }
    _exit(0); /* threads are in the middle of signatures */
}
