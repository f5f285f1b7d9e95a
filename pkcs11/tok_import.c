/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_file.h"
#include "tok_attr.h"
#include "tok_create.h"
#include "tok_member.h"
#include "tok_uri.h"

#define CREATE_TRIES 8

struct import {
    const struct tok_import *what;
    char *location;
    bool created;
    bool tried; /* the private key may be there by a try whose end was not seen */
};

static cr_status find_by_id(struct tok_session *ses, CK_OBJECT_CLASS cls, struct cr_bytes id, CK_OBJECT_HANDLE *hits,
                            size_t room, size_t *n, struct cr_err *err)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE tmpl[] = {
        {CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, (void *)id.p, id.n}};

    return tok_attr_find(ses, tmpl, CR_COUNT(tmpl), hits, room, n, err);
}

static cr_status find_cert(struct tok_session *ses, struct cr_bytes der, CK_OBJECT_HANDLE *hits, size_t room, size_t *n,
                           struct cr_err *err)
{
    CK_OBJECT_CLASS cls = CKO_CERTIFICATE;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE tmpl[] = {
        {CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_VALUE, (void *)der.p, der.n}};

    return tok_attr_find(ses, tmpl, CR_COUNT(tmpl), hits, room, n, err);
}

/* What the object shows of its public half must be the key's; the id is a hash of it, so nothing shown is no doubt. */
static cr_status same_numbers(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *key,
                              struct cr_err *err)
{
    bool rsa = key->type == TOK_KEY_RSA;
    struct cr_buf seen = {0};
    struct cr_bytes is, want = cr_buf_bytes(rsa ? &key->n : &key->point);
    cr_status st = tok_attr_get(ses, obj, rsa ? CKA_MODULUS : CKA_EC_POINT, &seen, err);

    is = rsa ? tok_attr_trim(cr_buf_bytes(&seen)) : tok_attr_point(cr_buf_bytes(&seen));
    if (!cr_failed(st) && seen.n > 0 && !cr_bytes_equal(is, want) && !cr_bytes_equal(cr_buf_bytes(&seen), want))
        st = cr_fail(err, CR_E_EXISTS, "token %s: another key has this CKA_ID", ses->m->name);
    cr_buf_clear(&seen);
    return st;
}

static cr_status existing(struct tok_session *ses, CK_OBJECT_CLASS cls, const struct tok_key *key, bool *there,
                          struct cr_err *err)
{
    CK_OBJECT_HANDLE hits[2];
    size_t n = 0;
    cr_status st = find_by_id(ses, cls, cr_buf_bytes(&key->id), hits, CR_COUNT(hits), &n, err);

    if (cr_failed(st))
        return st;
    if (n > 1 && cls == CKO_PRIVATE_KEY)
        return cr_fail(err, CR_E_AMBIGUOUS, "token %s: more than one private key has this CKA_ID", ses->m->name);
    *there = n > 0;
    if (n == 0 && cls == CKO_PRIVATE_KEY)
        return tok_session_unseen(ses, err);
    return n > 0 ? same_numbers(ses, hits[0], key, err) : st;
}

/* The token failed between the making and the check, and once more when it was to be taken away. */
static cr_status adopt(struct tok_session *ses, struct import *im, struct tok_made *made, struct cr_err *err)
{
    CK_OBJECT_HANDLE hit = 0;
    size_t n = 0;
    cr_status st = find_by_id(ses, CKO_PRIVATE_KEY, cr_buf_bytes(&im->what->key->id), &hit, 1, &n, err);

    if (cr_failed(st) || n == 0)
        return st;
    made->handle[made->n++] = hit;
    st = tok_create_check(ses, hit, im->what->exportable, err);
    im->created = !cr_failed(st);
    return st;
}

/* Another process may create the same key meanwhile, on another host even; two would be refused by every find. Who sees
 * two takes his own away, and looks again after a while: the other one may have done so too. */
static cr_status private_once(struct tok_session *ses, struct import *im, struct tok_made *made, struct cr_err *err)
{
    const struct tok_key *key = im->what->key;
    CK_OBJECT_HANDLE hits[2];
    bool there = false;
    size_t n = 0;
    cr_status st = cr_ok();

    for (unsigned tried = 0; tried < CREATE_TRIES; tried++) {
        if (tried > 0)
            tok_pause(tried);
        st = existing(ses, CKO_PRIVATE_KEY, key, &there, err);
        if (st.code == CR_E_AMBIGUOUS)
            continue;
        if (cr_failed(st))
            return st;
        if (there)
            return im->tried ? adopt(ses, im, made, err) : st;
        if (!key->has_private)
            return cr_fail(err, CR_E_NOT_FOUND, "token %s has not got the private key", ses->m->name);
        im->tried = true;
        if (cr_failed(st = tok_create_private(ses, im->what, made, err)) ||
            cr_failed(st = find_by_id(ses, CKO_PRIVATE_KEY, cr_buf_bytes(&key->id), hits, CR_COUNT(hits), &n, err)))
            return st;
        im->created = n < 2;
        if (n < 2)
            return st;
        if (cr_failed(st = tok_destroy(ses, made->handle[made->n - 1], err)))
            return st;
        made->n--;
        im->tried = false;
        st = cr_fail(err, CR_E_BUSY, "token %s: other processes import this key, too", ses->m->name);
    }
    return st;
}

static cr_status import_key(struct tok_session *ses, struct import *im, struct tok_made *made, struct cr_err *err)
{
    bool public_there = false;
    cr_status st;

    if (cr_failed(st = existing(ses, CKO_PUBLIC_KEY, im->what->key, &public_there, err)) ||
        cr_failed(st = private_once(ses, im, made, err)) || public_there)
        return st;
    return tok_create_public(ses, im->what, made, err);
}

static cr_status import_cert(struct tok_session *ses, struct import *im, struct tok_made *made, struct cr_err *err)
{
    CK_OBJECT_HANDLE hit;
    size_t n = 0;
    cr_status st = find_cert(ses, im->what->cert, &hit, 1, &n, err);

    return cr_failed(st) || n > 0 ? st : tok_create_cert(ses, im->what, made, err);
}

static cr_status location_make(struct tok_session *ses, struct import *im, struct cr_err *err)
{
    CK_TOKEN_INFO info;

    tok_member_info(ses->m, &info);
    return tok_uri_make(&info, CKO_PRIVATE_KEY, cr_buf_bytes(&im->what->key->id), cr_bytes(NULL, 0), &im->location,
                        err);
}

/* One import a machine at a time: SoftHSM 2.6 does not show a process what others made between its last search and an
 * object of its own (it takes the number of its own change for all that there were), so private_once may be blind there.
 * The module's file is what all of them have in common. In vain, and the import goes on: other tokens show everything. */
static int import_turn(const struct tok_member *m)
{
    int fd = open(m->slot->mod->path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        cr_ignore(cr_lock_wait(fd, m->slot->mod->path, (int)m->wait_ms, NULL));
    return fd;
}

static cr_status import_all(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct import *im = arg;
    struct tok_made made = {0};
    int turn = import_turn(ses->m);
    cr_status st = cr_ok();

    im->created = false;
    cr_free_str(&im->location);
    if (im->what->key != NULL)
        st = import_key(ses, im, &made, err);
    if (!cr_failed(st) && im->what->cert.n > 0)
        st = import_cert(ses, im, &made, err);
    if (!cr_failed(st) && im->what->key != NULL)
        st = location_make(ses, im, err);
    while (cr_failed(st) && made.n > 0) {
        CK_RV rv = ses->rv; /* of the failure, not of the clean-up */
        cr_ignore(tok_destroy(ses, made.handle[--made.n], NULL));
        ses->rv = rv;
    }
    cr_lock_give(&turn);
    return st;
}

cr_status tok_import(struct tok_local *loc, size_t token, const struct tok_import *what, char **location, bool *created,
                     struct cr_err *err)
{
    struct import im = {.what = what};
    struct tok_member *m = NULL;
    cr_status st;

    if (what->key != NULL && what->key->id.n == 0)
        return cr_fail(err, CR_E_INVALID, "a key without CKA_ID cannot be imported");
    if (cr_failed(st = tok_member_at(loc, token, &m, err)) ||
        cr_failed(st = tok_session_run(m, true, import_all, &im, err))) {
        cr_free_str(&im.location);
        return st;
    }
    *location = im.location;
    *created = im.created;
    return st;
}

struct removal {
    struct cr_bytes id, cert;
    size_t gone;
};

static cr_status destroy_all(struct tok_session *ses, const CK_OBJECT_HANDLE *hits, size_t n, size_t *gone,
                             struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (!cr_failed(st = tok_destroy(ses, hits[i], err)))
            ++*gone;
    return st;
}

/* The private key goes first: half a removal leaves no key that nothing names. */
static cr_status remove_all(struct tok_session *ses, void *arg, struct cr_err *err)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    struct removal *rm = arg;
    CK_OBJECT_HANDLE hits[16];
    size_t n = 0;
    cr_status st = cr_ok();

    for (size_t i = 0; rm->id.n > 0 && i < CR_COUNT(classes) && !cr_failed(st); i++) {
        n = 0;
        if (!cr_failed(st = find_by_id(ses, classes[i], rm->id, hits, CR_COUNT(hits), &n, err)))
            st = destroy_all(ses, hits, n, &rm->gone, err);
    }
    if (rm->cert.n > 0 && !cr_failed(st)) {
        n = 0;
        if (!cr_failed(st = find_cert(ses, rm->cert, hits, CR_COUNT(hits), &n, err)))
            st = destroy_all(ses, hits, n, &rm->gone, err);
    }
    return st;
}

cr_status tok_remove(struct tok_local *loc, size_t token, struct cr_bytes id, struct cr_bytes cert, struct cr_err *err)
{
    struct removal rm = {id, cert, 0};
    struct tok_member *m = NULL;
    cr_status st;

    if (cr_failed(st = tok_member_at(loc, token, &m, err)) ||
        cr_failed(st = tok_session_run(m, true, remove_all, &rm, err)))
        return st;
    return rm.gone > 0 ? st : cr_fail(err, CR_E_NOT_FOUND, "token %s: nothing to remove", m->name);
}
