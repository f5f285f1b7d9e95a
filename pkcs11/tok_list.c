/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tok_attr.h"
#include "tok_describe.h"
#include "tok_member.h"
#include "tok_uri.h"

struct listing {
    struct tok_item *items;
    size_t n, room;
    CK_TOKEN_INFO info;
};

static void item_clear(struct tok_item *item)
{
    cr_buf_clear(&item->id);
    cr_buf_clear(&item->cert);
    tok_key_clear(&item->key);
    free(item->label);
    free(item->location);
    *item = (struct tok_item){0};
}

void tok_items_free(struct tok_item **items, size_t n)
{
    for (size_t i = 0; *items != NULL && i < n; i++)
        item_clear(&(*items)[i]);
    free(*items);
    *items = NULL;
}

static cr_status item_add(struct listing *list, struct tok_item *item, struct cr_err *err)
{
    if (list->n == list->room) {
        size_t room = list->room > 0 ? list->room * 2 : 16;
        struct tok_item *more = realloc(list->items, room * sizeof(*more));
        if (more == NULL)
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        list->items = more;
        list->room = room;
    }
    list->items[list->n++] = *item;
    *item = (struct tok_item){0};
    return cr_ok();
}

/* Labels are UTF-8 by the standard and anything in fact: what would break a line becomes '?'. */
static cr_status label_set(struct cr_bytes label, char **out, struct cr_err *err)
{
    char *text = malloc(label.n + 1);

    if (text == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < label.n; i++)
        text[i] = label.p[i] < 0x20 || label.p[i] == 0x7f ? '?' : (char)label.p[i];
    text[label.n] = '\0';
    *out = text;
    return cr_ok();
}

static cr_status item_common(struct tok_session *ses, struct listing *list, CK_OBJECT_HANDLE obj, CK_OBJECT_CLASS cls,
                             struct tok_item *item, struct cr_err *err)
{
    struct cr_buf label = {0};
    cr_status st;

    if (cr_failed(st = tok_attr_get(ses, obj, CKA_ID, &item->id, err)) ||
        cr_failed(st = tok_attr_get(ses, obj, CKA_LABEL, &label, err)) ||
        cr_failed(st = label_set(cr_buf_bytes(&label), &item->label, err)))
        goto out;
    st = tok_uri_make(&list->info, cls, cr_buf_bytes(&item->id), cr_buf_bytes(&label), &item->location, err);
out:
    cr_buf_clear(&label);
    return st;
}

static unsigned bit_length(struct cr_bytes n)
{
    unsigned bits = (unsigned)n.n * 8;

    for (unsigned mask = 0x80; n.n > 0 && mask > 0 && !(n.p[0] & mask); mask >>= 1)
        bits--;
    return bits;
}

static unsigned curve_bits(struct cr_bytes params)
{
    static const struct {
        const char *der;
        size_t n;
        unsigned bits;
    } curves[] = {{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, 256},
                  {"\x06\x05\x2b\x81\x04\x00\x22", 7, 384},
                  {"\x06\x05\x2b\x81\x04\x00\x23", 7, 521}};

    for (size_t i = 0; i < CR_COUNT(curves); i++)
        if (cr_bytes_equal(cr_bytes(curves[i].der, curves[i].n), params))
            return curves[i].bits;
    return 0;
}

static cr_status rsa_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, struct tok_key *key, struct cr_err *err)
{
    struct cr_buf n = {0}, e = {0};
    struct cr_bytes tn, te;
    cr_status st;

    if (cr_failed(st = tok_attr_get(ses, obj, CKA_MODULUS, &n, err)) ||
        cr_failed(st = tok_attr_get(ses, obj, CKA_PUBLIC_EXPONENT, &e, err)))
        goto out;
    tn = tok_attr_trim(cr_buf_bytes(&n));
    te = tok_attr_trim(cr_buf_bytes(&e));
    key->bits = bit_length(tn);
    if (cr_failed(st = cr_buf_set(&key->n, tn.p, tn.n, err)) || cr_failed(st = cr_buf_set(&key->e, te.p, te.n, err)))
        goto out;
out:
    cr_buf_clear(&n);
    cr_buf_clear(&e);
    return st;
}

/* The point of a public object with the same id, if there is exactly one: a hint, no proof. */
static cr_status point_read(struct tok_session *ses, const struct cr_buf *id, struct tok_key *key, struct cr_err *err)
{
    CK_OBJECT_CLASS cls = CKO_PUBLIC_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE tmpl[] = {{CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, id->p, id->n}};
    struct cr_buf value = {0};
    CK_OBJECT_HANDLE hits[2];
    struct cr_bytes point;
    size_t n = 0;
    cr_status st = cr_ok();

    if (id->n == 0 || cr_failed(st = tok_attr_find(ses, tmpl, CR_COUNT(tmpl), hits, CR_COUNT(hits), &n, err)) || n != 1)
        return st;
    if (!cr_failed(st = tok_attr_get(ses, hits[0], CKA_EC_POINT, &value, err)) && value.n > 0) {
        point = tok_attr_point(cr_buf_bytes(&value));
        st = cr_buf_set(&key->point, point.p, point.n, err);
    }
    cr_buf_clear(&value);
    return st;
}

static cr_status numbers_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ULONG type, struct tok_item *item,
                              struct cr_err *err)
{
    struct tok_key *key = &item->key;
    cr_status st;

    if (cr_failed(st = cr_buf_set(&key->id, item->id.p, item->id.n, err)))
        return st;
    if (type == CKK_RSA) {
        key->type = TOK_KEY_RSA;
        return rsa_read(ses, obj, key, err);
    }
    key->type = type == CKK_EC ? TOK_KEY_EC : TOK_KEY_ED25519;
    key->bits = 256;
    if (type == CKK_EC) {
        if (cr_failed(st = tok_attr_get(ses, obj, CKA_EC_PARAMS, &key->ec_params, err)))
            return st;
        key->bits = curve_bits(cr_buf_bytes(&key->ec_params));
    }
    return point_read(ses, &item->id, key, err);
}

static cr_status private_read(struct tok_session *ses, struct listing *list, CK_OBJECT_HANDLE obj, struct cr_err *err)
{
    struct tok_item item = {.cls = TOK_CLASS_PRIVATE};
    CK_ULONG type = 0;
    cr_status st = tok_attr_ulong(ses, obj, CKA_KEY_TYPE, &type, err);

    if (cr_failed(st) || (type != CKK_RSA && type != CKK_EC && type != CKK_EC_EDWARDS))
        return st; /* of no use to certroll */
    if (cr_failed(st = item_common(ses, list, obj, CKO_PRIVATE_KEY, &item, err)) ||
        cr_failed(st = tok_attr_bool(ses, obj, CKA_SENSITIVE, false, &item.sensitive, err)) ||
        cr_failed(st = tok_attr_bool(ses, obj, CKA_EXTRACTABLE, true, &item.extractable, err)) ||
        cr_failed(st = tok_attr_bool(ses, obj, CKA_ALWAYS_AUTHENTICATE, false, &item.always_auth, err)) ||
        cr_failed(st = numbers_read(ses, obj, type, &item, err)))
        goto out;
    st = item_add(list, &item, err);
out:
    item_clear(&item);
    return st;
}

static cr_status cert_read(struct tok_session *ses, struct listing *list, CK_OBJECT_HANDLE obj, struct cr_err *err)
{
    struct tok_item item = {.cls = TOK_CLASS_CERT};
    cr_status st = tok_attr_get(ses, obj, CKA_VALUE, &item.cert, err);

    if (!cr_failed(st) && item.cert.n > 0 && !cr_failed(st = item_common(ses, list, obj, CKO_CERTIFICATE, &item, err)))
        st = item_add(list, &item, err);
    item_clear(&item);
    return st;
}

/* Removed since it was found. Of a search, the same word is a fault, and may leave it active in the session. */
static bool is_gone(const struct tok_session *ses)
{
    return ses->rv == CKR_OBJECT_HANDLE_INVALID && strcmp(ses->function, "C_GetAttributeValue") == 0;
}

static cr_status class_read(struct tok_session *ses, struct listing *list, CK_OBJECT_CLASS cls, struct cr_err *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE tmpl[] = {{CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}};
    CK_OBJECT_HANDLE *hits = NULL;
    size_t n = 0;
    cr_status st = tok_attr_find_all(ses, tmpl, CR_COUNT(tmpl), &hits, &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        st = cls == CKO_PRIVATE_KEY ? private_read(ses, list, hits[i], err) : cert_read(ses, list, hits[i], err);
        if (cr_failed(st) && is_gone(ses)) {
            ses->rv = CKR_OK;
            st = cr_ok();
        }
    }
    free(hits);
    return st;
}

static cr_status list_all(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct listing *list = arg;
    cr_status st;

    tok_items_free(&list->items, list->n);
    list->n = list->room = 0;
    tok_member_info(ses->m, &list->info);
    if (cr_failed(st = class_read(ses, list, CKO_PRIVATE_KEY, err)))
        return st;
    return class_read(ses, list, CKO_CERTIFICATE, err);
}

cr_status tok_list(struct tok_local *loc, size_t token, struct tok_item **items, size_t *n, struct cr_err *err)
{
    struct listing list = {0};
    struct tok_member *m = NULL;
    cr_status st = tok_member_at(loc, token, &m, err);

    if (cr_failed(st) || cr_failed(st = tok_session_run(m, false, list_all, &list, err))) {
        tok_items_free(&list.items, list.n);
        return st;
    }
    *items = list.items;
    *n = list.n;
    return st;
}

static cr_status info_read(struct tok_session *ses, void *arg, struct cr_err *err)
{
    CK_TOKEN_INFO *info = arg;
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_GetTokenInfo(ses->id, info);
    tok_session_leave(ses);
    return rv == CKR_OK ? st : tok_session_fail(ses, "C_GetTokenInfo", rv, err);
}

cr_status tok_token_info(struct tok_local *loc, size_t token, struct tok_info *out, struct cr_err *err)
{
    struct tok_member *m = NULL;
    CK_TOKEN_INFO info = {0};
    cr_status st;

    if (cr_failed(st = tok_member_at(loc, token, &m, err)) ||
        cr_failed(st = tok_session_run(m, false, info_read, &info, err)))
        return st;
    tok_info_set(&info, out);
    return st;
}
