/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.json: the files that were written from records, so that they can be found stale and written again. */
#include "store_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "roles/role_json.h"

#define FILE_NAME   "outputs.json"
#define FILE_FORMAT 1
#define FILE_MAX    (1024 * 1024)
#define ENTRIES_MAX 1000
#define ROLES_MAX   1000

static const char *const kinds[] = {
    [STORE_OUTPUT_REFERENCE] = "reference",
    [STORE_OUTPUT_BUNDLE] = "bundle",
    [STORE_OUTPUT_JWKS] = "jwks",
    [STORE_OUTPUT_METRICS] = "metrics",
};

static void output_clear(struct store_output *o)
{
    free(o->path);
    for (size_t i = 0; i < o->nroles; i++)
        free(o->roles[i]);
    free(o->roles);
    *o = (struct store_output){0};
}

void store_outputs_free(struct store_output **list, size_t n)
{
    for (size_t i = 0; *list != NULL && i < n; i++)
        output_clear(&(*list)[i]);
    free(*list);
    *list = NULL;
}

static cr_status read_kind(const json_t *obj, enum store_output_kind *out, struct cr_err *err)
{
    const char *text;
    cr_status st = role_json_text(obj, "kind", &text, err);

    if (cr_failed(st))
        return st;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        if (strcmp(text, kinds[i]) == 0) {
            *out = (enum store_output_kind)i;
            return cr_ok();
        }
    }
    return cr_fail(err, CR_E_UNSUPPORTED, "\"kind\" is '%.32s', which this certroll does not know", text);
}

static cr_status read_roles(const json_t *obj, struct store_output *out, struct cr_err *err)
{
    json_t *roles = NULL;
    cr_status st = role_json_array(obj, "roles", ROLES_MAX, &roles, err);

    if (cr_failed(st))
        return st;
    if ((out->roles = calloc(json_array_size(roles) + 1, sizeof(char *))) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < json_array_size(roles) && !cr_failed(st); i++) {
        const char *name = json_string_value(json_array_get(roles, i));

        if (name == NULL)
            st = cr_fail(err, CR_E_INVALID, "\"roles\" has an entry that is no text");
        else if (!cr_failed(st = role_name_check(name, err)) && !cr_failed(st = cr_strdup(name, &out->roles[i], err)))
            out->nroles++;
    }
    return st;
}

static cr_status read_words(const json_t *obj, struct store_output *out, struct cr_err *err)
{
    const char *text;
    cr_status st = cr_ok();

    out->has_slot = !role_json_absent(obj, "slot");
    out->has_bind = !role_json_absent(obj, "bind");
    if (out->has_slot && !cr_failed(st = role_json_text(obj, "slot", &text, err)))
        st = role_slot_parse(text, &out->slot, err);
    if (!cr_failed(st) && out->has_bind && !cr_failed(st = role_json_text(obj, "bind", &text, err)))
        st = role_binding_parse(text, &out->bind, err);
    return st;
}

static cr_status read_entry(const json_t *obj, struct store_output *out, struct cr_err *err)
{
    const char *path;
    cr_status st;

    if (!json_is_object(obj))
        return cr_fail(err, CR_E_INVALID, "an entry is not an object");
    if (cr_failed(st = role_json_text(obj, "path", &path, err)))
        return st;
    if (path[0] != '/')
        return cr_fail(err, CR_E_INVALID, "\"path\" is not absolute");
    if (cr_failed(st = cr_strdup(path, &out->path, err)) || cr_failed(st = read_kind(obj, &out->kind, err)) ||
        cr_failed(st = read_roles(obj, out, err)))
        return st;
    return read_words(obj, out, err);
}

static cr_status read_list(const json_t *root, struct store_output **list, size_t *n, struct cr_err *err)
{
    struct store_output *got;
    json_t *entries = NULL;
    size_t count;
    cr_status st;

    if (cr_failed(st = role_json_format(root, FILE_FORMAT, err)) ||
        cr_failed(st = role_json_array(root, "outputs", ENTRIES_MAX, &entries, err)))
        return st;
    count = json_array_size(entries);
    if ((got = calloc(count + 1, sizeof *got)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < count && !cr_failed(st); i++)
        st = read_entry(json_array_get(entries, i), &got[i], err);
    if (cr_failed(st)) {
        store_outputs_free(&got, count);
        return st;
    }
    *list = got;
    *n = count;
    return cr_ok();
}

cr_status store_outputs_read(struct cr_bytes text, struct store_output **list, size_t *n, struct cr_err *err)
{
    json_t *root = NULL;
    cr_status st = role_json_load(text, FILE_MAX, &root, err);

    if (!cr_failed(st))
        st = read_list(root, list, n, err);
    json_decref(root);
    if (st.code == CR_E_USAGE) /* of a word that a person did not type */
        st = cr_prefix(err, (cr_status){CR_E_INVALID}, "an entry");
    return st;
}

cr_status store_outputs(struct store *store, struct store_output **list, size_t *n, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_file_read(store->top.fd, FILE_NAME, FILE_MAX, true, &text, NULL, err);

    if (st.code == CR_E_NOT_FOUND) {
        *list = NULL;
        *n = 0;
        return cr_ok();
    }
    if (!cr_failed(st))
        st = store_outputs_read(cr_buf_bytes(&text), list, n, err);
    cr_buf_clear(&text);
    return cr_failed(st) ? cr_prefix(err, st, "%s/" FILE_NAME, store->dir) : st;
}

static json_t *entry_json(const struct store_output *o)
{
    json_t *roles = json_array();

    for (size_t i = 0; i < o->nroles; i++)
        json_array_append_new(roles, json_string(o->roles[i]));
    return json_pack("{s:s, s:s, s:o, s:s?, s:s?}", "path", o->path, "kind", kinds[o->kind], "roles", roles, "slot",
                     o->has_slot ? role_slot_text(o->slot) : NULL, "bind",
                     o->has_bind ? role_binding_text(o->bind) : NULL);
}

/* All of @list but the one at the new path and those whose file is gone, then @o. */
static cr_status write_list(struct store *store, const struct store_output *list, size_t n,
                            const struct store_output *o, struct cr_err *err)
{
    json_t *entries = json_array(), *root;
    struct cr_buf text = {0};
    cr_status st;

    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].path, o->path) != 0 && access(list[i].path, F_OK) == 0)
            json_array_append_new(entries, entry_json(&list[i]));
    json_array_append_new(entries, entry_json(o));
    root = json_pack("{s:i, s:O}", "format", FILE_FORMAT, "outputs", entries);
    if (root == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (json_array_size(entries) > ENTRIES_MAX)
        st = cr_fail(err, CR_E_REFUSED, FILE_NAME " has %d files already", ENTRIES_MAX);
    else if (!cr_failed(st = role_json_dump(root, JSON_INDENT(2), &text, err)) &&
             !cr_failed(st = cr_buf_append_str(&text, "\n", err)))
        st = cr_file_replace(store->top.fd, FILE_NAME, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
    json_decref(entries);
    json_decref(root);
    cr_buf_clear(&text);
    return st;
}

cr_status store_output_save(struct store *store, const struct store_output *output, struct cr_err *err)
{
    struct store_output *list = NULL;
    bool mine = false;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    if (!cr_failed(st = store_outputs(store, &list, &n, err)))
        st = write_list(store, list, n, output, err);
    store_outputs_free(&list, n);
    if (mine)
        store_unlock(store);
    return st;
}
