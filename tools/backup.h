/* SPDX-License-Identifier: Apache-2.0 */
/* The file that `certroll backup` writes and `restore` reads: one JSON object.
 *
 *   certroll-backup   format number
 *   when, host        of the backup
 *   state             the state directory it is of
 *   configuration     the text of certroll.conf
 *   etc               text of the files that init made beside it, by name (backup_etc)
 *   files             text by name below the state directory: roles/NAME.json, certs/SHA256.json, revoked.json,
 *                     outputs.json, history.jsonl
 *   token             (--with-token) base64 by name below the SoftHSM token directory; PINs are in no backup */
#ifndef BACKUP_H
#define BACKUP_H

#include "tool.h"

#define BACKUP_FORMAT  1
#define BACKUP_MAX     (256 * 1024 * 1024)
#define BACKUP_VERSION "certroll-backup"

/* Files beside certroll.conf; NULL ends the list. */
extern const char *const backup_etc[];

/* The token directory of the one configured SoftHSM token. CR_E_UNSUPPORTED where there is none, or several. @softhsm (may be
 * NULL) is the text of its softhsm2.conf where it is not there yet. The caller frees *dir. */
cr_status backup_token_dir(const struct conf *conf, const char *softhsm, char **dir, struct cr_err *err);
/* The files below @dir as base64. A new reference. */
cr_status backup_token_read(const char *dir, json_t **out, struct cr_err *err);
/* CR_E_INVALID for names that lead elsewhere, CR_E_EXISTS where @dir has something else in it; it need not be there. */
cr_status backup_token_check(const char *dir, json_t *files, struct cr_err *err);
/* Makes @dir and writes them there, folders 0700 and files 0600; those that are there already stay. CR_E_EXISTS where @dir has
 * something else in it. */
cr_status backup_token_write(const char *dir, json_t *files, struct cr_err *err);

#endif
