/* SPDX-License-Identifier: Apache-2.0 */
/* certs/SPKI.request.json: requests whose answer is awaited. */
#include "store_requests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_file.h"

#define SUFFIX     ".request"
#define SUFFIX_LEN 8
#define HEX_LEN    64

static bool is_request(const char *stem, size_t len)
{
    return len == HEX_LEN + SUFFIX_LEN && strspn(stem, "0123456789abcdef") == HEX_LEN &&
           memcmp(stem + HEX_LEN, SUFFIX, SUFFIX_LEN) == 0;
}

static cr_status file_name(const char *spki, char out[STORE_NAME_ROOM], struct cr_err *err)
{
    if (!role_hex_valid(spki, HEX_LEN))
        return cr_fail(err, CR_E_INVALID, "'%.80s' is not a hash of a public key", spki);
    (void)snprintf(out, STORE_NAME_ROOM, "%s" SUFFIX ".json", spki);
    return cr_ok();
}

cr_status store_request_load(struct store *store, const char *spki, struct role_request *out, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct cr_buf json = {0};
    cr_status st;

    if (cr_failed(st = file_name(spki, name, err)))
        return st;
    st = cr_file_read(store->certs.fd, name, ROLE_REQUEST_MAX, true, &json, NULL, err);
    if (st.code == CR_E_NOT_FOUND)
        st = cr_fail(err, CR_E_NOT_FOUND, "no request for the key %.16s is pending", spki);
    else if (!cr_failed(st) && cr_failed(st = role_request_read(cr_buf_bytes(&json), out, err)))
        st = cr_prefix(err, st, "certs/%s", name);
    if (!cr_failed(st) && strcmp(out->spki, spki) != 0) {
        st = cr_fail(err, CR_E_INVALID, "certs/%s is of another key, %s", name, out->spki);
        role_request_clear(out);
    }
    cr_buf_clear(&json);
    return st;
}

cr_status store_request_save(struct store *store, const struct role_request *request, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct cr_buf json = {0};
    bool mine = false;
    cr_status st;

    if (cr_failed(st = file_name(request->spki, name, err)) ||
        cr_failed(st = role_request_write(request, &json, err)) ||
        cr_failed(st = store_lock_unless_held(store, &mine, err)))
        goto out;
    st = cr_file_replace(store->certs.fd, name, 0644, (gid_t)-1, cr_buf_bytes(&json), err);
    if (mine)
        store_unlock(store);
out:
    cr_buf_clear(&json);
    return st;
}

cr_status store_request_remove(struct store *store, const char *spki, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    bool mine = false;
    cr_status st;

    if (cr_failed(st = file_name(spki, name, err)) || cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    if (unlinkat(store->certs.fd, name, 0) != 0)
        st = cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "cannot remove certs/%s", name);
    else if (fsync(store->certs.fd) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot sync certs");
    if (mine)
        store_unlock(store);
    return st;
}

cr_status store_requests(struct store *store, char ***spkis, size_t *n, struct cr_err *err)
{
    char **names = NULL;
    cr_status st = store_list(store->certs.fd, is_request, &names, n, err);

    if (cr_failed(st))
        return st;
    for (size_t i = 0; i < *n; i++)
        names[i][HEX_LEN] = '\0';
    *spkis = names;
    return st;
}
