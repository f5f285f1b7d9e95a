/* SPDX-License-Identifier: Apache-2.0 */
/* A record out of a backup, made fit to stand over the one that is there now. Pure. */
#ifndef ROLE_RESTORE_H
#define ROLE_RESTORE_H

#include "role_record.h"

/* @saved as it was, with a generation above both (so that no reader and no --if-generation takes it for the old one) and
 * the revoked keys of both: a revocation is never undone. @now_there may be NULL. *changed is false, and *out another
 * reference to @now_there, when they say the same. Errors: CR_E_REFUSED for another role or use. The caller owns *out. */
cr_status role_record_restore(struct role_record *now_there, const struct role_record *saved, int64_t now,
                              const char *who, struct role_record **out, bool *changed, struct cr_err *err);

#endif
