/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and their attributes as a foreign module gives them: lengths and values are checked, nothing is trusted. */
#ifndef TOK_ATTR_H
#define TOK_ATTR_H

#include "tok_session.h"

/* Finds objects by @tmpl; at most @room handles into @hits, *n is how many there were, up to @room. */
cr_status tok_attr_find(struct tok_session *ses, CK_ATTRIBUTE *tmpl, CK_ULONG ntmpl, CK_OBJECT_HANDLE *hits,
                        size_t room, size_t *n, struct cr_err *err);
/* All of them: *hits is the caller's (free). */
cr_status tok_attr_find_all(struct tok_session *ses, CK_ATTRIBUTE *tmpl, CK_ULONG ntmpl, CK_OBJECT_HANDLE **hits,
                            size_t *n, struct cr_err *err);
/* One attribute. An object that has not got it, or does not show it, gives an empty buffer and success. */
cr_status tok_attr_get(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, struct cr_buf *out,
                       struct cr_err *err);
/* Several at once into the caller's buffers, in one call. False when the module did not give all of them, each within its
 * room: some give none then, others half. Ask for each with what follows. */
bool tok_attr_peek(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE *attrs, CK_ULONG n);
/* CK_BBOOL; absent gives @absent. */
cr_status tok_attr_bool(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, bool absent, bool *out,
                        struct cr_err *err);
/* CK_ULONG; absent gives CK_UNAVAILABLE_INFORMATION. */
cr_status tok_attr_ulong(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                         struct cr_err *err);
/* A big integer without its leading zeros. */
struct cr_bytes tok_attr_trim(struct cr_bytes number);
/* The point itself: CKA_EC_POINT is a DER OCTET STRING; some tokens leave the wrapping away. */
struct cr_bytes tok_attr_point(struct cr_bytes value);

#endif
