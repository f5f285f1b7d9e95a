/* SPDX-License-Identifier: Apache-2.0 */
/* What `generate` and `request` share: the certificate that is wanted, and its key, made inside a token. */
#ifndef ISSUE_H
#define ISSUE_H

#include "certs/cert_make.h"
#include "tool.h"

struct issue {
    struct tok_key kind; /* type, bits, curve */
    X509_NAME *subject;
    GENERAL_NAMES *san;      /* or NULL */
    EXTENDED_KEY_USAGE *eku; /* or NULL */
    size_t token;            /* where the key is made */
    struct tok_key key;      /* public half, once made */
    char *location;
};

/* --key, --subject, --san, --eku, --token. @name (may be NULL) is the CN where no --subject is given. Clear @out with
 * issue_clear, also after a failure. */
cr_status issue_read(struct tool *tool, const char *name, struct issue *out, struct cr_err *err);
void issue_clear(struct issue *issue);

/* An entry as the certificate would give it, with a stand-in for the key: what policy and roles are asked before a token
 * makes anything. Never stored. The caller owns *out. */
cr_status issue_sample(const struct issue *issue, int64_t from, int64_t until, struct role_cert **out,
                       struct cr_err *err);

/* Makes the key pair, opens the token's files to the group. */
cr_status issue_key(struct tool *tool, const char *label, struct issue *issue, struct cr_err *err);
/* Takes it away again after a failure, with the certificate object (DER, may be empty). */
void issue_drop(struct tool *tool, const struct issue *issue, struct cr_bytes cert);
cr_status issue_self_signed(struct tool *tool, const struct issue *issue, int64_t from, int64_t until,
                            struct cr_buf *der, struct cr_err *err);
cr_status issue_request(struct tool *tool, const struct issue *issue, struct cr_buf *der, struct cr_err *err);

/* Rows of the options. */
enum { ISSUE_KEY = 1, ISSUE_SUBJECT, ISSUE_SAN, ISSUE_EKU, ISSUE_TOKEN, ISSUE_USE, ISSUE_OWN };

#define ISSUE_OPTIONS                                                                                                  \
    {"key", ISSUE_KEY, "KIND", "rsa:3072 (default), rsa:BITS, ec:P-256, ec:P-384,\nec:P-521 or ed25519"},              \
        {"subject", ISSUE_SUBJECT, "DN", "'CN=www.example.org,O=Example'"},                                            \
        {"san", ISSUE_SAN, "LIST", "dns:NAME,ip:ADDRESS,email:ADDRESS,uri:URI"},                                       \
        {"eku", ISSUE_EKU, "LIST", "serverAuth,clientAuth or OIDs"},                                                   \
        {"use", ISSUE_USE, "token|tls", "what a new role is for"},                                                     \
    {                                                                                                                  \
        "token", ISSUE_TOKEN, "NAME", "which configured token makes the key"                                           \
    }

#endif
