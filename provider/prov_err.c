/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_err.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/cr_log.h"

/* The number is the cr_code; 0 ends the table. */
static const OSSL_ITEM reasons[] = {
    {CR_E_USAGE, (void *)"wrong argument"},
    {CR_E_INVALID, (void *)"invalid data"},
    {CR_E_REFUSED, (void *)"refused"},
    {CR_E_NOT_FOUND, (void *)"not found"},
    {CR_E_AMBIGUOUS, (void *)"ambiguous"},
    {CR_E_EXISTS, (void *)"exists already"},
    {CR_E_CHANGED, (void *)"changed meanwhile"},
    {CR_E_EMPTY, (void *)"no certificate assigned"},
    {CR_E_REVOKED, (void *)"key revoked"},
    {CR_E_UNSUPPORTED, (void *)"not supported"},
    {CR_E_PIN, (void *)"no usable PIN"},
    {CR_E_TOKEN, (void *)"token unavailable"},
    {CR_E_BUSY, (void *)"timed out"},
    {CR_E_IO, (void *)"cannot read"},
    {CR_E_SIZE, (void *)"buffer too small"},
    {CR_E_NOMEM, (void *)"out of memory"},
    {CR_E_INTERNAL, (void *)"internal error"},
    {0, NULL},
};

const OSSL_ITEM *prov_err_reasons(void *provctx)
{
    (void)provctx;
    return reasons;
}

struct prov_err_reasons {
    struct prov_err_reasons *next;               /* of those that stay */
    atomic_int lib;                              /* 0: not told yet */
    ERR_STRING_DATA rows[CR_COUNT(reasons) + 1]; /* the library's own name first */
};

void prov_err_own_reasons(struct prov_err_core *core)
{
    core->reasons = calloc(1, sizeof *core->reasons);
}

/* The library number is the core's secret until it stands in an error. */
static void tell_reasons(struct prov_err_reasons *r)
{
    int lib, none = 0;

    if (r == NULL || atomic_load(&r->lib) != 0)
        return;
    lib = ERR_GET_LIB(ERR_peek_last_error());
    if (lib < ERR_LIB_USER || !atomic_compare_exchange_strong(&r->lib, &none, lib))
        return;
    r->rows[0] = (ERR_STRING_DATA){ERR_PACK(lib, 0, 0), "certroll"};
    for (size_t i = 0; reasons[i].id != 0; i++)
        r->rows[i + 1] = (ERR_STRING_DATA){ERR_PACK(lib, 0, reasons[i].id), reasons[i].ptr};
    (void)ERR_load_strings(lib, r->rows);
}

/* During OPENSSL_cleanup and after it nothing may be unloaded any more: it stays. */
void prov_err_clear(struct prov_err_core *core)
{
    static _Atomic(struct prov_err_reasons *) staying;
    struct prov_err_reasons *r = core->reasons;

    core->reasons = NULL;
    if (r == NULL)
        return;
    if (atomic_load(&r->lib) != 0) {
        if (OPENSSL_init_crypto(0, NULL) != 1) {
            r->next = atomic_exchange(&staying, r);
            return;
        }
        (void)ERR_unload_strings(atomic_load(&r->lib), r->rows);
    }
    free(r);
}

void prov_err_init(struct prov_err_core *out, const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
    *out = (struct prov_err_core){.handle = handle};
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_NEW_ERROR:
            out->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            out->set_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            out->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        default:
            break;
        }
    }
}

static void set_error(const struct prov_err_core *core, enum cr_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    core->vset_error(core->handle, (uint32_t)code, fmt, ap);
    va_end(ap);
}

int prov_raise(const struct prov_err_core *core, const struct cr_err *err)
{
    cr_log(CR_LOG_ERROR, "%s", err->text);
    if (core->new_error == NULL || core->vset_error == NULL)
        return 0;
    core->new_error(core->handle);
    if (core->set_debug != NULL)
        core->set_debug(core->handle, "certroll", 0, "");
    set_error(core, err->code == CR_OK ? CR_E_INTERNAL : err->code, "%s", err->text);
    tell_reasons(core->reasons);
    return 0;
}
