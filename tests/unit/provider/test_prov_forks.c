/* SPDX-License-Identifier: Apache-2.0 */
/* A process loads keys and then forks as servers do: many workers, daemons, from any thread, with two providers, into
 * another program. What the token is asked meanwhile is counted by a module in front of it. */
#include <dlfcn.h>
#include <openssl/err.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKERS 16 /* each of them many times slower */
#else
#define WORKERS 64
#endif
#define CHILD_SEC 120 /* a hang is a failure */
#define LATE_US   1000000

static const char data[] = "some text that somebody signs";
static struct mock_counts *counts;
static EVP_PKEY *rsa, *ec, *rsa_pub, *ec_pub;

static unsigned long calls(enum mock_function of)
{
    return atomic_load(&counts->of[of].calls);
}

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static bool sign(EVP_PKEY *key, EVP_PKEY *pub)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    if (fixture_sign(key, data, sizeof data, sig, &n, NULL) && fixture_verify(pub, data, sizeof data, sig, n))
        return true;
    ERR_print_errors_fp(stderr);
    return false;
}

static bool sign_both(void)
{
    return sign(rsa, rsa_pub) && sign(ec, ec_pub);
}

/* Each login writes SoftHSM's token file anew, and who reads half of it then is told nonsense. The token is tried again
 * for somewhat more than a second, which on a busy machine may have gone by at the first try already. */
static bool sign_both_in_a_crowd(void)
{
    int64_t before = now_us();

    return sign_both() || (now_us() - before >= LATE_US && sign_both());
}

/* What a child has to tell. */
struct word {
    bool good;
    int64_t first_us; /* until its work was done the first time */
};

/* Runs @work in a child that begins when its parent closes the pipe @start (or NULL), and tells through @tell (or -1). */
static pid_t child(bool (*work)(void), const int *start, int tell)
{
    pid_t pid = fork();
    struct word word = {0};
    int64_t before;
    char c;

    if (pid != 0)
        return pid;
    if (start != NULL && (close(start[1]) != 0 || read(start[0], &c, 1) != 0))
        _exit(2);
    (void)alarm(CHILD_SEC); /* not while its siblings were forked */
    before = now_us();
    word.good = work();
    word.first_us = now_us() - before;
    if (word.good && (work == sign_both || work == sign_both_in_a_crowd))
        word.good = sign_both();
    _exit(tell >= 0 && write(tell, &word, sizeof word) != (ssize_t)sizeof word ? 3 : !word.good);
}

static int wait_for(pid_t pid)
{
    int status = -1;

    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int64_t alone; /* their longest time */
static void *softhsm; /* loaded in the parent, and initialized in children */

/* The token's own time in a child: what any program there has to do before it signs. */
static bool token_alone(void)
{
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *p11;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_SLOT_ID slots[4];
    CK_ULONG n = CR_COUNT(slots);
    CK_SESSION_HANDLE session;
    unsigned char pin[64];
    char path[128];
    size_t pin_n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/lab/pin", fx.dir);
    if (softhsm == NULL || (f = fopen(path, "r")) == NULL)
        return false;
    pin_n = fread(pin, 1, sizeof pin, f);
    (void)fclose(f);
    while (pin_n > 0 && pin[pin_n - 1] == '\n')
        pin_n--;
    *(void **)&get = dlsym(softhsm, "C_GetFunctionList");
    return get(&p11) == CKR_OK && p11->C_Initialize(&args) == CKR_OK &&
           p11->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK &&
           p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
           p11->C_Login(session, CKU_USER, pin, pin_n) == CKR_OK;
}

static bool nothing(void)
{
    return true;
}

static bool sign_ec(void)
{
    return sign(ec, ec_pub);
}

/* Children one after the other; their longest time. */
static int64_t one_by_one(bool (*work)(void), int n)
{
    int64_t longest = 0;
    struct word word;
    int tell[2];

    assert_int_equal(pipe(tell), 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(wait_for(child(work, NULL, tell[1])), 0);
        assert_int_equal(read(tell[0], &word, sizeof word), sizeof word);
        longest = word.first_us > longest ? word.first_us : longest;
    }
    (void)close(tell[0]);
    (void)close(tell[1]);
    return longest;
}

static void a_worker_initializes_the_token_once_and_the_parent_makes_no_call(void **state)
{
    unsigned long init = calls(MOCK_C_Initialize), before;
    int64_t ours;

    (void)state;
    assert_true(sign_both());
    ours = one_by_one(sign_ec, WORKERS);
    assert_int_equal(calls(MOCK_C_Initialize) - init, WORKERS);
    assert_int_equal(calls(MOCK_C_Finalize), 0);
    print_message("first signature in a child: %ld us at most, the token alone: %ld us at most\n", (long)ours,
                  (long)alone);
    before = mock_counts_total(counts);
    assert_int_equal(wait_for(child(nothing, NULL, -1)), 0);
    assert_int_equal(mock_counts_total(counts), before);
    assert_true(sign_both());
    assert_int_equal(mock_counts_total(counts) - before, 4);
}

static void many_workers_that_start_at_the_same_moment_sign(void **state)
{
    unsigned long before;
    pid_t pids[WORKERS];
    int start[2], tell[2], bad = 0;
    int64_t longest = 0;
    struct word word;

    (void)state;
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(tell), 0);
    for (int i = 0; i < WORKERS; i++)
        pids[i] = child(sign_both_in_a_crowd, start, tell[1]);
    (void)close(start[0]);
    (void)close(start[1]);
    for (int i = 0; i < WORKERS; i++)
        bad += wait_for(pids[i]) != 0;
    for (int i = 0; i < WORKERS - bad; i++) {
        assert_int_equal(read(tell[0], &word, sizeof word), sizeof word);
        longest = word.first_us > longest ? word.first_us : longest;
    }
    (void)close(tell[0]);
    (void)close(tell[1]);
    print_message("%d at once: %ld us at most until RSA and EC were signed\n", WORKERS, (long)longest);
    assert_int_equal(bad, 0);
    before = mock_counts_total(counts);
    assert_true(sign_both());
    assert_int_equal(mock_counts_total(counts) - before, 4);
}

static void a_daemon_signs(void **state)
{
    struct word word = {0};
    int tell[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(tell), 0);
    pid = fork();
    if (pid == 0) {
        if (setsid() < 0)
            _exit(1);
        _exit(child(sign_both, NULL, tell[1]) < 0);
    }
    (void)close(tell[1]);
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(read(tell[0], &word, sizeof word), sizeof word);
    (void)close(tell[0]);
    assert_true(word.good);
    assert_true(sign_both());
}

/* This program again, which then only signs: see main. (Not openssl: it could not load a sanitizer's module.) */
static bool exec_signer(void)
{
    (void)execl("/proc/self/exe", "signer", "certroll://EcA", NULL);
    return false;
}

static void a_program_started_by_fork_and_exec_signs(void **state)
{
    unsigned long init = calls(MOCK_C_Initialize);

    (void)state;
    assert_int_equal(wait_for(child(exec_signer, NULL, -1)), 0);
    assert_int_equal(calls(MOCK_C_Initialize) - init, 1);
    assert_true(sign_both());
}

static int sign_in_a_fresh_process(const char *uri)
{
    EVP_PKEY *key = fixture_key(NULL, uri);
    bool good = key != NULL && sign(key, key);

    EVP_PKEY_free(key);
    return good ? 0 : 1;
}

static void *fork_here(void *arg)
{
    *(int *)arg = wait_for(child(sign_both, NULL, -1));
    return NULL;
}

static void a_child_forked_by_another_thread_signs(void **state)
{
    pthread_t thread;
    int status = -1;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, fork_here, &status), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(status, 0);
    assert_true(sign_both());
}

static EVP_PKEY *other;

static bool sign_with_both_providers(void)
{
    return sign(other, ec_pub) && sign_both() && sign(other, ec_pub);
}

static void a_child_of_a_process_with_two_providers_signs_with_both(void **state)
{
    struct fixture_instance in = fixture_load("certroll.conf");
    unsigned long init = calls(MOCK_C_Initialize);

    (void)state;
    other = fixture_key(in.ctx, "certroll://EcA");
    assert_non_null(other);
    assert_true(sign_with_both_providers());
    assert_int_equal(wait_for(child(sign_with_both_providers, NULL, -1)), 0);
    assert_int_equal(calls(MOCK_C_Initialize) - init, 1);
    assert_true(sign_with_both_providers());
    EVP_PKEY_free(other);
    fixture_unload(&in);
    assert_int_equal(wait_for(child(sign_both, NULL, -1)), 0);
    assert_true(sign_both());
}

static EVP_PKEY *public(const char *role)
{
    struct role_cert *cert = fixture_cert(role);
    EVP_PKEY *pub = fixture_public(cert);

    role_cert_unref(&cert);
    return pub;
}

static int setup(void **state)
{
    char command[512], path[128];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    (void)snprintf(command, sizeof command, "sed -i 's|^module = .*|module = %s|' %s/lab/certroll.conf", MOCK_MODULE,
                   fx.dir);
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)setenv("CERTROLL_MOCK_COUNTS", path, 1);
    (void)snprintf(path, sizeof path, "%s/lab/softhsm2.conf", fx.dir);
    (void)setenv("SOFTHSM2_CONF", path, 1); /* for token_alone */
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    counts = mock_counts_map(path);
    if (counts == NULL || system(command) != 0)
        return -1;
    softhsm = dlopen(SOFTHSM, RTLD_NOW);
    alone = one_by_one(token_alone, WORKERS);
    rsa_pub = public("RsaA");
    ec_pub = public("EcA");
    rsa = fixture_key(NULL, "certroll://RsaA");
    ec = fixture_key(NULL, "certroll://EcA");
    return rsa != NULL && ec != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa_pub);
    EVP_PKEY_free(ec_pub);
    return fixture_teardown(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_initializes_the_token_once_and_the_parent_makes_no_call),
        cmocka_unit_test(many_workers_that_start_at_the_same_moment_sign),
        cmocka_unit_test(a_daemon_signs),
        cmocka_unit_test(a_program_started_by_fork_and_exec_signs),
        cmocka_unit_test(a_child_forked_by_another_thread_signs),
        cmocka_unit_test(a_child_of_a_process_with_two_providers_signs_with_both),
    };

    if (argc == 2)
        return sign_in_a_fresh_process(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
