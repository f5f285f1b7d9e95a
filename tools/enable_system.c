/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#include "enable.h"
#include "system_cnf.h"

/* The module that init's own openssl.cnf names, so that both load the same one; without that file, OpenSSL's default. */
static cr_status module_find(const struct conf *conf, char **out, struct cr_err *err)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    CONF *cnf = ctx ? NCONF_new_ex(ctx, NULL) : NULL;
    const char *module = NULL;
    struct cr_buf path = {0};
    cr_status st =
        cr_buf_printf(&path, err, "%.*s/openssl.cnf", (int)(strrchr(conf->path, '/') - conf->path), conf->path);

    if (!cr_failed(st) && cnf && NCONF_load(cnf, (const char *)path.p, NULL) == 1)
        module = NCONF_get_string(cnf, "certroll_provider", "module");
    if (!cr_failed(st))
        st = cr_strdup(module ? module : "certroll.so", out, err);
    ERR_clear_error();
    NCONF_free(cnf);
    OSSL_LIB_CTX_free(ctx);
    cr_buf_clear(&path);
    return st;
}

/* What the file becomes; *same: it is so already. */
static cr_status wanted(struct tool *tool, const struct system_cnf *cnf, bool on, bool *same, struct cr_buf *out,
                        struct cr_err *err)
{
    const struct conf *conf;
    char *module = NULL;
    cr_status st;

    if (!on) {
        *same = !cnf->end;
        return system_cnf_without(cnf, out, err);
    }
    if (cr_failed(st = tool_conf(tool, &conf, err)) || cr_failed(st = module_find(conf, &module, err)))
        return st;
    st = system_cnf_with(cnf, module, strcmp(conf->path, CONF_DEFAULT_PATH) ? conf->path : NULL, same, out, err);
    if (!cr_failed(st) && !*same)
        *same = cr_bytes_equal(cr_buf_bytes(out), cr_buf_bytes(&cnf->text));
    if (!cr_failed(st) && !*same)
        st = system_cnf_prove(cr_buf_bytes(out), err);
    cr_free_str(&module);
    return st;
}

static void report(struct tool *tool, const struct system_cnf *cnf, bool on, struct cr_bytes text)
{
    size_t n = on ? text.n - (cnf->text.n - (cnf->end - cnf->begin)) : cnf->end - cnf->begin;
    const unsigned char *block = on ? text.p + text.n - n : cnf->text.p + cnf->begin;

    tool_result_changed(tool);
    tool_say(tool, "%s: %s", cnf->path, tool->dry_run ? "would change" : "changed");
    if (tool->dry_run)
        tool_say(tool, "%s\n%.*s", on ? "would be added:" : "would be taken out:", (int)n, (const char *)block);
    else if (on)
        tool_say(tool, "Every program that uses OpenSSL loads certroll from its next start on, sshd too.\n"
                       "'certroll disable --system' gives the file of before back.");
}

cr_status enable_system(struct tool *tool, bool on, struct cr_err *err)
{
    struct system_cnf cnf = {0};
    struct cr_buf text = {0};
    bool same = false;
    cr_status st;

    if (cr_failed(st = enable_lock(tool, on, err)) || cr_failed(st = system_cnf_read(&cnf, err)))
        return st;
    if (cr_failed(st = wanted(tool, &cnf, on, &same, &text, err)))
        goto out;
    json_object_set_new(tool_result(tool), "openssl_conf", json_string(cnf.path));
    if (same) {
        tool_say(tool, "%s: already so", cnf.path);
        goto out;
    }
    if (!tool->dry_run && (cr_failed(st = system_cnf_put(&cnf, cr_buf_bytes(&text), err)) ||
                           cr_failed(st = enable_note(tool, cnf.path, NULL, err))))
        goto out;
    report(tool, &cnf, on, cr_buf_bytes(&text));
out:
    cr_buf_clear(&text);
    system_cnf_clear(&cnf);
    return st;
}
