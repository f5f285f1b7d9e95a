/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cert_curves.h"
#include "cert_err.h"

#define WORDS_MAX 100  /* names or purposes */
#define WORD_MAX  2048 /* bytes of one */

/* ---- lists ---- */

/* Calls @fn with each part of @text between commas. */
static cr_status each_word(const char *text, const char *what, cr_status (*fn)(void *arg, char *word, struct cr_err *),
                           void *arg, struct cr_err *err)
{
    char word[WORD_MAX];
    unsigned count = 0;
    cr_status st = cr_ok();

    for (const char *p = text; !cr_failed(st); p++) {
        size_t n = strcspn(p, ",");
        while (n > 0 && *p == ' ') {
            p++;
            n--;
        }
        if (n == 0 || n >= sizeof word || ++count > WORDS_MAX)
            return cr_fail(err, CR_E_USAGE, "%s: %s", what,
                           n == 0              ? "an empty entry"
                           : count > WORDS_MAX ? "too many entries"
                                               : "too long an entry");
        memcpy(word, p, n);
        word[n] = '\0';
        st = fn(arg, word, err);
        p += n;
        if (*p == '\0')
            break;
    }
    return st;
}

/* ---- alternative names ---- */

static bool dns_valid(const char *name)
{
    size_t label = 0, total = strlen(name);

    if (total == 0 || total > 253)
        return false;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    for (; *name != '\0'; name++) {
        if (*name == '.' ? label == 0 : (!isalnum((unsigned char)*name) && *name != '-' && *name != '_') || label >= 63)
            return false;
        label = *name == '.' ? 0 : label + 1;
    }
    return label > 0;
}

static bool printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= 0x20 || *text > 0x7e)
            return false;
    return true;
}

static ASN1_STRING *address_new(const char *text)
{
    unsigned char bytes[16];
    int n = inet_pton(AF_INET, text, bytes) == 1 ? 4 : inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
    ASN1_STRING *value = n > 0 ? ASN1_OCTET_STRING_new() : NULL;

    if (value != NULL && ASN1_STRING_set(value, bytes, n) != 1) {
        ASN1_STRING_free(value);
        return NULL;
    }
    return value;
}

static ASN1_STRING *ia5_new(const char *text)
{
    ASN1_STRING *value = ASN1_IA5STRING_new();

    if (value != NULL && ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_STRING_free(value);
        return NULL;
    }
    return value;
}

static bool dns_ok(const char *text)
{
    return dns_valid(text);
}

static bool email_ok(const char *text)
{
    const char *at = strchr(text, '@');

    return printable(text) && at != NULL && at != text && dns_valid(at + 1) && at[1] != '*';
}

static bool uri_ok(const char *text)
{
    const char *colon = strchr(text, ':');

    return printable(text) && colon != NULL && colon != text && colon[1] != '\0';
}

static bool any(const char *text)
{
    return *text != '\0';
}

static const struct {
    const char *prefix;
    int type;
    bool (*valid)(const char *text);
    ASN1_STRING *(*make)(const char *text);
} san_kinds[] = {
    {"dns:", GEN_DNS, dns_ok, ia5_new},
    {"ip:", GEN_IPADD, any, address_new},
    {"email:", GEN_EMAIL, email_ok, ia5_new},
    {"uri:", GEN_URI, uri_ok, ia5_new},
};

static cr_status san_add(void *arg, char *word, struct cr_err *err)
{
    GENERAL_NAMES *names = arg;

    for (size_t i = 0; i < CR_COUNT(san_kinds); i++) {
        size_t n = strlen(san_kinds[i].prefix);
        ASN1_STRING *value = NULL;
        GENERAL_NAME *name;
        if (strncasecmp(word, san_kinds[i].prefix, n) != 0)
            continue;
        if (!san_kinds[i].valid(word + n) || (value = san_kinds[i].make(word + n)) == NULL)
            break;
        if ((name = GENERAL_NAME_new()) == NULL || sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            ASN1_STRING_free(value);
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        }
        GENERAL_NAME_set0_value(name, san_kinds[i].type, value);
        return cr_ok();
    }
    return cr_fail(err, CR_E_USAGE, "--san: '%.80s' is none of dns:NAME (ASCII), ip:ADDRESS, email:ADDRESS and uri:URI",
                   word);
}

cr_status cert_san_parse(const char *text, GENERAL_NAMES **out, struct cr_err *err)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    cr_status st;

    if (names == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = each_word(text, "--san", san_add, names, err)))
        GENERAL_NAMES_free(names);
    else
        *out = names;
    return st;
}

/* ---- purposes ---- */

static cr_status eku_add(void *arg, char *word, struct cr_err *err)
{
    ASN1_OBJECT *obj;

    (void)ERR_set_mark();
    obj = OBJ_txt2obj(word, 0);
    (void)ERR_pop_to_mark();
    if (obj == NULL)
        return cr_fail(err, CR_E_USAGE, "--eku: '%.80s' is no purpose like serverAuth or clientAuth, and no OID", word);
    if (sk_ASN1_OBJECT_push((EXTENDED_KEY_USAGE *)arg, obj) <= 0) {
        ASN1_OBJECT_free(obj);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    return cr_ok();
}

cr_status cert_eku_parse(const char *text, EXTENDED_KEY_USAGE **out, struct cr_err *err)
{
    EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();
    cr_status st;

    if (eku == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = each_word(text, "--eku", eku_add, eku, err)))
        EXTENDED_KEY_USAGE_free(eku);
    else
        *out = eku;
    return st;
}

/* ---- kinds of keys ---- */

cr_status cert_kind_parse(const char *text, struct tok_key *out, struct cr_err *err)
{
    const struct cert_curve *curve;
    struct tok_key key = {0};
    char *end = NULL;
    unsigned long bits;
    cr_status st = cr_ok();

    if (strncmp(text, "rsa:", 4) == 0 && isdigit((unsigned char)text[4])) {
        bits = strtoul(text + 4, &end, 10);
        if (*end == '\0' && bits >= 2048 && bits <= 16384 && bits % 8 == 0) {
            out->type = TOK_KEY_RSA;
            out->bits = (unsigned)bits;
            return st;
        }
    } else if (strncmp(text, "ec:", 3) == 0 && (curve = cert_curve_by_group(text + 3)) != NULL) {
        key.type = TOK_KEY_EC;
        key.bits = curve->bits;
        if (!cr_failed(st = cr_buf_set(&key.ec_params, curve->oid.p, curve->oid.n, err)))
            *out = key;
        return st;
    } else if (strcmp(text, "ed25519") == 0) {
        out->type = TOK_KEY_ED25519;
        out->bits = 256;
        return st;
    }
    return cr_fail(err, CR_E_USAGE,
                   "--key wants rsa:BITS (2048 to 16384), ec:P-256, ec:P-384, ec:P-521 or ed25519, not '%.40s'", text);
}

size_t cert_kind_point(const struct tok_key *kind)
{
    return kind->type == TOK_KEY_RSA ? 0 : kind->type == TOK_KEY_EC ? 1 + 2 * (size_t)((kind->bits + 7) / 8) : 32;
}
