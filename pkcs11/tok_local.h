/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens reached in this process through p11-kit: modules, token slots, login, session pool, objects.
 * One token layer a process: modules live in a static registry keyed by real path and init string; opening the same
 * token twice gives the same state. Epoch, gate and rebuild belong to the module. Thread-safe. */
#ifndef TOK_LOCAL_H
#define TOK_LOCAL_H

#include <stdint.h>

#include "tok_signer.h"

/* Called, outside the fork gate and without locks, when a login needs a PIN. Fills @pin (wiped by the callee's owner).
 * @retry is true when the PIN given before was wrong and a source may have changed (asked once more at the most). */
typedef cr_status tok_pin_fn(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err);

/* Copies of token keys as session objects: auto where a measured signature is shorter with one. */
enum tok_key_copy { TOK_KEY_COPY_NEVER, TOK_KEY_COPY_ALWAYS, TOK_KEY_COPY_AUTO };

struct tok_env {
    const char *name, *value;
};

/* Borrowed during tok_local_new, which copies. */
struct tok_conf {
    const char *name;      /* for errors */
    const char *module;    /* path of the PKCS#11 module */
    const char *init_args; /* pReserved, or NULL */
    const char *token_uri; /* which token slot */
    bool serialize;
    unsigned max_sessions;  /* 0: the default, 64 */
    unsigned wait_ms;       /* for a session or ticket; 0: the default, 5000 */
    unsigned op_timeout_ms; /* for a module that froze (tok_job.h); 0: no limit. The longest of all tokens holds */
    bool share;             /* of keys that stand on several tokens: the one with the fewest sessions in use signs */
    enum tok_key_copy key_copy;
    bool ready_after_fork; /* a forked child makes the token and its keys ready before fork() returns (tok_fork.h) */
    const struct tok_env *env;
    size_t nenv;
    tok_pin_fn *pin;      /* NULL: no login */
    void *pin_arg;        /* must outlive the signer and its last object */
    const char *pin_from; /* for errors: where the PIN comes from; or NULL */
};

struct tok_local; /* a struct tok_signer */

/* Reads nothing from the token yet; applies each token's environment where it differs (LD_* refused). The caller owns
 * *out: release with tok_local_signer(x)->ops->signer_unref. */
cr_status tok_local_new(const struct tok_conf *confs, size_t n, struct tok_local **out, struct cr_err *err);
struct tok_signer *tok_local_signer(struct tok_local *loc); /* borrowed, the same object */

/* From now on no C_ function is called in this process (the host registered it with atexit after modules were loaded).
 * Every later call fails with CR_E_TOKEN. Async-signal-unsafe, takes no lock. */
void tok_process_exiting(void);

/* Loads, initializes and logs in to every configured token now, so that a process which later changes root, uid or
 * environment is ready. Reports the first failure, tries all. */
cr_status tok_local_warm(struct tok_local *loc, struct cr_err *err);

/* ---- for the tools ---- */

struct tok_info {
    char label[33], manufacturer[33], model[17], serial[17]; /* trimmed, printable */
    bool login_required, initialized, user_pin_set, pin_count_low, pin_final_try, pin_locked;
};
cr_status tok_token_info(struct tok_local *loc, size_t token, struct tok_info *out, struct cr_err *err);

#define TOK_COUNT_UNKNOWN UINT64_MAX       /* the token does not say */
#define TOK_COUNT_ENDLESS (UINT64_MAX - 1) /* as many as one likes */
#define TOK_MECHS         7

struct tok_mech_desc {
    const char *name; /* static, without CKM_ */
    bool has;
    unsigned long min, max; /* key size in bits, as the token says it */
};

/* A token slot with a token in it. */
struct tok_slot_desc {
    uint64_t id;
    char description[65];
    char unread[96];       /* why the token cannot be read, and nothing below is known; or "" */
    struct tok_info token; /* an uninitialized one says little */
    char hardware[8], firmware[8];
    unsigned long flags; /* CK_TOKEN_INFO.flags */
    bool write_protected, protected_path, pin_to_be_changed;
    uint64_t sessions, sessions_max, rw_sessions, rw_sessions_max; /* or TOK_COUNT_... */
    struct tok_mech_desc mechs[TOK_MECHS];
    bool selected; /* by the configured token's URI */
    char *uri;     /* selects this token: "pkcs11:token=LABEL;serial=..."; NULL when not initialized */
};

struct tok_module_desc {
    char description[33], manufacturer[33], version[8], cryptoki[8];
    struct tok_slot_desc *slots;
    size_t nslots;
};
/* The module of a configured token and all its token slots. Nobody logs in, no PIN is asked for. On success clear @out. */
cr_status tok_describe(struct tok_local *loc, size_t token, struct tok_module_desc *out, struct cr_err *err);
void tok_module_desc_clear(struct tok_module_desc *desc);

enum tok_class { TOK_CLASS_PRIVATE, TOK_CLASS_CERT };

/* One thing on a token. For a private key: numbers where the token gives them (RSA modulus; EC point from a public
 * object with the same CKA_ID, which proves nothing), flags. For a certificate: DER. */
struct tok_item {
    enum tok_class cls;
    struct cr_buf id;
    char *label;
    struct tok_key key; /* cls private; point may be empty */
    bool sensitive, extractable, always_auth;
    struct cr_buf cert; /* cls cert */
    char *location;     /* pkcs11: URI of this object */
};
/* All private keys and certificates (CKA_TOKEN true). *items is the caller's: tok_items_free. */
cr_status tok_list(struct tok_local *loc, size_t token, struct tok_item **items, size_t *n, struct cr_err *err);
void tok_items_free(struct tok_item **items, size_t n);

struct tok_import {
    const struct tok_key *key;               /* has_private; or NULL for a certificate alone */
    struct cr_bytes cert;                    /* leaf DER, may be empty */
    struct cr_bytes subject, issuer, serial; /* DER, for the certificate object */
    const char *label;
    bool exportable; /* CKA_SENSITIVE false is never set; this sets CKA_EXTRACTABLE */
};
/* Creates what is not there yet (same CKA_ID and class: kept, after checking it is this key or this certificate). Reads
 * CKA_SENSITIVE and CKA_EXTRACTABLE back and destroys what came out wrong, with a sentence. *location (caller's, free) is
 * the key's URI: "pkcs11:token=LABEL;serial=...;id=%..;type=private". *created says whether a key object was made. A
 * failure half-way removes what this call made. */
cr_status tok_import(struct tok_local *loc, size_t token, const struct tok_import *what, char **location, bool *created,
                     struct cr_err *err);

/* Removes the certificate object equal to @cert (may be empty) and, when @id is not empty, the private and public key
 * objects with that CKA_ID. CR_E_NOT_FOUND when nothing matched. */
cr_status tok_remove(struct tok_local *loc, size_t token, struct cr_bytes id, struct cr_bytes cert, struct cr_err *err);

/* Which configured token does @location select? Index, or CR_E_NOT_FOUND / CR_E_AMBIGUOUS / CR_E_INVALID. */
cr_status tok_locate(struct tok_local *loc, const char *location, size_t *token, struct cr_err *err);
/* Could @location be on that token, as far as the two URIs tell? No call. */
bool tok_may_hold(struct tok_local *loc, size_t token, const char *location);

/* Checks @location: a pkcs11: URI of a private key by id (or object), without pin-value, pin-source or module parts. */
cr_status tok_location_check(const char *location, struct cr_err *err);
/* Is it of the key with this CKA_ID? */
bool tok_location_has_id(const char *location, struct cr_bytes id);

#endif
