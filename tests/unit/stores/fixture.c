/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../roles/fake_cert.h"

void must(cr_status st, const struct cr_err *err)
{
    if (cr_failed(st))
        fail_msg("%d: %s", (int)st.code, cr_err_text(err));
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct cr_err err = {0};

    if (f == NULL)
        return -1;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/certroll-store.XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    if (chmod(f->dir, 0755) != 0 || cr_failed(store_file_open(f->dir, true, &f->store, &err))) {
        print_error("%s\n", cr_err_text(&err));
        return -1;
    }
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    int rc;

    store_close(&f->store);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    rc = system(command);
    free(f);
    return rc;
}

struct role_record *make_record(const char *role, uint64_t generation, const char *who)
{
    struct role_record *rec = NULL;
    struct cr_err err = {0};

    must(role_record_new(role, &rec, &err), &err);
    rec->generation = generation;
    rec->max_rsa_bits = ROLE_RSA_BITS_DEFAULT;
    rec->current = fake_cert("A", NULL);
    rec->current_since = T0;
    must(cr_strdup(who, &rec->changed.who, &err), &err);
    rec->changed.when = T0 + (int64_t)generation;
    return rec;
}

cr_status save(struct store *store, const char *role, uint64_t generation, struct cr_err *err)
{
    struct role_record *rec = make_record(role, generation, "alice");
    cr_status st = store_save(store, rec, generation - 1, err);

    role_record_unref(&rec);
    return st;
}

uint64_t generation_of(struct store *store, const char *role)
{
    struct role_record *rec = NULL;
    struct cr_err err = {0};
    uint64_t generation = 0;
    cr_status st = store_load(store, role, &rec, NULL, &err);

    if (st.code == CR_E_NOT_FOUND)
        return 0;
    must(st, &err);
    generation = rec->generation;
    role_record_unref(&rec);
    return generation;
}

static void path_of(const struct fixture *f, const char *name, char path[256])
{
    assert_true(snprintf(path, 256, "%s/%s", f->dir, name) < 256);
}

void put_file(const struct fixture *f, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    path_of(f, name, path);
    assert_non_null(file = fopen(path, "w"));
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

char *get_file(const struct fixture *f, const char *name)
{
    char path[256], *text;
    struct stat sb;
    FILE *file;

    path_of(f, name, path);
    if ((file = fopen(path, "r")) == NULL)
        return NULL;
    assert_int_equal(fstat(fileno(file), &sb), 0);
    assert_non_null(text = calloc(1, (size_t)sb.st_size + 1));
    assert_int_equal(fread(text, 1, (size_t)sb.st_size, file), (size_t)sb.st_size);
    assert_int_equal(fclose(file), 0);
    return text;
}
