/* SPDX-License-Identifier: Apache-2.0 */
/* The drop-in by which `certroll enable` gives the provider to one systemd service: UNIT.d/certroll.conf. A file there that
 * has anything we would not write is somebody else's, and is neither replaced nor removed. */
#ifndef UNIT_DROPIN_H
#define UNIT_DROPIN_H

#include "config/conf.h"

#define UNIT_NAME_MAX 255 /* systemd.unit(5) */
#define UNIT_FOLDER   "/etc/systemd/system"

struct unit_dropin {
    char unit[UNIT_NAME_MAX + 1];
    char path[sizeof(UNIT_FOLDER) + UNIT_NAME_MAX + 24];
    char file[128 + UNIT_NAME_MAX]; /* the unit file, "" when none was found */
    bool own_user;                  /* the unit file has a User= */
    struct cr_buf now;              /* what stands there, ours; empty: nothing */
};

/* NAME or NAME.service, of the characters that systemd allows, checked and looked up; reads what stands there. CR_E_USAGE
 * for another name, CR_E_REFUSED for a drop-in that is not ours. Clear with unit_dropin_clear. */
cr_status unit_dropin_read(const char *name, struct unit_dropin *out, struct cr_err *err);
void unit_dropin_clear(struct unit_dropin *unit);

/* What is to stand there: @openssl_cnf and @group (may be NULL), quoted as systemd.syntax(7) has it. */
cr_status unit_dropin_text(const char *openssl_cnf, const char *group, struct cr_buf *out, struct cr_err *err);
/* Makes the folder when it is missing and replaces the file, atomically. */
cr_status unit_dropin_put(const struct unit_dropin *unit, struct cr_bytes text, struct cr_err *err);
/* Removes the file, and the folder when nothing else is in it. */
cr_status unit_dropin_remove(const struct unit_dropin *unit, struct cr_err *err);

/* `systemctl daemon-reload`, if systemd runs here: *done says so. CR_E_IO when systemctl fails. */
cr_status unit_reload(bool *done, struct cr_err *err);

#endif
