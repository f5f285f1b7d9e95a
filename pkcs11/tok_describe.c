/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tok_gate.h"
#include "tok_member.h"
#include "tok_uri.h"

#define SLOTS_MAX 256

static const struct {
    CK_MECHANISM_TYPE type;
    const char *name;
} ours[TOK_MECHS] = {
    {CKM_RSA_PKCS, "RSA_PKCS"},
    {CKM_RSA_X_509, "RSA_X_509"},
    {CKM_RSA_PKCS_PSS, "RSA_PKCS_PSS"},
    {CKM_RSA_PKCS_OAEP, "RSA_PKCS_OAEP"},
    {CKM_ECDSA, "ECDSA"},
    {CKM_ECDH1_DERIVE, "ECDH1_DERIVE"},
    {CKM_EDDSA, "EDDSA"},
};

/* Bytes of the printable UTF-8 character at @p, at most @n; 0: it is none. C1 controls are none either. */
static size_t printable(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;

    if (len == 1)
        return p[0] >= 0x20 && p[0] != 0x7f;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

void tok_field_text(const unsigned char *from, size_t n, char *to)
{
    const unsigned char *nul = memchr(from, 0, n);
    size_t at = 0;

    if (nul != NULL)
        n = (size_t)(nul - from);
    while (n > 0 && from[n - 1] == ' ')
        n--;
    while (at < n) {
        size_t len = printable(from + at, n - at);
        if (len > 0)
            memcpy(to + at, from + at, len);
        else
            to[at] = '?';
        at += len > 0 ? len : 1;
    }
    to[n] = '\0';
}

void tok_info_set(const CK_TOKEN_INFO *from, struct tok_info *to)
{
    *to = (struct tok_info){
        .login_required = (from->flags & CKF_LOGIN_REQUIRED) != 0,
        .initialized = (from->flags & CKF_TOKEN_INITIALIZED) != 0,
        .user_pin_set = (from->flags & CKF_USER_PIN_INITIALIZED) != 0,
        .pin_count_low = (from->flags & CKF_USER_PIN_COUNT_LOW) != 0,
        .pin_final_try = (from->flags & CKF_USER_PIN_FINAL_TRY) != 0,
        .pin_locked = (from->flags & CKF_USER_PIN_LOCKED) != 0,
    };
    tok_field_text(from->label, sizeof(from->label), to->label);
    tok_field_text(from->manufacturerID, sizeof(from->manufacturerID), to->manufacturer);
    tok_field_text(from->model, sizeof(from->model), to->model);
    tok_field_text(from->serialNumber, sizeof(from->serialNumber), to->serial);
}

uint64_t tok_count(CK_ULONG n, bool limit)
{
    if (n == CK_UNAVAILABLE_INFORMATION)
        return TOK_COUNT_UNKNOWN;
    return limit && n == CK_EFFECTIVELY_INFINITE ? TOK_COUNT_ENDLESS : n;
}

static void version_text(CK_VERSION version, char to[8])
{
    snprintf(to, 8, "%u.%u", (unsigned)version.major, (unsigned)version.minor);
}

static void token_set(const CK_TOKEN_INFO *info, struct tok_slot_desc *to)
{
    tok_info_set(info, &to->token);
    version_text(info->hardwareVersion, to->hardware);
    version_text(info->firmwareVersion, to->firmware);
    to->flags = info->flags;
    to->write_protected = (info->flags & CKF_WRITE_PROTECTED) != 0;
    to->protected_path = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    to->pin_to_be_changed = (info->flags & CKF_USER_PIN_TO_BE_CHANGED) != 0;
    to->sessions = tok_count(info->ulSessionCount, false);
    to->sessions_max = tok_count(info->ulMaxSessionCount, true);
    to->rw_sessions = tok_count(info->ulRwSessionCount, false);
    to->rw_sessions_max = tok_count(info->ulMaxRwSessionCount, true);
}

/* A token slot that cannot be read is one of the findings, no failure: inside the gate. */
static void slot_read(CK_FUNCTION_LIST *p11, CK_SLOT_ID id, CK_TOKEN_INFO *info, struct tok_slot_desc *to)
{
    CK_SLOT_INFO slot = {0};
    CK_MECHANISM_INFO mech;
    CK_RV rv = p11->C_GetSlotInfo(id, &slot);

    to->id = id;
    if (rv == CKR_OK)
        tok_field_text(slot.slotDescription, sizeof(slot.slotDescription), to->description);
    rv = p11->C_GetTokenInfo(id, info);
    if (rv != CKR_OK) {
        snprintf(to->unread, sizeof(to->unread), "C_GetTokenInfo: %s (0x%lx)", tok_ckr_name(rv), rv);
        return;
    }
    token_set(info, to);
    for (size_t i = 0; i < TOK_MECHS; i++) {
        memset(&mech, 0, sizeof(mech));
        to->mechs[i].name = ours[i].name;
        to->mechs[i].has = p11->C_GetMechanismInfo(id, ours[i].type, &mech) == CKR_OK;
        to->mechs[i].min = mech.ulMinKeySize;
        to->mechs[i].max = mech.ulMaxKeySize;
    }
}

static cr_status slot_describe(struct tok_member *m, CK_SLOT_ID id, struct tok_slot_desc *to, struct cr_err *err)
{
    struct tok_slot *slot = m->slot;
    P11KitUri *match = NULL;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID want;
    cr_status st = tok_slot_match(slot, &match, err);

    if (cr_failed(st) || cr_failed(st = tok_gate_enter(slot->mod, m->wait_ms, err)))
        return st;
    slot_read(slot->mod->p11, id, &info, to);
    tok_gate_leave(slot->mod);
    if (to->unread[0] != '\0' || !to->token.initialized)
        return st;
    want = tok_uri_slot(match);
    to->selected = (want == (CK_SLOT_ID)-1 || want == id) && tok_uri_selects(match, &info);
    return tok_uri_make_token(&info, &to->uri, err);
}

/* Starts the module as its busy owner, and nobody logs in. */
static cr_status module_up(struct tok_member *m, struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    int64_t deadline = tok_clock_ms() + m->wait_ms;
    uint64_t process = tok_gate_process();
    bool fresh = false, mine = true;
    cr_status st = tok_member_env(m, err);

    if (cr_failed(st))
        return st;
    if (tok_gate_exiting() || mod->stuck)
        return cr_fail(err, CR_E_TOKEN, "token %s: no call can be made in this process", m->name);
    pthread_mutex_lock(&mod->lock);
    while (mine && mod->busy)
        mine = tok_module_wait(mod, deadline);
    if (mine)
        mod->busy = true;
    pthread_mutex_unlock(&mod->lock);
    if (!mine)
        return cr_fail(err, CR_E_BUSY, "token %s: timed out waiting for another thread's login", m->name);
    st = tok_module_start(mod, m->wait_ms, &fresh, err);
    if (process != tok_gate_process())
        return cr_fail(err, CR_E_BUSY, "token %s: forked while starting the module", m->name);
    pthread_mutex_lock(&mod->lock);
    mod->busy = false;
    tok_module_wake(mod);
    pthread_mutex_unlock(&mod->lock);
    return cr_failed(st) ? cr_prefix(err, st, "token %s", m->name) : st;
}

static cr_status module_read(struct tok_member *m, struct tok_module_desc *out, CK_SLOT_ID *ids, CK_ULONG *n,
                             struct cr_err *err)
{
    struct tok_module *mod = m->slot->mod;
    const char *function = "C_GetInfo";
    CK_INFO info = {0};
    cr_status st = tok_gate_enter(mod, m->wait_ms, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = mod->p11->C_GetInfo(&info);
    if (rv == CKR_OK) {
        function = "C_GetSlotList";
        rv = mod->p11->C_GetSlotList(CK_TRUE, ids, n);
    }
    tok_gate_leave(mod);
    if (rv != CKR_OK)
        return tok_ckr_fail(err, m->name, function, rv);
    tok_field_text(info.libraryDescription, sizeof(info.libraryDescription), out->description);
    tok_field_text(info.manufacturerID, sizeof(info.manufacturerID), out->manufacturer);
    version_text(info.libraryVersion, out->version);
    version_text(info.cryptokiVersion, out->cryptoki);
    return st;
}

void tok_module_desc_clear(struct tok_module_desc *desc)
{
    for (size_t i = 0; i < desc->nslots; i++)
        free(desc->slots[i].uri);
    free(desc->slots);
    *desc = (struct tok_module_desc){0};
}

static cr_status describe(struct tok_member *m, struct tok_module_desc *out, struct cr_err *err)
{
    CK_SLOT_ID ids[SLOTS_MAX] = {0};
    CK_ULONG n = SLOTS_MAX;
    cr_status st;

    if (cr_failed(st = module_up(m, err)) || cr_failed(st = module_read(m, out, ids, &n, err)))
        return st;
    if (n > SLOTS_MAX)
        n = SLOTS_MAX;
    if ((out->slots = calloc(n + 1, sizeof(*out->slots))) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (CK_ULONG i = 0; i < n && !cr_failed(st); i++) {
        out->nslots = i + 1;
        st = slot_describe(m, ids[i], &out->slots[i], err);
    }
    return st;
}

cr_status tok_describe(struct tok_local *loc, size_t token, struct tok_module_desc *out, struct cr_err *err)
{
    struct tok_module_desc desc = {0};
    struct tok_member *m = NULL;
    struct tok_sigpipe pipe;
    cr_status st = tok_member_at(loc, token, &m, err);

    if (cr_failed(st))
        return st;
    tok_sigpipe_block(&pipe);
    st = describe(m, &desc, err);
    tok_sigpipe_restore(&pipe);
    if (cr_failed(st))
        tok_module_desc_clear(&desc);
    else
        *out = desc;
    return st;
}
