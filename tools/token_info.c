/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "token_cmd.h"

/* Worst first: what an administrator has to act on. */
static const char *pin_state(const struct tok_slot_desc *d)
{
    const struct tok_info *t = &d->token;

    return !t->login_required     ? "not needed"
           : !t->user_pin_set     ? "not set"
           : t->pin_locked        ? "locked"
           : t->pin_final_try     ? "final try"
           : t->pin_count_low     ? "wrong before"
           : d->pin_to_be_changed ? "to be changed"
                                  : "good";
}

static const char *count_text(uint64_t n, char text[24])
{
    if (n == TOK_COUNT_UNKNOWN)
        snprintf(text, 24, "unknown");
    else if (n == TOK_COUNT_ENDLESS)
        snprintf(text, 24, "unlimited");
    else
        snprintf(text, 24, "%llu", (unsigned long long)n);
    return text;
}

/* A number, "unlimited", or null where the token does not say. */
static json_t *count_json(uint64_t n)
{
    if (n == TOK_COUNT_UNKNOWN)
        return json_null();
    return n == TOK_COUNT_ENDLESS ? json_string("unlimited") : json_integer((json_int_t)n);
}

static json_t *mechs_json(const struct tok_slot_desc *d)
{
    json_t *all = json_object();

    for (size_t i = 0; i < TOK_MECHS; i++)
        json_object_set_new(all, d->mechs[i].name,
                            d->mechs[i].has ? json_pack("{s:I, s:I}", "min", (json_int_t)d->mechs[i].min, "max",
                                                        (json_int_t)d->mechs[i].max)
                                            : json_null());
    return all;
}

static json_t *slot_json(const struct tok_slot_desc *d)
{
    const struct tok_info *t = &d->token;
    json_t *flags = json_pack("{s:I, s:b, s:b, s:b, s:b}", "value", (json_int_t)d->flags, "login_required",
                              t->login_required, "user_pin_set", t->user_pin_set, "write_protected", d->write_protected,
                              "protected_authentication_path", d->protected_path);
    json_t *sessions =
        json_pack("{s:o, s:o, s:o, s:o}", "open", count_json(d->sessions), "max", count_json(d->sessions_max),
                  "rw_open", count_json(d->rw_sessions), "rw_max", count_json(d->rw_sessions_max));

    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:o, s:o, s:o}", "id", (json_int_t)d->id,
                     "description", d->description, "label", t->label, "manufacturer", t->manufacturer, "model",
                     t->model, "serial", t->serial, "hardware_version", d->hardware, "firmware_version", d->firmware,
                     "uri", d->uri, "pin", pin_state(d), "flags", flags, "sessions", sessions, "mechanisms",
                     mechs_json(d));
}

static void slot_say(const struct tok_slot_desc *d)
{
    const struct tok_info *t = &d->token;
    char a[24], b[24];

    printf("  slot:         %llu\n                %s\n", (unsigned long long)d->id, d->description);
    printf("  label:        %s\n  manufacturer: %s\n  model:        %s\n  serial:       %s\n", t->label,
           t->manufacturer, t->model, t->serial);
    printf("  versions:     hardware %s, firmware %s\n  uri:          %s\n", d->hardware, d->firmware, d->uri);
    printf("  flags:        0x%lx%s%s%s\n", d->flags, t->login_required ? ", login required" : "",
           d->write_protected ? ", write protected" : "", d->protected_path ? ", PIN pad" : "");
    printf("  PIN:          %s\n", pin_state(d));
    printf("  sessions:     %s open, at most %s\n", count_text(d->sessions, a), count_text(d->sessions_max, b));
    printf("  read-write:   %s open, at most %s\n", count_text(d->rw_sessions, a), count_text(d->rw_sessions_max, b));
    for (size_t i = 0; i < TOK_MECHS; i++) {
        const struct tok_mech_desc *m = &d->mechs[i];
        if (m->has)
            printf("  %-13s keys of %lu to %lu\n", m->name, m->min, m->max);
        else
            printf("  %-13s MISSING\n", m->name);
    }
}

static void info_say(const struct conf_token *conf, const struct tok_module_desc *desc, const struct tok_slot_desc *d,
                     const char *error)
{
    printf("%s:\n  module:       %s\n", conf->name, conf->module);
    if (*desc->cryptoki)
        printf("  library:      %s %s\n                by %s, PKCS#11 %s\n", desc->description, desc->version,
               desc->manufacturer, desc->cryptoki);
    if (d)
        slot_say(d);
    else
        printf("  NOT THERE:    %s\n", error);
}

static json_t *info_json(const struct conf_token *conf, const struct tok_module_desc *desc,
                         const struct tok_slot_desc *d, const char *error)
{
    json_t *library = *desc->cryptoki
                          ? json_pack("{s:s, s:s, s:s, s:s}", "description", desc->description, "version",
                                      desc->version, "manufacturer", desc->manufacturer, "cryptoki", desc->cryptoki)
                          : json_null();

    return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o}", "name", conf->name, "module", conf->module, "token_uri",
                     conf->token_uri, "error", d ? NULL : error, "library", library, "slot",
                     d ? slot_json(d) : json_null());
}

static cr_status info_one(struct tok_local *tokens, const struct conf_token *conf, size_t i, json_t *out,
                          struct cr_err *err)
{
    struct tok_module_desc desc = {0};
    const struct tok_slot_desc *d = NULL;
    struct cr_err why = {0};
    size_t n = 0;
    cr_status st = tok_describe(tokens, i, &desc, &why);

    if (!cr_failed(st) && !(d = token_selected(&desc, &n)))
        st = cr_fail(&why, CR_E_TOKEN, "token %s: '%s' selects %zu of %zu tokens of %s", conf->name,
                     conf->token_uri ? conf->token_uri : "pkcs11:", n, desc.nslots, conf->module);
    if (out)
        json_array_append_new(out, info_json(conf, &desc, d, why.text));
    else
        info_say(conf, &desc, d, why.text);
    tok_module_desc_clear(&desc);
    return cr_failed(st) ? cr_fail(err, st.code, "%s", why.text) : st;
}

/* All are told, the first failure is returned. */
cr_status token_info(struct tool *tool, size_t only, struct cr_err *err)
{
    json_t *all = tool->json ? json_array() : NULL;
    struct tok_local *tokens;
    const struct conf *conf;
    cr_status st, first = cr_ok();

    if (cr_failed(st = tool_conf(tool, &conf, err)) || cr_failed(st = tool_tokens(tool, &tokens, err))) {
        json_decref(all);
        return st;
    }
    for (size_t i = 0; i < conf->ntokens; i++) {
        if (only != SIZE_MAX && i != only)
            continue;
        st = info_one(tokens, &conf->tokens[i], i, all, cr_failed(first) ? NULL : err);
        if (cr_failed(st) && !cr_failed(first))
            first = st;
    }
    if (all && cr_failed(st = tool_print_json(json_pack("{s:o}", "tokens", all), cr_failed(first) ? NULL : err)) &&
        !cr_failed(first))
        first = st;
    return first;
}
