/* SPDX-License-Identifier: Apache-2.0 */
/* URIs: what parses has one canonical text that parses to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const struct role_uri *a, const struct role_uri *b)
{
    return strcmp(a->role, b->role) == 0 && a->has_slot == b->has_slot && a->slot == b->slot &&
           a->has_bind == b->has_bind && a->bind == b->bind && strcmp(a->thumbprint, b->thumbprint) == 0 &&
           a->object == b->object;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_uri uri, again;
    struct cr_buf one = {0}, two = {0}, der = {0};
    struct cr_err err = {0};

    if (cr_failed(role_uri_parse((const char *)data, size, &uri, &err))) {
        check(err.code == CR_E_INVALID && err.text[0] != '\0');
        return 0;
    }
    check(role_name_valid(uri.role, strlen(uri.role)));
    check(!cr_failed(role_uri_write(&uri, &one, &err)));
    check(!cr_failed(role_uri_parse((const char *)one.p, one.n, &again, &err)));
    check(same(&uri, &again));
    check(!cr_failed(role_uri_write(&again, &two, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two)));
    check(!cr_failed(role_ref_write((const char *)one.p, &der, &err)));
    check(!cr_failed(role_ref_read(cr_buf_bytes(&der), &again, &err)));
    check(same(&uri, &again));
    cr_buf_clear(&one);
    cr_buf_clear(&two);
    cr_buf_clear(&der);
    return 0;
}
