/* SPDX-License-Identifier: Apache-2.0 */
/* A token that does nothing: each C_ function first sleeps CERTROLL_SLEEP_US microseconds, as a network HSM would take its
 * time, and C_Sign gives a fixed signature of the right size. What it holds is read from the file CERTROLL_SLEEP_TOKEN:
 *   label TEXT, serial TEXT, manufacturer TEXT, model TEXT
 *   key rsa|ec|ed25519 ID PUBLIC SIGNATURE     in hex; PUBLIC is the modulus (exponent 65537) or the point of P-256
 * Any PIN is right, sessions are without limit, nothing can be created but copies of keys. */
#include "mock_sleep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/mock/mock_functions.h"

static unsigned long sleep_us;
static struct ck_function_list behind; /* what is there */

static void nap(void)
{
    struct timespec ts = {(time_t)(sleep_us / 1000000), (long)(sleep_us % 1000000) * 1000};

    if (sleep_us > 0)
        nanosleep(&ts, NULL);
}

#define SLEEP_DEFINE(name, params, args)                                                                               \
    static ck_rv_t slow_##name params                                                                                  \
    {                                                                                                                  \
        nap();                                                                                                         \
        return behind.name != NULL ? behind.name args : CKR_FUNCTION_NOT_SUPPORTED;                                    \
    }
MOCK_FUNCTIONS(SLEEP_DEFINE)

ck_rv_t __attribute__((visibility("default"))) C_GetFunctionList(struct ck_function_list **list);

#define SLEEP_MEMBER(name, params, args) .name = slow_##name,
static struct ck_function_list functions = {.version = {2, 40},
                                            MOCK_FUNCTIONS(SLEEP_MEMBER).C_GetFunctionList = C_GetFunctionList};

static void pad(unsigned char *field, size_t n, const char *text)
{
    size_t len = strlen(text);

    memset(field, ' ', n);
    memcpy(field, text, len < n ? len : n);
}

static ck_rv_t get_info(struct ck_info *info)
{
    memset(info, 0, sizeof *info);
    info->cryptoki_version = (struct ck_version){2, 40};
    pad(info->manufacturer_id, sizeof info->manufacturer_id, "certroll tests");
    pad(info->library_description, sizeof info->library_description, "sleeps");
    return CKR_OK;
}

static ck_rv_t get_slot_list(unsigned char present, ck_slot_id_t *list, unsigned long *count)
{
    (void)present;
    if (list != NULL && *count < 1)
        return CKR_BUFFER_TOO_SMALL;
    if (list != NULL)
        list[0] = 1;
    *count = 1;
    return CKR_OK;
}

static ck_rv_t get_slot_info(ck_slot_id_t slot, struct ck_slot_info *info)
{
    (void)slot;
    memset(info, 0, sizeof *info);
    pad(info->slot_description, sizeof info->slot_description, "sleeps");
    pad(info->manufacturer_id, sizeof info->manufacturer_id, "certroll tests");
    info->flags = CKF_TOKEN_PRESENT;
    return CKR_OK;
}

static ck_rv_t get_token_info(ck_slot_id_t slot, struct ck_token_info *info)
{
    (void)slot;
    memset(info, 0, sizeof *info);
    pad(info->label, sizeof info->label, sleep_token.label);
    pad(info->manufacturer_id, sizeof info->manufacturer_id, sleep_token.manufacturer);
    pad(info->model, sizeof info->model, sleep_token.model);
    pad(info->serial_number, sizeof info->serial_number, sleep_token.serial);
    info->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;
    info->max_pin_len = 64;
    info->min_pin_len = 1;
    return CKR_OK;
}

static const ck_mechanism_type_t mechanisms[] = {CKM_RSA_PKCS,
                                                 CKM_RSA_X_509,
                                                 CKM_RSA_PKCS_PSS,
                                                 CKM_SHA256_RSA_PKCS,
                                                 CKM_SHA256_RSA_PKCS_PSS,
                                                 CKM_SHA256,
                                                 CKM_ECDSA,
                                                 0x1044 /* ECDSA_SHA256 */,
                                                 0x1057 /* EDDSA */};

static ck_rv_t get_mechanism_list(ck_slot_id_t slot, ck_mechanism_type_t *list, unsigned long *count)
{
    unsigned long n = sizeof mechanisms / sizeof mechanisms[0];

    (void)slot;
    if (list != NULL && *count < n)
        return CKR_BUFFER_TOO_SMALL;
    if (list != NULL)
        memcpy(list, mechanisms, sizeof mechanisms);
    *count = n;
    return CKR_OK;
}

static ck_rv_t get_mechanism_info(ck_slot_id_t slot, ck_mechanism_type_t type, struct ck_mechanism_info *info)
{
    (void)slot;
    (void)type;
    *info = (struct ck_mechanism_info){256, 4096, CKF_HW | CKF_SIGN};
    return CKR_OK;
}

static ck_rv_t nothing_to_do(void *arg)
{
    (void)arg;
    return CKR_OK;
}

static void load(void)
{
    const char *us = getenv("CERTROLL_SLEEP_US");

    if (us != NULL)
        sleep_us = strtoul(us, NULL, 10);
    behind.C_Initialize = behind.C_Finalize = nothing_to_do;
    behind.C_GetInfo = get_info;
    behind.C_GetSlotList = get_slot_list;
    behind.C_GetSlotInfo = get_slot_info;
    behind.C_GetTokenInfo = get_token_info;
    behind.C_GetMechanismList = get_mechanism_list;
    behind.C_GetMechanismInfo = get_mechanism_info;
    sleep_objects_install(&behind);
}

ck_rv_t C_GetFunctionList(struct ck_function_list **list)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    *list = &functions;
    return sleep_token.nkeys > 0 ? CKR_OK : CKR_GENERAL_ERROR;
}
