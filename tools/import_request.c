/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"
#include "stores/store_requests.h"
#include "tool_request.h"

cr_status import_request(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (im->bundle.has_key)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_request_load(store, im->facts.spki, &im->request, err);
    if (cr_failed(st))
        return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
    im->has_request = true;
    im->location = im->request.location;
    if (!im->nroles) {
        im->roles = im->request.roles;
        im->nroles = im->request.nroles;
    }
    if (!im->intent.has_use) {
        im->intent.has_use = im->request.has_use;
        im->intent.use = im->request.use;
    }
    return st;
}

cr_status import_request_close(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (!im->has_request)
        return cr_ok();
    tool_result_changed(tool);
    tool_say(tool, "request %.16s %sclosed", im->request.spki, tool->dry_run ? "would be " : "");
    json_object_set_new(tool_result(tool), "request_closed", json_stringn(im->request.spki, TOOL_REQUEST_ID));
    if (tool->dry_run || cr_failed(st = tool_store(tool, &store, err)))
        return tool->dry_run ? cr_ok() : st;
    st = store_request_remove(store, im->request.spki, err);
    return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
}
