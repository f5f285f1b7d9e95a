/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_outputs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool_jwks.h"
#include "tool_metrics.h"
#include "tool_pem.h"

/* ---- composing ---- */

static cr_status reference(const struct store_output *o, struct cr_buf *text, struct cr_err *err)
{
    struct role_uri uri = {.has_slot = o->has_slot, .slot = o->slot, .has_bind = o->has_bind, .bind = o->bind};

    snprintf(uri.role, sizeof(uri.role), "%s", o->roles[0]);
    return tool_pem_reference(&uri, text, err);
}

static cr_status bundle(struct tool *tool, const struct store_output *o, struct cr_buf *text, struct cr_err *err)
{
    struct tool_role role = {0};
    struct role_cert *cert;
    cr_status st = tool_role_read(tool, o->roles[0], &role, err);

    if (!cr_failed(st) && !cr_failed(st = tool_role_slot(&role, o->slot, &cert, err)))
        st = tool_pem_bundle(role.rec, cert, text, err);
    tool_role_clear(&role);
    return st;
}

static cr_status jwks(struct tool *tool, const struct store_output *o, struct cr_buf *text, struct cr_err *err)
{
    struct tool_role *roles = NULL;
    json_t *set = NULL;
    char *dump = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_roles_read(tool, o->roles, o->nroles, &roles, &n, err)) ||
        cr_failed(st = tool_jwks(roles, n, &set, err)))
        goto out;
    if (!(dump = json_dumps(set, JSON_INDENT(2))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else
        st = cr_buf_printf(text, err, "%s\n", dump);
out:
    free(dump);
    json_decref(set);
    tool_roles_free(&roles, n);
    return st;
}

cr_status tool_output_compose(struct tool *tool, const struct store_output *output, struct cr_buf *text,
                              struct cr_err *err)
{
    text->n = 0;
    if (output->kind == STORE_OUTPUT_METRICS)
        return tool_metrics(tool, text, err);
    if (output->kind == STORE_OUTPUT_JWKS)
        return jwks(tool, output, text, err);
    if (output->nroles != 1)
        return cr_fail(err, CR_E_INVALID, "outputs.json: a file of one role names %zu", output->nroles);
    return output->kind == STORE_OUTPUT_BUNDLE ? bundle(tool, output, text, err) : reference(output, text, err);
}

/* ---- remembering ---- */

/* The absolute path of a file that stands there, its directory resolved and its own name kept: a link is replaced, too.
 * False for what is no file (a pipe, a device). */
static bool path_absolute(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char dir[PATH_MAX], whole[PATH_MAX];
    struct stat sb;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (lstat(path, &sb) || !S_ISREG(sb.st_mode) || !realpath(dir, whole))
        return false;
    return snprintf(out, PATH_MAX, "%s/%s", strcmp(whole, "/") ? whole : "", base) < PATH_MAX;
}

static cr_status remember(const char *state, const struct store_output *output, struct cr_err *err)
{
    struct store *store = NULL;
    cr_status st = store_file_open(state, true, &store, err);

    if (!cr_failed(st))
        st = store_output_save(store, output, err);
    store_close(&store);
    return st;
}

cr_status tool_output_write(struct tool *tool, const char *path, const struct store_output *output,
                            struct cr_bytes text, struct cr_err *err)
{
    struct store_output entry = *output;
    char absolute[PATH_MAX];
    const struct conf *conf;
    struct cr_err why;
    cr_status st;

    if (cr_failed(st = tool_output(path, 0644, text, err)) || cr_failed(st = tool_conf(tool, &conf, err)) || !path ||
        !strcmp(path, "-") || access(conf->state_dir, W_OK) || !path_absolute(path, absolute))
        return st;
    entry.path = absolute;
    if (cr_failed(remember(conf->state_dir, &entry, &why)))
        tool_warn("'check' will not know of %s: %s", absolute, why.text);
    return st;
}

void tool_output_command(const struct store_output *output, char *out, size_t size)
{
    static const char *const verbs[] = {"pem", "pem", "jwks", "metrics"};
    size_t n = (size_t)snprintf(out, size, "certroll %s", verbs[output->kind]);

    for (size_t i = 0; i < output->nroles && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, " %s", output->roles[i]);
    if (n < size && output->has_slot)
        n += (size_t)snprintf(out + n, size - n, " --slot %s", role_slot_text(output->slot));
    if (n < size && output->has_bind)
        n += (size_t)snprintf(out + n, size - n, " --bind %s", role_binding_text(output->bind));
    if (n < size)
        snprintf(out + n, size - n, "%s --out %s", output->kind == STORE_OUTPUT_BUNDLE ? " --bundle" : "",
                 output->path);
}
