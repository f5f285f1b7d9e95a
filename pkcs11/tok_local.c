/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_local.h"

#include <stdlib.h>
#include <string.h>

#include "tok_crypto.h"
#include "tok_member.h"
#include "tok_object.h"
#include "tok_uri.h"

/* What find gave to one caller; the entry behind it is shared. */
struct tok_object {
    atomic_uint refs;
    struct tok_local *loc; /* counted */
    struct tok_member *m;  /* of loc */
    struct tok_entry *entry;
    struct tok_prover prover;
};

static void local_unref(struct tok_local *loc)
{
    if (atomic_fetch_sub(&loc->refs, 1) != 1)
        return;
    for (size_t i = 0; i < loc->n; i++)
        tok_member_clear(&loc->members[i]);
    free(loc->members);
    free(loc);
}

static struct tok_object *object_ref(struct tok_object *obj)
{
    atomic_fetch_add(&obj->refs, 1);
    return obj;
}

static void object_unref(struct tok_object **objp)
{
    struct tok_object *obj = *objp;

    *objp = NULL;
    if (obj == NULL || atomic_fetch_sub(&obj->refs, 1) != 1)
        return;
    tok_entry_put(&obj->entry);
    local_unref(obj->loc);
    free(obj);
}

static void signer_unref(struct tok_signer **signer)
{
    struct tok_local *loc = (struct tok_local *)*signer;

    *signer = NULL;
    if (loc != NULL)
        local_unref(loc);
}

static cr_status handle_only(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct tok_object *obj = arg;
    CK_OBJECT_HANDLE handle;

    return tok_entry_handle(obj->entry, ses, &obj->prover, &handle, err);
}

/* The entry under this location, or one made for the token the location selects. */
static cr_status entry_find(struct tok_object *obj, const char *location, const struct tok_key *pub, bool *warm,
                            struct cr_err *err)
{
    struct tok_local *loc = obj->loc;
    size_t at = 0;
    cr_status st;

    for (size_t i = 0; i < loc->n; i++) {
        obj->m = &loc->members[i];
        if ((obj->entry = tok_entry_peek(obj->m->slot, location, pub, warm)) != NULL)
            return cr_ok();
    }
    if (cr_failed(st = tok_member_select(loc, location, &at, err)))
        return st;
    obj->m = &loc->members[at];
    return tok_entry_get(obj->m->slot, location, pub, &obj->entry, warm, err);
}

static cr_status find(struct tok_signer *signer, const char *location, const struct tok_key *pub, tok_verify_fn *verify,
                      void *verify_arg, struct tok_object **out, struct cr_err *err)
{
    struct tok_object *obj = calloc(1, sizeof(*obj));
    bool warm = false;
    cr_status st;

    if (obj == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    atomic_init(&obj->refs, 1);
    obj->loc = (struct tok_local *)signer;
    atomic_fetch_add(&obj->loc->refs, 1);
    obj->prover = (struct tok_prover){verify, verify_arg};
    if (cr_failed(st = entry_find(obj, location, pub, &warm, err)) ||
        (!warm && cr_failed(st = tok_session_run(obj->m, false, handle_only, obj, err))))
        object_unref(&obj);
    else
        *out = obj;
    return st;
}

enum kind { KIND_SIGN, KIND_DECRYPT, KIND_DERIVE };

struct operation {
    enum kind kind;
    struct tok_object *obj;
    const struct tok_mech *mech;
    struct cr_bytes in;
    unsigned char *out;
    size_t size, n;
};

static cr_status operate(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct operation *op = arg;
    const struct tok_key *pub = &op->obj->entry->pub;
    CK_OBJECT_HANDLE handle = 0;
    cr_status st = tok_entry_handle(op->obj->entry, ses, &op->obj->prover, &handle, err);

    if (cr_failed(st))
        return st;
    switch (op->kind) {
    case KIND_SIGN:
        return tok_crypto_sign(ses, handle, pub, op->mech, op->in, op->out, op->size, &op->n, err);
    case KIND_DECRYPT:
        return tok_crypto_decrypt(ses, handle, pub, op->mech, op->in, op->out, op->size, &op->n, err);
    case KIND_DERIVE:
        return tok_crypto_derive(ses, handle, pub, op->in, op->out, op->size, &op->n, err);
    }
    return cr_fail(err, CR_E_INTERNAL, "no such operation");
}

static cr_status run(struct operation *op, size_t *n, struct cr_err *err)
{
    cr_status st = tok_session_run(op->obj->m, false, operate, op, err);

    if (!cr_failed(st))
        *n = op->n;
    return st;
}

static cr_status sign(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                      size_t size, size_t *n, struct cr_err *err)
{
    struct operation op = {KIND_SIGN, obj, mech, in, out, size, 0};

    return run(&op, n, err);
}

static cr_status decrypt(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                         size_t size, size_t *n, struct cr_err *err)
{
    struct operation op = {KIND_DECRYPT, obj, mech, in, out, size, 0};

    return run(&op, n, err);
}

static cr_status derive(struct tok_object *obj, struct cr_bytes peer_point, unsigned char *out, size_t size, size_t *n,
                        struct cr_err *err)
{
    struct operation op = {KIND_DERIVE, obj, NULL, peer_point, out, size, 0};

    return run(&op, n, err);
}

static const struct tok_signer_ops local_ops = {
    .find = find,
    .sign = sign,
    .decrypt = decrypt,
    .derive = derive,
    .object_ref = object_ref,
    .object_unref = object_unref,
    .signer_unref = signer_unref,
};

cr_status tok_local_new(const struct tok_conf *confs, size_t n, struct tok_local **out, struct cr_err *err)
{
    struct tok_local *loc = calloc(1, sizeof(*loc));
    cr_status st = cr_ok();

    if (loc == NULL || (loc->members = calloc(n + 1, sizeof(*loc->members))) == NULL) {
        free(loc);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    loc->base.ops = &local_ops;
    atomic_init(&loc->refs, 1);
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        loc->n = i + 1;
        st = tok_member_init(&loc->members[i], &confs[i], err);
    }
    if (cr_failed(st))
        local_unref(loc);
    else
        *out = loc;
    return st;
}

struct tok_signer *tok_local_signer(struct tok_local *loc)
{
    return &loc->base;
}

static cr_status nothing(struct tok_session *ses, void *arg, struct cr_err *err)
{
    (void)ses;
    (void)arg;
    (void)err;
    return cr_ok();
}

cr_status tok_local_warm(struct tok_local *loc, struct cr_err *err)
{
    cr_status first = cr_ok();

    for (size_t i = 0; i < loc->n; i++) {
        cr_status st = tok_session_run(&loc->members[i], false, nothing, NULL, cr_failed(first) ? NULL : err);
        if (cr_failed(st) && !cr_failed(first))
            first = st;
    }
    return first;
}

cr_status tok_locate(struct tok_local *loc, const char *location, size_t *token, struct cr_err *err)
{
    return tok_member_select(loc, location, token, err);
}

cr_status tok_location_check(const char *location, struct cr_err *err)
{
    P11KitUri *uri = NULL;
    cr_status st = tok_uri_location(location, &uri, err);

    p11_kit_uri_free(uri);
    return st;
}
