/* SPDX-License-Identifier: Apache-2.0 */
/* A module before a real one (CERTROLL_MOCK_TARGET) that itself uses libcrypto, as tokens in software do, and worse: it
 * asks for the keys of certroll from inside C_SignInit. What it was told goes to the file CERTROLL_MOCK_TOLD; while that is
 * not set, it only passes on. */
#define CRYPTOKI_GNU 1
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT ck_rv_t C_GetFunctionList(struct ck_function_list **list);
/* A key that the module holds and signs with, and a PEM that it reads; NULL for none. Borrowed. */
EXPORT void mock_reenter_hold(EVP_PKEY *key, const char *pem);

static struct ck_function_list *target;
static struct ck_function_list functions;
static EVP_PKEY *held;
static const char *held_pem;

void mock_reenter_hold(EVP_PKEY *key, const char *pem)
{
    held = key;
    held_pem = pem;
}

/* "WHAT: yes", or "WHAT: " and the texts of the errors in the queue. */
static void told(const char *what, int good)
{
    FILE *f = fopen(getenv("CERTROLL_MOCK_TOLD"), "a");
    const char *text = NULL;
    int flags = 0;

    if (f == NULL)
        return;
    (void)fprintf(f, "%s:%s", what, good ? " yes" : "");
    while (ERR_get_error_all(NULL, NULL, NULL, &text, &flags) != 0)
        (void)fprintf(f, " %s", (flags & ERR_TXT_STRING) != 0 ? text : "-");
    (void)fputc('\n', f);
    (void)fclose(f);
}

static void ask_for_a_role(void)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open("certroll://RsaA", NULL, NULL, NULL, NULL);

    told("store", store != NULL);
    (void)OSSL_STORE_close(store);
}

static void sign_with_held(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof sig;

    told("sign", EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, held) == 1 &&
                     EVP_DigestSign(ctx, sig, &n, (const unsigned char *)"text", 4) == 1);
    EVP_MD_CTX_free(ctx);
}

static void read_pem(void)
{
    BIO *bio = BIO_new_mem_buf(held_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    told("pem", key != NULL);
    EVP_PKEY_free(key);
    BIO_free(bio);
}

/* What tokens in software do, and what must go on working. */
static void use_libcrypto(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    told("own", key != NULL);
    EVP_PKEY_free(key);
}

static ck_rv_t sign_init(ck_session_handle_t session, struct ck_mechanism *mechanism, ck_object_handle_t key)
{
    static __thread int deep;

    if (getenv("CERTROLL_MOCK_TOLD") == NULL)
        return target->C_SignInit(session, mechanism, key);
    if (deep++ == 0) {
        use_libcrypto();
        ask_for_a_role();
        if (held_pem != NULL)
            read_pem();
        if (held != NULL)
            sign_with_held();
        ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* and leaves a mess */
    } else {
        told("recursion", 1);
    }
    deep--;
    return target->C_SignInit(session, mechanism, key);
}

ck_rv_t C_GetFunctionList(struct ck_function_list **list)
{
    const char *path = getenv("CERTROLL_MOCK_TARGET");
    void *so = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    ck_rv_t (*get)(struct ck_function_list **) = NULL;

    if (so != NULL)
        *(void **)&get = dlsym(so, "C_GetFunctionList");
    if (get == NULL || get(&target) != CKR_OK)
        return CKR_GENERAL_ERROR;
    functions = *target;
    functions.C_GetFunctionList = C_GetFunctionList;
    functions.C_SignInit = sign_init;
    *list = &functions;
    return CKR_OK;
}
