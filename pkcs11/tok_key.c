/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_key.h"

void tok_key_clear(struct tok_key *key)
{
    if (key == NULL)
        return;
    struct cr_buf *const all[] = {&key->n, &key->e, &key->ec_params, &key->point, &key->id, &key->d,
                                  &key->p, &key->q, &key->dp,        &key->dq,    &key->qi};

    for (size_t i = 0; i < CR_COUNT(all); i++)
        cr_buf_clear(all[i]);
    *key = (struct tok_key){0};
}

static cr_status copy(const struct cr_buf *from, struct cr_buf *to, struct cr_err *err)
{
    return from->n > 0 ? cr_buf_set(to, from->p, from->n, err) : cr_ok();
}

cr_status tok_key_copy_public(const struct tok_key *from, struct tok_key *to, struct cr_err *err)
{
    cr_status st;

    to->type = from->type;
    to->bits = from->bits;
    if (cr_failed(st = copy(&from->n, &to->n, err)) || cr_failed(st = copy(&from->e, &to->e, err)) ||
        cr_failed(st = copy(&from->ec_params, &to->ec_params, err)) ||
        cr_failed(st = copy(&from->point, &to->point, err)) || cr_failed(st = copy(&from->id, &to->id, err)))
        return st;
    return st;
}

static bool same(const struct cr_buf *a, const struct cr_buf *b)
{
    return a->n > 0 && cr_bytes_equal(cr_buf_bytes(a), cr_buf_bytes(b));
}

bool tok_key_same_public(const struct tok_key *a, const struct tok_key *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case TOK_KEY_RSA:
        return same(&a->n, &b->n) && same(&a->e, &b->e);
    case TOK_KEY_EC:
        return same(&a->ec_params, &b->ec_params) && same(&a->point, &b->point);
    case TOK_KEY_ED25519:
        return same(&a->point, &b->point);
    }
    return false;
}
