/* SPDX-License-Identifier: Apache-2.0 */
#include "init_plan.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cr_status text(char **out, struct cr_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static cr_status text(char **out, struct cr_err *err, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(out, fmt, ap);
    va_end(ap);
    if (n < 0) {
        *out = NULL;
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    return cr_ok();
}

/* An absolute path for @path, whose last part need not exist yet. */
static cr_status absolute(const char *path, char **out, struct cr_err *err)
{
    char *real = realpath(path, NULL), *cwd;
    cr_status st;

    if (real) {
        *out = real;
        return cr_ok();
    }
    if (*path == '/')
        return cr_strdup(path, out, err);
    if (!(cwd = getcwd(NULL, 0)))
        return cr_fail_errno(err, CR_E_IO, errno, "the current directory");
    while (!strncmp(path, "./", 2))
        path += 2;
    st = text(out, err, "%s/%s", cwd, path);
    free(cwd);
    return st;
}

/* The module next to this program: in a build tree, under a prefix, else OpenSSL's own place. */
static cr_status provider_find(const char *option, char **out, struct cr_err *err)
{
    static const char *const beside[] = {"../provider/certroll.so", "../lib/ossl-modules/certroll.so",
                                         "../lib64/ossl-modules/certroll.so"};
    char exe[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    const char *dir = OPENSSL_info(OPENSSL_INFO_MODULES_DIR);
    char *slash;

    if (option)
        return (*out = realpath(option, NULL)) ? cr_ok() : cr_fail_errno(err, CR_E_USAGE, errno, "%s", option);
    exe[n < 0 ? 0 : n] = '\0';
    slash = strrchr(exe, '/');
    for (size_t i = 0; slash && i < CR_COUNT(beside); i++) {
        snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - exe), exe, beside[i]);
        if ((*out = realpath(path, NULL)))
            return cr_ok();
    }
    return text(out, err, "%s/certroll.so", dir ? dir : "/usr/lib/ossl-modules");
}

static cr_status existing_read(struct tool *tool, struct init_plan *p, struct cr_err *err)
{
    const char *softhsm = getenv("SOFTHSM2_CONF"), *pin = tool_opt(tool, OPT_PIN);
    struct cr_err why;

    p->token_uri = tool_opt(tool, OPT_TOKEN);
    p->init_args = tool_opt(tool, OPT_INIT_ARGS);
    p->serialize = tool_opt(tool, OPT_SERIALIZE) != NULL;
    if (!p->token_uri || strncmp(p->token_uri, "pkcs11:", 7))
        return cr_fail(err, CR_E_USAGE, "init: --module wants --token with a pkcs11: URI that selects the token");
    if (pin && cr_failed(conf_pin_source(pin, &p->pin, &why)))
        return cr_fail(err, CR_E_USAGE, "init: --pin-source: %s", why.text);
    p->pin_source = p->pin;
    if (!(p->module = realpath(tool_opt(tool, OPT_MODULE), NULL)))
        return cr_fail_errno(err, CR_E_USAGE, errno, "%s", tool_opt(tool, OPT_MODULE));
    /* An existing SoftHSM is found by the same variable by servers, whose environment will lack it. */
    if (softhsm && *softhsm == '/' && strstr(p->module, "softhsm"))
        return cr_strdup(softhsm, &p->softhsm_conf, err);
    return cr_ok();
}

static cr_status own_read(struct tool *tool, struct init_plan *p, const char *data, struct cr_err *err)
{
    static const int others[] = {OPT_TOKEN, OPT_PIN, OPT_INIT_ARGS, OPT_SERIALIZE};
    cr_status st;

    for (size_t i = 0; i < CR_COUNT(others); i++)
        if (tool_opt(tool, others[i]))
            return cr_fail(err, CR_E_USAGE,
                           "init: --token, --pin-source, --init-args and --serialize go with --module");
    if (strpbrk(p->etc, " \t#"))
        return cr_fail(err, CR_E_USAGE,
                       "init: SoftHSM's configuration cannot name a directory with white space or '#'");
    p->own_token = true;
    p->token_uri = "pkcs11:token=" INIT_LABEL;
    if (cr_failed(st = text(&p->pin, err, "%s/pin", p->etc)) ||
        cr_failed(st = text(&p->so_pin, err, "%s/so-pin", p->etc)) ||
        cr_failed(st = text(&p->softhsm_conf, err, "%s/softhsm2.conf", p->etc)) ||
        cr_failed(st = text(&p->tokens, err, "%s/tokens", data)))
        return st;
    p->pin_source = p->pin;
    if (access(INIT_SOFTHSM, R_OK))
        return cr_fail(err, CR_E_TOKEN, "SoftHSM is not installed (%s): install softhsm2, or name a --module",
                       INIT_SOFTHSM);
    return cr_strdup(INIT_SOFTHSM, &p->module, err);
}

static cr_status places(struct tool *tool, struct init_plan *p, struct cr_err *err)
{
    const char *dir = tool_opt(tool, OPT_DIR);
    cr_status st;

    p->system = !dir;
    p->group = tool_opt(tool, OPT_GROUP);
    p->gid = (gid_t)-1;
    if (p->system && !p->group)
        p->group = "certroll";
    if (cr_failed(st = dir ? absolute(dir, &p->etc, err) : cr_strdup("/etc/certroll", &p->etc, err)) ||
        cr_failed(st = dir ? text(&p->state, err, "%s/state", p->etc) : cr_strdup("/var/lib/certroll", &p->state, err)))
        return st;
    if (dir && cr_failed(st = text(&p->env, err, "%s/env", p->etc)))
        return st;
    if (cr_failed(st = text(&p->conf, err, "%s/certroll.conf", p->etc)))
        return st;
    return text(&p->openssl_cnf, err, "%s/openssl.cnf", p->etc);
}

cr_status init_plan_read(struct tool *tool, struct init_plan *out, struct cr_err *err)
{
    struct init_plan p = {0};
    cr_status st;

    if (cr_failed(st = places(tool, &p, err)) ||
        cr_failed(st = provider_find(tool_opt(tool, OPT_PROVIDER), &p.provider, err)))
        goto out;
    if (strpbrk(p.etc, "\n\r"))
        st = cr_fail(err, CR_E_USAGE, "init: a directory with a line break in its name cannot be configured");
    else if (tool_opt(tool, OPT_MODULE))
        st = existing_read(tool, &p, err);
    else
        st = own_read(tool, &p, p.system ? p.state : p.etc, err);
out:
    if (cr_failed(st))
        init_plan_clear(&p);
    else
        *out = p;
    return st;
}

void init_plan_clear(struct init_plan *p)
{
    char *owned[] = {p->etc,   p->conf,     p->openssl_cnf,  p->pin,    p->so_pin, p->env,
                     p->state, p->provider, p->softhsm_conf, p->tokens, p->module};

    for (size_t i = 0; i < CR_COUNT(owned); i++)
        free(owned[i]);
    *p = (struct init_plan){0};
}

static cr_status group_make(const char *name, struct cr_err *err)
{
    int status = -1;
    pid_t pid = fork();

    if (!pid) {
        execlp("groupadd", "groupadd", "--system", "--", name, NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return cr_fail(err, CR_E_IO, "there is no group %s, and 'groupadd --system %s' failed: make it by hand", name,
                       name);
    return cr_ok();
}

cr_status init_group(struct init_plan *plan, struct cr_err *err)
{
    const struct group *gr;
    cr_status st;

    if (!plan->group)
        return cr_ok();
    if (!(gr = getgrnam(plan->group))) {
        if (geteuid())
            return cr_fail(err, CR_E_REFUSED, "there is no group %s: make it as root by 'groupadd --system %s'",
                           plan->group, plan->group);
        if (cr_failed(st = group_make(plan->group, err)))
            return st;
        gr = getgrnam(plan->group);
    }
    if (!gr)
        return cr_fail(err, CR_E_IO, "there is no group %s: make it by 'groupadd --system %s'", plan->group,
                       plan->group);
    plan->gid = gr->gr_gid;
    return cr_ok();
}
