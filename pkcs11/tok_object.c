/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_object.h"

#include <stdlib.h>
#include <string.h>

#include "tok_attr.h"
#include "tok_crypto.h"
#include "tok_job.h"
#include "tok_uri.h"

#define ENTRIES_MAX 256 /* of one token slot; unused ones beyond go */

static void entry_free(struct tok_entry *entry)
{
    if (entry == NULL)
        return;
    free(entry->location);
    tok_key_clear(&entry->pub);
    free(entry);
}

static cr_status entry_new(struct tok_slot *slot, const char *location, const struct tok_key *pub,
                           struct tok_entry **out, struct cr_err *err)
{
    struct tok_entry *entry = calloc(1, sizeof(*entry));
    cr_status st;

    if (entry == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    entry->slot = slot;
    if (cr_failed(st = cr_strdup(location, &entry->location, err)) ||
        cr_failed(st = tok_key_copy_public(pub, &entry->pub, err)))
        entry_free(entry);
    else
        *out = entry;
    return st;
}

static bool is_warm(const struct tok_entry *entry)
{
    return entry->stamp != 0 && entry->stamp == entry->slot->stamp;
}

static struct tok_entry *lookup(struct tok_slot *slot, const char *location, const struct tok_key *pub, bool *warm)
{
    struct tok_entry *entry = slot->entries;

    while (entry != NULL && (strcmp(entry->location, location) || !tok_key_same_public(&entry->pub, pub)))
        entry = entry->next;
    if (entry != NULL) {
        entry->refs++;
        *warm = is_warm(entry);
    }
    return entry;
}

struct tok_entry *tok_entry_peek(struct tok_slot *slot, const char *location, const struct tok_key *pub, bool *warm)
{
    struct tok_entry *entry;

    pthread_mutex_lock(&slot->mod->lock);
    entry = lookup(slot, location, pub, warm);
    pthread_mutex_unlock(&slot->mod->lock);
    return entry;
}

bool tok_entry_warm(struct tok_entry *entry)
{
    struct tok_slot *slot = entry->slot;
    bool warm;

    pthread_mutex_lock(&slot->mod->lock);
    warm = is_warm(entry);
    pthread_mutex_unlock(&slot->mod->lock);
    return warm;
}

/* The oldest stand at the end; one without a user is unlinked and returned when there are too many. */
static struct tok_entry *surplus(struct tok_slot *slot)
{
    struct tok_entry **last = NULL, *gone = NULL;
    size_t n = 0;

    for (struct tok_entry **p = &slot->entries; *p != NULL; p = &(*p)->next, n++)
        if ((*p)->refs == 0)
            last = p;
    if (n > ENTRIES_MAX && last != NULL) {
        gone = *last;
        *last = gone->next;
    }
    return gone;
}

cr_status tok_entry_get(struct tok_slot *slot, const char *location, const struct tok_key *pub, struct tok_entry **out,
                        bool *warm, struct cr_err *err)
{
    struct tok_entry *fresh = NULL, *gone = NULL, *entry;
    cr_status st = entry_new(slot, location, pub, &fresh, err);

    if (cr_failed(st))
        return st;
    *warm = false;
    pthread_mutex_lock(&slot->mod->lock);
    entry = lookup(slot, location, pub, warm);
    if (entry == NULL) {
        fresh->next = slot->entries;
        fresh->refs = 1;
        slot->entries = entry = fresh;
        fresh = NULL;
        gone = surplus(slot);
    }
    pthread_mutex_unlock(&slot->mod->lock);
    entry_free(fresh);
    entry_free(gone);
    *out = entry;
    return st;
}

void tok_entry_put(struct tok_entry **entry)
{
    if (*entry == NULL)
        return;
    pthread_mutex_lock(&(*entry)->slot->mod->lock);
    (*entry)->refs--;
    pthread_mutex_unlock(&(*entry)->slot->mod->lock);
    *entry = NULL;
}

/* A second match is refused: signing with "the first" is how a roll goes wrong unseen. */
static cr_status find(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE *out, struct cr_err *err)
{
    CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE; /* copies of a key in a session have its attributes too */
    CK_ATTRIBUTE tmpl[4] = {{CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}};
    CK_ATTRIBUTE_TYPE by[] = {CKA_ID, CKA_LABEL};
    CK_OBJECT_HANDLE hits[2];
    P11KitUri *uri = NULL;
    CK_ULONG ntmpl = 2;
    size_t n = 0;
    cr_status st = tok_uri_location(entry->location, &uri, err);

    if (cr_failed(st))
        return st;
    for (size_t i = 0; i < CR_COUNT(by); i++) {
        CK_ATTRIBUTE *attr = tok_uri_attribute(uri, by[i]);
        if (attr != NULL && attr->ulValueLen > 0)
            tmpl[ntmpl++] = *attr;
    }
    st = tok_attr_find(ses, tmpl, ntmpl, hits, CR_COUNT(hits), &n, err);
    tok_uri_free(uri);
    if (cr_failed(st))
        return st;
    if (n == 0) {
        if (cr_failed(st = tok_session_unseen(ses, err)))
            return st;
        return cr_fail(err, CR_E_NOT_FOUND, "token %s: no private key at %s%s", ses->m->name, entry->location,
                       tok_module_outside(entry->slot->mod) ? ", seen from another root directory (chroot?)" : "");
    }
    if (n > 1)
        return cr_fail(err, CR_E_AMBIGUOUS, "token %s: more than one private key at %s", ses->m->name, entry->location);
    *out = hits[0];
    return st;
}

static cr_status other_key(struct tok_entry *entry, struct tok_session *ses, const char *what, struct cr_err *err)
{
    return cr_fail(err, CR_E_INVALID, "token %s: the key at %s is not the certificate's (%s)", ses->m->name,
                   entry->location, what);
}

/* What the private object shows of itself; empty numbers are not shown. */
struct shown {
    CK_ULONG type;
    bool always_auth;
    struct cr_buf number, exponent; /* RSA: the modulus; EC: the curve */
};

static void shown_clear(struct shown *shown)
{
    cr_buf_clear(&shown->number);
    cr_buf_clear(&shown->exponent);
}

static CK_ATTRIBUTE_TYPE number_type(enum tok_key_type type)
{
    return type == TOK_KEY_RSA ? CKA_MODULUS : CKA_EC_PARAMS;
}

/* All of it in one call, if the token can. */
static bool shown_peek(const struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE obj,
                       struct shown *shown)
{
    static const CK_ULONG asked[] = {[TOK_KEY_RSA] = 4, [TOK_KEY_EC] = 3, [TOK_KEY_ED25519] = 2};
    unsigned char number[2048] = {0}, exponent[64] = {0};
    CK_BBOOL always = CK_FALSE;
    CK_ULONG type = 0;
    CK_ATTRIBUTE attrs[] = {{CKA_KEY_TYPE, &type, sizeof(type)},
                            {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)},
                            {number_type(entry->pub.type), number, sizeof(number)},
                            {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)}};
    CK_ULONG n = asked[entry->pub.type];

    if (!tok_attr_peek(ses, obj, attrs, n) || attrs[0].ulValueLen != sizeof(type) ||
        attrs[1].ulValueLen != sizeof(always))
        return false;
    shown->type = type;
    shown->always_auth = always != CK_FALSE;
    return (n < 3 || !cr_failed(cr_buf_set(&shown->number, number, attrs[2].ulValueLen, NULL))) &&
           (n < 4 || !cr_failed(cr_buf_set(&shown->exponent, exponent, attrs[3].ulValueLen, NULL)));
}

static cr_status shown_read(const struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE obj,
                            struct shown *shown, struct cr_err *err)
{
    enum tok_key_type type = entry->pub.type;
    cr_status st;

    if (shown_peek(entry, ses, obj, shown))
        return cr_ok();
    if (cr_failed(st = tok_attr_ulong(ses, obj, CKA_KEY_TYPE, &shown->type, err)) ||
        cr_failed(st = tok_attr_bool(ses, obj, CKA_ALWAYS_AUTHENTICATE, false, &shown->always_auth, err)))
        return st;
    if (type != TOK_KEY_ED25519)
        st = tok_attr_get(ses, obj, number_type(type), &shown->number, err);
    if (!cr_failed(st) && type == TOK_KEY_RSA)
        st = tok_attr_get(ses, obj, CKA_PUBLIC_EXPONENT, &shown->exponent, err);
    return st;
}

/* Not another number than the one of the certificate. */
static bool number_fits(const struct cr_buf *shown, const struct cr_buf *want)
{
    return shown->n == 0 || cr_bytes_equal(tok_attr_trim(cr_buf_bytes(shown)), tok_attr_trim(cr_buf_bytes(want)));
}

/* RSA: *told when the private object shows its modulus. A public object with the same id would prove nothing. */
static cr_status shown_check(struct tok_entry *entry, struct tok_session *ses, const struct shown *shown, bool *told,
                             struct cr_err *err)
{
    static const CK_KEY_TYPE types[] = {
        [TOK_KEY_RSA] = CKK_RSA, [TOK_KEY_EC] = CKK_EC, [TOK_KEY_ED25519] = CKK_EC_EDWARDS};
    bool rsa = entry->pub.type == TOK_KEY_RSA;

    if (shown->type != types[entry->pub.type])
        return other_key(entry, ses, "another key type", err);
    if (rsa && (!number_fits(&shown->number, &entry->pub.n) || !number_fits(&shown->exponent, &entry->pub.e)))
        return other_key(entry, ses, "another modulus", err);
    if (entry->pub.type == TOK_KEY_EC && shown->number.n > 0 &&
        !cr_bytes_equal(cr_buf_bytes(&shown->number), cr_buf_bytes(&entry->pub.ec_params)))
        return other_key(entry, ses, "another curve", err);
    *told = rsa && shown->number.n > 0;
    return cr_ok();
}

/* DigestInfo of SHA-256 and 32 bytes; EC signs the 32 bytes alone, Ed25519 takes them as the message. */
static const unsigned char probe_info[] = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
                                          "certroll: does this key match?  ";

static cr_status probe(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE obj,
                       const struct tok_prover *prover, struct cr_err *err)
{
    bool rsa = entry->pub.type == TOK_KEY_RSA;
    struct tok_mech mech = {.op = rsa                             ? TOK_SIGN_RSA_PKCS1
                                  : entry->pub.type == TOK_KEY_EC ? TOK_SIGN_ECDSA
                                                                  : TOK_SIGN_EDDSA};
    struct cr_bytes msg = rsa ? cr_bytes(probe_info, 19 + 32) : cr_bytes(probe_info + 19, 32);
    unsigned char sig[TOK_OUT_MAX];
    size_t n = 0;
    cr_status st;

    if (prover->verify == NULL)
        return cr_fail(err, CR_E_INVALID, "token %s: the key at %s cannot be checked", ses->m->name, entry->location);
    if (cr_failed(st = tok_crypto_sign(ses, obj, &entry->pub, &mech, msg, sig, sizeof(sig), &n, err)))
        return st;
    if (cr_failed(st = tok_job_host_begin(err)))
        return st;
    st = prover->verify(prover->arg, &mech, msg, cr_bytes(sig, n), NULL);
    tok_job_host_end();
    return cr_failed(st) ? other_key(entry, ses, "its signature does not verify", err) : st;
}

static cr_status prove(struct tok_entry *entry, struct tok_session *ses, CK_OBJECT_HANDLE obj,
                       const struct tok_prover *prover, struct cr_err *err)
{
    struct shown shown = {0};
    bool told = false;
    cr_status st;

    if (!cr_failed(st = shown_read(entry, ses, obj, &shown, err))) {
        ses->always_auth = shown.always_auth;
        st = shown_check(entry, ses, &shown, &told, err);
    }
    shown_clear(&shown);
    return cr_failed(st) || told ? st : probe(entry, ses, obj, prover, err);
}

cr_status tok_entry_handle(struct tok_entry *entry, struct tok_session *ses, const struct tok_prover *prover,
                           CK_OBJECT_HANDLE *out, struct cr_err *err)
{
    struct tok_module *mod = entry->slot->mod;
    CK_OBJECT_HANDLE obj = 0;
    bool good;
    cr_status st;

    pthread_mutex_lock(&mod->lock);
    good = entry->stamp == ses->stamp;
    if (good) {
        *out = entry->handle;
        ses->always_auth = entry->always_auth;
    }
    pthread_mutex_unlock(&mod->lock);
    if (good)
        return cr_ok();
    if (cr_failed(st = find(entry, ses, &obj, err)) || cr_failed(st = prove(entry, ses, obj, prover, err)))
        return st;
    pthread_mutex_lock(&mod->lock);
    if (entry->stamp < ses->stamp) {
        entry->stamp = ses->stamp;
        entry->handle = obj;
        entry->always_auth = ses->always_auth;
    }
    pthread_mutex_unlock(&mod->lock);
    *out = obj;
    return st;
}
