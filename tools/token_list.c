/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token_cmd.h"
#include "tool_columns.h"

struct listing {
    const struct conf *conf;
    struct tok_module_desc *descs; /* one a configured token */
    struct cr_err *failures;       /* code CR_OK: descs[i] is known */
};

static cr_status listing_read(struct tool *tool, struct listing *l, struct cr_err *err)
{
    struct tok_local *tokens;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &l->conf, err)) || cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    l->descs = calloc(l->conf->ntokens + 1, sizeof(*l->descs));
    l->failures = calloc(l->conf->ntokens + 1, sizeof(*l->failures));
    if (!l->descs || !l->failures)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->conf->ntokens; i++)
        l->failures[i].code = tok_describe(tokens, i, &l->descs[i], &l->failures[i]).code;
    return st;
}

static void listing_clear(struct listing *l)
{
    for (size_t i = 0; l->descs && i < l->conf->ntokens; i++)
        tok_module_desc_clear(&l->descs[i]);
    free(l->descs);
    free(l->failures);
}

/* A token that is merely absent is an answer; a module that cannot be asked is a failure. */
static cr_status verdict(const struct listing *l, struct cr_err *err)
{
    for (size_t i = 0; i < l->conf->ntokens; i++)
        if (l->failures[i].code != CR_OK)
            return cr_fail(err, l->failures[i].code, "%s", l->failures[i].text);
    return cr_ok();
}

static const char *token_state(const struct listing *l, size_t i, const struct tok_slot_desc **slot)
{
    size_t n = 0;

    *slot = NULL;
    if (l->failures[i].code != CR_OK)
        return "unavailable";
    *slot = token_selected(&l->descs[i], &n);
    return n == 0 ? "absent" : n == 1 ? "present" : "ambiguous";
}

static json_t *token_json(const struct listing *l, size_t i)
{
    const struct conf_token *conf = &l->conf->tokens[i];
    const struct tok_slot_desc *slot;
    const char *state = token_state(l, i, &slot);

    return json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:o, s:s?, s:s?}", "name", conf->name, "module", conf->module,
                     "token_uri", conf->token_uri, "state", state, "error",
                     l->failures[i].code != CR_OK ? l->failures[i].text : NULL, "slot",
                     slot ? json_integer((json_int_t)slot->id) : json_null(), "label", slot ? slot->token.label : NULL,
                     "serial", slot ? slot->token.serial : NULL);
}

/* Tokens of one module with one init string share it: its slots are told once. */
static bool told(const struct listing *l, size_t i)
{
    const struct conf_token *a = &l->conf->tokens[i];

    for (size_t k = 0; k < i; k++) {
        const struct conf_token *b = &l->conf->tokens[k];
        if (l->failures[k].code == CR_OK && !strcmp(a->module, b->module) &&
            !strcmp(a->init_args ? a->init_args : "", b->init_args ? b->init_args : ""))
            return true;
    }
    return false;
}

static const char *slot_state(const struct tok_slot_desc *slot)
{
    return slot->unread[0] ? "unreadable" : slot->token.initialized ? "initialized" : "uninitialized";
}

/* Which configured token stands in slot @s of the module of @i. */
static const char *slot_token(const struct listing *l, size_t i, size_t s)
{
    for (size_t k = i; k < l->conf->ntokens; k++) {
        if (strcmp(l->conf->tokens[i].module, l->conf->tokens[k].module))
            continue;
        for (size_t m = 0; m < l->descs[k].nslots; m++)
            if (l->descs[k].slots[m].selected && l->descs[k].slots[m].id == l->descs[i].slots[s].id)
                return l->conf->tokens[k].name;
    }
    return NULL;
}

static json_t *slot_json(const struct listing *l, size_t i, size_t s)
{
    const struct tok_slot_desc *slot = &l->descs[i].slots[s];

    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:s?}", "module", l->conf->tokens[i].module, "slot",
                     (json_int_t)slot->id, "description", slot->description, "label", slot->token.label, "serial",
                     slot->token.serial, "state", slot_state(slot), "uri", slot->uri, "token", slot_token(l, i, s));
}

static cr_status list_json(const struct listing *l, struct cr_err *err)
{
    json_t *tokens = json_array(), *slots = json_array();

    for (size_t i = 0; i < l->conf->ntokens; i++) {
        json_array_append_new(tokens, token_json(l, i));
        for (size_t s = 0; s < l->descs[i].nslots && !told(l, i); s++)
            json_array_append_new(slots, slot_json(l, i, s));
    }
    return tool_print_json(json_pack("{s:o, s:o}", "tokens", tokens, "slots", slots), err);
}

static cr_status token_text(const struct listing *l, size_t i, size_t columns, struct cr_buf *out, struct cr_err *err)
{
    const struct tok_slot_desc *slot;
    const char *state = token_state(l, i, &slot);
    char text[256];
    cr_status st;

    snprintf(text, sizeof(text), "%s: %s", l->conf->tokens[i].name, state);
    if (cr_failed(st = tool_columns_line(out, columns, 0, "", text, err)) ||
        cr_failed(st = tool_columns_line(out, columns, 4, "", l->conf->tokens[i].module, err)))
        return st;
    if (slot) {
        snprintf(text, sizeof(text), "slot %llu: '%s', serial %s", (unsigned long long)slot->id, slot->token.label,
                 slot->token.serial);
        st = tool_columns_line(out, columns, 4, "", text, err);
    }
    if (!cr_failed(st) && l->failures[i].code != CR_OK)
        st = tool_columns_wrap(out, columns, 4, "", l->failures[i].text, err);
    return st;
}

static cr_status slot_text(const struct listing *l, size_t i, size_t s, size_t columns, struct cr_buf *out,
                           struct cr_err *err)
{
    const struct tok_slot_desc *slot = &l->descs[i].slots[s];
    const char *name = slot_token(l, i, s);
    char text[256];
    cr_status st;

    snprintf(text, sizeof(text), "%llu: %s%s%s", (unsigned long long)slot->id, slot_state(slot), name ? ", token " : "",
             name ? name : "");
    st = tool_columns_line(out, columns, 2, "", text, err);
    if (!cr_failed(st) && slot->uri)
        st = tool_columns_line(out, columns, 4, "", slot->uri, err);
    else if (!cr_failed(st) && slot->unread[0])
        st = tool_columns_wrap(out, columns, 4, "", slot->unread, err);
    return st;
}

static cr_status list_text(const struct listing *l, struct cr_buf *out, struct cr_err *err)
{
    size_t columns = tool_columns();
    cr_status st = cr_ok();

    for (size_t i = 0; i < l->conf->ntokens && !cr_failed(st); i++)
        st = token_text(l, i, columns, out, err);
    for (size_t i = 0; i < l->conf->ntokens && !cr_failed(st); i++) {
        if (l->failures[i].code != CR_OK || told(l, i))
            continue;
        if (!cr_failed(st = cr_buf_append_str(out, "\n", err)))
            st = tool_columns_line(out, columns, 0, "token slots of ", l->conf->tokens[i].module, err);
        for (size_t s = 0; s < l->descs[i].nslots && !cr_failed(st); s++)
            st = slot_text(l, i, s, columns, out, err);
    }
    return st;
}

cr_status token_list(struct tool *tool, size_t only, struct cr_err *err)
{
    struct listing l = {0};
    struct cr_buf text = {0};
    cr_status st = listing_read(tool, &l, err);

    (void)only;
    if (!cr_failed(st)) {
        if (tool->json)
            st = list_json(&l, err);
        else if (!cr_failed(st = list_text(&l, &text, err)))
            st = tool_output(NULL, 0, cr_buf_bytes(&text), err);
        if (!cr_failed(st))
            st = verdict(&l, err);
    }
    cr_buf_clear(&text);
    listing_clear(&l);
    return st;
}
