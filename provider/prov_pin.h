/* SPDX-License-Identifier: Apache-2.0 */
/* The PINs of one provider instance. Files and credentials are read at load, because servers empty their environment,
 * chroot and change uid afterwards; what is typed is asked for when a key is loaded. Either is remembered, in memory that
 * is wiped, for forks and outages. */
#ifndef PROV_PIN_H
#define PROV_PIN_H

#include <openssl/core_dispatch.h>

#include "common/cr_secret.h"
#include "config/conf.h"
#include "config/conf_pin.h"
#include "pkcs11/tok_local.h"

struct prov_pin {
    enum conf_pin_kind kind;
    char *name; /* path, or of the callback */
    char *uri;  /* of the token */
    char *token;
    struct cr_err broken; /* code CR_OK: there is something to read */
    struct cr_secret pin; /* prov_lock */
};

/* Reads what can be read now; what cannot is said when a login needs it. */
cr_status prov_pin_init(struct prov_pin *pin, const struct conf_token *from, struct cr_err *err);
void prov_pin_clear(struct prov_pin *pin);
/* A tok_pin_fn; @arg is the struct prov_pin. */
tok_pin_fn prov_pin_give;

/* Asks for one that is typed and not remembered, by OpenSSL's callback: only where the configuration says prompt:. */
cr_status prov_pin_ask(struct prov_pin *pin, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg, struct cr_err *err);

#endif
