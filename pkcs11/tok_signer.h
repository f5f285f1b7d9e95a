/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between a provider and whoever holds the key: find and prove, sign, decrypt, derive. pkcs11/tok_local.c
 * implements it in the process; a signing agent over a Unix socket will be the second implementation. Nothing above
 * this interface may assume that token and process are one. Hashing has been done by the caller (Ed25519 excepted). */
#ifndef TOK_SIGNER_H
#define TOK_SIGNER_H

#include "tok_key.h"

/* Hashes of PSS and OAEP parameters, by the field's names. */
enum tok_hash { TOK_SHA1, TOK_SHA224, TOK_SHA256, TOK_SHA384, TOK_SHA512 };

enum tok_op {
    TOK_SIGN_RSA_PKCS1, /* input: DigestInfo, or any bytes up to k-11; CKM_RSA_PKCS */
    TOK_SIGN_RSA_RAW,   /* input: k bytes; CKM_RSA_X_509 */
    TOK_SIGN_RSA_PSS,   /* input: digest; hash, mgf, salt_len */
    TOK_SIGN_ECDSA,     /* input: digest (cut to the order's length by the callee); output: r||s */
    TOK_SIGN_EDDSA,     /* input: the message */
    TOK_DECRYPT_RSA_PKCS1,
    TOK_DECRYPT_RSA_RAW,
    TOK_DECRYPT_RSA_OAEP, /* hash, mgf, label */
};

struct tok_mech {
    enum tok_op op;
    enum tok_hash hash, mgf;
    unsigned salt_len;     /* PSS, bytes */
    struct cr_bytes label; /* OAEP, may be empty */
};

/* Verifies @sig over @msg made with @mech by the key being proven; the host does it in software (pkcs11/ has no crypto).
 * For EC the message is a digest and the signature r||s, for Ed25519 the message itself. */
typedef cr_status tok_verify_fn(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                                struct cr_err *err);

/* A found and proven private key; reference-counted, shared between threads. */
struct tok_object;

struct tok_signer;

struct tok_signer_ops {
    /* Finds the private key at @locations (RFC 7512 URIs of the same key, 1 to 16, in order of preference; one suffices),
     * checks it against @pub, caches the handle. A hit in the cache makes no PKCS#11 call. When one location fails, also
     * in later operations, another one is used, and the failed one again after a while. The caller owns *out (unref).
     * @verify and @verify_arg must stay valid until its last unref: after a repair the key is proven anew, in whichever
     * thread uses it; so must a PIN callback's argument (pin_arg), until the signer and its last object are gone. Errors: CR_E_NOT_FOUND, CR_E_AMBIGUOUS (two matches), CR_E_PIN,
     * CR_E_TOKEN, CR_E_INVALID (key is not the certificate's). */
    cr_status (*find)(struct tok_signer *signer, const char *const *locations, size_t n, const struct tok_key *pub,
                      tok_verify_fn *verify, void *verify_arg, struct tok_object **out, struct cr_err *err);
    /* @out has room for @size bytes; *n is what was written. Never writes past @size (CR_E_SIZE). A stale handle, dead
     * session, device error or fork is repaired and retried once inside. */
    cr_status (*sign)(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                      size_t size, size_t *n, struct cr_err *err);
    cr_status (*decrypt)(struct tok_object *obj, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                         size_t size, size_t *n, struct cr_err *err);
    /* ECDH with the peer's uncompressed point; the raw x coordinate, field length (CKM_ECDH1_DERIVE, CKD_NULL). */
    cr_status (*derive)(struct tok_object *obj, struct cr_bytes peer_point, unsigned char *out, size_t size, size_t *n,
                        struct cr_err *err);
    /* Is it known that the object could be used at once, in this process and at a single place? Else find again. Makes no
     * call. */
    bool (*ready)(struct tok_object *obj);
    struct tok_object *(*object_ref)(struct tok_object *obj);
    void (*object_unref)(struct tok_object **obj);
    void (*signer_unref)(struct tok_signer **signer); /* last one at run time closes sessions and finalizes modules */
};

/* Implementations put this first. */
struct tok_signer {
    const struct tok_signer_ops *ops;
};

#endif
