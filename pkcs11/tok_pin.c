/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_pin.h"

#include "tok_kit.h"
#include "tok_uri.h"

cr_status tok_pin_callback(const char *name, const char *token_uri, const char *token_name, bool retry,
                           struct cr_buf *pin, struct cr_err *err)
{
    P11KitPinFlags flags =
        retry ? P11_KIT_PIN_FLAGS_USER_LOGIN | P11_KIT_PIN_FLAGS_RETRY : P11_KIT_PIN_FLAGS_USER_LOGIN;
    const unsigned char *value;
    P11KitUri *uri = NULL;
    P11KitPin *given;
    size_t n = 0;
    cr_status st = tok_uri_token(token_uri, &uri, err);

    if (cr_failed(st))
        return st;
    given = tok_kit()->pin_request(name, uri, token_name, flags);
    tok_uri_free(uri);
    if (given == NULL)
        return cr_fail(err, CR_E_PIN, "token %s: this program has no p11-kit PIN callback '%s', or it gave no PIN",
                       token_name, name);
    value = tok_kit()->pin_get_value(given, &n);
    st = n > 0 ? cr_buf_set(pin, value, n, err)
               : cr_fail(err, CR_E_PIN, "token %s: the p11-kit PIN callback '%s' gave an empty PIN", token_name, name);
    tok_kit()->pin_unref(given);
    return st;
}
