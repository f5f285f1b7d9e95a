/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_local.h"

#include <stdlib.h>
#include <string.h>

#include "tok_copy.h"
#include "tok_crypto.h"
#include "tok_fork.h"
#include "tok_job.h"
#include "tok_place.h"
#include "tok_uri.h"

/* What find gave to one caller; the entries behind it are shared. */
struct tok_object {
    atomic_uint refs;
    struct tok_local *loc; /* counted */
    struct tok_prover prover;
    struct tok_object *next, **link; /* of loc->objects, if that is kept */
    struct tok_key pub; /* with op-timeout alone: a call that nobody waits for any more still knows the key */
    size_t n;
    struct tok_place places[];
};

static void local_unref(struct tok_local *loc)
{
    if (atomic_fetch_sub(&loc->refs, 1) != 1)
        return;
    tok_fork_unlist(loc);
    for (size_t i = 0; i < loc->n; i++)
        tok_member_clear(&loc->members[i]);
    free(loc->members);
    free(loc);
}

static void object_link(struct tok_object *obj)
{
    if (!obj->loc->listed)
        return;
    tok_registry_lock();
    obj->link = &obj->loc->objects;
    obj->next = obj->loc->objects;
    if (obj->next != NULL)
        obj->next->link = &obj->next;
    obj->loc->objects = obj;
    tok_registry_unlock();
}

static void object_unlink(struct tok_object *obj)
{
    if (obj->link == NULL)
        return;
    tok_registry_lock();
    *obj->link = obj->next;
    if (obj->next != NULL)
        obj->next->link = obj->link;
    tok_registry_unlock();
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
    object_unlink(obj);
    for (size_t i = 0; i < obj->n; i++)
        tok_place_clear(&obj->places[i]);
    tok_key_clear(&obj->pub);
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

static cr_status object_new(struct tok_local *loc, const char *const *locations, size_t n, const struct tok_key *pub,
                            struct tok_object **out, struct cr_err *err)
{
    struct tok_object *obj;
    cr_status st = cr_ok();

    if (n == 0 || n > TOK_PLACES_MAX)
        return cr_fail(err, CR_E_INVALID, "a key stands at 1 to %d locations, not %zu", TOK_PLACES_MAX, n);
    if ((obj = calloc(1, sizeof(*obj) + n * sizeof(obj->places[0]))) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    atomic_init(&obj->refs, 1);
    obj->loc = loc;
    atomic_fetch_add(&loc->refs, 1);
    obj->n = n;
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = cr_strdup(locations[i], &obj->places[i].location, err);
    if (!cr_failed(st) && loc->op_timeout_ms > 0)
        st = tok_key_copy_public(pub, &obj->pub, err);
    if (cr_failed(st))
        object_unref(&obj);
    else
        object_link(*out = obj);
    return st;
}

enum kind { KIND_FIND, KIND_SIGN, KIND_DECRYPT, KIND_DERIVE };

struct operation {
    enum kind kind;
    struct tok_object *obj;
    const struct tok_key *pub; /* to find with */
    size_t at;                 /* which place */
    const struct tok_mech *mech;
    struct cr_bytes in;
    unsigned char *out;
    size_t size, n;
    struct tok_entry *entry; /* of the place */
    bool proven;             /* the key was there and is the right one */
};

static cr_status operate(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct operation *op = arg;
    const struct tok_key *pub = &op->entry->pub;
    struct tok_copy_use use;
    CK_OBJECT_HANDLE handle = 0;
    cr_status st = tok_entry_handle(op->entry, ses, &op->obj->prover, &handle, err);

    op->proven = !cr_failed(st);
    if (cr_failed(st))
        return st;
    switch (op->kind) {
    case KIND_FIND:
        tok_copy_swap(op->entry, ses, &handle); /* to be there when the program has changed its root or user */
        return st;
    case KIND_SIGN:
        tok_copy_begin(op->entry, ses, &handle, &use);
        st = tok_crypto_sign(ses, handle, pub, op->mech, op->in, op->out, op->size, &op->n, err);
        tok_copy_end(op->entry, ses, &use, !cr_failed(st));
        return st;
    case KIND_DECRYPT:
        tok_copy_swap(op->entry, ses, &handle);
        return tok_crypto_decrypt(ses, handle, pub, op->mech, op->in, op->out, op->size, &op->n, err);
    case KIND_DERIVE:
        tok_copy_swap(op->entry, ses, &handle);
        return tok_crypto_derive(ses, handle, pub, op->in, op->out, op->size, &op->n, err);
    }
    return cr_fail(err, CR_E_INTERNAL, "no such operation");
}

/* At one place. A find that hits the cache makes no call. */
static cr_status run_here(void *arg, struct cr_err *err)
{
    struct operation *op = arg;
    struct tok_member *m = NULL;
    bool warm = false;
    cr_status st = tok_place_entry(op->obj->loc, &op->obj->places[op->at], op->pub, &op->entry, &m, &warm, err);

    if (cr_failed(st) || (op->kind == KIND_FIND && warm))
        return st;
    return tok_session_run(m, false, operate, op, err);
}

/* An operation of its own, for a thread that may outlive the caller. */
struct timed {
    struct operation op;
    struct tok_mech mech;
    struct cr_buf in, label;
    unsigned char *out;
};

static void timed_drop(void *arg)
{
    struct timed *t = arg;

    object_unref(&t->op.obj);
    cr_buf_clear(&t->in);
    cr_buf_clear(&t->label);
    if (t->out != NULL)
        cr_cleanse(t->out, t->op.size);
    free(t->out);
    free(t);
}

static void timed_take(void *arg, void *to)
{
    struct timed *t = arg;
    struct operation *op = to;

    if (t->op.n > 0)
        memcpy(op->out, t->out, t->op.n);
    op->n = t->op.n;
    op->proven = t->op.proven;
}

static cr_status timed_run(void *arg, struct cr_err *err)
{
    return run_here(&((struct timed *)arg)->op, err);
}

static cr_status timed_new(const struct operation *op, struct timed **out, struct cr_err *err)
{
    struct timed *t = calloc(1, sizeof(*t));
    cr_status st = cr_ok();

    if (t == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    t->op = *op;
    t->op.obj = object_ref(op->obj);
    t->op.pub = &op->obj->pub;
    if (op->mech != NULL) {
        t->mech = *op->mech;
        t->op.mech = &t->mech;
        st = cr_buf_set(&t->label, op->mech->label.p, op->mech->label.n, err);
        t->mech.label = cr_buf_bytes(&t->label);
    }
    if ((t->out = malloc(op->size + 1)) == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st) || cr_failed(st = cr_buf_set(&t->in, op->in.p, op->in.n, err))) {
        timed_drop(t);
        return st;
    }
    t->op.in = cr_buf_bytes(&t->in);
    t->op.out = t->out;
    *out = t;
    return st;
}

static cr_status run_at(struct operation *op, struct cr_err *err)
{
    unsigned timeout = op->obj->loc->op_timeout_ms;
    struct timed *t = NULL;
    cr_status st;

    if (timeout == 0)
        return run_here(op, err);
    if (cr_failed(st = timed_new(op, &t, err)))
        return st;
    return tok_job_run(&(struct tok_job_work){timed_run, timed_take, timed_drop, t, op}, timeout,
                       op->obj->places[op->at].location, err);
}

/* May another place do what this one failed to? What is wrong with the input is wrong everywhere. */
static bool elsewhere(const struct operation *op, cr_status st)
{
    switch (st.code) {
    case CR_E_TOKEN:
    case CR_E_BUSY:
    case CR_E_PIN:
    case CR_E_NOT_FOUND:
        return true;
    case CR_E_NOMEM:
    case CR_E_INTERNAL:
    case CR_E_SIZE:
        return false;
    default:
        return !op->proven;
    }
}

/* At one place after the other; the first one's failure is what is said. */
static cr_status run_places(struct operation *op, struct cr_err *err)
{
    struct tok_object *obj = op->obj;
    unsigned char order[TOK_PLACES_MAX];
    struct cr_err why, first = {0};
    cr_status st, failed = cr_ok();

    tok_places_order(obj->places, obj->n, order);
    for (size_t i = 0; i < obj->n; i++) {
        op->at = order[i];
        op->proven = false;
        st = run_at(op, &why);
        if (!cr_failed(st)) {
            tok_place_good(&obj->places[op->at]);
            return st;
        }
        if (i == 0) {
            failed = st;
            first = why;
        }
        if (!elsewhere(op, st))
            return cr_fail(err, st.code, "%s", why.text);
        tok_place_bad(&obj->places[op->at]);
    }
    return cr_fail(err, failed.code, "%s (and at %zu more location%s)", first.text, obj->n - 1, obj->n > 2 ? "s" : "");
}

static cr_status run(struct operation *op, struct cr_err *err)
{
    if (op->pub == NULL)
        op->pub = tok_places_public(op->obj->places, op->obj->n);
    return op->obj->n == 1 ? run_at(op, err) : run_places(op, err);
}

static cr_status find(struct tok_signer *signer, const char *const *locations, size_t n, const struct tok_key *pub,
                      tok_verify_fn *verify, void *verify_arg, struct tok_object **out, struct cr_err *err)
{
    struct operation op = {.kind = KIND_FIND, .pub = pub};
    cr_status st = object_new((struct tok_local *)signer, locations, n, pub, &op.obj, err);

    if (cr_failed(st))
        return st;
    op.obj->prover = (struct tok_prover){verify, verify_arg};
    if (cr_failed(st = run(&op, err)))
        object_unref(&op.obj);
    else
        *out = op.obj;
    return st;
}

static bool ready(struct tok_object *obj)
{
    struct tok_entry *entry = obj->n == 1 ? atomic_load(&obj->places[0].entry) : NULL;

    return entry != NULL && tok_entry_warm(entry);
}

static cr_status run_for(struct operation *op, size_t *n, struct cr_err *err)
{
    cr_status st = run(op, err);

    if (!cr_failed(st))
        *n = op->n;
    return st;
}

static cr_status sign(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                      size_t size, size_t *n, struct cr_err *err)
{
    struct operation op = {.kind = KIND_SIGN, .obj = obj, .mech = mech, .in = in, .out = out, .size = size};

    return run_for(&op, n, err);
}

static cr_status decrypt(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                         size_t size, size_t *n, struct cr_err *err)
{
    struct operation op = {.kind = KIND_DECRYPT, .obj = obj, .mech = mech, .in = in, .out = out, .size = size};

    return run_for(&op, n, err);
}

static cr_status derive(struct tok_object *obj, struct cr_bytes peer_point, unsigned char *out, size_t size, size_t *n,
                        struct cr_err *err)
{
    struct operation op = {.kind = KIND_DERIVE, .obj = obj, .in = peer_point, .out = out, .size = size};

    return run_for(&op, n, err);
}

static const struct tok_signer_ops local_ops = {
    .find = find,
    .sign = sign,
    .decrypt = decrypt,
    .derive = derive,
    .ready = ready,
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
        if (confs[i].op_timeout_ms > loc->op_timeout_ms)
            loc->op_timeout_ms = confs[i].op_timeout_ms;
    }
    if (cr_failed(st)) {
        local_unref(loc);
    } else {
        tok_fork_list(loc);
        *out = loc;
    }
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

/* Was the key found and proven on this token slot when the fork began? */
static struct tok_entry *held(struct tok_object *obj, size_t at, const struct tok_slot *slot)
{
    struct tok_entry *entry = atomic_load(&obj->places[at].entry);
    bool was;

    if (entry == NULL || entry->slot != slot)
        return NULL;
    pthread_mutex_lock(&slot->mod->lock);
    was = entry->stamp != 0 && entry->stamp == slot->forked_stamp;
    pthread_mutex_unlock(&slot->mod->lock);
    return was ? entry : NULL;
}

struct tok_held {
    struct tok_local *loc;
    struct tok_member *m;
    size_t n;
    struct tok_object *objects[];
};

cr_status tok_held_new(struct tok_local *loc, struct tok_member *m, struct tok_held **out, struct cr_err *err)
{
    struct tok_held *held = NULL;
    size_t n = 0;

    tok_registry_lock();
    for (struct tok_object *obj = loc->objects; obj != NULL; obj = obj->next)
        n++;
    if ((held = calloc(1, sizeof(*held) + n * sizeof(struct tok_object *))) != NULL)
        for (struct tok_object *obj = loc->objects; obj != NULL; obj = obj->next)
            held->objects[held->n++] = object_ref(obj);
    tok_registry_unlock();
    if (held == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    atomic_fetch_add(&loc->refs, 1);
    held->loc = loc;
    held->m = m;
    *out = held;
    return cr_ok();
}

void tok_held_free(void *arg)
{
    struct tok_held *held = arg;

    for (size_t i = 0; i < held->n; i++)
        object_unref(&held->objects[i]);
    local_unref(held->loc);
    free(held);
}

cr_status tok_held_revive(void *arg, struct cr_err *err)
{
    struct tok_held *h = arg;
    cr_status first = tok_session_run(h->m, false, nothing, NULL, err);

    if (cr_failed(first))
        return first;
    for (size_t i = 0; i < h->n; i++) {
        struct operation op = {.kind = KIND_FIND, .obj = h->objects[i]};
        for (op.at = 0; op.at < op.obj->n; op.at++) {
            cr_status st = cr_ok();
            if ((op.entry = held(op.obj, op.at, h->m->slot)) != NULL)
                st = tok_session_run(h->m, false, operate, &op, cr_failed(first) ? NULL : err);
            if (cr_failed(st) && !cr_failed(first))
                first = st;
        }
    }
    return first;
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

    tok_uri_free(uri);
    return st;
}

bool tok_location_has_id(const char *location, struct cr_bytes id)
{
    P11KitUri *uri = NULL;
    CK_ATTRIBUTE *own;
    bool same = false;

    if (cr_failed(tok_uri_location(location, &uri, NULL)))
        return false;
    if ((own = tok_uri_attribute(uri, CKA_ID)))
        same = cr_bytes_equal(cr_bytes(own->pValue, own->ulValueLen), id);
    tok_uri_free(uri);
    return same;
}
