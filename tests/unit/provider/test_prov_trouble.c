/* SPDX-License-Identifier: Apache-2.0 */
/* When something is wrong: with the log, the record, the configuration, the module. */
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cr_time.h"
#include "fixture.h"
#include "roles/role_uri.h"

static const char data[] = "some text that somebody signs";

static bool signs(EVP_PKEY *key, EVP_PKEY *pub)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    return key != NULL && fixture_sign(key, data, sizeof data, sig, &n, NULL) &&
           fixture_verify(pub, data, sizeof data, sig, n);
}

static void lab(const char *name, char path[128])
{
    (void)snprintf(path, 128, "%s/lab/%s", fx.dir, name);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_true(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* ---- a configuration that differs by a line of sed: lab/other.conf ---- */

static void edit_conf(const char *sed)
{
    char command[512];

    (void)snprintf(command, sizeof command, "sed '%s' %s/lab/certroll.conf >%s/lab/other.conf", sed, fx.dir, fx.dir);
    assert_int_equal(system(command), 0);
}

static int status_of(const struct fixture_instance *in)
{
    int status = -1;
    OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, &status), OSSL_PARAM_END};

    return OSSL_PROVIDER_get_params(in->ours, params) == 1 ? status : -1;
}

/* ---- the log ---- */

/* How many lines of the log have @part in them. */
static unsigned logged(const char *part)
{
    char path[128], line[2048];
    unsigned n = 0;

    (void)snprintf(path, sizeof path, "%s/prov.log", fx.dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        n += strstr(line, part) != NULL;
    (void)fclose(f);
    return n;
}

/* Loads a key in a child (a process opens one log, and logs in once), with other.conf; fails with @says if not NULL. */
static int child_loads(const char *says)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        (void)alarm(60);
        struct fixture_instance in = fixture_load("other.conf");
        EVP_PKEY *key = fixture_key(in.ctx, "certroll://EcA");
        int good = says == NULL ? key != NULL : key == NULL && fixture_error_has(says);

        good = good && status_of(&in) == 1;
        EVP_PKEY_free(key);
        fixture_unload(&in);
        _exit(good ? 0 : 1);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    return status == 0;
}

static int loads_with_the_log(const char *path)
{
    char sed[256];

    (void)snprintf(sed, sizeof sed, "s|^log = .*|log = %s|", path);
    edit_conf(sed);
    return child_loads(NULL);
}

/* First of all: here no provider has been loaded yet. */
static void a_log_that_cannot_be_written_stops_nobody(void **state)
{
    char folder[96], link[96], pipe[96], target[96];
    struct stat is;

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/lab", fx.dir);
    (void)snprintf(link, sizeof link, "%s/link", fx.dir);
    (void)snprintf(target, sizeof target, "%s/target", fx.dir);
    (void)snprintf(pipe, sizeof pipe, "%s/pipe", fx.dir);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    const char *const paths[] = {"/nonexistent/certroll.log", folder, link, pipe, "/dev/full"};
    for (size_t i = 0; i < CR_COUNT(paths); i++) {
        if (!loads_with_the_log(paths[i]))
            fail_msg("log = %s", paths[i]);
    }
    assert_int_equal(stat(target, &is), -1); /* nothing was made through the link */
}

static void the_log_is_made_at_load_appended_to_and_closed_to_others(void **state)
{
    char path[96], text[64] = "";
    mode_t mask = umask(0);
    struct stat is;
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/one.log", fx.dir);
    assert_true(loads_with_the_log(path));
    (void)umask(mask);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0137, 0);
    f = fopen(path, "w");
    assert_true(f != NULL && fputs("what stood there\n", f) >= 0 && fclose(f) == 0);
    assert_true(loads_with_the_log(path));
    f = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, f));
    assert_string_equal(text, "what stood there\n");
    assert_non_null(fgets(text, sizeof text, f));
    (void)fclose(f);
}

/* As daemons do after OpenSSL read its configuration. In a child, whose other descriptors nobody misses. */
static int signs_with_descriptors_closed(const char *path)
{
    struct fixture_instance in = fixture_load("other.conf");
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *key, *pub = fixture_public(cert);
    int fd, good;

    if (close_range(3, ~0U, 0) != 0)
        return 0;
    fd = open("/dev/null", O_RDWR); /* a number of ours is theirs now */
    key = fixture_key(in.ctx, "certroll://EcA");
    good = fd == 3 && key != NULL && signs(key, pub) && fixture_key(in.ctx, "certroll://NoSuchRole") == NULL;
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
    fixture_unload(&in);
    return good && fcntl(fd, F_GETFD) >= 0 && access(path, F_OK) == 0;
}

static void a_daemon_that_closes_all_descriptors_signs_and_logs(void **state)
{
    char sed[256], path[96], line[2048];
    int status = -1;
    bool said = false;
    pid_t pid;
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/closed.log", fx.dir);
    (void)snprintf(sed, sizeof sed, "s|^log = .*|log = %s|", path);
    edit_conf(sed);
    pid = fork();
    if (pid == 0) {
        (void)alarm(60);
        _exit(signs_with_descriptors_closed(path) ? 0 : 1);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        said = said || strstr(line, "NoSuchRole") != NULL;
    (void)fclose(f);
    assert_true(said);
}

static void a_pin_file_that_is_of_no_use_is_named_with_the_reason(void **state)
{
    static const struct {
        const char *file, *says;
    } rows[] = {{"no-such-pin", "No such file"}, {"empty-pin", "the PIN, is empty"}, {".", "not a regular file"}};
    char sed[256], path[128];

    (void)state;
    lab("empty-pin", path);
    write_file(path, "\n1234\n");
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        lab(rows[i].file, path);
        (void)snprintf(sed, sizeof sed, "s|^pin-source = .*|pin-source = file:%s|", path);
        edit_conf(sed);
        if (!child_loads("token softhsm: cannot read the PIN") || !child_loads(path) || !child_loads(rows[i].says))
            fail_msg("%s", path);
    }
}

static void a_message_is_one_line_of_the_log(void **state)
{
    (void)state;
    assert_null(fixture_key(NULL, "certroll://Nobody%0aforged: line"));
    assert_null(fixture_key(NULL, "certroll://Nobody\nforged: line\x1b[2J"));
    assert_true(logged("forged") > 0);
    assert_int_equal(logged("\x1b"), 0);
    assert_int_equal(logged(""), logged(" certroll["));
    ERR_clear_error();
}

/* ---- the record ---- */

static void role_file(const char *role, char path[128])
{
    (void)snprintf(path, 128, "%s/lab/state/roles/%s.json", fx.dir, role);
}

static void trouble_with_a_record_is_reported_once_each_time(void **state)
{
    static const char *const damage[] = {"", "{", "{\"format\":1}", "[]", "\xff\xfe", NULL};
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *pa = fixture_public(a), *pb = fixture_public(b), *key;
    const struct timespec tick = {0, 20000000};
    char path[128], aside[160];
    unsigned n = 0;

    (void)state;
    fixture_assign("Hurt", a);
    key = fixture_key(NULL, "certroll://Hurt");
    role_file("Hurt", path);
    (void)snprintf(aside, sizeof aside, "%s/aside", fx.dir);
    for (size_t i = 0; i < CR_COUNT(damage); i++) {
        assert_int_equal(rename(path, aside), 0);
        if (damage[i] != NULL)
            write_file(path, damage[i]);
        for (int k = 0; k < 5; k++)
            assert_true(signs(key, pa));
        n++;
        assert_int_equal(logged("role Hurt: the last good record"), n);
        assert_int_equal(logged("role Hurt: its record can be read again"), n - 1);
        nanosleep(&tick, NULL); /* or the file that comes back is the very one that was read: its ctime is coarse */
        assert_int_equal(rename(aside, path), 0);
        for (int k = 0; k < 5; k++)
            assert_true(signs(key, pa));
        assert_int_equal(logged("role Hurt: the last good record"), n);
        assert_int_equal(logged("role Hurt: its record can be read again"), n);
    }
    fixture_assign("Hurt", b);
    assert_true(signs(key, pb));
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_roll_that_was_read_happens_though_the_record_is_gone(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *pa = fixture_public(a), *pb = fixture_public(b), *key;
    int64_t flip = fixture_now() + 2;
    char path[128];

    (void)state;
    fixture_assign("GoneRoll", a);
    fixture_roll("GoneRoll", b, flip);
    key = fixture_key(NULL, "certroll://GoneRoll");
    role_file("GoneRoll", path);
    assert_int_equal(unlink(path), 0);
    if (fixture_now() < flip - 1) {
        bool good = signs(key, pa);

        assert_true(good || fixture_now() >= flip - 1);
    }
    while (fixture_now() < flip)
        (void)usleep(1000);
    assert_true(signs(key, pb));
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

/* ---- tokens ---- */

/* The file's lines that begin with @start: how many, and how many of them have @part. */
static void told(const char *path, const char *start, const char *part, unsigned *lines, unsigned *with)
{
    FILE *f = fopen(path, "r");
    char line[2048];

    assert_non_null(f);
    *lines = *with = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        ++*lines;
        *with += strstr(line, part) != NULL;
    }
    (void)fclose(f);
}

static char *reference_to(const char *uri)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct cr_buf der = {0};
    char *text, *copy;
    long n;

    assert_false(cr_failed(role_ref_write(uri, &der, NULL)));
    assert_true(PEM_write_bio(bio, ROLE_REF_PEM_LABEL, "", der.p, (long)der.n) > 0);
    n = BIO_get_mem_data(bio, &text);
    copy = strndup(text, (size_t)n);
    assert_non_null(copy);
    BIO_free(bio);
    cr_buf_clear(&der);
    return copy;
}

/* OpenSSL then has the key managements of that name alone at hand, and fetches one for the key's type: ours on 3.0, on 3.5 the
 * default provider's, to which it would export the key. */
static void a_reference_wanted_by_the_name_of_its_decoder_ends_no_process(void **state)
{
    struct cr_buf der = {0};
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&key, "DER", NULL, "CERTROLL-REF", 0, NULL, NULL);
    const unsigned char *p;
    size_t n;

    (void)state;
    assert_non_null(decoder);
    assert_false(cr_failed(role_ref_write("certroll://EcA", &der, NULL)));
    p = der.p;
    n = der.n;
    ERR_clear_error();
    if (OSSL_DECODER_from_data(decoder, &p, &n) == 1) {
        struct role_cert *cert = fixture_cert("EcA");
        EVP_PKEY *pub = fixture_public(cert);

        assert_true(signs(key, pub));
        EVP_PKEY_free(pub);
        role_cert_unref(&cert);
    } else {
        assert_null(key);
        assert_true(fixture_error_has("cannot be exported"));
    }
    EVP_PKEY_free(key);
    OSSL_DECODER_CTX_free(decoder);
    cr_buf_clear(&der);
    ERR_clear_error();
}

/* Every answer to what the module asked. */
static void check_answers(const char *path)
{
    static const char *const asks[] = {"store:", "pem:", "sign:"};
    unsigned lines, with;

    for (size_t i = 0; i < CR_COUNT(asks); i++) {
        told(path, asks[i], "from inside a call", &lines, &with);
        if (lines < 2 || with != lines)
            fail_msg("%s %u lines, %u with our sentence", asks[i], lines, with);
    }
    told(path, "own:", "yes", &lines, &with);
    assert_true(lines >= 2 && with == lines);
    told(path, "recursion", "", &lines, &with);
    assert_int_equal(lines, 0);
}

static void a_module_that_asks_for_our_keys_is_told_so_and_signs(void **state)
{
    char path[96], *pem = reference_to("certroll://RsaB");
    void *so = dlopen(MOCK_MODULE, RTLD_NOW | RTLD_LOCAL);
    void (*hold)(EVP_PKEY * key, const char *text) = NULL;
    struct role_cert *a = fixture_cert("RsaA"), *e = fixture_cert("EcB");
    EVP_PKEY *pa = fixture_public(a), *pe = fixture_public(e), *held = fixture_key(NULL, "certroll://EcA"), *ka, *ke;

    (void)state;
    assert_non_null(so);
    *(void **)&hold = dlsym(so, "mock_reenter_hold");
    assert_non_null(hold);
    hold(held, pem);
    (void)snprintf(path, sizeof path, "%s/told", fx.dir);
    (void)setenv("CERTROLL_MOCK_TOLD", path, 1);
    (void)alarm(60); /* a hang is a failure */
    ERR_clear_error();
    ka = fixture_key(NULL, "certroll://RsaA");
    ke = fixture_key(NULL, "certroll://P384"); /* proven by a signature, in the middle of the search */
    EVP_PKEY_free(ke);
    ke = fixture_key(NULL, "certroll://EcB");
    assert_true(signs(ka, pa));
    assert_true(signs(ke, pe));
    assert_int_equal(ERR_peek_error(), 0); /* the module's errors are not the application's */
    (void)alarm(0);
    (void)unsetenv("CERTROLL_MOCK_TOLD");
    hold(NULL, NULL);
    check_answers(path);
    (void)dlclose(so);
    free(pem);
    EVP_PKEY_free(ka);
    EVP_PKEY_free(ke);
    EVP_PKEY_free(held);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pe);
    role_cert_unref(&a);
    role_cert_unref(&e);
}

/* What the queue says of roles, each sentence ended by '|'; clears it. */
static void sentences(char *out, size_t size)
{
    const char *text = NULL;
    int flags = 0;

    out[0] = '\0';
    while (ERR_get_error_all(NULL, NULL, NULL, &text, &flags) != 0) {
        if ((flags & ERR_TXT_STRING) != 0 && strstr(text, "role ") != NULL)
            (void)snprintf(out + strlen(out), size - strlen(out), "%s|", text);
    }
}

static void without_its_module_certificates_load_and_the_key_says_why(void **state)
{
    struct fixture_instance in;
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    char text[1024];

    (void)state;
    edit_conf("s|^module = .*|module = /nonexistent/libtoken.so|");
    in = fixture_load("other.conf");
    store = OSSL_STORE_open_ex("certroll://EcA", in.ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    assert_non_null(store);
    info = OSSL_STORE_load(store);
    assert_non_null(info);
    assert_int_equal(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_CERT);
    OSSL_STORE_INFO_free(info);
    ERR_clear_error();
    assert_null(OSSL_STORE_load(store));
    sentences(text, sizeof text);
    assert_non_null(strstr(text, "role EcA"));
    assert_non_null(strstr(text, "token softhsm"));
    assert_non_null(strstr(text, "/nonexistent/libtoken.so"));
    assert_ptr_equal(strchr(text, '|'), text + strlen(text) - 1);
    assert_int_equal(OSSL_STORE_eof(store), 1);
    (void)OSSL_STORE_close(store);
    fixture_unload(&in);
}

static void an_empty_role_names_the_date_of_next(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    int64_t when = fixture_now() + 86400 * 3;
    char date[CR_TIME_TEXT];

    (void)state;
    fixture_assign("Vacant", a);
    fixture_roll("Vacant", b, when);
    fixture_change("Vacant", (struct role_intent){.verb = ROLE_UNASSIGN, .has_slot = true, .slot = ROLE_CURRENT});
    ERR_clear_error();
    assert_null(fixture_key(NULL, "certroll://Vacant"));
    assert_true(fixture_error_has(cr_time_text(when, date)));
    role_cert_unref(&a);
    role_cert_unref(&b);
}

/* ---- who may write what decides which key signs ---- */

/* A provider with this configuration loads (every program's openssl.cnf names it), says 0 as its status, and answers
 * each use with the reason. */
static void is_refused(const char *says)
{
    struct fixture_instance in = fixture_load("other.conf");

    assert_int_equal(status_of(&in), 0);
    ERR_clear_error();
    assert_null(fixture_key(in.ctx, "certroll://EcA"));
    if (!fixture_error_has(says))
        fail_msg("no word of '%s'", says);
    fixture_unload(&in);
}

static void what_others_can_write_is_refused(void **state)
{
    char conf[128], dir[128], module[128], sed[256], command[512];
    struct fixture_instance in;

    (void)state;
    if (geteuid() != 0)
        skip();
    lab("other.conf", conf);
    edit_conf("");
    assert_int_equal(chmod(conf, 0666), 0);
    is_refused(conf);
    assert_int_equal(chmod(conf, 0664), 0);
    is_refused(conf);
    assert_true(chmod(conf, 0644) == 0 && chown(conf, 65534, 0) == 0);
    is_refused(conf);
    assert_int_equal(chown(conf, 0, 0), 0);
    lab("state", dir);
    assert_int_equal(chmod(dir, 0777), 0);
    is_refused(dir);
    assert_int_equal(chmod(dir, 0755), 0);
    /* The module: its code would run in every server. */
    (void)snprintf(module, sizeof module, "%s/token.so", fx.dir);
    (void)snprintf(command, sizeof command, "cp %s %s && chmod 0777 %s", SOFTHSM, module, module);
    assert_int_equal(system(command), 0);
    (void)snprintf(sed, sizeof sed, "s|^module = .*|module = %s|", module);
    edit_conf(sed);
    in = fixture_load("other.conf");
    ERR_clear_error();
    assert_null(fixture_key(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has(module));
    fixture_unload(&in);
}

static void a_configuration_that_is_wrong_says_so_at_each_use(void **state)
{
    static const struct {
        const char *sed, *says;
    } rows[] = {{"s/^state = .*/state = relative/", "relative"},
                {"s/^state = .*/&\\nnonsense = 1/", "nonsense"},
                {"s/^pin-source = .*/pin-value = 1234/", "pin-value"},
                {"s/^module = .*//", "module"}};
    char path[128];

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        edit_conf(rows[i].sed);
        is_refused(rows[i].says);
    }
    lab("other.conf", path);
    assert_int_equal(unlink(path), 0);
    is_refused(path);
}

static int setup(void **state)
{
    char command[512];

    if (fixture_setup(state) != 0)
        return -1;
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)snprintf(command, sizeof command,
                   "sed -i '/^#* *log *=/d; s|^state = .*|&\\nlog = %s/prov.log|; s|^module = .*|module = %s|' "
                   "%s/lab/certroll.conf",
                   fx.dir, MOCK_MODULE, fx.dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_cannot_be_written_stops_nobody),
        cmocka_unit_test(the_log_is_made_at_load_appended_to_and_closed_to_others),
        cmocka_unit_test(a_daemon_that_closes_all_descriptors_signs_and_logs),
        cmocka_unit_test(a_pin_file_that_is_of_no_use_is_named_with_the_reason),
        cmocka_unit_test(a_message_is_one_line_of_the_log),
        cmocka_unit_test(trouble_with_a_record_is_reported_once_each_time),
        cmocka_unit_test(a_roll_that_was_read_happens_though_the_record_is_gone),
        cmocka_unit_test(a_module_that_asks_for_our_keys_is_told_so_and_signs),
        cmocka_unit_test(a_reference_wanted_by_the_name_of_its_decoder_ends_no_process),
        cmocka_unit_test(without_its_module_certificates_load_and_the_key_says_why),
        cmocka_unit_test(an_empty_role_names_the_date_of_next),
        cmocka_unit_test(what_others_can_write_is_refused),
        cmocka_unit_test(a_configuration_that_is_wrong_says_so_at_each_use),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
