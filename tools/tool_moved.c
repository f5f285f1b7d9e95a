/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_moved.h"

#include <string.h>

#include "roles/role_resolve.h"
#include "tool_history.h"

bool tool_moved(const struct role_cert *cert, const struct role_record *other, int64_t now)
{
    struct role_view view = {0};
    const struct role_cert *there;
    bool same;

    if (!cert || !other)
        return false;
    role_resolve(other, now, NULL, &view);
    if (!(there = role_view_find(&view, cert->thumbprint)))
        return false;
    same = cert->nlocations == there->nlocations;
    for (size_t i = 0; i < cert->nlocations && same; i++)
        same = !strcmp(cert->locations[i], there->locations[i]);
    return !same;
}

cr_status tool_moved_hash(char *const *locations, size_t n, char out[65], struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_buf_append(&text, NULL, 0, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = cr_buf_append(&text, locations[i], strlen(locations[i]) + 1, err);
    if (!cr_failed(st))
        st = tool_history_hash(cr_buf_bytes(&text), out, err);
    cr_buf_clear(&text);
    return st;
}
