/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_attr.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX   65536 /* bytes of one attribute: a certificate is the largest */
#define OBJECTS_MAX 100000

cr_status tok_attr_find(struct tok_session *ses, CK_ATTRIBUTE *tmpl, CK_ULONG ntmpl, CK_OBJECT_HANDLE *hits,
                        size_t room, size_t *n, struct cr_err *err)
{
    const char *function = "C_FindObjectsInit";
    CK_ULONG got = 1;
    size_t found = 0;
    CK_RV rv, end;
    cr_status st = tok_session_enter(ses, err);

    if (cr_failed(st))
        return st;
    memset(hits, 0, room * sizeof(*hits)); /* of a count that is more than was written */
    if ((rv = ses->p11->C_FindObjectsInit(ses->handle, tmpl, ntmpl)) == CKR_OK) {
        function = "C_FindObjects";
        /* A module may give fewer than asked for and more the next time; none is the end. */
        while (rv == CKR_OK && got > 0 && found < room) {
            got = 0;
            rv = ses->p11->C_FindObjects(ses->handle, hits + found, (CK_ULONG)(room - found), &got);
            if (rv == CKR_OK)
                found += got > room - found ? room - found : got;
        }
        end = ses->p11->C_FindObjectsFinal(ses->handle);
        if (rv == CKR_OK && end != CKR_OK) {
            function = "C_FindObjectsFinal";
            rv = end;
        }
    }
    tok_session_leave(ses);
    if (rv != CKR_OK)
        return tok_session_fail(ses, function, rv, err);
    *n = found;
    return st;
}

cr_status tok_attr_find_all(struct tok_session *ses, CK_ATTRIBUTE *tmpl, CK_ULONG ntmpl, CK_OBJECT_HANDLE **hits,
                            size_t *n, struct cr_err *err)
{
    CK_OBJECT_HANDLE *list = NULL, *more;
    size_t room = 256, found = 0;
    cr_status st;

    for (;; room *= 4) {
        if (room > OBJECTS_MAX || (more = realloc(list, room * sizeof(*list))) == NULL) {
            st = cr_fail(err, CR_E_NOMEM, "token %s: too many objects", ses->m->name);
            break;
        }
        list = more;
        if (cr_failed(st = tok_attr_find(ses, tmpl, ntmpl, list, room, &found, err)))
            break;
        if (found < room) {
            *hits = list;
            *n = found;
            return st;
        }
    }
    free(list);
    return st;
}

static bool absent(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

/* CK_UNAVAILABLE_INFORMATION, also as a module of 32 bits says it over a wire. */
static bool unavailable(CK_ULONG n)
{
    return n == CK_UNAVAILABLE_INFORMATION || n == 0xffffffff;
}

/* The length is asked for, then the value; when the object changed between the two, once more. CKR_OK without a value: the
 * token has none to show, or *n is more than any may have. */
static CK_RV value_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, unsigned char **value,
                        size_t *n)
{
    CK_ATTRIBUTE attr;
    CK_ULONG room;
    CK_RV rv = CKR_BUFFER_TOO_SMALL;

    for (int tries = 0; tries < 3 && rv == CKR_BUFFER_TOO_SMALL; tries++) {
        attr = (CK_ATTRIBUTE){type, NULL, 0};
        rv = ses->p11->C_GetAttributeValue(ses->handle, obj, &attr, 1);
        if (rv != CKR_OK || unavailable(attr.ulValueLen) || attr.ulValueLen == 0)
            return rv;
        if ((room = attr.ulValueLen) > VALUE_MAX) {
            *n = room;
            return rv;
        }
        if ((*value = calloc(1, room)) == NULL)
            return CKR_HOST_MEMORY;
        attr = (CK_ATTRIBUTE){type, *value, room};
        rv = ses->p11->C_GetAttributeValue(ses->handle, obj, &attr, 1);
        if (rv == CKR_OK && attr.ulValueLen <= room) {
            *n = attr.ulValueLen;
            return rv;
        }
        cr_cleanse(*value, room);
        free(*value);
        *value = NULL;
        if (rv == CKR_OK && unavailable(attr.ulValueLen))
            return rv;
        rv = rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv;
    }
    return rv;
}

cr_status tok_attr_get(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, struct cr_buf *out,
                       struct cr_err *err)
{
    unsigned char *value = NULL;
    size_t n = 0;
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = value_read(ses, obj, type, &value, &n);
    tok_session_leave(ses);
    if (rv != CKR_OK && !absent(rv))
        return tok_session_fail(ses, "C_GetAttributeValue", rv, err);
    if (value == NULL && n > 0)
        return cr_fail(err, CR_E_TOKEN, "token %s: C_GetAttributeValue: attribute 0x%lx of %zu bytes", ses->m->name,
                       type, n);
    cr_buf_clear(out);
    if (value != NULL) {
        st = cr_buf_append(out, value, n, err);
        cr_cleanse(value, n);
        free(value);
    }
    return st;
}

bool tok_attr_peek(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
    CK_ULONG room[8];
    bool good;

    if (n > CR_COUNT(room) || cr_failed(tok_session_enter(ses, NULL)))
        return false;
    for (CK_ULONG i = 0; i < n; i++)
        room[i] = attrs[i].ulValueLen;
    good = ses->p11->C_GetAttributeValue(ses->handle, obj, attrs, n) == CKR_OK;
    tok_session_leave(ses);
    for (CK_ULONG i = 0; good && i < n; i++)
        good = attrs[i].ulValueLen <= room[i];
    return good;
}

cr_status tok_attr_bool(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, bool absent_value,
                        bool *out, struct cr_err *err)
{
    struct cr_buf value = {0};
    cr_status st = tok_attr_get(ses, obj, type, &value, err);

    if (!cr_failed(st))
        *out = value.n == sizeof(CK_BBOOL) ? value.p[0] != CK_FALSE : absent_value;
    cr_buf_clear(&value);
    return st;
}

cr_status tok_attr_ulong(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                         struct cr_err *err)
{
    struct cr_buf value = {0};
    cr_status st = tok_attr_get(ses, obj, type, &value, err);

    if (!cr_failed(st)) {
        *out = CK_UNAVAILABLE_INFORMATION;
        if (value.n == sizeof(*out))
            memcpy(out, value.p, sizeof(*out));
    }
    cr_buf_clear(&value);
    return st;
}

struct cr_bytes tok_attr_trim(struct cr_bytes number)
{
    while (number.n > 0 && number.p[0] == 0)
        number = cr_bytes(number.p + 1, number.n - 1);
    return number;
}

struct cr_bytes tok_attr_point(struct cr_bytes v)
{
    if (v.n > 2 && v.p[0] == 0x04 && v.p[1] < 0x80 && v.p[1] == v.n - 2)
        return cr_bytes(v.p + 2, v.n - 2);
    if (v.n > 3 && v.p[0] == 0x04 && v.p[1] == 0x81 && v.p[2] == v.n - 3)
        return cr_bytes(v.p + 3, v.n - 3);
    return v;
}
