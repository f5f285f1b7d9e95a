/* SPDX-License-Identifier: Apache-2.0 */
/* One signature with every assigned key, at each of its locations. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token_cmd.h"
#include "tool_cert.h"
#include "tool_columns.h"
#include "tool_token.h"
#include "tool_progress.h"

struct probe {
    const struct role_cert *cert; /* borrowed from a record */
    const char *location;         /* borrowed from it */
    const char *token;            /* that may hold it, when only one may; or NULL */
    json_t *uses;                 /* "ROLE (slot)" */
    struct cr_err result;         /* code CR_OK: it signs */
    const char *remedy;
};

struct checking {
    const struct conf *conf;
    struct tok_local *tokens;
    struct cr_err *logins; /* one a configured token; code CR_OK: logged in */
    struct role_record **records;
    size_t nrecords;
    struct probe *probes;
    size_t nprobes;
    struct cr_err unread; /* the first record that could not be read */
};

static void checking_clear(struct checking *c)
{
    for (size_t i = 0; i < c->nprobes; i++)
        json_decref(c->probes[i].uses);
    free(c->probes);
    for (size_t i = 0; i < c->nrecords; i++)
        role_record_unref(&c->records[i]);
    free(c->records);
    free(c->logins);
}

static bool wanted(size_t i, size_t only)
{
    return only == SIZE_MAX || i == only;
}

static cr_status logins(struct tool *tool, struct checking *c, size_t only, struct cr_err *err)
{
    struct tok_info info;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &c->conf, err)) || cr_failed(st = tool_tokens(tool, &c->tokens, err)))
        return st;
    if (!(c->logins = calloc(c->conf->ntokens + 1, sizeof(*c->logins))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    tool_progress_begin("logging in");
    for (size_t i = 0; i < c->conf->ntokens; i++)
        if (wanted(i, only))
            c->logins[i].code = tok_token_info(c->tokens, i, &info, &c->logins[i]).code;
    tool_progress_end();
    return st;
}

static cr_status records_load(struct tool *tool, struct checking *c, struct cr_err *err)
{
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    if (!(c->records = calloc(n + 1, sizeof(struct role_record *))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct cr_stamp stamp;
        struct cr_err why = {0};
        cr_status got = store_load(store, names[i], &c->records[c->nrecords], &stamp, &why);
        if (!cr_failed(got)) {
            c->nrecords++;
        } else {
            tool_warn("%s", why.text);
            if (c->unread.code == CR_OK)
                c->unread = why;
            c->unread.code = got.code;
        }
    }
    store_names_free(&names, n);
    return st;
}

static cr_status probe_add(struct checking *c, const struct role_record *rec, enum role_slot slot,
                           const struct role_cert *cert, const char *location, struct cr_err *err)
{
    struct probe *p = NULL, *more;

    for (size_t i = 0; i < c->nprobes; i++)
        if (!strcmp(c->probes[i].cert->spki, cert->spki) && !strcmp(c->probes[i].location, location))
            p = &c->probes[i];
    if (!p) {
        if (!(more = realloc(c->probes, (c->nprobes + 1) * sizeof(*more))))
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        c->probes = more;
        p = &c->probes[c->nprobes++];
        *p = (struct probe){.cert = cert, .location = location, .uses = json_array()};
    }
    json_array_append_new(p->uses, json_pack("{s:s, s:s}", "role", rec->name, "slot", role_slot_text(slot)));
    return cr_ok();
}

static cr_status probes_make(struct checking *c, size_t only, struct cr_err *err)
{
    static const enum role_slot slots[] = {ROLE_CURRENT, ROLE_PREVIOUS, ROLE_NEXT};
    cr_status st = cr_ok();

    for (size_t i = 0; i < c->nrecords; i++) {
        for (size_t s = 0; s < CR_COUNT(slots); s++) {
            const struct role_cert *cert = role_record_slot(c->records[i], slots[s]);
            for (size_t k = 0; cert && k < cert->nlocations && !cr_failed(st); k++)
                if (only == SIZE_MAX || tok_may_hold(c->tokens, only, cert->locations[k]))
                    st = probe_add(c, c->records[i], slots[s], cert, cert->locations[k], err);
        }
    }
    return st;
}

static const char *remedy(enum cr_code code)
{
    switch (code) {
    case CR_E_NOT_FOUND:
        return "import the certificate with its key again, or unassign it";
    case CR_E_AMBIGUOUS:
        return "leave one of the objects on the token and remove the others";
    case CR_E_INVALID:
        return "another key has its place: import the right one, or assign another certificate";
    case CR_E_PIN:
        return "see to the token's pin-source, then check again";
    case CR_E_TOKEN:
    case CR_E_BUSY:
        return "see 'certroll token info', then check again";
    default:
        return "see to what the sentence names, then check again";
    }
}

/* Where no token that answered may hold it, that is said without another try: each may cost seconds or a prompt. */
static cr_status probe_place(const struct checking *c, struct probe *p, size_t only, struct cr_err *err)
{
    size_t may = 0, answered = 0, failed = 0;

    for (size_t i = 0; i < c->conf->ntokens; i++) {
        if (!wanted(i, only) || !tok_may_hold(c->tokens, i, p->location))
            continue;
        p->token = may++ ? NULL : c->conf->tokens[i].name;
        if (c->logins[i].code == CR_OK)
            answered++;
        else
            failed = i;
    }
    if (!may)
        return cr_fail(err, CR_E_NOT_FOUND, "the key is on no configured token");
    if (!answered)
        return cr_fail(err, c->logins[failed].code, "%s", c->logins[failed].text);
    return cr_ok();
}

static void probe_run(const struct checking *c, struct probe *p, size_t only)
{
    struct cert_facts facts = {0};
    struct cr_err *why = &p->result;
    cr_status st = probe_place(c, p, only, why);

    if (!cr_failed(st) && !cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&p->cert->leaf), &facts, why)))
        st = tool_key_prove(c->tokens, p->location, &facts.key, why);
    cert_facts_clear(&facts);
    p->result.code = st.code;
    p->remedy = cr_failed(st) ? remedy(st.code) : NULL;
}

static cr_status probe_text(const struct probe *p, size_t columns, struct cr_buf *out, struct cr_err *err)
{
    const char *label = p->result.code == CR_OK ? "ok     " : "FAILED ";
    char text[256];
    cr_status st;
    json_t *use;
    size_t i;

    snprintf(text, sizeof(text), "%.16s  %s%s%s", p->cert->thumbprint, p->cert->key, p->token ? " on " : "",
             p->token ? p->token : "");
    st = tool_columns_wrap(out, columns, 0, label, text, err);
    json_array_foreach(p->uses, i, use)
    {
        char held[ROLE_NAME_MAX + 16];

        snprintf(held, sizeof(held), "%s %s", json_string_value(json_object_get(use, "slot")),
                 json_string_value(json_object_get(use, "role")));
        if (!cr_failed(st))
            st = tool_columns_line(out, columns, 4, "", held, err);
    }
    if (cr_failed(st) || p->result.code == CR_OK)
        return st;
    if (cr_failed(st = tool_columns_line(out, columns, 4, "", p->location, err)) ||
        cr_failed(st = tool_columns_wrap(out, columns, 4, "", p->result.text, err)))
        return st;
    return tool_columns_wrap(out, columns, 4, "", p->remedy, err);
}

static cr_status check_json(const struct checking *c, size_t only, struct cr_err *err)
{
    json_t *tokens = json_array(), *keys = json_array();

    for (size_t i = 0; i < c->conf->ntokens; i++)
        if (wanted(i, only))
            json_array_append_new(tokens, json_pack("{s:s, s:b, s:s?}", "name", c->conf->tokens[i].name, "ok",
                                                    c->logins[i].code == CR_OK, "error",
                                                    c->logins[i].code == CR_OK ? NULL : c->logins[i].text));
    for (size_t i = 0; i < c->nprobes; i++) {
        const struct probe *p = &c->probes[i];
        bool good = p->result.code == CR_OK;
        json_array_append_new(keys, json_pack("{s:s, s:s, s:s, s:s?, s:O, s:b, s:s?, s:s?}", "thumbprint_sha256",
                                              p->cert->thumbprint, "key", p->cert->key, "location", p->location,
                                              "token", p->token, "roles", p->uses, "ok", good, "error",
                                              good ? NULL : p->result.text, "remedy", p->remedy));
    }
    return tool_print_json(json_pack("{s:o, s:o}", "tokens", tokens, "keys", keys), err);
}

static cr_status check_say(const struct checking *c, size_t only, struct cr_err *err)
{
    size_t columns = tool_columns();
    struct cr_buf out = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < c->conf->ntokens && !cr_failed(st); i++)
        if (wanted(i, only))
            st = cr_buf_printf(&out, err, "%s token %s\n", c->logins[i].code == CR_OK ? "ok    " : "FAILED",
                               c->conf->tokens[i].name);
    for (size_t i = 0; i < c->nprobes && !cr_failed(st); i++)
        st = probe_text(&c->probes[i], columns, &out, err);
    if (!cr_failed(st))
        st = tool_output(NULL, 0, cr_buf_bytes(&out), err);
    cr_buf_clear(&out);
    return st;
}

/* A token that cannot be reached comes before what else was found. */
static cr_status verdict(const struct checking *c, struct cr_err *err)
{
    size_t failed = 0;

    for (size_t i = 0; i < c->conf->ntokens; i++)
        if (c->logins[i].code != CR_OK)
            return cr_fail(err, CR_E_TOKEN, "%s", c->logins[i].text);
    for (size_t i = 0; i < c->nprobes; i++)
        failed += c->probes[i].result.code != CR_OK;
    if (failed)
        return cr_fail(err, CR_E_NOT_FOUND,
                       "%zu of %zu assigned keys cannot sign where they should stand: 'certroll token relink' finds "
                       "keys that moved",
                       failed, c->nprobes);
    if (c->unread.code != CR_OK)
        return cr_fail(err, c->unread.code, "%s", c->unread.text);
    return cr_ok();
}

cr_status token_check(struct tool *tool, size_t only, struct cr_err *err)
{
    struct checking c = {0};
    cr_status st;

    if (cr_failed(st = records_load(tool, &c, err)) || cr_failed(st = logins(tool, &c, only, err)) ||
        cr_failed(st = probes_make(&c, only, err)))
        goto out;
    for (size_t i = 0; i < c.nprobes; i++)
        probe_run(&c, &c.probes[i], only);
    if (!tool->json)
        st = check_say(&c, only, err);
    else
        st = check_json(&c, only, err);
    if (!cr_failed(st))
        st = verdict(&c, err);
out:
    checking_clear(&c);
    return st;
}
