/* SPDX-License-Identifier: Apache-2.0 */
/* What stands on the configured tokens: private keys and certificates, and which of them belong together. */
#ifndef TOOL_TOKEN_H
#define TOOL_TOKEN_H

#include "tool.h"

struct tool_token_items {
    struct tok_item *items;
    size_t n;
};

/* One list a configured token. */
struct tool_inventory {
    struct tool_token_items *tokens;
    size_t ntokens;
};

/* Contacts every configured token. Clear @out with tool_inventory_clear. */
cr_status tool_inventory_read(struct tool *tool, struct tool_inventory *out, struct cr_err *err);
void tool_inventory_clear(struct tool_inventory *inv);

/* The index of the configured token @name, or the first one for NULL; *named says which. CR_E_USAGE, CR_E_REFUSED. */
cr_status tool_token_target(struct tool *tool, const char *name, size_t *out, bool *named, struct cr_err *err);

/* One private key that belongs to a certificate; both borrowed from the inventory. */
struct tool_key_hit {
    size_t token;
    const struct tok_item *item;
};

#define TOOL_HITS_MAX 8

/* The private keys on the tokens whose public half is @pub: by numbers, or where a token gives none (EC) by CKA_ID and
 * then every key of that type, each proven by a probe signature verified in software. *n is at most TOOL_HITS_MAX. */
cr_status tool_key_hits(struct tool *tool, const struct tool_inventory *inv, const struct tok_key *pub,
                        struct tool_key_hit hits[TOOL_HITS_MAX], size_t *n, struct cr_err *err);

/* Signs with the key at @location and verifies with @pub: CR_E_NOT_FOUND, CR_E_AMBIGUOUS, CR_E_INVALID (another key),
 * CR_E_PIN, CR_E_TOKEN. */
cr_status tool_key_prove(struct tok_local *tokens, const char *location, const struct tok_key *pub, struct cr_err *err);

/* Entries for the certificates that stand on a token, whose thumbprint begins with @hex ("": all) and whose private key
 * stands on a token too; chain from the tokens' other certificates. *certs is the caller's: tool_certs_free. */
cr_status tool_token_certs(struct tool *tool, const char *hex, struct role_cert ***certs, size_t *n,
                           struct cr_err *err);

/* The tokens of a configuration (tool_open.c); the caller owns *out. */
cr_status tool_tokens_new(struct conf *conf, struct tok_local **out, struct cr_err *err);

#endif
