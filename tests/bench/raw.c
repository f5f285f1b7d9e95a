/* SPDX-License-Identifier: Apache-2.0 */
#include "raw.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057ul
#endif

static void check(ck_rv_t rv, const char *what)
{
    char text[64];

    if (rv == CKR_OK)
        return;
    (void)snprintf(text, sizeof text, "%s: 0x%lx", what, rv);
    bench_die(text);
}

static void find_slot(struct raw *raw, const char *label)
{
    ck_slot_id_t slots[64];
    unsigned long n = 64;
    struct ck_token_info info;

    check(raw->p11->C_GetSlotList(1, slots, &n), "C_GetSlotList");
    for (unsigned long i = 0; i < n; i++)
        if (raw->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            strncmp((char *)info.label, label, strlen(label)) == 0) {
            raw->slot = slots[i];
            return;
        }
    bench_die("no such token");
}

static void login(struct raw *raw, const char *file)
{
    char pin[128] = "";
    FILE *f = fopen(file, "r");

    if (f == NULL || fgets(pin, sizeof pin, f) == NULL)
        bench_die(file);
    (void)fclose(f);
    pin[strcspn(pin, "\n")] = '\0';
    check(raw->p11->C_Login(raw->session, CKU_USER, (unsigned char *)pin, strlen(pin)), "C_Login");
}

static void find_key(struct raw *raw, const char *hex)
{
    unsigned char id[64];
    unsigned long n = 0;
    ck_object_class_t cls = CKO_PRIVATE_KEY;
    unsigned char yes = 1;
    unsigned byte;

    while (n < sizeof id && sscanf(hex + 2 * n, "%2x", &byte) == 1)
        id[n++] = (unsigned char)byte;
    {
        struct ck_attribute templ[] = {{CKA_CLASS, &cls, sizeof cls}, {CKA_TOKEN, &yes, 1}, {CKA_ID, id, n}};

        check(raw->p11->C_FindObjectsInit(raw->session, templ, 3), "C_FindObjectsInit");
    }
    check(raw->p11->C_FindObjects(raw->session, &raw->key, 1, &n), "C_FindObjects");
    check(raw->p11->C_FindObjectsFinal(raw->session), "C_FindObjectsFinal");
    if (n != 1)
        bench_die("no such key");
}

ck_session_handle_t raw_session(struct raw *raw)
{
    ck_session_handle_t session = 0;

    check(raw->p11->C_OpenSession(raw->slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    return session;
}

void raw_start(struct raw *raw, const struct bench *b)
{
    struct ck_c_initialize_args args = {.flags = CKF_OS_LOCKING_OK};

    check(raw->p11->C_Initialize(&args), "C_Initialize");
    find_slot(raw, b->label);
    raw->session = raw_session(raw);
    login(raw, b->pin);
    find_key(raw, b->id);
}

void raw_load(struct raw *raw, const struct bench *b)
{
    void *so = b->module != NULL ? dlopen(b->module, RTLD_NOW | RTLD_LOCAL) : NULL;
    ck_rv_t (*get)(struct ck_function_list **) = NULL;

    if (so != NULL)
        *(void **)&get = dlsym(so, "C_GetFunctionList");
    if (get == NULL || b->pin == NULL || b->id == NULL || b->label == NULL)
        bench_die("raw: --module, --pin, --id and --label are needed");
    check(get(&raw->p11), "C_GetFunctionList");
}

void raw_open(struct raw *raw, const struct bench *b)
{
    raw_load(raw, b);
    raw_start(raw, b);
}

void raw_copy(struct raw *raw, ck_session_handle_t session)
{
    unsigned char no = 0, yes = 1;
    struct ck_attribute templ[] = {{CKA_TOKEN, &no, 1}, {CKA_PRIVATE, &yes, 1}};

    check(raw->p11->C_CopyObject(session, raw->key, templ, 2, &raw->key), "C_CopyObject");
}

bool raw_sign(struct ck_function_list *p11, ck_session_handle_t session, ck_object_handle_t key, const char *alg,
              const unsigned char digest[32], unsigned char *sig, unsigned long *n)
{
    unsigned char info[19 + 32] = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    unsigned long pss[] = {CKM_SHA256, 2 /* CKG_MGF1_SHA256 */, 32}; /* CK_RSA_PKCS_PSS_PARAMS, named in two ways */
    struct ck_mechanism mech = {CKM_RSA_PKCS, NULL, 0};
    unsigned char *in = (unsigned char *)digest;
    unsigned long in_n = 32;

    if (strcmp(alg, "pss") == 0) {
        mech = (struct ck_mechanism){CKM_RSA_PKCS_PSS, pss, sizeof pss};
    } else if (alg[0] == 'e') {
        mech.mechanism = strcmp(alg, "ec") == 0 ? CKM_ECDSA : CKM_EDDSA;
    } else {
        memcpy(info + 19, digest, 32);
        in = info;
        in_n = sizeof info;
    }
    return p11->C_SignInit(session, &mech, key) == CKR_OK && p11->C_Sign(session, in, in_n, sig, n) == CKR_OK;
}
