/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a token slot: a bounded pool with timed waiting. A taken session is its taker's alone; given back after
 * any failure it is closed, never used again (an operation may still be active in it). */
#ifndef TOK_SESSION_H
#define TOK_SESSION_H

#include "tok_gate.h"
#include "tok_slot.h"

struct tok_session {
    struct tok_member *m; /* NULL: not taken */
    CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID id;
    unsigned had; /* sessions open when this one was to be */
    uint64_t stamp, epoch;
    bool rw;
    CK_RV rv;             /* of the last C_ call that failed */
    const char *function; /* which one */
    bool outlived;        /* the module was started anew since it was taken */
    bool sound;           /* nothing is active in it although its taker fails */
    bool always_auth;     /* the key that is used in it wants a login in each operation (tok_login.h) */
};

/* Makes the slot ready if need be. A warm one makes no C_ call. @rw opens a read-write session of its own. CR_E_BUSY
 * when none came free in time. On failure ses->rv tells what may be repaired. */
cr_status tok_session_take(struct tok_member *m, bool rw, struct tok_session *ses, struct cr_err *err);
/* A second session beside @beside, if there is room now; given back like any other. */
bool tok_session_spare(const struct tok_session *beside, struct tok_session *ses);
/* @clean: every call in it succeeded. Not taken is fine. */
void tok_session_give(struct tok_session *ses, bool clean);
/* The failure of @function with @rv, which is remembered in @ses. */
cr_status tok_session_fail(struct tok_session *ses, const char *function, CK_RV rv, struct cr_err *err);

/* An object is not seen. Fails where that proves nothing: the token meanwhile logged us out (private objects are hidden
 * then), which ses->rv asks to repair. */
cr_status tok_session_unseen(struct tok_session *ses, struct cr_err *err);

/* Takes a session, runs @fn in it; on a failure that can be repaired does so and runs it once more. SIGPIPE is kept from
 * the host meanwhile. */
cr_status tok_session_run(struct tok_member *m, bool rw,
                          cr_status (*fn)(struct tok_session *ses, void *arg, struct cr_err *err), void *arg,
                          struct cr_err *err);

/* Around C_ calls. Fails, too, when the module was started anew since the session was taken: its handle, and those of
 * objects, may be somebody else's by now. */
cr_status tok_session_enter(struct tok_session *ses, struct cr_err *err);

static inline void tok_session_leave(struct tok_session *ses)
{
    tok_gate_leave(ses->m->slot->mod);
}

#endif
