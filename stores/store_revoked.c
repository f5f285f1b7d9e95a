/* SPDX-License-Identifier: Apache-2.0 */
/* revoked.json: the keys revoked on this server, which is also the journal of revocations under way. */
#include "store_file.h"

#include <stdlib.h>
#include <string.h>

#include "roles/role_json.h"

#define FILE_NAME   "revoked.json"
#define FILE_FORMAT 1
#define FILE_MAX    (4 * 1024 * 1024)
#define ENTRIES_MAX 10000

static cr_status read_entry(json_t *obj, struct store_revocation *rev, struct cr_err *err)
{
    const char *text;
    cr_status st;

    if (!json_is_object(obj))
        return cr_fail(err, CR_E_INVALID, "an entry is not an object");
    if (cr_failed(st = role_json_hex(obj, "spki", 64, rev->spki, err)) ||
        cr_failed(st = role_json_hex(obj, "thumbprint", 64, rev->thumbprint, err)) ||
        cr_failed(st = role_json_time(obj, "when", &rev->when, err)))
        return st;
    if (!role_json_absent(obj, "replace") && cr_failed(st = role_json_hex(obj, "replace", 64, rev->replace, err)))
        return st;
    if (!json_is_boolean(json_object_get(obj, "done")))
        return cr_fail(err, CR_E_INVALID, "\"done\" is not true or false");
    rev->done = json_is_true(json_object_get(obj, "done"));
    if (role_json_absent(obj, "reason"))
        return cr_ok();
    if (cr_failed(st = role_json_text(obj, "reason", &text, err)))
        return st;
    return cr_strdup(text, &rev->reason, err);
}

static cr_status read_list(json_t *root, struct store_revocation **list, size_t *n, struct cr_err *err)
{
    struct store_revocation *got = NULL;
    json_t *entries = NULL;
    size_t count = 0, i;
    cr_status st;

    if (cr_failed(st = role_json_format(root, FILE_FORMAT, err)) ||
        cr_failed(st = role_json_array(root, "revoked", ENTRIES_MAX, &entries, err)))
        return st;
    count = json_array_size(entries);
    if ((got = calloc(count + 1, sizeof *got)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (i = 0; i < count && !cr_failed(st); i++)
        st = read_entry(json_array_get(entries, i), &got[i], err);
    if (cr_failed(st)) {
        store_revocations_free(&got, count);
        return st;
    }
    *list = got;
    *n = count;
    return cr_ok();
}

/* *root is NULL where there is no file. */
static cr_status load(struct store *store, json_t **root, struct store_revocation **list, size_t *n, struct cr_err *err)
{
    struct cr_buf text = {0};
    json_t *got = NULL;
    cr_status st = cr_file_read(store->top.fd, FILE_NAME, FILE_MAX, true, &text, NULL, err);

    if (st.code == CR_E_NOT_FOUND) {
        *list = NULL;
        *n = 0;
        return cr_ok();
    }
    if (!cr_failed(st) && !cr_failed(st = role_json_load(cr_buf_bytes(&text), FILE_MAX, &got, err)))
        st = read_list(got, list, n, err);
    if (cr_failed(st)) {
        st = cr_prefix(err, st, "%s/" FILE_NAME, store->dir);
        json_decref(got);
    } else {
        *root = got;
    }
    cr_buf_clear(&text);
    return st;
}

cr_status store_revocations(struct store *store, struct store_revocation **list, size_t *n, struct cr_err *err)
{
    json_t *root = NULL;
    cr_status st = load(store, &root, list, n, err);

    json_decref(root);
    return st;
}

cr_status store_revocations_read(struct cr_bytes text, struct store_revocation **list, size_t *n, struct cr_err *err)
{
    json_t *root = NULL;
    cr_status st = role_json_load(text, FILE_MAX, &root, err);

    if (!cr_failed(st))
        st = read_list(root, list, n, err);
    json_decref(root);
    return cr_failed(st) ? cr_prefix(err, st, FILE_NAME) : st;
}

void store_revocations_free(struct store_revocation **list, size_t n)
{
    if (list == NULL || *list == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        free((*list)[i].reason);
    free(*list);
    *list = NULL;
}

static json_t *entry_json(const struct store_revocation *rev)
{
    struct role_json_out o = {.obj = json_object()};
    json_t *json = NULL;

    role_json_put_text(&o, "spki", rev->spki);
    role_json_put_text(&o, "thumbprint", rev->thumbprint);
    role_json_put_text(&o, "replace", rev->replace[0] != '\0' ? rev->replace : NULL);
    role_json_put_time(&o, "when", rev->when);
    role_json_put(&o, "done", json_boolean(rev->done));
    role_json_put_foreign(&o, "reason", rev->reason);
    return cr_failed(role_json_done(&o, &json, NULL)) ? NULL : json;
}

/* The entry of @spki in the array, or NULL. Borrowed. */
static json_t *find_entry(json_t *entries, const char *spki)
{
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(entries, i), "spki"));

        if (text != NULL && strcmp(text, spki) == 0)
            return json_array_get(entries, i);
    }
    return NULL;
}

/* Members that we do not know stay, in the file and in the entry. */
static cr_status put_entry(json_t *root, const struct store_revocation *rev, struct cr_err *err)
{
    json_t *entries = json_object_get(root, "revoked"), *fresh = entry_json(rev), *old;
    bool good = fresh != NULL;

    if (good && (old = find_entry(entries, rev->spki)) != NULL)
        good = json_object_update(old, fresh) == 0;
    else if (good && json_array_size(entries) >= ENTRIES_MAX)
        good = false;
    else if (good)
        good = json_array_append(entries, fresh) == 0;
    json_decref(fresh);
    return good ? cr_ok() : cr_fail(err, CR_E_NOMEM, "no room for another revocation");
}

cr_status store_revocation_save(struct store *store, const struct store_revocation *rev, struct cr_err *err)
{
    struct store_revocation *list = NULL;
    json_t *root = NULL;
    struct cr_buf text = {0};
    size_t n = 0;
    bool mine = false;
    cr_status st;

    if (cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    if (cr_failed(st = load(store, &root, &list, &n, err)))
        goto out;
    if (root == NULL && (root = json_pack("{s:i, s:[]}", "format", FILE_FORMAT, "revoked")) == NULL) {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
        goto out;
    }
    if (cr_failed(st = put_entry(root, rev, err)) || cr_failed(st = role_json_dump(root, JSON_INDENT(2), &text, err)) ||
        cr_failed(st = cr_buf_append_str(&text, "\n", err)))
        goto out;
    st = cr_file_replace(store->top.fd, FILE_NAME, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
out:
    if (mine)
        store_unlock(store);
    store_revocations_free(&list, n);
    json_decref(root);
    cr_buf_clear(&text);
    return st;
}
