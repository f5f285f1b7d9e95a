/* SPDX-License-Identifier: Apache-2.0 */
/* PINs that the host program has: a callback which it registered with p11-kit (p11-kit/pin.h). */
#ifndef TOK_PIN_H
#define TOK_PIN_H

#include "tok_local.h"

/* Asks the callback registered for @name; @token_uri, as configured, tells it which token. CR_E_PIN when there is none or
 * it has no PIN. */
cr_status tok_pin_callback(const char *name, const char *token_uri, const char *token_name, bool retry,
                           struct cr_buf *pin, struct cr_err *err);

#endif
