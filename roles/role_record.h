/* SPDX-License-Identifier: Apache-2.0 */
/* Everything known of one role, as an immutable, reference-counted snapshot, and the certificate entries it holds.
 * Nobody changes a record that another can see: role_change makes a new one. Certificate entries are shared between
 * records by reference. Pure: no I/O, clock, thread or crypto (the counters are atomic). */
#ifndef ROLE_RECORD_H
#define ROLE_RECORD_H

#include <jansson.h>
#include <stdint.h>

#include "common/cr_bytes.h"
#include "common/cr_time.h"
#include "role_words.h"

#define ROLE_NAME_MAX         64
#define ROLE_RSA_BITS_DEFAULT 4096
#define ROLE_SECONDS_MAX      (INT64_C(200) * 366 * 86400) /* no policy is longer */
#define ROLE_TIME_MAX         INT64_C(253402300799)        /* 9999-12-31T23:59:59Z: the last that RFC 3339 can say */

/* A certificate entry. Facts are arguments: certs/ computed them. */
struct role_cert {
    unsigned refs; /* atomic */
    char thumbprint[65], sha1[41], spki[65], jkt[44];
    char *own_kid; /* --kid, or NULL */
    char *subject, *issuer, *serial;
    int64_t not_before, not_after;
    char key[32]; /* "rsa:2048", ... */
    struct cr_buf leaf;
    struct cr_buf *chain; /* leaf's issuer first */
    size_t nchain;
    char **locations; /* pkcs11: URIs, at least one */
    size_t nlocations;
    json_t *extra; /* unknown members, kept; or NULL */
};

struct role_who { /* of the last change */
    char *who;    /* "alice (sudo root) on host1" */
    int64_t when;
};

struct role_record {
    unsigned refs; /* atomic */
    char name[ROLE_NAME_MAX + 1];
    enum role_use use;
    enum role_scope scope;
    enum role_binding binding;
    enum role_kid_format kid_format;
    unsigned max_rsa_bits;                       /* the ceiling a live key may grow to, fixed at first assignment */
    uint64_t generation;                         /* 1 at first; grows by one at each change */
    struct role_cert *current, *previous, *next; /* each may be NULL */
    int64_t current_since;
    int64_t previous_until;               /* previous stops verifying at this second */
    int64_t next_since, next_effective;   /* scheduled at (in jwks since), takes over at */
    int64_t retain_previous;              /* seconds; what a flip gives previous */
    bool retain_own;                      /* the role's own: configuration's retain-previous does not replace it */
    int64_t minimum_lead, token_lifetime; /* seconds; -1: configuration's default */
    char **revoked;                       /* SPKI hashes of keys revoked in this role */
    size_t nrevoked;
    char current_revoked[65]; /* current is empty because this key was revoked; "" otherwise */
    struct role_who changed;
    json_t *extra; /* unknown members, kept */
};

/* [A-Za-z][A-Za-z0-9._-]{0,63} */
bool role_name_valid(const char *name, size_t len);
cr_status role_name_check(const char *name, struct cr_err *err);

/* Zeroed, one reference. */
cr_status role_cert_new(struct role_cert **out, struct cr_err *err);
struct role_cert *role_cert_ref(struct role_cert *cert); /* NULL gives NULL */
void role_cert_unref(struct role_cert **cert);
/* A deep, changeable copy with one reference. */
cr_status role_cert_dup(const struct role_cert *cert, struct role_cert **out, struct cr_err *err);

cr_status role_record_new(const char *name, struct role_record **out, struct cr_err *err);
struct role_record *role_record_ref(struct role_record *rec);
void role_record_unref(struct role_record **rec);
/* A changeable copy with one reference; certificate entries are shared. */
cr_status role_record_dup(const struct role_record *rec, struct role_record **out, struct cr_err *err);

/* Replace chain or locations by copies. Only on an entry nobody else sees. */
cr_status role_cert_set_chain(struct role_cert *cert, const struct cr_buf *chain, size_t n, struct cr_err *err);
cr_status role_cert_set_locations(struct role_cert *cert, char *const *locations, size_t n, struct cr_err *err);

/* Makes *slot a reference to @cert (may be NULL), releasing what stood there. Only on a record nobody else sees. */
void role_cert_put(struct role_cert **slot, struct role_cert *cert);
/* Is it one certificate? False when either is NULL. */
bool role_cert_same(const struct role_cert *a, const struct role_cert *b);
/* Adds to the revoked keys, once. */
cr_status role_record_add_revoked(struct role_record *rec, const char *spki, struct cr_err *err);
bool role_record_revoked(const struct role_record *rec, const char *spki);
/* A slot's entry or NULL, as stored (role_resolve gives the effective one). Borrowed. */
struct role_cert *role_record_slot(const struct role_record *rec, enum role_slot slot);

/* The kid of @cert under the record's kid-format: own_kid, else jkt, else x5t (base64url of SHA-1), else its upper-case
 * hex. @out has room for 128; a longer own_kid was refused at import. */
void role_kid(enum role_kid_format format, const struct role_cert *cert, char out[128]);

/* The longest kid of an entry's own. */
#define ROLE_KID_MAX 120
/* 1 to ROLE_KID_MAX printable ASCII characters. */
bool role_kid_valid(const char *kid);
/* Exactly @digits lower-case hex digits. */
bool role_hex_valid(const char *text, size_t digits);

#endif
