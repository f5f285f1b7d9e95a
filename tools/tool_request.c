/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/store_requests.h"
#include "tool_cert.h"
#include "tool_columns.h"

cr_status tool_requests_read(struct tool *tool, struct tool_requests *out, struct cr_err *err)
{
    struct tool_requests got = {0};
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_requests(store, &names, &n, err)))
        return st;
    if (!(got.list = calloc(n ? n : 1, sizeof(*got.list))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (cr_failed(store_request_load(store, names[i], &got.list[got.n], err)))
            tool_warn("%s", err->text);
        else
            got.n++;
    }
    store_names_free(&names, n);
    if (!cr_failed(st))
        *out = got;
    return st;
}

void tool_requests_clear(struct tool_requests *requests)
{
    for (size_t i = 0; i < requests->n; i++)
        role_request_clear(&requests->list[i]);
    free(requests->list);
    *requests = (struct tool_requests){0};
}

static bool is_for(const struct role_request *r, const char *role)
{
    for (size_t i = 0; i < r->nroles; i++)
        if (!strcmp(r->roles[i], role))
            return true;
    return false;
}

static bool is_named(const struct role_request *r, const char *text, const char *hex)
{
    return is_for(r, text) || (*hex && (!strncmp(r->spki, hex, strlen(hex)) || !strncmp(r->id, hex, strlen(hex))));
}

cr_status tool_request_find(const struct tool_requests *requests, const char *text, const struct role_request **out,
                            struct cr_err *err)
{
    const struct role_request *hit = NULL;
    char hex[65] = "";

    if (cr_failed(tool_thumbprint_clean(text, hex, NULL)))
        hex[0] = '\0';
    for (size_t i = 0; i < requests->n; i++) {
        if (!is_named(&requests->list[i], text, hex))
            continue;
        if (hit)
            return cr_fail(err, CR_E_AMBIGUOUS, "'%s' names two pending requests, %.16s and %.16s: name one of these",
                           text, hit->spki, requests->list[i].spki);
        hit = &requests->list[i];
    }
    if (!hit)
        return cr_fail(err, CR_E_NOT_FOUND, "no request '%s' is pending: 'certroll certs' lists them", text);
    *out = hit;
    return cr_ok();
}

bool tool_request_key(const struct role_request *request, const struct tok_item *item)
{
    char id[65];

    if (item->cls != TOK_CLASS_PRIVATE || item->id.n > 32)
        return false;
    cr_hex(cr_buf_bytes(&item->id), id);
    return !strcmp(id, request->id);
}

json_t *tool_request_json(const struct role_request *r, bool key_present)
{
    json_t *roles = json_array();
    char text[CR_TIME_TEXT];

    for (size_t i = 0; i < r->nroles; i++)
        json_array_append_new(roles, json_string(r->roles[i]));
    return json_pack("{s:s#, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:b}", "id", r->spki, TOOL_REQUEST_ID, "spki", r->spki,
                     "key", r->key, "subject", r->subject, "location", r->location, "roles", roles, "created",
                     cr_time_text(r->created, text), "who", r->who, "key_present", key_present);
}

cr_status tool_request_text(const struct role_request *r, bool key_present, size_t columns, struct cr_buf *out,
                            struct cr_err *err)
{
    char at[CR_TIME_TEXT], name[64], when[CR_TIME_TEXT + 16];
    const char *const cells[] = {name, when, key_present ? "" : "KEY MISSING"};
    cr_status st;

    snprintf(name, sizeof(name), "%.16s  %-9s", r->spki, r->key);
    snprintf(when, sizeof(when), "requested %.10s", cr_time_text(r->created, at));
    if (!cr_failed(st = tool_columns_row(out, columns, 0, 4, cells, CR_COUNT(cells), err)))
        st = tool_columns_line(out, columns, 4, "", r->subject, err);
    for (size_t i = 0; i < r->nroles && !cr_failed(st); i++)
        st = tool_columns_line(out, columns, 4, "pending for ", r->roles[i], err);
    return st;
}
