/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_server.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cr_status tool_server_cnf(const struct conf *conf, const char *given, char **out, struct cr_err *err)
{
    const char *env = getenv("OPENSSL_CONF"), *slash = strrchr(conf->path, '/');
    struct cr_buf path = {0};
    cr_status st;

    if (given)
        return cr_strdup(given, out, err);
    if (env && *env)
        return cr_strdup(env, out, err);
    st = cr_buf_printf(&path, err, "%.*s/openssl.cnf", slash ? (int)(slash - conf->path) : 0, conf->path);
    if (!cr_failed(st) && access((const char *)path.p, F_OK)) {
        path.n = 0;
        st = cr_buf_printf(&path, err, "%s/openssl.cnf", OPENSSL_info(OPENSSL_INFO_CONFIG_DIR));
    }
    if (!cr_failed(st))
        st = cr_strdup((const char *)path.p, out, err);
    cr_buf_clear(&path);
    return st;
}

void tool_server_why(char *out, size_t size)
{
    const char *data, *best = NULL;
    char text[400] = "";
    unsigned long code;
    int flags;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        if (flags & ERR_TXT_STRING && data && *data)
            snprintf(text, sizeof(text), "%s", data);
        best = ERR_reason_error_string(code);
    }
    snprintf(out, size, "%s", *text ? text : best ? best : "OpenSSL gives no reason");
}

OSSL_LIB_CTX *tool_server_ctx(const char *conf_path, const char *cnf, char *why, size_t size)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

    setenv("CERTROLL_CONFIG", conf_path, 1);
    unsetenv("OPENSSL_CONF");
    if (ctx && OSSL_LIB_CTX_load_config(ctx, cnf) == 1)
        return ctx;
    tool_server_why(why, size);
    OSSL_LIB_CTX_free(ctx);
    return NULL;
}

EVP_PKEY *tool_server_key(OSSL_LIB_CTX *ctx, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *pkey = NULL;

    if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        pkey = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return pkey;
}
