/* SPDX-License-Identifier: Apache-2.0 */
/* What a CK_RV is called, which cr_code it becomes, and what may be repaired after it. CK_RV stays in pkcs11/. */
#ifndef TOK_CKR_H
#define TOK_CKR_H

#include <p11-kit/pkcs11.h>

#include "common/cr_status.h"

/* What a failed call asks for before it may be tried once more; each includes those before it. */
enum tok_repair {
    TOK_REPAIR_NONE,   /* trying again would fail again */
    TOK_REPAIR_SLOT,   /* handle or session is stale: log in and find again */
    TOK_REPAIR_MODULE, /* device or module is in trouble: C_Finalize, C_Initialize, log in, find */
};

const char *tok_ckr_name(CK_RV rv); /* "CKR_PIN_LOCKED"; "CKR_VENDOR_DEFINED" or "unknown CKR" for what has no name */
enum tok_repair tok_ckr_repair(CK_RV rv);
/* "token NAME: C_Sign: CKR_DEVICE_ERROR (0x30)" with the code that fits @rv. */
cr_status tok_ckr_fail(struct cr_err *err, const char *token, const char *function, CK_RV rv);

#endif
