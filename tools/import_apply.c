/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"
#include "tool_cert.h"
#include "tool_change.h"
#include "tool_confirm.h"

/* Refuses before the token is touched what the roles would refuse after it. */
static cr_status roles_check(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct role_intent intent = im->intent;
    struct role_cert *cert = NULL;
    cr_status st;

    if (!im->nroles)
        return cr_ok();
    if (cr_failed(st = role_cert_dup(im->cert, &cert, err)))
        return st;
    if (!cert->nlocations)
        st = tool_cert_add_location(cert, TOOL_SHOWN_UNPLACED, err);
    intent.cert = cert;
    if (!cr_failed(st))
        st = tool_change_check(tool, im->roles, im->nroles, &intent, err);
    role_cert_unref(&cert);
    return st;
}

static cr_status entry_save(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (im->known && !im->chain_updated && !im->location_added && !im->kid_set && !im->key_created)
        return cr_ok();
    tool_result_changed(tool);
    if (tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_cert_save(store, im->cert, err)))
        return st;
    im->saved = true;
    return tool_history(tool, im->verb, NULL, NULL, NULL, im->cert->thumbprint, NULL, err);
}

/* What a known certificate gained reaches the roles that hold it, without a roll. */
static cr_status holders_update(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct role_intent intent = {.cert = im->cert};
    cr_status st = cr_ok();

    intent.verb = ROLE_CHAIN;
    if (im->chain_updated)
        st = tool_change_roles(tool, im->holders, im->nholders, &intent, "another chain was imported", err);
    intent.verb = ROLE_LOCATION;
    if (tool->dry_run && im->key_created && im->location_added && !cr_failed(st)) /* it will be there as well */
        st = tool_cert_add_location(im->cert, TOOL_SHOWN_UNPLACED, err);
    if (im->location_added && !cr_failed(st))
        st = tool_change_roles(tool, im->holders, im->nholders, &intent, "another key location", err);
    return st;
}

static void report(struct tool *tool, const struct import *im)
{
    const char *would = tool->dry_run ? "would be " : "";
    const struct role_cert *c = im->cert;
    char text[CR_TIME_TEXT];
    json_t *result = tool_result(tool), *locations = json_array();

    tool_say(tool, "%s %.16s  %s  %s  until %s", im->known ? "known" : "new", c->thumbprint, c->key, c->subject,
             cr_time_text(c->not_after, text));
    tool_say(tool, "  key %s%s", im->key_created ? would : "",
             im->key_created ? "created on the token" : "already there");
    if (im->chain_updated)
        tool_say(tool, "  chain %supdated", would);
    if (im->location_added)
        tool_say(tool, "  key location %sadded", would);
    for (size_t i = 0; i < c->nlocations; i++)
        json_array_append_new(locations, json_string(c->locations[i]));
    json_object_set_new(result, "thumbprint_sha256", json_string(c->thumbprint));
    json_object_set_new(result, "thumbprint_sha1", json_string(c->sha1));
    json_object_set_new(result, "subject", json_string(c->subject));
    json_object_set_new(result, "new", json_boolean(!im->known));
    json_object_set_new(result, "key_created", json_boolean(im->key_created));
    json_object_set_new(result, "chain_updated", json_boolean(im->chain_updated));
    json_object_set_new(result, "location_added", json_boolean(im->location_added));
    json_object_set_new(result, "locations", locations);
}

cr_status import_carry_out(struct tool *tool, struct import *im, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = import_merge(tool, im, err)) ||
        cr_failed(st = roles_check(tool, im, err)) || cr_failed(st = import_key(tool, im, err)) ||
        cr_failed(st = entry_save(tool, im, err)))
        return st;
    report(tool, im);
    tool->if_generation_set = false; /* checked above; an updated chain is a generation of its own */
    if (cr_failed(st = holders_update(tool, im, err)))
        return st;
    if (!im->nroles) {
        tool->unasked |= !im->nholders; /* a certificate more takes nothing away */
        return import_request_close(tool, im, err);
    }
    if (tool->dry_run && !im->cert->nlocations) /* where it would go is known to the token alone */
        st = tool_cert_add_location(im->cert, TOOL_SHOWN_UNPLACED, err);
    im->intent.cert = im->cert;
    if (cr_failed(st) || cr_failed(st = tool_change_roles(tool, im->roles, im->nroles, &im->intent, NULL, err)))
        return st;
    return import_request_close(tool, im, err);
}
