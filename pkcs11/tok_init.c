/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_init.h"

#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>

#include "tok_ckr.h"
#include "tok_kit.h"

#define SLOTS_MAX 256

static cr_status failed(struct cr_err *err, const struct tok_init *what, const char *function, CK_RV rv)
{
    return cr_fail(err, CR_E_TOKEN, "%s: %s: %s (0x%lx)", what->module, function, tok_ckr_name(rv), rv);
}

/* Labels are padded with spaces, not terminated. */
static void label_pad(const char *label, unsigned char out[32])
{
    size_t n = strlen(label);

    memset(out, ' ', 32);
    memcpy(out, label, n < 32 ? n : 32);
}

/* The token slot to use: the first without an initialized token. */
static cr_status slot_find(CK_FUNCTION_LIST *p11, const struct tok_init *what, CK_SLOT_ID *out, struct cr_err *err)
{
    CK_SLOT_ID slots[SLOTS_MAX] = {0};
    CK_ULONG n = CR_COUNT(slots);
    unsigned char label[32];
    bool found = false;
    CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &n);

    if (rv != CKR_OK)
        return failed(err, what, "C_GetSlotList", rv);
    label_pad(what->label, label);
    for (CK_ULONG i = 0; i < n && i < CR_COUNT(slots); i++) {
        CK_TOKEN_INFO info = {0};
        if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK)
            continue;
        if (!(info.flags & CKF_TOKEN_INITIALIZED)) {
            if (!found)
                *out = slots[i];
            found = true;
        } else if (!memcmp(info.label, label, sizeof(label))) {
            return cr_fail(err, CR_E_EXISTS, "%s has a token '%s' already", what->module, what->label);
        }
    }
    if (!found)
        return cr_fail(err, CR_E_NOT_FOUND, "%s has no uninitialized token slot", what->module);
    return cr_ok();
}

static CK_RV pin_set(CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, const struct tok_init *what, const char **function)
{
    CK_SESSION_HANDLE session;
    CK_RV rv;

    *function = "C_OpenSession";
    if ((rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session)) != CKR_OK)
        return rv;
    *function = "C_Login as security officer";
    rv = p11->C_Login(session, CKU_SO, (unsigned char *)what->so_pin.p, (CK_ULONG)what->so_pin.n);
    if (rv == CKR_OK) {
        *function = "C_InitPIN";
        rv = p11->C_InitPIN(session, (unsigned char *)what->pin.p, (CK_ULONG)what->pin.n);
        p11->C_Logout(session);
    }
    p11->C_CloseSession(session);
    return rv;
}

static cr_status token_make(CK_FUNCTION_LIST *p11, const struct tok_init *what, struct cr_err *err)
{
    const char *function = "C_InitToken";
    unsigned char label[32];
    CK_SLOT_ID slot = 0;
    CK_RV rv;
    cr_status st;

    if (cr_failed(st = slot_find(p11, what, &slot, err)))
        return st;
    label_pad(what->label, label);
    rv = p11->C_InitToken(slot, (unsigned char *)what->so_pin.p, (CK_ULONG)what->so_pin.n, label);
    if (rv == CKR_OK)
        rv = pin_set(p11, slot, what, &function);
    return rv == CKR_OK ? cr_ok() : failed(err, what, function, rv);
}

cr_status tok_init_token(const struct tok_init *what, struct cr_err *err)
{
    CK_FUNCTION_LIST *p11;
    cr_status st;
    CK_RV rv;

    if (strlen(what->label) > 32)
        return cr_fail(err, CR_E_USAGE, "token label '%s' is longer than 32 bytes", what->label);
    for (size_t i = 0; i < what->nenv; i++)
        if (setenv(what->env[i].name, what->env[i].value, 1))
            return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = tok_kit_load(err)))
        return st;
    if (!(p11 = tok_kit()->module_load(what->module, 0)))
        return cr_fail(err, CR_E_TOKEN, "%s: %s", what->module,
                       tok_kit()->message() ? tok_kit()->message() : "cannot be loaded");
    if ((rv = tok_kit()->module_initialize(p11)) != CKR_OK) {
        st = failed(err, what, "C_Initialize", rv);
    } else {
        st = token_make(p11, what, err);
        tok_kit()->module_finalize(p11);
    }
    tok_kit()->module_release(p11);
    return st;
}
