/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_hooks.h"

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static struct ck_function_list *target;
static struct mock_persona *as;
static struct mock_seen *seen;

static ck_rv_t initialize(void *init_args)
{
    struct ck_c_initialize_args *args = init_args;

    if (atomic_load(&as->cant_lock) && args != NULL && (args->flags & CKF_OS_LOCKING_OK))
        return CKR_CANT_LOCK;
    return target->C_Initialize(init_args);
}

static ck_rv_t finalize(void *reserved)
{
    ck_rv_t rv = target->C_Finalize(reserved);

    if (rv == CKR_OK)
        atomic_store(&seen->sessions, 0);
    return rv;
}

static ck_rv_t slot_list(unsigned char token_present, ck_slot_id_t *list, unsigned long *n)
{
    ck_rv_t rv = target->C_GetSlotList(token_present, list, n);
    unsigned long say = atomic_load(&as->slots);

    if (rv == CKR_OK && say > 0)
        *n = say;
    return rv;
}

static ck_rv_t token_info(ck_slot_id_t slot, struct ck_token_info *info)
{
    ck_rv_t rv = target->C_GetTokenInfo(slot, info);
    unsigned long fields = atomic_load(&as->fields);

    /* SoftHSM shows one more slot, with a token yet to be made: it stays what it is. */
    if (rv != CKR_OK || !(info->flags & CKF_TOKEN_INITIALIZED))
        return rv;
    info->flags = (info->flags | atomic_load(&as->flags_set)) & ~atomic_load(&as->flags_clear);
    if (atomic_load(&as->final_after) > 0 && atomic_load(&seen->wrong_pins) >= atomic_load(&as->final_after))
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    if (fields & MOCK_LABEL)
        memcpy(info->label, as->label, sizeof(info->label));
    if (fields & MOCK_MANUFACTURER)
        memcpy(info->manufacturer_id, as->manufacturer, sizeof(info->manufacturer_id));
    if (fields & MOCK_MODEL)
        memcpy(info->model, as->model, sizeof(info->model));
    if (fields & MOCK_SERIAL)
        memcpy(info->serial_number, as->serial, sizeof(info->serial_number));
    return rv;
}

static bool session_counted(void)
{
    unsigned long limit = atomic_load(&as->max_sessions), open = atomic_fetch_add(&seen->sessions, 1) + 1;
    unsigned long most = atomic_load(&seen->most);

    if (limit > 0 && open > limit) {
        atomic_fetch_sub(&seen->sessions, 1);
        atomic_fetch_add(&seen->refused_sessions, 1);
        return false;
    }
    while (open > most && !atomic_compare_exchange_weak(&seen->most, &most, open))
        continue;
    return true;
}

static ck_rv_t open_session(ck_slot_id_t slot, ck_flags_t flags, void *application, ck_notify_t notify,
                            ck_session_handle_t *session)
{
    ck_rv_t rv;

    if (!session_counted())
        return CKR_SESSION_COUNT;
    rv = target->C_OpenSession(slot, flags, application, notify, session);
    if (rv != CKR_OK)
        atomic_fetch_sub(&seen->sessions, 1);
    return rv;
}

static ck_rv_t close_session(ck_session_handle_t session)
{
    ck_rv_t rv = target->C_CloseSession(session);

    if (rv == CKR_OK) {
        atomic_fetch_sub(&seen->sessions, 1);
        mock_auth_closed(session);
    }
    return rv;
}

/* One attribute that is not the target's: @bytes NULL writes nothing. */
static ck_rv_t attr_give(struct ck_attribute *attr, const void *bytes, unsigned long n)
{
    if (attr->value != NULL && bytes != NULL) {
        if (attr->value_len < n) {
            attr->value_len = CK_UNAVAILABLE_INFORMATION;
            return CKR_BUFFER_TOO_SMALL;
        }
        memcpy(attr->value, bytes, n);
    }
    attr->value_len = n;
    return CKR_OK;
}

static enum mock_attr_mode attr_mode(const struct ck_attribute *attr)
{
    enum mock_attr_mode mode = (enum mock_attr_mode)atomic_load(&as->attr_mode);
    unsigned long left = atomic_load(&as->attr_left);

    if (mode == MOCK_ATTR_TRUE || attr->type != atomic_load(&as->attr_type) ||
        (mode == MOCK_ATTR_QUERY && attr->value != NULL) || (mode == MOCK_ATTR_FETCH && attr->value == NULL))
        return MOCK_ATTR_TRUE;
    if (left > 0 && atomic_fetch_sub(&as->attr_left, 1) == 1)
        atomic_store(&as->attr_mode, MOCK_ATTR_TRUE);
    return mode;
}

static ck_rv_t one_value(ck_session_handle_t session, ck_object_handle_t object, struct ck_attribute *attr)
{
    static const unsigned char yes = 1;
    enum mock_attr_mode mode = attr_mode(attr);
    unsigned long len = atomic_load(&as->attr_len);

    if (mode == MOCK_ATTR_VALUE)
        return attr_give(attr, as->attr_value, len < sizeof(as->attr_value) ? len : sizeof(as->attr_value));
    if (mode != MOCK_ATTR_TRUE)
        return attr_give(attr, NULL, len);
    if (atomic_load(&as->always_auth) && attr->type == CKA_ALWAYS_AUTHENTICATE)
        return attr_give(attr, &yes, sizeof(yes));
    return target->C_GetAttributeValue(session, object, attr, 1);
}

/* All are read, and the last failure told, as the standard has it. */
static ck_rv_t attribute_value(ck_session_handle_t session, ck_object_handle_t object, struct ck_attribute *templ,
                               unsigned long n)
{
    ck_rv_t rv = CKR_OK, one;

    for (unsigned long i = 0; i < n; i++)
        if ((one = one_value(session, object, &templ[i])) != CKR_OK)
            rv = one;
    return rv;
}

static ck_rv_t find_objects(ck_session_handle_t session, ck_object_handle_t *objects, unsigned long max,
                            unsigned long *n)
{
    ck_rv_t rv = target->C_FindObjects(session, objects, max, n);
    unsigned long say = atomic_load(&as->found);

    if (rv == CKR_OK && say > 0)
        *n = say;
    return rv;
}

void mock_hooks_install(struct ck_function_list *real, struct ck_function_list *behind, struct mock_persona *persona,
                        struct mock_seen *what_is_seen)
{
    target = real;
    as = persona;
    seen = what_is_seen;
    behind->C_Initialize = initialize;
    behind->C_Finalize = finalize;
    behind->C_GetSlotList = slot_list;
    behind->C_GetTokenInfo = token_info;
    behind->C_OpenSession = open_session;
    behind->C_CloseSession = close_session;
    behind->C_GetAttributeValue = attribute_value;
    behind->C_FindObjects = find_objects;
    mock_auth_install(real, behind, persona, what_is_seen);
}
