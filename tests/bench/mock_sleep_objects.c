/* SPDX-License-Identifier: Apache-2.0 */
/* Handles: key number * 4, + 1 the private object, + 2 the public one, + 3 a copy of the private one in a session. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_sleep.h"

#define SESSIONS_MAX      4096 /* of those that search or sign: a session's number modulo this */
#define CKA_EC_POINT_TYPE 0x181ul
#define CKK_EDWARDS       0x40ul

struct sleep_token sleep_token;

static struct {
    ck_object_handle_t found[4 * SLEEP_KEYS_MAX], key;
    size_t nfound, next;
} sessions[SESSIONS_MAX];

static size_t hex(const char *text, unsigned char *out)
{
    size_t n = 0;
    unsigned byte;

    while (sscanf(text + 2 * n, "%2x", &byte) == 1)
        out[n++] = (unsigned char)byte;
    return n;
}

static struct sleep_bytes bytes(const char *text)
{
    struct sleep_bytes b = {malloc(strlen(text) / 2 + 1), 0};

    if (b.p != NULL)
        b.n = hex(text, b.p);
    return b;
}

static void read_line(const char *line)
{
    static char type[16], id[256], pub[4096], sig[4096];
    struct sleep_key *key = &sleep_token.keys[sleep_token.nkeys];

    (void)sscanf(line, "label %32[^\n]", sleep_token.label);
    (void)sscanf(line, "serial %16[^\n]", sleep_token.serial);
    (void)sscanf(line, "manufacturer %32[^\n]", sleep_token.manufacturer);
    (void)sscanf(line, "model %16[^\n]", sleep_token.model);
    if (sleep_token.nkeys == SLEEP_KEYS_MAX || sscanf(line, "key %15s %255s %4095s %4095s", type, id, pub, sig) != 4)
        return;
    key->type = type[0] == 'r' ? CKK_RSA : !strcmp(type, "ec") ? CKK_ECDSA : CKK_EDWARDS;
    key->id = bytes(id);
    key->pub = bytes(pub);
    key->signature = bytes(sig);
    sleep_token.nkeys++;
}

static const struct sleep_key *key_of(ck_object_handle_t handle)
{
    size_t i = handle / 4;

    return handle % 4 != 0 && i < sleep_token.nkeys ? &sleep_token.keys[i] : NULL;
}

static const void *public_attr(const struct sleep_key *key, ck_attribute_type_t type, unsigned long *n)
{
    static const unsigned char exponent[] = {1, 0, 1};
    static const unsigned char p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    static const unsigned char ed[] = {6, 3, 0x2b, 0x65, 0x70};
    bool rsa = key->type == CKK_RSA;

    if ((type == CKA_MODULUS && rsa) || (type == CKA_EC_POINT_TYPE && !rsa)) {
        *n = key->pub.n;
        return key->pub.p;
    }
    if (type == CKA_PUBLIC_EXPONENT && rsa) {
        *n = sizeof exponent;
        return exponent;
    }
    if (type == CKA_EC_PARAMS && !rsa) {
        *n = key->type == CKK_ECDSA ? sizeof p256 : sizeof ed;
        return key->type == CKK_ECDSA ? p256 : ed;
    }
    return NULL;
}

/* NULL: the object has no such attribute. */
static const void *attr_of(ck_object_handle_t handle, ck_attribute_type_t type, unsigned long *n)
{
    static const unsigned char yes = 1, no = 0;
    static const ck_object_class_t classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    const struct sleep_key *key = key_of(handle);
    bool public = handle % 4 == 2;

    switch (type) {
    case CKA_CLASS:
        *n = sizeof classes[0];
        return &classes[public ? 1 : 0];
    case CKA_KEY_TYPE:
        *n = sizeof key->type;
        return &key->type;
    case CKA_ID:
        *n = key->id.n;
        return key->id.p;
    case CKA_LABEL:
        *n = strlen(sleep_token.label);
        return sleep_token.label;
    case CKA_TOKEN:
        *n = 1;
        return handle % 4 == 3 ? &no : &yes;
    case CKA_SIGN:
    case CKA_PRIVATE:
    case CKA_SENSITIVE:
        *n = 1;
        return public ? &no : &yes;
    case CKA_EXTRACTABLE:
    case CKA_ALWAYS_AUTHENTICATE:
        *n = 1;
        return &no;
    default:
        return public_attr(key, type, n);
    }
}

static ck_rv_t get_attributes(ck_session_handle_t session, ck_object_handle_t object, struct ck_attribute *templ,
                              unsigned long count)
{
    ck_rv_t rv = CKR_OK;

    (void)session;
    if (key_of(object) == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    for (unsigned long i = 0; i < count; i++) {
        unsigned long n = 0;
        const void *value = attr_of(object, templ[i].type, &n);

        if (value == NULL)
            rv = CKR_ATTRIBUTE_TYPE_INVALID;
        else if (templ[i].value != NULL && templ[i].value_len < n)
            rv = CKR_BUFFER_TOO_SMALL;
        else if (templ[i].value != NULL)
            memcpy(templ[i].value, value, n);
        templ[i].value_len = value == NULL || rv == CKR_BUFFER_TOO_SMALL ? (unsigned long)-1 : n;
    }
    return rv;
}

static bool matches(ck_object_handle_t object, const struct ck_attribute *templ, unsigned long count)
{
    bool good = key_of(object) != NULL && object % 4 != 3;

    for (unsigned long i = 0; good && i < count; i++) {
        unsigned long n = 0;
        const void *value = attr_of(object, templ[i].type, &n);

        good = value != NULL && n == templ[i].value_len && memcmp(value, templ[i].value, n) == 0;
    }
    return good;
}

static ck_rv_t find_init(ck_session_handle_t session, struct ck_attribute *templ, unsigned long count)
{
    size_t at = session % SESSIONS_MAX;

    sessions[at].nfound = sessions[at].next = 0;
    for (ck_object_handle_t o = 0; o < 4 * sleep_token.nkeys; o++)
        if (matches(o, templ, count))
            sessions[at].found[sessions[at].nfound++] = o;
    return CKR_OK;
}

static ck_rv_t find(ck_session_handle_t session, ck_object_handle_t *objects, unsigned long room, unsigned long *count)
{
    size_t at = session % SESSIONS_MAX;

    for (*count = 0; *count < room && sessions[at].next < sessions[at].nfound; (*count)++)
        objects[*count] = sessions[at].found[sessions[at].next++];
    return CKR_OK;
}

static ck_rv_t session_only(ck_session_handle_t session)
{
    (void)session;
    return CKR_OK;
}

static ck_rv_t open_session(ck_slot_id_t slot, ck_flags_t flags, void *application, ck_notify_t notify,
                            ck_session_handle_t *session)
{
    static atomic_ulong last;

    (void)slot;
    (void)flags;
    (void)application;
    (void)notify;
    *session = atomic_fetch_add(&last, 1) + 1;
    return CKR_OK;
}

static ck_rv_t close_all(ck_slot_id_t slot)
{
    (void)slot;
    return CKR_OK;
}

static ck_rv_t session_info(ck_session_handle_t session, struct ck_session_info *info)
{
    (void)session;
    *info = (struct ck_session_info){1, CKS_RO_USER_FUNCTIONS, CKF_SERIAL_SESSION, 0};
    return CKR_OK;
}

static ck_rv_t login(ck_session_handle_t session, ck_user_type_t type, unsigned char *pin, unsigned long n)
{
    (void)session;
    (void)type;
    (void)pin;
    (void)n;
    return CKR_OK;
}

static ck_rv_t copy(ck_session_handle_t session, ck_object_handle_t object, struct ck_attribute *templ,
                    unsigned long count, ck_object_handle_t *fresh)
{
    (void)session;
    (void)templ;
    (void)count;
    if (key_of(object) == NULL)
        return CKR_OBJECT_HANDLE_INVALID;
    *fresh = object / 4 * 4 + 3;
    return CKR_OK;
}

static ck_rv_t destroy(ck_session_handle_t session, ck_object_handle_t object)
{
    (void)session;
    return object % 4 == 3 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static ck_rv_t sign_init(ck_session_handle_t session, struct ck_mechanism *mechanism, ck_object_handle_t key)
{
    (void)mechanism;
    if (key_of(key) == NULL || key % 4 == 2)
        return CKR_KEY_HANDLE_INVALID;
    sessions[session % SESSIONS_MAX].key = key;
    return CKR_OK;
}

static ck_rv_t sign(ck_session_handle_t session, unsigned char *data, unsigned long data_len, unsigned char *signature,
                    unsigned long *signature_len)
{
    const struct sleep_key *key = key_of(sessions[session % SESSIONS_MAX].key);

    (void)data;
    (void)data_len;
    if (key == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (signature != NULL && *signature_len < key->signature.n)
        return CKR_BUFFER_TOO_SMALL;
    *signature_len = key->signature.n;
    if (signature == NULL)
        return CKR_OK;
    memcpy(signature, key->signature.p, key->signature.n);
    sessions[session % SESSIONS_MAX].key = 0;
    return CKR_OK;
}

static ck_rv_t sign_update(ck_session_handle_t session, unsigned char *part, unsigned long n)
{
    (void)part;
    (void)n;
    return key_of(sessions[session % SESSIONS_MAX].key) != NULL ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static ck_rv_t sign_final(ck_session_handle_t session, unsigned char *signature, unsigned long *n)
{
    return sign(session, NULL, 0, signature, n);
}

static ck_rv_t seed_random(ck_session_handle_t session, unsigned char *seed, unsigned long n)
{
    (void)session;
    (void)seed;
    (void)n;
    return CKR_OK;
}

void sleep_objects_install(struct ck_function_list *behind)
{
    const char *path = getenv("CERTROLL_SLEEP_TOKEN");
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    static char line[9000];

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        read_line(line);
    if (f != NULL)
        (void)fclose(f);
    behind->C_OpenSession = open_session;
    behind->C_CloseSession = behind->C_FindObjectsFinal = behind->C_Logout = session_only;
    behind->C_CloseAllSessions = close_all;
    behind->C_GetSessionInfo = session_info;
    behind->C_Login = login;
    behind->C_FindObjectsInit = find_init;
    behind->C_FindObjects = find;
    behind->C_GetAttributeValue = get_attributes;
    behind->C_CopyObject = copy;
    behind->C_DestroyObject = destroy;
    behind->C_SignInit = sign_init;
    behind->C_Sign = sign;
    behind->C_SignUpdate = sign_update;
    behind->C_SignFinal = sign_final;
    behind->C_SeedRandom = behind->C_GenerateRandom = seed_random;
}
