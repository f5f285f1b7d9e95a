/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_md.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_KNOWN 15 /* longer names are OIDs and rare */
#define KNOWN_MAX      16

/* Added in front, and freed with the instance alone: read without a lock, also in a child forked meanwhile. */
struct prov_md {
    struct prov_md *next;
    unsigned place;
    EVP_MD *md;
    char name[NAME_MAX_KNOWN + 1]; /* as it was asked for */
};

static EVP_MD *fetch(struct prov_ctx *ctx, const char *name)
{
    EVP_MD *md;

    (void)ERR_set_mark();
    md = EVP_MD_fetch(prov_ctx_inner(ctx), name, NULL);
    (void)ERR_pop_to_mark();
    return md;
}

/* Two threads may add one name; the second is found never, and does no harm. */
static void remember(struct prov_ctx *ctx, const char *name, EVP_MD *md)
{
    struct prov_md *first = __atomic_load_n(&ctx->mds, __ATOMIC_ACQUIRE), *fresh;

    if (strlen(name) > NAME_MAX_KNOWN || (first != NULL && first->place >= KNOWN_MAX) ||
        (fresh = calloc(1, sizeof *fresh)) == NULL)
        return;
    memcpy(fresh->name, name, strlen(name) + 1);
    if (EVP_MD_up_ref(md) == 1)
        fresh->md = md;
    fresh->next = first;
    fresh->place = first != NULL ? first->place + 1 : 1;
    if (fresh->md == NULL ||
        !__atomic_compare_exchange_n(&ctx->mds, &first, fresh, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
        EVP_MD_free(fresh->md); /* the next one tries again */
        free(fresh);
    }
}

EVP_MD *prov_md_get(struct prov_ctx *ctx, const char *name)
{
    const struct prov_md *known = __atomic_load_n(&ctx->mds, __ATOMIC_ACQUIRE);
    EVP_MD *md;

    while (known != NULL && strcmp(known->name, name) != 0)
        known = known->next;
    if (known != NULL)
        return EVP_MD_up_ref(known->md) == 1 ? known->md : NULL;
    if ((md = fetch(ctx, name)) != NULL)
        remember(ctx, name, md);
    return md;
}

void prov_mds_free(struct prov_ctx *ctx)
{
    struct prov_md *md;

    while ((md = ctx->mds) != NULL) {
        ctx->mds = md->next;
        EVP_MD_free(md->md);
        free(md);
    }
}
