/* SPDX-License-Identifier: Apache-2.0 */
/* Does a chain lead from the leaf upwards? */
#ifndef CERT_CHAIN_H
#define CERT_CHAIN_H

#include <stdint.h>

#include "common/cr_bytes.h"

struct cert_chain_report {
    bool incomplete;   /* no chain, not self-signed, and this system's trust store has no issuer either */
    int64_t not_after; /* the earliest expiry in the chain, without the leaf; CR_TIME_NEVER for none */
};

/* Each certificate of @chain signed the one before it; @leaf is first. CR_E_INVALID naming the one that did not, or that
 * does not parse. A private root need not be in the chain (RFC 8446 section 4.4.2). */
cr_status cert_chain_look(struct cr_bytes leaf, const struct cr_buf *chain, size_t nchain,
                          struct cert_chain_report *out, struct cr_err *err);

#endif
