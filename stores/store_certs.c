/* SPDX-License-Identifier: Apache-2.0 */
/* certs/SHA256.json: every known certificate. */
#include "store_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "roles/role_codec.h"

static bool is_thumbprint(const char *stem, size_t len)
{
    return len == 64 && strspn(stem, "0123456789abcdef") >= 64;
}

static cr_status file_name(const char *thumbprint, char out[STORE_NAME_ROOM], struct cr_err *err)
{
    if (!is_thumbprint(thumbprint, strlen(thumbprint)))
        return cr_fail(err, CR_E_INVALID, "'%.80s' is not a SHA-256 thumbprint", thumbprint);
    return store_json_name(thumbprint, out, err);
}

cr_status store_cert_load(struct store *store, const char *thumbprint, struct role_cert **out, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct role_cert *cert = NULL;
    struct cr_buf json = {0};
    cr_status st;

    if (cr_failed(st = file_name(thumbprint, name, err)))
        return st;
    st = cr_file_read(store->certs.fd, name, ROLE_JSON_MAX, true, &json, NULL, err);
    if (st.code == CR_E_NOT_FOUND)
        st = cr_fail(err, CR_E_NOT_FOUND, "no certificate %s is known", thumbprint);
    else if (!cr_failed(st))
        st = role_cert_read(cr_buf_bytes(&json), &cert, err);
    if (!cr_failed(st) && strcmp(cert->thumbprint, thumbprint) != 0)
        st = cr_fail(err, CR_E_INVALID, "certs/%s holds another certificate, %s", name, cert->thumbprint);
    if (!cr_failed(st)) {
        *out = cert;
        cert = NULL;
    }
    role_cert_unref(&cert);
    cr_buf_clear(&json);
    return st;
}

cr_status store_cert_save(struct store *store, const struct role_cert *cert, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct cr_buf json = {0};
    bool mine = false;
    cr_status st;

    if (cr_failed(st = file_name(cert->thumbprint, name, err)) || cr_failed(st = role_cert_write(cert, &json, err)))
        goto out;
    if (cr_failed(st = store_lock_unless_held(store, &mine, err)))
        goto out;
    st = cr_file_replace(store->certs.fd, name, 0644, (gid_t)-1, cr_buf_bytes(&json), err);
    if (mine)
        store_unlock(store);
out:
    cr_buf_clear(&json);
    return st;
}

cr_status store_cert_remove(struct store *store, const char *thumbprint, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    bool mine = false;
    cr_status st;

    if (cr_failed(st = file_name(thumbprint, name, err)) || cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    if (unlinkat(store->certs.fd, name, 0) != 0)
        st = cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "cannot remove certs/%s", name);
    else if (fsync(store->certs.fd) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot sync certs");
    if (mine)
        store_unlock(store);
    return st;
}

cr_status store_certs(struct store *store, char ***thumbprints, size_t *n, struct cr_err *err)
{
    return store_list(store->certs.fd, is_thumbprint, thumbprints, n, err);
}
