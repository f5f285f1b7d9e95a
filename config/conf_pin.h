/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token's PIN comes from: the value of pin-source, as struct conf_token has it. A kind of its own each; nobody but
 * the configuration says which. */
#ifndef CONF_PIN_H
#define CONF_PIN_H

#include "common/cr_bytes.h"

enum conf_pin_kind {
    CONF_PIN_NONE,       /* no source: ask, or no login */
    CONF_PIN_FILE,       /* an absolute path */
    CONF_PIN_CREDENTIAL, /* credential:NAME, of the unit (systemd.exec(5), LoadCredential=) */
    CONF_PIN_P11KIT,     /* p11-kit:NAME, a callback of the host program */
    CONF_PIN_PROMPT,     /* prompt:, whoever loads the key */
};

/* @source is one that conf_parse let pass, or NULL. */
enum conf_pin_kind conf_pin_kind(const char *source);
/* The path or NAME in it; borrowed. */
const char *conf_pin_name(const char *source);
/* The file to read: as it is, or in the directory of credentials, which the environment names now (servers empty it
 * later). *out is the caller's. CR_E_PIN where the program was not started with credentials. */
cr_status conf_pin_path(const char *source, char **out, struct cr_err *err);
/* The first line of the file at @path; empty is CR_E_PIN. @trusted as for cr_file_read. Replaces @out. */
cr_status conf_pin_read(const char *path, bool trusted, struct cr_buf *out, struct cr_err *err);

#endif
