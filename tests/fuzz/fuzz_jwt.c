/* SPDX-License-Identifier: Apache-2.0 */
/* A token against a fixed key set, and the same bytes as claims: an answer or a sentence. */
#include <stdint.h>
#include <stdlib.h>

#include "tools/tool_jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody has a token of these keys: numbers of no private key that was kept. */
static const char set_text[] =
    "{\"keys\": [{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": \"e\", \"alg\": \"EdDSA\","
    " \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    " {\"kty\": \"EC\", \"crv\": \"P-256\", \"kid\": \"p\", \"x\": \"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    " \"y\": \"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    " {\"kty\": \"RSA\", \"kid\": \"r\", \"n\": \"zQAB\", \"e\": \"AQAB\"}, {\"kid\": 7}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *set;
    struct tool_jwt jwt = {0};
    struct cr_err err = {0};
    json_t *claims = NULL;
    cr_status st;

    if (set == NULL)
        set = json_loads(set_text, 0, NULL);
    st = tool_jwt_verify(cr_bytes(data, size), set, &jwt, &err);
    if (cr_failed(st) ? jwt.header != NULL || err.text[0] == '\0' : jwt.header == NULL || jwt.claims == NULL)
        abort();
    tool_jwt_clear(&jwt);
    st = tool_jwt_claims(cr_bytes(data, size), "R", 1795392000, &claims, &err);
    if (cr_failed(st) ? claims != NULL : !json_is_number(json_object_get(claims, "exp")))
        abort();
    json_decref(claims);
    return 0;
}
