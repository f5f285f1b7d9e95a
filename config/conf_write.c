/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <string.h>

#include "conf_lines.h"

/* Escapes what OpenSSL's reader would interpret; white space at the ends and control bytes cannot be kept. */
static cr_status put(struct cr_buf *out, const char *key, const char *value, struct cr_err *err)
{
    size_t n = value != NULL ? strlen(value) : 0, start = out->n;
    cr_status st;

    if (value == NULL)
        return cr_ok();
    if (n == 0 || value[0] == ' ' || value[0] == '\t' || value[n - 1] == ' ' || value[n - 1] == '\t')
        return cr_fail(err, CR_E_INVALID, "%s is empty or begins or ends with white space", key);
    st = cr_buf_printf(out, err, "%s = ", key);
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if ((unsigned char)value[i] < 0x20)
            return cr_fail(err, CR_E_INVALID, "%s has a control byte", key);
        if (strchr("$#\\\"'`;", value[i]) != NULL)
            st = cr_buf_append(out, "\\", 1, err);
        if (!cr_failed(st))
            st = cr_buf_append(out, &value[i], 1, err);
    }
    if (!cr_failed(st) && out->n - start > CONF_LINE_MAX && memchr(out->p + start, '\\', out->n - start) != NULL)
        return cr_fail(err, CR_E_INVALID, "%s is too long to be written with its special characters", key);
    return cr_failed(st) ? st : cr_buf_append_str(out, "\n", err);
}

static cr_status put_seconds(struct cr_buf *out, const char *key, int64_t seconds, struct cr_err *err)
{
    return cr_buf_printf(out, err, seconds % 3600 == 0 && seconds > 0 ? "%s = %lldh\n" : "%s = %llds\n", key,
                         (long long)(seconds % 3600 == 0 && seconds > 0 ? seconds / 3600 : seconds));
}

static cr_status put_list(struct cr_buf *out, const char *key, char *const *words, size_t n, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (!conf_name_valid(words[i]) || strcmp(words[i], "on") == 0 || strcmp(words[i], "off") == 0)
            st = cr_fail(err, CR_E_INVALID, "'%.64s' cannot stand in the list %s", words[i], key);
        else
            st = cr_buf_printf(&text, err, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    if (!cr_failed(st) && n > 0)
        st = put(out, key, (const char *)text.p, err);
    cr_buf_clear(&text);
    return st;
}

static cr_status put_environment(struct cr_buf *out, const struct conf_token *t, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < t->nenv && !cr_failed(st); i++) {
        if (strpbrk(t->env[i].value, " \t") != NULL || strpbrk(t->env[i].name, " \t=") != NULL)
            st = cr_fail(err, CR_E_INVALID, "the variable %s has white space", t->env[i].name);
        else
            st = cr_buf_printf(&text, err, "%s%s=%s", i > 0 ? " " : "", t->env[i].name, t->env[i].value);
    }
    if (!cr_failed(st) && t->nenv > 0)
        st = put(out, "environment", (const char *)text.p, err);
    cr_buf_clear(&text);
    return st;
}

static cr_status put_token(struct cr_buf *out, const struct conf_token *t, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = cr_buf_printf(out, err, "\n[token_%s]\n", t->name)) ||
        cr_failed(st = put(out, "module", t->module, err)) || cr_failed(st = put(out, "token", t->token_uri, err)) ||
        cr_failed(st = put(out, "pin-source", t->pin_source, err)) ||
        cr_failed(st = put(out, "init-args", t->init_args, err)) ||
        cr_failed(st = put(out, "serialize", t->serialize ? "yes" : "no", err)) ||
        cr_failed(st = cr_buf_printf(out, err, "max-sessions = %u\n", t->max_sessions)) ||
        (t->share_load && cr_failed(st = put(out, "share-load", "yes", err))) ||
        (t->key_copy != CONF_KEY_COPY_NEVER &&
         cr_failed(st = put(out, "key-copy", conf_key_copy_text(t->key_copy), err))) ||
        (t->ready_after_fork && cr_failed(st = put(out, "ready-after-fork", "yes", err))) ||
        (t->op_timeout_ms > 0 && cr_failed(st = cr_buf_printf(out, err, "op-timeout = %ums\n", t->op_timeout_ms))))
        return st;
    return put_environment(out, t, err);
}

static cr_status put_main(const struct conf *conf, struct cr_buf *out, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(out, "certroll = certroll_sect\n\n[certroll_sect]\n", err)) ||
        cr_failed(st = put(out, "state", conf->state_dir, err)) ||
        cr_failed(st = put(out, "group", conf->group, err)) || cr_failed(st = put(out, "log", conf->log, err)))
        return st;
    for (size_t i = 0; i < conf->ntokens; i++) {
        if (!conf_name_valid(conf->tokens[i].name))
            return cr_fail(err, CR_E_INVALID, "'%.64s' is not the name of a token", conf->tokens[i].name);
        if (cr_failed(st = cr_buf_printf(out, err, "%s%s", i == 0 ? "tokens = " : ", ", conf->tokens[i].name)))
            return st;
    }
    if (conf->ntokens > 0 && cr_failed(st = cr_buf_append_str(out, "\n", err)))
        return st;
    /* An empty list allows nothing, and nothing written would mean on. */
    st = conf->references == CONF_REFERENCES_LISTED && conf->nreference_roles > 0
             ? put_list(out, "references", conf->reference_roles, conf->nreference_roles, err)
             : put(out, "references", conf->references == CONF_REFERENCES_ON ? "on" : "off", err);
    if (cr_failed(st) || cr_failed(st = put_seconds(out, "minimum-lead", conf->minimum_lead, err)) ||
        cr_failed(st = put_seconds(out, "token-lifetime", conf->token_lifetime, err)) ||
        cr_failed(st = put_seconds(out, "retain-previous", conf->retain_previous, err)) ||
        cr_failed(st = put(out, "require-domain", conf->require_domain, err)) ||
        cr_failed(st = cr_buf_printf(out, err, "max-rsa-bits = %u\n", conf->max_rsa_bits)))
        return st;
    if (cr_failed(st = put(out, "kid-format", conf->kid_format, err)))
        return st;
    return put(out, "on-alert", conf->on_alert, err);
}

static cr_status put_role(struct cr_buf *out, const struct conf_role *role, struct cr_err *err)
{
    cr_status st;

    if (!conf_name_valid(role->name))
        return cr_fail(err, CR_E_INVALID, "'%.64s' is not the name of a role", role->name);
    if (cr_failed(st = cr_buf_printf(out, err, "\n[role_%s]\n", role->name)))
        return st;
    if (cr_failed(st = put(out, "on-change", role->on_change, err)) || role->on_change_seconds == 0)
        return st;
    return put_seconds(out, "on-change-timeout", role->on_change_seconds, err);
}

cr_status conf_write(const struct conf *conf, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = put_main(conf, out, err);

    for (size_t i = 0; i < conf->ntokens && !cr_failed(st); i++)
        st = put_token(out, &conf->tokens[i], err);
    for (size_t i = 0; i < conf->nroles && !cr_failed(st); i++)
        st = put_role(out, &conf->roles[i], err);
    return st;
}
