/* SPDX-License-Identifier: Apache-2.0 */
/* Creating the objects of a key and its certificate in a read-write session. */
#ifndef TOK_CREATE_H
#define TOK_CREATE_H

#include "tok_session.h"

/* Objects made by one import, destroyed again when it fails. */
struct tok_made {
    CK_OBJECT_HANDLE handle[3];
    size_t n;
};

/* A private key (token, private, sensitive); CKA_SENSITIVE and CKA_EXTRACTABLE are read back, and what came out wrong is
 * destroyed. */
cr_status tok_create_private(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                             struct cr_err *err);
/* Is it kept as was asked for? Destroying it is the caller's. */
cr_status tok_create_check(struct tok_session *ses, CK_OBJECT_HANDLE obj, bool exportable, struct cr_err *err);
cr_status tok_create_public(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                            struct cr_err *err);
cr_status tok_create_cert(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                          struct cr_err *err);
cr_status tok_destroy(struct tok_session *ses, CK_OBJECT_HANDLE obj, struct cr_err *err);

#endif
