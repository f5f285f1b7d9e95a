/* SPDX-License-Identifier: Apache-2.0 */
/* A synthetic transaction: what an issuer's server does, from the provider to the signature, and then what a verifier does
 * that knows nothing but the published key set. */
#include <stdlib.h>
#include <string.h>

#include "token_mint.h"
#include "tool_jwks.h"
#include "tool_server.h"

enum { OPT_CLAIMS = 1, OPT_ALG, OPT_SLOT, OPT_CNF };

static cr_status claims_read(struct tool *tool, const char *role, json_t **out, struct cr_err *err)
{
    const char *file = tool_opt(tool, OPT_CLAIMS);
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    if (file && !cr_failed(st = tool_input(tool, file, TOOL_JWT_CLAIMS_MAX, &text, err)) && !text.n)
        st = cr_fail(err, CR_E_INVALID, "it is empty");
    if (!cr_failed(st))
        st = tool_jwt_claims(cr_buf_bytes(&text), role, tool->now, out, err);
    cr_buf_clear(&text);
    return st.code == CR_E_INVALID ? cr_prefix(err, st, "%s", file) : st;
}

/* One that a verifier does not find in the set is worth a word, even where the signature is good. */
static void warn_strict(const struct tool_jwt *jwt)
{
    static const char *const names[] = {"x5t", "x5t#S256"};
    const char *alg = json_string_value(json_object_get(jwt->header, "alg"));
    const char *said = json_string_value(json_object_get(jwt->jwk, "alg"));

    if (alg && said && strcmp(alg, said))
        tool_warn("the key set says %s of this key: verifiers that keep to it refuse %s", said, alg);
    for (size_t i = 0; i < CR_COUNT(names); i++)
        if (!json_equal(json_object_get(jwt->header, names[i]), json_object_get(jwt->jwk, names[i])))
            tool_warn("%s is not that of the key set, which names the newest certificate of the key", names[i]);
}

static cr_status report(struct tool *tool, const struct token_mint *mint, const struct cr_buf *token,
                        const struct tool_jwt *jwt, struct cr_err *err)
{
    struct role_cert *cert = NULL;
    struct cr_buf line = {0};
    cr_status st = tool_role_slot(mint->role, mint->slot, &cert, err);

    if (cr_failed(st))
        return st;
    if (tool->json)
        return tool_print_json(json_pack("{s:s, s:s, s:s, s:s%, s:O, s:O, s:O, s:s, s:s, s:b}", "role",
                                         mint->role->rec->name, "slot", role_slot_text(mint->slot), "key", cert->key,
                                         "token", token->p, token->n, "header", jwt->header, "claims", jwt->claims,
                                         "kid", json_object_get(jwt->header, "kid"), "thumbprint_sha256",
                                         cert->thumbprint, "thumbprint_sha1", cert->sha1, "verified", 1),
                               err);
    if (!cr_failed(st = cr_buf_printf(&line, err, "%.*s\n", (int)token->n, (const char *)token->p)))
        st = tool_output(NULL, 0, cr_buf_bytes(&line), err);
    cr_buf_clear(&line);
    return st;
}

static cr_status mint_and_verify(struct tool *tool, struct token_mint *mint, struct cr_err *err)
{
    struct cr_buf token = {0};
    struct tool_jwt jwt = {0};
    json_t *set = NULL;
    cr_status st;

    if (cr_failed(st = token_mint(mint, &token, err))) {
        if (strncmp(err->text, "role ", 5) != 0) /* the provider names it itself in places */
            st = cr_prefix(err, st, "role %s", mint->role->rec->name);
        goto out;
    }
    if (cr_failed(st = tool_jwks(mint->role, 1, &set, err)) ||
        cr_failed(st = tool_jwt_verify(cr_buf_bytes(&token), set, &jwt, err)))
        goto out;
    warn_strict(&jwt);
    st = report(tool, mint, &token, &jwt, err);
out:
    tool_jwt_clear(&jwt);
    json_decref(set);
    cr_buf_clear(&token);
    return st;
}

static cr_status slot_read(const struct tool *tool, enum role_slot *out, struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_SLOT);
    struct cr_err why;

    *out = ROLE_CURRENT;
    if (text && cr_failed(role_slot_parse(text, out, &why)))
        return cr_fail(err, CR_E_USAGE, "--slot: %s", why.text);
    return cr_ok();
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct token_mint mint = {.alg = tool_opt(tool, OPT_ALG)};
    const struct conf *conf;
    struct tool_role role = {0};
    json_t *claims = NULL;
    char *cnf = NULL;
    cr_status st;

    if (cr_failed(st = slot_read(tool, &mint.slot, err)) || cr_failed(st = tool_conf(tool, &conf, err)) ||
        cr_failed(st = tool_role_read(tool, tool->args[0], &role, err)))
        return st;
    if (role.rec->use != ROLE_USE_TOKEN) {
        st = cr_fail(err, CR_E_REFUSED,
                     "role %s is for tls, and its key answers for a server, not for tokens: "
                     "'certroll check %s' signs with it",
                     role.rec->name, role.rec->name);
        goto out;
    }
    if (cr_failed(st = claims_read(tool, role.rec->name, &claims, err)) ||
        cr_failed(st = tool_server_cnf(conf, tool_opt(tool, OPT_CNF), &cnf, err)))
        goto out;
    mint.role = &role;
    mint.claims = claims;
    mint.conf_path = conf->path;
    mint.cnf = cnf;
    st = mint_and_verify(tool, &mint, err);
out:
    json_decref(claims);
    free(cnf);
    tool_role_clear(&role);
    return st;
}

static const struct tool_option options[] = {
    {"claims", OPT_CLAIMS, "FILE", "a JSON object; - is standard input"},
    {"alg", OPT_ALG, "NAME", "PS256 instead of RS256; else as the key has it"},
    {"slot", OPT_SLOT, "SLOT", "previous or next instead of current"},
    {"openssl-conf", OPT_CNF, "FILE",
     "the openssl.cnf of the servers; else that of\nOPENSSL_CONF, of certroll init, or of the system"},
    {0},
};

const struct tool_cmd tool_cmd_token_test = {
    .name = "token-test",
    .args = "ROLE",
    .summary = "mint a JWT by the provider, and verify it by the key set",
    .doc = "Does what an issuer's server does, by a fresh provider, and then what a verifier\n"
           "does that has the output of 'certroll jwks'. Claims get iat, exp (5 minutes) and\n"
           "jti unless they have them. A token that verifies is printed, no other. It is as\n"
           "valid as one that a server signs.",
    .flags = TOOL_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
