/* SPDX-License-Identifier: Apache-2.0 */
/* certroll.conf: what parses can be written, and reads back to the same values. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/conf.h"
#include "config/conf_pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_token(const struct conf_token *a, const struct conf_token *b)
{
    bool same = same_text(a->name, b->name) && same_text(a->module, b->module) &&
                same_text(a->token_uri, b->token_uri) && same_text(a->pin_source, b->pin_source) &&
                same_text(a->init_args, b->init_args) && a->serialize == b->serialize &&
                a->max_sessions == b->max_sessions && a->op_timeout_ms == b->op_timeout_ms &&
                a->share_load == b->share_load && a->key_copy == b->key_copy &&
                a->ready_after_fork == b->ready_after_fork && a->nenv == b->nenv;

    /* Nothing but a path, or a name that stays in its directory. */
    check(a->pin_source == NULL || conf_pin_kind(a->pin_source) != CONF_PIN_FILE || a->pin_source[0] == '/');
    check(conf_pin_kind(a->pin_source) != CONF_PIN_CREDENTIAL ||
          (strchr(a->pin_source, '/') == NULL && conf_pin_name(a->pin_source)[0] != '.'));
    for (size_t i = 0; same && i < a->nenv; i++)
        same = same_text(a->env[i].name, b->env[i].name) && same_text(a->env[i].value, b->env[i].value);
    return same;
}

static bool same_conf(const struct conf *a, const struct conf *b)
{
    bool same = same_text(a->state_dir, b->state_dir) && same_text(a->group, b->group) && same_text(a->log, b->log) &&
                a->ntokens == b->ntokens && a->references == b->references &&
                a->nreference_roles == b->nreference_roles && a->minimum_lead == b->minimum_lead &&
                a->token_lifetime == b->token_lifetime && a->retain_previous == b->retain_previous &&
                same_text(a->require_domain, b->require_domain) && a->max_rsa_bits == b->max_rsa_bits &&
                same_text(a->kid_format, b->kid_format) && same_text(a->on_alert, b->on_alert) &&
                a->nroles == b->nroles;

    for (size_t i = 0; same && i < a->ntokens; i++)
        same = same_token(&a->tokens[i], &b->tokens[i]);
    for (size_t i = 0; same && i < a->nreference_roles; i++)
        same = same_text(a->reference_roles[i], b->reference_roles[i]);
    for (size_t i = 0; same && i < a->nroles; i++)
        same = same_text(a->roles[i].name, b->roles[i].name) &&
               same_text(a->roles[i].on_change, b->roles[i].on_change) &&
               a->roles[i].on_change_seconds == b->roles[i].on_change_seconds;
    return same;
}

/* The one thing that reads but cannot be written: escapes that make a line too long. */
static bool only_too_long(const struct cr_err *err)
{
    return err->code == CR_E_INVALID && strstr(err->text, "too long") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *conf = NULL, *back = NULL;
    struct cr_buf text = {0};
    struct cr_err err = {0};

    if (cr_failed(conf_parse("x.conf", cr_bytes(data, size), &conf, &err))) {
        check(err.code == CR_E_INVALID && conf == NULL && strstr(err.text, "x.conf") != NULL);
        return 0;
    }
    if (cr_failed(conf_write(conf, &text, &err))) {
        check(only_too_long(&err));
    } else {
        check(!cr_failed(conf_parse("y.conf", cr_buf_bytes(&text), &back, &err)));
        check(same_conf(conf, back));
    }
    conf_free(&conf);
    conf_free(&back);
    cr_buf_clear(&text);
    return 0;
}
