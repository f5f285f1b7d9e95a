/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool name_char(char c, bool first)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-');
}

bool role_name_valid(const char *name, size_t len)
{
    if (name == NULL || len == 0 || len > ROLE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!name_char(name[i], i == 0))
            return false;
    return true;
}

cr_status role_name_check(const char *name, struct cr_err *err)
{
    if (name != NULL && role_name_valid(name, strlen(name)))
        return cr_ok();
    return cr_fail(
        err, CR_E_USAGE,
        "\"%.80s\" is not a role name: a letter, then at most 63 letters, digits, dots, underscores or hyphens",
        name != NULL ? name : "");
}

bool role_hex_valid(const char *text, size_t digits)
{
    if (strlen(text) != digits)
        return false;
    return strspn(text, "0123456789abcdef") == digits;
}

bool role_kid_valid(const char *kid)
{
    size_t n = strlen(kid);

    if (n == 0 || n > ROLE_KID_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (kid[i] < 0x20 || kid[i] > 0x7e)
            return false;
    return true;
}

/* ---- certificate entries ---- */

cr_status role_cert_new(struct role_cert **out, struct cr_err *err)
{
    struct role_cert *cert = calloc(1, sizeof *cert);

    if (cert == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    cert->refs = 1;
    *out = cert;
    return cr_ok();
}

struct role_cert *role_cert_ref(struct role_cert *cert)
{
    if (cert != NULL)
        __atomic_fetch_add(&cert->refs, 1, __ATOMIC_RELAXED);
    return cert;
}

static void cert_free(struct role_cert *cert)
{
    free(cert->own_kid);
    free(cert->subject);
    free(cert->issuer);
    free(cert->serial);
    cr_buf_clear(&cert->leaf);
    for (size_t i = 0; i < cert->nchain; i++)
        cr_buf_clear(&cert->chain[i]);
    free(cert->chain);
    for (size_t i = 0; i < cert->nlocations; i++)
        free(cert->locations[i]);
    free(cert->locations);
    json_decref(cert->extra);
    free(cert);
}

void role_cert_unref(struct role_cert **cert)
{
    if (cert == NULL || *cert == NULL)
        return;
    if (__atomic_fetch_sub(&(*cert)->refs, 1, __ATOMIC_ACQ_REL) == 1)
        cert_free(*cert);
    *cert = NULL;
}

void role_cert_put(struct role_cert **slot, struct role_cert *cert)
{
    struct role_cert *old = *slot;

    *slot = role_cert_ref(cert);
    role_cert_unref(&old);
}

bool role_cert_same(const struct role_cert *a, const struct role_cert *b)
{
    return a != NULL && b != NULL && strcmp(a->thumbprint, b->thumbprint) == 0;
}

cr_status role_cert_set_chain(struct role_cert *cert, const struct cr_buf *chain, size_t n, struct cr_err *err)
{
    struct cr_buf *copy = NULL;
    cr_status st = cr_ok();
    size_t done = 0;

    if (n > 0 && (copy = calloc(n, sizeof *copy)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (; done < n && !cr_failed(st); done++)
        st = cr_buf_set(&copy[done], chain[done].p, chain[done].n, err);
    if (cr_failed(st)) {
        while (done > 0)
            cr_buf_clear(&copy[--done]);
        free(copy);
        return st;
    }
    for (size_t i = 0; i < cert->nchain; i++)
        cr_buf_clear(&cert->chain[i]);
    free(cert->chain);
    cert->chain = copy;
    cert->nchain = n;
    return cr_ok();
}

/* A copy of @n strings; the caller owns it (strings_free). */
static cr_status strings_dup(char *const *list, size_t n, char ***out, struct cr_err *err)
{
    char **copy = NULL;
    cr_status st = cr_ok();
    size_t done = 0;

    if (n > 0 && (copy = calloc(n, sizeof *copy)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    while (done < n && !cr_failed(st)) {
        st = cr_strdup(list[done], &copy[done], err);
        done++;
    }
    if (cr_failed(st)) {
        while (done > 0)
            free(copy[--done]);
        free(copy);
        return st;
    }
    *out = copy;
    return cr_ok();
}

cr_status role_cert_set_locations(struct role_cert *cert, char *const *locations, size_t n, struct cr_err *err)
{
    char **copy = NULL;
    cr_status st;

    if (cr_failed(st = strings_dup(locations, n, &copy, err)))
        return st;
    for (size_t i = 0; i < cert->nlocations; i++)
        free(cert->locations[i]);
    free(cert->locations);
    cert->locations = copy;
    cert->nlocations = n;
    return cr_ok();
}

static cr_status cert_copy_text(const struct role_cert *from, struct role_cert *to, struct cr_err *err)
{
    cr_status st;

    memcpy(to->thumbprint, from->thumbprint, sizeof to->thumbprint);
    memcpy(to->sha1, from->sha1, sizeof to->sha1);
    memcpy(to->spki, from->spki, sizeof to->spki);
    memcpy(to->jkt, from->jkt, sizeof to->jkt);
    memcpy(to->key, from->key, sizeof to->key);
    to->not_before = from->not_before;
    to->not_after = from->not_after;
    if (cr_failed(st = cr_strdup(from->own_kid, &to->own_kid, err)) ||
        cr_failed(st = cr_strdup(from->subject, &to->subject, err)) ||
        cr_failed(st = cr_strdup(from->issuer, &to->issuer, err)))
        return st;
    return cr_strdup(from->serial, &to->serial, err);
}

/* A deep copy, or NULL with an error: unknown members are foreign data and must not be lost silently. */
static cr_status extra_dup(const json_t *extra, json_t **out, struct cr_err *err)
{
    json_t *copy = NULL;

    if (extra != NULL && (copy = json_deep_copy(extra)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    *out = copy;
    return cr_ok();
}

cr_status role_cert_dup(const struct role_cert *cert, struct role_cert **out, struct cr_err *err)
{
    struct role_cert *copy = NULL;
    cr_status st;

    if (cr_failed(st = role_cert_new(&copy, err)))
        return st;
    if (cr_failed(st = cert_copy_text(cert, copy, err)))
        goto out;
    if (cr_failed(st = cr_buf_set(&copy->leaf, cert->leaf.p, cert->leaf.n, err)))
        goto out;
    if (cr_failed(st = role_cert_set_chain(copy, cert->chain, cert->nchain, err)))
        goto out;
    if (cr_failed(st = role_cert_set_locations(copy, cert->locations, cert->nlocations, err)))
        goto out;
    if (cr_failed(st = extra_dup(cert->extra, &copy->extra, err)))
        goto out;
    *out = copy;
    copy = NULL;
out:
    role_cert_unref(&copy);
    return st;
}

/* ---- records ---- */

cr_status role_record_new(const char *name, struct role_record **out, struct cr_err *err)
{
    struct role_record *rec;
    cr_status st;

    if (cr_failed(st = role_name_check(name, err)))
        return st;
    if ((rec = calloc(1, sizeof *rec)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    memcpy(rec->name, name, strlen(name) + 1);
    rec->refs = 1;
    rec->minimum_lead = -1;
    rec->token_lifetime = -1;
    *out = rec;
    return cr_ok();
}

struct role_record *role_record_ref(struct role_record *rec)
{
    if (rec != NULL)
        __atomic_fetch_add(&rec->refs, 1, __ATOMIC_RELAXED);
    return rec;
}

static void record_free(struct role_record *rec)
{
    role_cert_unref(&rec->current);
    role_cert_unref(&rec->previous);
    role_cert_unref(&rec->next);
    for (size_t i = 0; i < rec->nrevoked; i++)
        free(rec->revoked[i]);
    free(rec->revoked);
    free(rec->changed.who);
    json_decref(rec->extra);
    free(rec);
}

void role_record_unref(struct role_record **rec)
{
    if (rec == NULL || *rec == NULL)
        return;
    if (__atomic_fetch_sub(&(*rec)->refs, 1, __ATOMIC_ACQ_REL) == 1)
        record_free(*rec);
    *rec = NULL;
}

/* @to is a flat copy of @from: makes what it points to its own. */
static cr_status record_own(const struct role_record *from, struct role_record *to, struct cr_err *err)
{
    cr_status st;

    to->refs = 1;
    to->current = role_cert_ref(from->current);
    to->previous = role_cert_ref(from->previous);
    to->next = role_cert_ref(from->next);
    to->revoked = NULL;
    to->nrevoked = 0;
    to->changed.who = NULL;
    to->extra = NULL;
    if (cr_failed(st = strings_dup(from->revoked, from->nrevoked, &to->revoked, err)))
        return st;
    to->nrevoked = from->nrevoked;
    if (cr_failed(st = cr_strdup(from->changed.who, &to->changed.who, err)))
        return st;
    return extra_dup(from->extra, &to->extra, err);
}

cr_status role_record_dup(const struct role_record *rec, struct role_record **out, struct cr_err *err)
{
    struct role_record *copy = malloc(sizeof *copy);
    cr_status st;

    if (copy == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    *copy = *rec;
    if (cr_failed(st = record_own(rec, copy, err)))
        role_record_unref(&copy);
    else
        *out = copy;
    return st;
}

bool role_record_revoked(const struct role_record *rec, const char *spki)
{
    for (size_t i = 0; i < rec->nrevoked; i++)
        if (strcmp(rec->revoked[i], spki) == 0)
            return true;
    return false;
}

cr_status role_record_add_revoked(struct role_record *rec, const char *spki, struct cr_err *err)
{
    char **grown;
    char *copy = NULL;
    cr_status st;

    if (role_record_revoked(rec, spki))
        return cr_ok();
    if (cr_failed(st = cr_strdup(spki, &copy, err)))
        return st;
    if ((grown = reallocarray(rec->revoked, rec->nrevoked + 1, sizeof *grown)) == NULL) {
        free(copy);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    grown[rec->nrevoked] = copy;
    rec->revoked = grown;
    rec->nrevoked++;
    return cr_ok();
}

struct role_cert *role_record_slot(const struct role_record *rec, enum role_slot slot)
{
    switch (slot) {
    case ROLE_CURRENT:
        return rec->current;
    case ROLE_PREVIOUS:
        return rec->previous;
    case ROLE_NEXT:
        return rec->next;
    }
    return NULL;
}

/* ---- kid ---- */

static unsigned nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* base64url of the 20 bytes written as hex in @sha1, as RFC 7515 section 4.1.7 has it: 27 characters. */
static void x5t_of(const char *sha1, char out[128])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, held = 0;
    size_t n = 0;

    for (const char *p = sha1; *p != '\0'; p++) {
        bits = bits << 4 | nibble(*p);
        held += 4;
        if (held >= 6) {
            held -= 6;
            out[n++] = digits[bits >> held & 63];
        }
    }
    if (held > 0)
        out[n++] = digits[bits << (6 - held) & 63];
    out[n] = '\0';
}

void role_kid(enum role_kid_format format, const struct role_cert *cert, char out[128])
{
    if (cert->own_kid != NULL || format == ROLE_KID_RFC7638) {
        snprintf(out, 128, "%s", cert->own_kid != NULL ? cert->own_kid : cert->jkt);
        return;
    }
    if (format == ROLE_KID_X5T) {
        x5t_of(cert->sha1, out);
        return;
    }
    snprintf(out, 128, "%s", cert->sha1);
    for (char *p = out; *p != '\0'; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (char)(*p - 'a' + 'A');
}
