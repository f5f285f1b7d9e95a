/* SPDX-License-Identifier: Apache-2.0 */
/* A token slot that a configured token URI selects: found, logged in to once, with its pool of sessions and its found
 * keys. "Ready" means all that in the module's present epoch; each time it becomes ready it gets a new stamp, and
 * sessions and object handles carry the stamp they belong to. */
#ifndef TOK_SLOT_H
#define TOK_SLOT_H

#include <p11-kit/uri.h>

#include "common/cr_secret.h"
#include "tok_local.h"
#include "tok_module.h"

struct tok_entry;

/* Left alone after failures in a row, where a key stands elsewhere too. */
struct tok_down {
    atomic_uint times;
    atomic_llong until; /* tok_clock_ms */
};
#define TOK_BAD_PINS 4 /* a source whose answers alternate gives two */

struct tok_slot {
    struct tok_slot *next;
    struct tok_module *mod;     /* not counted: entries are for ever */
    char *uri;                  /* as configured */
    _Atomic(P11KitUri *) match; /* NULL until tok_slot_match */

    struct tok_down down;
    atomic_bool share; /* its load with other tokens; as configured last, like */
    _Atomic(enum tok_key_copy) key_copy;

    /* Guarded by mod->lock. */
    struct {
        uint64_t stamp, epoch; /* stamp 0: none */
        CK_SESSION_HANDLE handle;
        bool busy;
    } keeper; /* the session that copies of keys stay with */
    unsigned refs;
    uint64_t stamp;        /* 0: not ready */
    uint64_t forked_stamp; /* that it had in the parent, at the fork this process came from */
    uint64_t attempts;     /* of getting ready, ended */
    unsigned retry_ms;     /* after failures in a row the next one begins no sooner than */
    int64_t retry_at;      /* tok_clock_ms */
    struct cr_err failure; /* of the last attempt; code CR_OK if it went well */
    CK_SLOT_ID id;         /* valid with stamp */
    CK_TOKEN_INFO info;    /* as last seen */
    bool info_known;
    unsigned max_sessions;
    unsigned open;             /* sessions of this epoch, idle and taken; of these: */
    unsigned opening, closing; /* in C_OpenSession, in C_CloseSession */
    unsigned limit;            /* the token allows no more (CKR_SESSION_COUNT), 0: not known; taken for true until: */
    int64_t limit_until;
    CK_SESSION_HANDLE *idle; /* room for max_sessions */
    unsigned nidle;
    struct tok_entry *entries;               /* tok_object.h */
    struct cr_secret bad_pins[TOK_BAD_PINS]; /* refused by the token, never tried again; the oldest falls out */
    unsigned nbad;                           /* ever */
    bool authing; /* an operation with a login of its own is going on, in the process with this number: */
    uint64_t auth_process;
};

/* One configured token of one host: a slot, and how that host logs in to it. */
struct tok_member {
    char *name;
    char *pin_from; /* or NULL */
    struct tok_slot *slot;
    tok_pin_fn *pin;
    void *pin_arg;
    unsigned wait_ms;
    bool ready_after_fork;
    char **env_names, **env_values;
    size_t nenv;
};

cr_status tok_slot_get(struct tok_module *mod, const char *uri, unsigned max_sessions, struct tok_slot **out,
                       struct cr_err *err);
void tok_slot_put(struct tok_slot **slot); /* mod stays */
/* The configured URI, decoded; *out is the slot's. Any thread, under no lock of ours. */
cr_status tok_slot_match(struct tok_slot *slot, P11KitUri **out, struct cr_err *err);

/* Makes the slot ready if it is not: starts the module, finds the token, logs in. Nobody's lock may be held. Returns with
 * the stamp under which it was ready. */
cr_status tok_slot_ready(struct tok_member *m, int64_t deadline, uint64_t *stamp, struct cr_err *err);
/* After a failure under @stamp and @epoch: makes the next use repair it. */
void tok_slot_doubt(struct tok_slot *slot, uint64_t stamp, uint64_t epoch, enum tok_repair repair);
/* What the token allows, as far as it is known, mod->lock held: other processes may have had the rest of its sessions,
 * so that what was learned holds for some seconds. */
unsigned tok_slot_bound(struct tok_slot *slot);
/* The token refused one more session than @had, mod->lock held. */
void tok_slot_full(struct tok_slot *slot, unsigned had);
/* Forgets readiness and sessions of all slots; mod->lock held, no C_ call. */
void tok_slots_forget(struct tok_module *mod);

/* tok_login.c; for the busy owner. */
cr_status tok_login(struct tok_member *m, CK_SESSION_HANDLE session, const CK_TOKEN_INFO *info, CK_RV *rv,
                    struct cr_err *err);

#endif
