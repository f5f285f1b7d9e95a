/* SPDX-License-Identifier: Apache-2.0 */
/* What a server does with our provider: it reads its openssl.cnf in a library context and loads keys by URI. For a child
 * process: the provider may hang with its token or end the process, and may be tried as another user. */
#ifndef TOOL_SERVER_H
#define TOOL_SERVER_H

#include <openssl/types.h>

#include "config/conf.h"

#define TOOL_SERVER_TIMEOUT_MS 30000 /* for one key, login included */

/* The openssl.cnf of the servers: @given, else that of OPENSSL_CONF, of certroll init beside @conf, or of the system. *out is
 * the caller's. */
cr_status tool_server_cnf(const struct conf *conf, const char *given, char **out, struct cr_err *err);

/* A fresh context with what @cnf activates, our provider reading @conf_path. NULL with a sentence in @why. Changes the
 * environment. */
OSSL_LIB_CTX *tool_server_ctx(const char *conf_path, const char *cnf, char *why, size_t size);
/* The private key at @uri; NULL: tool_server_why says why. */
EVP_PKEY *tool_server_key(OSSL_LIB_CTX *ctx, const char *uri);
/* The newest sentence in OpenSSL's queue that says more than a code; empties the queue. */
void tool_server_why(char *out, size_t size);

#endif
