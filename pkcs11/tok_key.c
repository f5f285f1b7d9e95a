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
