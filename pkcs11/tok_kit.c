/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_kit.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct tok_kit *) loaded;

const struct tok_kit *tok_kit(void)
{
    return atomic_load_explicit(&loaded, memory_order_acquire);
}

static cr_status find(void *library, const char *symbol, void *field, struct cr_err *err)
{
    void *found = dlsym(library, symbol);

    if (found == NULL)
        return cr_fail(err, CR_E_TOKEN, "%s has no %s: it is older than 0.24", TOK_KIT_SONAME, symbol);
    memcpy(field, &found, sizeof(found)); /* the only way from an object's to a function's pointer, dlsym(3) */
    return cr_ok();
}

static cr_status fill(void *library, struct tok_kit *kit, struct cr_err *err)
{
    cr_status st = cr_ok();

#define TOK_KIT_FIND(name)                                                                                             \
    if (!cr_failed(st))                                                                                                \
        st = find(library, "p11_kit_" #name, &kit->name, err);
    TOK_KIT_FUNCTIONS(TOK_KIT_FIND)
#undef TOK_KIT_FIND
    return st;
}

/* No lock, which a fork could leave taken: of threads that come at the same moment one publishes what all found alike. */
cr_status tok_kit_load(struct cr_err *err)
{
    struct tok_kit *kit, *none = NULL;
    void *library;
    cr_status st;

    if (tok_kit() != NULL)
        return cr_ok();
    if ((library = dlopen(TOK_KIT_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) == NULL)
        return cr_fail(err, CR_E_TOKEN, "no token can be used: %s; is the package libp11-kit0 installed?", dlerror());
    if ((kit = calloc(1, sizeof(*kit))) == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else
        st = fill(library, kit, err);
    (void)dlclose(library);
    if (cr_failed(st) || !atomic_compare_exchange_strong(&loaded, &none, kit))
        free(kit);
    return st;
}
