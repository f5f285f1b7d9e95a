/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "restore.h"
#include "roles/role_codec.h"
#include "roles/role_json.h"
#include "tool_cert.h"
#include "tool_confirm.h"
#include "tool_softhsm.h"
#include "tool_token.h"

enum { OPT_WITH_TOKEN = 1 };

static void restoring_clear(struct restoring *r)
{
    for (size_t i = 0; i < r->nrecs; i++) {
        role_record_unref(&r->recs[i]);
        if (r->plans)
            tool_plan_clear(&r->plans[i]);
    }
    free(r->recs);
    free(r->plans);
    tool_certs_free(&r->certs, r->ncerts);
    json_decref(r->root);
}

/* ---- reading: everything is understood before anything is written ---- */

/* "FOLDER/STEM.json" into @stem. */
static bool name_split(const char *name, const char *folder, char stem[128])
{
    size_t n = strlen(folder), len = strlen(name);

    if (strncmp(name, folder, n) || name[n] != '/' || len < n + 6 || len - n - 6 >= 128 ||
        strcmp(name + len - 5, ".json"))
        return false;
    snprintf(stem, 128, "%.*s", (int)(len - n - 6), name + n + 1);
    return true;
}

static cr_status file_read(struct restoring *r, const char *name, const char *text, struct cr_err *err)
{
    char stem[128];
    cr_status st;

    if (name_split(name, "roles", stem)) {
        if (!cr_failed(st = role_record_read(cr_bytes_str(text), stem, &r->recs[r->nrecs], err)))
            r->nrecs++;
        return st;
    }
    if (!name_split(name, "certs", stem)) /* the others are read where they are merged */
        return cr_ok();
    if (cr_failed(st = role_cert_read(cr_bytes_str(text), &r->certs[r->ncerts], err)))
        return st;
    if (strcmp(r->certs[r->ncerts++]->thumbprint, stem))
        return cr_fail(err, CR_E_INVALID, "it holds another certificate");
    return cr_ok();
}

static cr_status files_read(struct restoring *r, struct cr_err *err)
{
    const char *name;
    json_t *value;
    cr_status st = cr_ok();

    r->recs = calloc(json_object_size(r->files) + 1, sizeof(struct role_record *));
    r->certs = calloc(json_object_size(r->files) + 1, sizeof(struct role_cert *));
    if (!r->recs || !r->certs)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    json_object_foreach(r->files, name, value)
    {
        st = json_is_string(value) ? file_read(r, name, json_string_value(value), err)
                                   : cr_fail(err, CR_E_INVALID, "it is no text");
        if (cr_failed(st))
            return cr_prefix(err, st, "%.80s", name);
    }
    return st;
}

static cr_status backup_read(struct restoring *r, const char *path, struct cr_err *err)
{
    struct cr_buf text = {0};
    int64_t format = 0;
    bool kept = false; /* what was shown is what is restored */
    cr_status st = tool_shown_input(r->tool, &text, &kept, err);

    if (!cr_failed(st) && !kept && !cr_failed(st = cr_file_read(AT_FDCWD, path, BACKUP_MAX, true, &text, NULL, err)))
        st = tool_shown_input_keep(r->tool, cr_buf_bytes(&text), err);
    if (st.code == CR_E_NOT_FOUND)
        st = cr_fail(err, CR_E_NOT_FOUND, "there is no file %s: name the one that 'certroll backup' wrote", path);
    if (cr_failed(st) || cr_failed(st = role_json_load(cr_buf_bytes(&text), BACKUP_MAX, &r->root, err)) ||
        cr_failed(st = role_json_int(r->root, BACKUP_VERSION, 1, INT32_MAX, &format, err)))
        goto out;
    r->files = json_object_get(r->root, "files");
    if (format > BACKUP_FORMAT)
        st = cr_fail(err, CR_E_UNSUPPORTED, "a newer certroll wrote it (format %lld): update this one",
                     (long long)format);
    else if (!json_is_object(r->files) || !json_is_string(json_object_get(r->root, "configuration")))
        st =
            cr_fail(err, CR_E_INVALID, "it lacks the state or the configuration: it is no backup of 'certroll backup'");
    else
        st = files_read(r, err);
out:
    cr_buf_clear(&text);
    return st.code == CR_E_INVALID || st.code == CR_E_UNSUPPORTED
               ? cr_prefix(err, st, "%s is no backup that can be read", path)
               : st;
}

/* ---- the configuration of a machine that has none ---- */

static cr_status dirs_make(const char *path, struct cr_err *err)
{
    char part[PATH_MAX];

    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(part, 0755) && errno != EEXIST)
            return cr_fail_errno(err, CR_E_IO, errno, "%s", part);
        if (!slash)
            return cr_ok();
        *slash = '/';
    }
}

static cr_status etc_restore(struct restoring *r, const char *dir, struct cr_err *err)
{
    const json_t *etc = json_object_get(r->root, "etc");
    char path[PATH_MAX];
    cr_status st = cr_ok();

    for (size_t i = 0; backup_etc[i] && !cr_failed(st); i++) {
        const char *text = json_string_value(json_object_get(etc, backup_etc[i]));

        snprintf(path, sizeof(path), "%s/%s", dir, backup_etc[i]);
        if (text && access(path, F_OK))
            st = cr_path_replace(path, 0644, cr_bytes_str(text), err);
    }
    return st;
}

static struct cr_bytes conf_text(const struct restoring *r)
{
    return cr_bytes_str(json_string_value(json_object_get(r->root, "configuration")));
}

/* Where there is no configuration, the backup's says where the state is. *state: there may be something in its directory.
 * Both are part of what was shown. */
static cr_status here_look(struct restoring *r, bool *state, struct cr_err *err)
{
    const char *path = conf_path(r->tool->conf_path);
    bool there = !access(path, F_OK);
    struct conf *conf = NULL;
    cr_status st;

    *state = there;
    if (!there) {
        if (cr_failed(st = conf_parse(path, conf_text(r), &conf, err)))
            return st;
        *state = !access(conf->state_dir, F_OK);
        if (r->tool->phase == TOOL_PREVIEW && !r->tool->conf) {
            r->tool->conf = conf; /* which the preview is of; it is the one that will be written */
            conf = NULL;
        }
        conf_free(&conf);
    }
    st = tool_shown_state(r->tool, "the configuration", cr_bytes_str(there ? "there" : "none"), err);
    return cr_failed(st)
               ? st
               : tool_shown_state(r->tool, "the state directory", cr_bytes_str(*state ? "there" : "none"), err);
}

static cr_status conf_restore(struct restoring *r, struct cr_err *err)
{
    const char *path = conf_path(r->tool->conf_path), *slash = strrchr(path, '/');
    struct cr_bytes text = conf_text(r);
    struct conf *conf = NULL;
    char *dir = NULL;
    cr_status st;

    if (!access(path, F_OK))
        return cr_ok();
    if (r->tool->phase == TOOL_PREVIEW) {
        tool_say(r->tool, "there is no %s: it comes from %s", path, r->tool->args[0]);
        tool_result_changed(r->tool);
        return cr_ok();
    }
    if (r->tool->dry_run)
        return cr_fail(err, CR_E_IO, "there is no configuration at %s; restore would write the backup's", path);
    if (cr_failed(st = conf_parse(path, text, &conf, err)))
        return st;
    dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!dir)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (!cr_failed(st = *dir ? dirs_make(dir, err) : cr_ok()) &&
             !cr_failed(st = dirs_make(conf->state_dir, err)) && !cr_failed(st = etc_restore(r, dir, err)) &&
             !cr_failed(st = cr_path_replace(path, 0644, text, err)))
        tool_say(r->tool, "wrote %s", path);
    free(dir);
    conf_free(&conf);
    return st;
}

/* ---- keys ---- */

/* Where there is no softhsm2.conf yet, the backup's will be there. */
static cr_status token_dir(const struct restoring *r, char **dir, struct cr_err *err)
{
    const char *softhsm = json_string_value(json_object_get(json_object_get(r->root, "etc"), "softhsm2.conf"));

    return backup_token_dir(r->tool->conf, r->tool->phase == TOOL_PREVIEW ? softhsm : NULL, dir, err);
}

cr_status restore_token_check(struct restoring *r, struct cr_err *err)
{
    char *dir = NULL;
    cr_status st = token_dir(r, &dir, err);

    if (!cr_failed(st))
        st = backup_token_check(dir, json_object_get(r->root, "token"), err);
    free(dir);
    return st;
}

cr_status restore_token(struct restoring *r, struct cr_err *err)
{
    json_t *files = json_object_get(r->root, "token");
    char *dir = NULL;
    cr_status st;

    if (cr_failed(st = token_dir(r, &dir, err)))
        return st;
    tool_result_changed(r->tool);
    tool_say(r->tool, "the token: %zu files %sin %s", json_object_size(files), r->tool->dry_run ? "would be " : "",
             dir);
    if (!r->tool->dry_run && !cr_failed(st = backup_token_write(dir, files, err)))
        st = tool_softhsm_open(r->tool, err);
    free(dir);
    return st;
}

/* A certificate whose key is on no token that can be reached: importing it again brings the key. */
static cr_status missing_add(struct restoring *r, const struct role_record *rec, enum role_slot slot,
                             const struct tool_inventory *inv, json_t *missing, struct cr_err *err)
{
    const struct role_cert *cert = role_record_slot(rec, slot);
    struct tool_key_hit hits[TOOL_HITS_MAX];
    struct cert_facts facts = {0};
    size_t n = 0;
    cr_status st;

    if (!cert)
        return cr_ok();
    if (!cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&cert->leaf), &facts, err)) &&
        !cr_failed(st = tool_key_hits(r->tool, inv, &facts.key, hits, &n, err)) && !n) {
        tool_say(r->tool, "KEY MISSING: %s %s %.16s; import it again", rec->name, role_slot_text(slot),
                 cert->thumbprint);
        json_array_append_new(missing, json_pack("{s:s, s:s, s:s}", "role", rec->name, "slot", role_slot_text(slot),
                                                 "thumbprint_sha256", cert->thumbprint));
    }
    cert_facts_clear(&facts);
    return st;
}

static cr_status keys_look(struct restoring *r, struct cr_err *err)
{
    struct tool_inventory inv = {0};
    json_t *missing;
    struct cr_err why = {0};
    cr_status st = cr_ok();

    if (r->with_token && r->tool->dry_run)
        return st; /* the token is not there yet */
    missing = json_array();
    if (cr_failed(tool_inventory_read(r->tool, &inv, &why))) {
        tool_warn("which keys are missing could not be seen: %s", why.text);
        json_decref(missing);
        return st;
    }
    for (size_t i = 0; i < r->nrecs && !cr_failed(st); i++)
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++)
            st = missing_add(r, r->recs[i], (enum role_slot)s, &inv, missing, err);
    json_object_set_new(tool_result(r->tool), "keys_missing", missing);
    tool_inventory_clear(&inv);
    return st;
}

/* Everything that is read again stands there when it is shown; where there is no state, the roles come as they are. */
static cr_status restore(struct restoring *r, struct cr_err *err)
{
    struct tool *tool = r->tool;
    const struct conf *conf;
    bool state;
    cr_status st;

    if (cr_failed(st = backup_read(r, tool->args[0], err)))
        return st;
    if (r->with_token && !json_is_object(json_object_get(r->root, "token")))
        return cr_fail(err, CR_E_NOT_FOUND, "the backup has no token: it was made without --with-token");
    if (cr_failed(st = here_look(r, &state, err)) || cr_failed(st = conf_restore(r, err)))
        return st;
    if (tool->phase == TOOL_PREVIEW && !state)
        return restore_show(r, err);
    if (cr_failed(st = tool_conf(tool, &conf, err)) || cr_failed(st = restore_state(r, err)))
        return st;
    return keys_look(r, err);
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct restoring r = {.tool = tool, .with_token = tool_opt(tool, OPT_WITH_TOKEN) != NULL};
    cr_status st = restore(&r, err);

    restoring_clear(&r);
    return st;
}

static const struct tool_option options[] = {
    {"with-token", OPT_WITH_TOKEN, NULL, "the SoftHSM token too, into a directory without\nanother"},
    {0},
};

const struct tool_cmd tool_cmd_restore = {
    .name = "restore",
    .args = "FILE",
    .summary = "bring back what backup has put into a file",
    .doc = "Each role becomes what it was, under a generation above both; revocations of\n"
           "either stay, roles that the backup does not have stay as they are. The\n"
           "configuration is written only where there is none. Keys that are on no token\n"
           "are listed.",
    .flags = TOOL_HAS_DRY_RUN | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
