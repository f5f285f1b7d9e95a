/* SPDX-License-Identifier: Apache-2.0 */
/* The places of one private key: the same key on several tokens. Which token a location selects is found out when the
 * place is first used. A place that failed is left alone for a while, as is every other one on its token slot. */
#ifndef TOK_PLACE_H
#define TOK_PLACE_H

#include "tok_member.h"
#include "tok_object.h"

#define TOK_PLACES_MAX 16

struct tok_place {
    char *location;
    _Atomic(struct tok_entry *) entry; /* counted; NULL: no token is selected yet */
    struct tok_down down;              /* until then */
};

void tok_place_clear(struct tok_place *place);

/* The place's entry and the token it is on, which is selected now if need be (tok_member_select); *warm: the key was found
 * and proven before. Borrowed from @place. */
cr_status tok_place_entry(struct tok_local *loc, struct tok_place *place, const struct tok_key *pub,
                          struct tok_entry **entry, struct tok_member **m, bool *warm, struct cr_err *err);

/* Indexes in the order to try: as listed, or by fewest sessions in use where the tokens share their load; those that
 * failed lately come last. */
void tok_places_order(struct tok_place *places, size_t n, unsigned char order[TOK_PLACES_MAX]);
void tok_place_good(struct tok_place *place);
void tok_place_bad(struct tok_place *place);

/* The public key, from any place that has an entry; NULL before the first find. */
const struct tok_key *tok_places_public(const struct tok_place *places, size_t n);

#endif
