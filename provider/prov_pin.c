/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_pin.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>
#include <unistd.h>

#include "pkcs11/tok_pin.h"
#include "prov_lock.h"

#define TYPED_MAX 1024

/* NULL forgets. */
static cr_status remember(struct prov_pin *pin, const struct cr_buf *now, struct cr_err *err)
{
    struct cr_secret kept = {0}, old;
    cr_status st = now != NULL ? cr_secret_set(&kept, cr_buf_bytes(now), err) : cr_ok();

    if (cr_failed(st))
        return st;
    prov_lock();
    old = pin->pin;
    pin->pin = kept;
    prov_unlock();
    cr_secret_clear(&old);
    return st;
}

/* Sets *known. */
static cr_status recall(struct prov_pin *pin, bool *known, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();

    prov_lock();
    *known = pin->pin.n > 0;
    if (*known)
        st = cr_buf_set(out, pin->pin.p, pin->pin.n, err);
    prov_unlock();
    return st;
}

static cr_status read_file(struct prov_pin *pin, struct cr_buf *out, struct cr_err *err)
{
    struct cr_err why = {0};

    if (pin->broken.code != CR_OK)
        return cr_fail(err, CR_E_PIN, "token %s: %s", pin->token, pin->broken.text);
    if (cr_failed(conf_pin_read(pin->name, false, out, &why)))
        return cr_fail(err, CR_E_PIN, "token %s: cannot read the PIN as uid %ld: %s", pin->token, (long)geteuid(),
                       why.text);
    return remember(pin, out, err);
}

cr_status prov_pin_init(struct prov_pin *pin, const struct conf_token *from, struct cr_err *err)
{
    struct cr_buf now = {0};
    cr_status st;

    *pin = (struct prov_pin){.kind = conf_pin_kind(from->pin_source)};
    if (pin->kind == CONF_PIN_NONE)
        return cr_ok();
    if (cr_failed(st = cr_strdup(from->name, &pin->token, err)) ||
        cr_failed(st = cr_strdup(from->token_uri, &pin->uri, err)))
        return st;
    if (pin->kind == CONF_PIN_P11KIT || pin->kind == CONF_PIN_PROMPT)
        return cr_strdup(conf_pin_name(from->pin_source), &pin->name, err);
    if (!cr_failed(conf_pin_path(from->pin_source, &pin->name, &pin->broken)))
        cr_ignore(read_file(pin, &now, NULL));
    cr_buf_clear(&now);
    return st;
}

void prov_pin_clear(struct prov_pin *pin)
{
    cr_secret_clear(&pin->pin);
    cr_free_str(&pin->name);
    cr_free_str(&pin->uri);
    cr_free_str(&pin->token);
}

static cr_status not_typed(const struct prov_pin *pin, struct cr_err *err)
{
    return cr_fail(err, CR_E_PIN,
                   "token %s: its PIN is to be typed when its key is loaded (pin-source = prompt:), and was not",
                   pin->token);
}

/* The PIN read at load answers; a process that has since given up its rights often cannot read it again. */
static cr_status give(struct prov_pin *pin, bool retry, struct cr_buf *out, struct cr_err *err)
{
    bool known = false;
    cr_status st;

    if (pin->kind == CONF_PIN_P11KIT)
        return tok_pin_callback(pin->name, pin->uri, pin->token, retry, out, err);
    if (!retry && (cr_failed(st = recall(pin, &known, out, err)) || known))
        return st;
    if (pin->kind != CONF_PIN_PROMPT)
        return read_file(pin, out, err);
    if (retry)
        cr_ignore(remember(pin, NULL, NULL)); /* whoever loads the key again is asked again */
    return not_typed(pin, err);
}

cr_status prov_pin_give(void *arg, const char *token, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    int saved = errno;
    cr_status st = give(arg, retry, pin, err);

    (void)token;
    errno = saved;
    return st;
}

cr_status prov_pin_ask(struct prov_pin *pin, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg, struct cr_err *err)
{
    char typed[TYPED_MAX], what[128] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, what, sizeof(what)),
                           OSSL_PARAM_construct_end()};
    struct cr_buf now = {0};
    bool known = true;
    size_t n = 0;
    cr_status st;

    if (pin->kind != CONF_PIN_PROMPT || cr_failed(st = recall(pin, &known, &now, err)) || known) {
        cr_buf_clear(&now);
        return pin->kind != CONF_PIN_PROMPT ? cr_ok() : st;
    }
    params[0].data_size = (size_t)snprintf(what, sizeof(what), "PIN of token %.64s", pin->token);
    if (pw == NULL || pw(typed, sizeof(typed), &n, params, pw_arg) != 1 || n == 0 || n > sizeof(typed))
        st = not_typed(pin, err);
    else if (!cr_failed(st = cr_buf_set(&now, typed, n, err)))
        st = remember(pin, &now, err);
    cr_cleanse(typed, sizeof(typed));
    cr_buf_clear(&now);
    return st;
}
