/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const slot_words[] = {
    [ROLE_CURRENT] = "current", [ROLE_PREVIOUS] = "previous", [ROLE_NEXT] = "next"};
static const char *const use_words[] = {[ROLE_USE_TOKEN] = "token", [ROLE_USE_TLS] = "tls"};
static const char *const scope_words[] = {[ROLE_SCOPE_LOCAL] = "local", [ROLE_SCOPE_GLOBAL] = "global"};
static const char *const binding_words[] = {[ROLE_BIND_LIVE] = "live", [ROLE_BIND_PINNED] = "pinned"};
static const char *const kid_format_words[] = {
    [ROLE_KID_RFC7638] = "rfc7638", [ROLE_KID_X5T] = "x5t", [ROLE_KID_X5T_HEX] = "x5t-hex"};

const char *role_slot_text(enum role_slot slot)
{
    return slot_words[slot];
}

const char *role_use_text(enum role_use use)
{
    return use_words[use];
}

const char *role_scope_text(enum role_scope scope)
{
    return scope_words[scope];
}

const char *role_binding_text(enum role_binding b)
{
    return binding_words[b];
}

const char *role_kid_format_text(enum role_kid_format format)
{
    return kid_format_words[format];
}

/* The index of @text among @words; CR_E_USAGE listing them. */
static cr_status word_find(const char *what, const char *text, const char *const *words, size_t n, size_t *out,
                           struct cr_err *err)
{
    char all[128] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        if (text != NULL && strcmp(text, words[i]) == 0) {
            *out = i;
            return cr_ok();
        }
    for (size_t i = 0; i < n && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                 i == 0      ? ""
                                 : i + 1 < n ? ", "
                                             : " or ",
                                 words[i]);
    return cr_fail(err, CR_E_USAGE, "%s is %s, not \"%.40s\"", what, all, text != NULL ? text : "");
}

cr_status role_slot_parse(const char *text, enum role_slot *out, struct cr_err *err)
{
    size_t i = 0;
    cr_status st = word_find("a slot", text, slot_words, CR_COUNT(slot_words), &i, err);

    if (!cr_failed(st))
        *out = (enum role_slot)i;
    return st;
}

cr_status role_use_parse(const char *text, enum role_use *out, struct cr_err *err)
{
    size_t i = 0;
    cr_status st = word_find("a use", text, use_words, CR_COUNT(use_words), &i, err);

    if (!cr_failed(st))
        *out = (enum role_use)i;
    return st;
}

cr_status role_binding_parse(const char *text, enum role_binding *out, struct cr_err *err)
{
    size_t i = 0;
    cr_status st = word_find("a binding", text, binding_words, CR_COUNT(binding_words), &i, err);

    if (!cr_failed(st))
        *out = (enum role_binding)i;
    return st;
}

cr_status role_scope_parse(const char *text, enum role_scope *out, struct cr_err *err)
{
    size_t i = 0;
    cr_status st = word_find("a scope", text, scope_words, CR_COUNT(scope_words), &i, err);

    if (!cr_failed(st))
        *out = (enum role_scope)i;
    return st;
}

cr_status role_kid_format_parse(const char *text, enum role_kid_format *out, struct cr_err *err)
{
    size_t i = 0;
    cr_status st = word_find("a kid format", text, kid_format_words, CR_COUNT(kid_format_words), &i, err);

    if (!cr_failed(st))
        *out = (enum role_kid_format)i;
    return st;
}

/* The -Type values of Lync's and Skype for Business's Set-CsCertificate. */
static const struct {
    const char *name;
    enum role_use use;
} known_uses[] = {
    {"OAuthTokenIssuer", ROLE_USE_TOKEN},
    {"WsFedTokenTransfer", ROLE_USE_TOKEN},
    {"AccessEdgeExternal", ROLE_USE_TLS},
    {"AudioVideoAuthentication", ROLE_USE_TLS},
    {"DataEdgeExternal", ROLE_USE_TLS},
    {"Default", ROLE_USE_TLS},
    {"External", ROLE_USE_TLS},
    {"Internal", ROLE_USE_TLS},
    {"iPadAPNService", ROLE_USE_TLS},
    {"iPhoneAPNService", ROLE_USE_TLS},
    {"MPNService", ROLE_USE_TLS},
    {"PICWebService", ROLE_USE_TLS},
    {"ProvisionService", ROLE_USE_TLS},
    {"WebServicesExternal", ROLE_USE_TLS},
    {"WebServicesInternal", ROLE_USE_TLS},
    {"XmppServer", ROLE_USE_TLS},
};

bool role_use_known(const char *name, enum role_use *out)
{
    for (size_t i = 0; i < CR_COUNT(known_uses); i++)
        if (strcasecmp(name, known_uses[i].name) == 0) {
            *out = known_uses[i].use;
            return true;
        }
    return false;
}
