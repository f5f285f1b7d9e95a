/* SPDX-License-Identifier: Apache-2.0 */
/* One `certroll import`: what the file held, what is known already, and what was done. */
#ifndef IMPORT_H
#define IMPORT_H

#include "certs/cert_bundle.h"
#include "roles/role_request.h"
#include "tool.h"

struct import {
    char *const *roles;
    size_t nroles;
    struct role_intent intent; /* of the roles; cert is ours */
    const char *kid;           /* --kid, or NULL */
    const char *verb;          /* for the history */
    const char *location;      /* where the private key is known to stand, or NULL: it is in the file, or sought */
    struct cert_bundle bundle;
    struct cert_facts facts;
    struct role_cert *known; /* the entry before, or NULL */
    struct role_cert *cert;  /* the entry after */
    bool has_request;        /* the certificate answers it; it is closed at the end */
    struct role_request request;
    char **holders; /* roles that hold the certificate in a slot */
    size_t nholders;
    bool key_created, chain_updated, location_added, kid_set;
    bool exportable;
    bool saved; /* the entry after stands in certs/ */
};

void import_clear(struct import *im);

/* FILE or "-", with @pass asked for its passphrase as cert_bundle_read does. */
cr_status import_file_read(struct tool *tool, const char *file, cert_pass_fn *pass, void *pass_arg,
                           struct cert_bundle *out, struct cr_err *err);
/* The same with the options of @tool, and the facts. */
cr_status import_read(struct tool *tool, const char *file, struct import *im, struct cr_err *err);
/* Certificates alone: the pending request of the key, whose location and, if the command line names none, roles are
 * taken. */
cr_status import_request(struct tool *tool, struct import *im, struct cr_err *err);
/* The answer is in: forgets the request. */
cr_status import_request_close(struct tool *tool, struct import *im, struct cr_err *err);
/* The entry after: merged with a known one, holders found. Policy of the certificate itself; nothing is changed yet. */
cr_status import_merge(struct tool *tool, struct import *im, struct cr_err *err);
/* The private key: there, or created from the file; its locations into the entry; proven by a signature, as a member of
 * the group too. What was created is removed again on failure. A dry run looks only. */
cr_status import_key(struct tool *tool, struct import *im, struct cr_err *err);

/* All of it after import_read: merge, policy, key, entry, roles. */
cr_status import_carry_out(struct tool *tool, struct import *im, struct cr_err *err);

enum { OPT_PASSIN = 1, OPT_DATE, OPT_USE, OPT_KID, OPT_TOKEN, OPT_EXPORTABLE, OPT_THUMBPRINT };

#endif
