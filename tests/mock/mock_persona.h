/* SPDX-License-Identifier: Apache-2.0 */
/* How the counting module differs from the module behind it: what a test writes into the shared file, and what it may
 * read there. Zeros are the target's own manners. */
#ifndef MOCK_PERSONA_H
#define MOCK_PERSONA_H

#include <stdatomic.h>

enum mock_attr_mode {
    MOCK_ATTR_TRUE,  /* as the target says */
    MOCK_ATTR_SAYS,  /* each read says attr_len, with CKR_OK, and writes nothing */
    MOCK_ATTR_QUERY, /* the length asked for is attr_len; the value is true */
    MOCK_ATTR_FETCH, /* the length asked for is true; the read of the value says attr_len and writes nothing */
    MOCK_ATTR_VALUE, /* the value is attr_value, attr_len bytes */
};

enum mock_field { MOCK_LABEL = 1, MOCK_MANUFACTURER = 2, MOCK_MODEL = 4, MOCK_SERIAL = 8 };

struct mock_persona {
    atomic_ulong flags_set, flags_clear; /* of CK_TOKEN_INFO */
    atomic_ulong fields;                 /* enum mock_field: of CK_TOKEN_INFO, taken from here */
    unsigned char label[32], manufacturer[32], model[16], serial[16];
    atomic_ulong max_sessions; /* 0: any; one more is CKR_SESSION_COUNT */
    atomic_ulong cant_lock;    /* CKF_OS_LOCKING_OK is CKR_CANT_LOCK */
    atomic_ulong slots;        /* C_GetSlotList says that many with CKR_OK */
    atomic_ulong found;        /* C_FindObjects says that many with CKR_OK */
    atomic_ulong signature;    /* C_Sign says that many bytes with CKR_OK */

    atomic_ulong attr_mode; /* enum mock_attr_mode, of attributes of attr_type */
    atomic_ulong attr_type, attr_len;
    atomic_ulong attr_left; /* that many reads; 0: all */
    unsigned char attr_value[256];

    atomic_ulong final_after; /* CKF_USER_PIN_FINAL_TRY after that many wrong PINs; 0: never */
    atomic_ulong
        pin_asked; /* C_Login wants pin and gives the target target_pin; NULL by a protected path, too (any login) */
    atomic_ulong always_auth; /* CKA_ALWAYS_AUTHENTICATE of every key: C_Sign and C_Decrypt want a login of their own */
    char pin[64], target_pin[64]; /* strings */
};

struct mock_seen {
    atomic_ulong running, overlaps; /* calls that began while another one ran */
    atomic_ulong sessions, most;    /* open now, and at most */
    atomic_ulong refused_sessions;  /* CKR_SESSION_COUNT */
    atomic_ulong dirty;             /* CKR_OPERATION_ACTIVE, of the target itself */
    atomic_ulong user_logins;       /* C_Login(CKU_USER) */
    atomic_ulong context_logins;    /* C_Login(CKU_CONTEXT_SPECIFIC) with the right PIN */
    atomic_ulong wrong_pins;        /* CKR_PIN_INCORRECT, of any login */
    atomic_ulong unauthenticated;   /* C_Sign or C_Decrypt that always_auth refused */
};

#endif
