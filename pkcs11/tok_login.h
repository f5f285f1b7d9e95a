/* SPDX-License-Identifier: Apache-2.0 */
/* The second kind of login: a key with CKA_ALWAYS_AUTHENTICATE wants one in each operation, between C_SignInit and
 * C_Sign. A wrong PIN is remembered by the slot, whichever login it was for, and never sent again. */
#ifndef TOK_LOGIN_H
#define TOK_LOGIN_H

#include "tok_session.h"

struct tok_context {
    bool wanted;
    bool turn; /* one at a time: threads that are wrong together would use up all tries together */
    uint64_t process;
    bool by_path; /* CKF_PROTECTED_AUTHENTICATION_PATH: whoever stands before the device types the PIN */
    bool forgets; /* if it is good, the source has left the refused one behind */
    struct cr_buf pin;
};

/* Waits for its turn and asks for the PIN if the key in use in @ses wants it (ses->always_auth). Before the operation
 * begins and outside the gate: the source may be a person. tok_context_end is due, whatever comes out. */
cr_status tok_context_ask(struct tok_session *ses, struct tok_context *own, struct cr_err *err);
/* The one call, inside the gate, behind the Init; CKR_OK without a call where none is wanted. */
CK_RV tok_context_login(struct tok_session *ses, const struct tok_context *own);
/* It was refused with @rv, outside the gate. A source that meanwhile has another PIN makes the operation run once more,
 * after the token's flags were looked at. */
cr_status tok_context_refused(struct tok_session *ses, const struct tok_context *own, CK_RV rv, struct cr_err *err);
/* Wipes, and it is the next one's turn. @good: the token took the PIN. */
void tok_context_end(struct tok_session *ses, struct tok_context *own, bool good);

#endif
