/* SPDX-License-Identifier: Apache-2.0 */
/* What the JWT recipes in C have in common and is no part of them: base64url and a threaded HTTP server. */
#ifndef TESTS_APPS_WEB_H
#define TESTS_APPS_WEB_H

#include <stddef.h>

/* Writes @n bytes as base64url without padding, with a NUL: out has room for 4 * (n / 3 + 1) + 1. */
void web_b64url(const unsigned char *in, size_t n, char *out);

/* GET /NAME answers what mint(NAME), called by a thread a request, returns: malloc'd, NULL is an error 500. Returns 1 if it
 * cannot listen on 127.0.0.1:@port, otherwise never. */
int web_serve(const char *port, char *(*mint)(const char *name));

#endif
