/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "tool_cert.h"
#include "tool_member.h"
#include "tool_softhsm.h"
#include "tool_token.h"
#include "tool_progress.h"

static cr_status location_use(struct import *im, const char *location, struct cr_err *err)
{
    cr_status st;

    if (tool_cert_has_location(im->cert, location))
        return cr_ok();
    st = tool_cert_add_location(im->cert, location, err);
    im->location_added |= !cr_failed(st) && im->known;
    return st;
}

static cr_status label_make(const struct import *im, char **out, struct cr_err *err)
{
    const char *name = im->bundle.friendly_name;

    return cr_strdup(name && *name ? name : im->facts.subject, out, err);
}

/* Creates on @token what is not there of key and certificate. */
static cr_status objects_create(struct tool *tool, struct import *im, size_t token, char **location, struct cr_err *err)
{
    struct tok_import what = {
        .key = im->bundle.has_key ? &im->bundle.key : NULL,
        .cert = cr_buf_bytes(&im->bundle.leaf),
        .subject = cr_buf_bytes(&im->facts.subject_der),
        .issuer = cr_buf_bytes(&im->facts.issuer_der),
        .serial = cr_buf_bytes(&im->facts.serial_der),
        .exportable = im->exportable,
    };
    struct tok_local *tokens;
    char *label = NULL;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)) || cr_failed(st = label_make(im, &label, err)))
        return st;
    what.label = label;
    tool_progress_begin("bringing %s to the token", im->bundle.has_key ? "key and certificate" : "the certificate");
    st = tok_import(tokens, token, &what, location, &im->key_created, err);
    tool_progress_end();
    free(label);
    return cr_failed(st) ? st : tool_softhsm_open(tool, err);
}

static cr_status prove(struct tool *tool, const struct import *im, const char *location, struct cr_err *err)
{
    struct tok_local *tokens;
    struct cr_err why = {0};
    bool done;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)) ||
        cr_failed(st = tool_key_prove(tokens, location, &im->facts.key, err)))
        return st;
    if (cr_failed(tool_member_prove(tool, location, &im->facts.key, &done, &why)))
        tool_warn("servers may not reach this key: %s", why.text);
    return cr_ok();
}

static const struct tool_key_hit *hit_on(const struct tool_key_hit *hits, size_t n, size_t token)
{
    for (size_t i = 0; i < n; i++)
        if (hits[i].token == token)
            return &hits[i];
    return NULL;
}

/* Does a known location name the token where the key would be made, and the id that it would have? */
static bool listed_on(struct tok_local *tokens, size_t token, struct cr_bytes id, const struct role_cert *cert)
{
    size_t at;

    for (size_t i = 0; i < cert->nlocations; i++)
        if (tok_location_has_id(cert->locations[i], id) &&
            !cr_failed(tok_locate(tokens, cert->locations[i], &at, NULL)) && at == token)
            return true;
    return false;
}

/* A key that stands on a token already is used as it is; only a certificate object may be added beside it. */
static cr_status key_from_file(struct tool *tool, struct import *im, const struct tool_key_hit *hits, size_t n,
                               struct cr_err *err)
{
    const struct tool_key_hit *hit;
    size_t token;
    char *location = NULL;
    struct tok_local *tokens;
    bool named;
    cr_status st;

    if (cr_failed(st = tool_token_target(tool, tool_opt(tool, OPT_TOKEN), &token, &named, err)) ||
        cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    hit = hit_on(hits, n, token);
    if (!hit && n && !named)
        hit = &hits[0];
    if (hit && im->exportable && !hit->item->extractable)
        tool_warn("the key is on the token already, and not exportable: that cannot be changed");
    if (tool->dry_run) {
        im->key_created = !hit;
        im->location_added = !hit && im->known && !listed_on(tokens, token, cr_buf_bytes(&im->facts.key.id), im->known);
        return hit ? location_use(im, hit->item->location, err) : cr_ok();
    }
    if (hit && !cr_bytes_equal(cr_buf_bytes(&hit->item->id), cr_buf_bytes(&im->facts.key.id)))
        st = cr_strdup(hit->item->location, &location, err); /* another tool's id: create nothing beside it */
    else
        st = objects_create(tool, im, hit ? hit->token : token, &location, err);
    if (!cr_failed(st))
        st = prove(tool, im, location, err);
    if (!cr_failed(st))
        st = location_use(im, location, err);
    if (cr_failed(st) && im->key_created)
        cr_ignore(tok_remove(tokens, hit ? hit->token : token, cr_buf_bytes(&im->facts.key.id),
                             cr_buf_bytes(&im->bundle.leaf), NULL));
    free(location);
    return st;
}

/* Certificates alone. Locations known already count as found; of the others there must be one. */
static cr_status key_from_tokens(struct tool *tool, struct import *im, const struct tool_key_hit *hits, size_t n,
                                 struct cr_err *err)
{
    const char *fresh[TOOL_HITS_MAX];
    size_t nfresh = 0;
    cr_status st;

    for (size_t i = 0; i < n; i++)
        if (!tool_cert_has_location(im->cert, hits[i].item->location))
            fresh[nfresh++] = hits[i].item->location;
    if (!n)
        return cr_fail(err, CR_E_REFUSED,
                       "the file holds no private key, and no configured token holds the one of certificate %.16s: "
                       "import a file that has both",
                       im->cert->thumbprint);
    if (nfresh > 1)
        return cr_fail(
            err, CR_E_REFUSED,
            "the private key of certificate %.16s stands twice, at %s and %s: remove one with the token's own tools",
            im->cert->thumbprint, fresh[0], fresh[1]);
    if (!nfresh)
        return cr_ok();
    if (!tool->dry_run && cr_failed(st = prove(tool, im, fresh[0], err)))
        return st;
    return location_use(im, fresh[0], err);
}

/* The certificate object goes beside the key. */
static cr_status key_at(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct tok_local *tokens;
    char *location = NULL;
    bool created = im->key_created;
    size_t token;
    cr_status st;

    if (!tool->dry_run) {
        if (cr_failed(st = prove(tool, im, im->location, err)) || cr_failed(st = tool_tokens(tool, &tokens, err)) ||
            cr_failed(st = tok_locate(tokens, im->location, &token, err)) ||
            cr_failed(st = objects_create(tool, im, token, &location, err)))
            return st;
        im->key_created = created;
        free(location);
    }
    return location_use(im, im->location, err);
}

cr_status import_key(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    struct tool_inventory inv = {0};
    size_t n = 0;
    cr_status st;

    if (im->location)
        return key_at(tool, im, err);
    if (cr_failed(st = tool_inventory_read(tool, &inv, err)))
        return st;
    if (!cr_failed(st = tool_key_hits(tool, &inv, &im->facts.key, hits, &n, err)))
        st = im->bundle.has_key ? key_from_file(tool, im, hits, n, err) : key_from_tokens(tool, im, hits, n, err);
    tool_inventory_clear(&inv);
    return st;
}
