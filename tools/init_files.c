/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and files of a set-up. What is there is kept, so that an init that was interrupted is completed by the next. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init_plan.h"
#include "pkcs11/tok_init.h"

#define PIN_BYTES 16
#define PIN_MAX   256

static cr_status folder_make(const char *path, mode_t mode, struct cr_err *err)
{
    cr_status st;
    int fd;

    if (!mkdir(path, 0700)) {
        if (chmod(path, mode)) /* whatever the umask */
            return cr_fail_errno(err, CR_E_IO, errno, "%s", path);
        return cr_ok();
    }
    if (errno != EEXIST)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", path);
    if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", path);
    st = cr_file_trusted(fd, path, err);
    close(fd);
    return st;
}

static cr_status file_put(const char *path, mode_t mode, gid_t gid, struct cr_bytes data, struct cr_err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = strndup(path, (size_t)(slash - path) + 1);
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    cr_status st;

    if (fd < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", path);
    else
        st = cr_file_replace(fd, slash + 1, mode, gid, data, err);
    if (fd >= 0)
        close(fd);
    free(dir);
    return st;
}

/* The secret in @path, made when it is not there. */
static cr_status secret_ensure(const char *path, mode_t mode, gid_t gid, struct cr_buf *out, struct cr_err *err)
{
    unsigned char random[PIN_BYTES];
    char text[2 * PIN_BYTES + 1];
    struct cr_buf line = {0};
    cr_status st = cr_file_read(AT_FDCWD, path, PIN_MAX, true, out, NULL, err);

    if (!cr_failed(st)) {
        while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
            out->p[--out->n] = '\0';
        return out->n ? st : cr_fail(err, CR_E_PIN, "%s is empty", path);
    }
    if (st.code != CR_E_NOT_FOUND)
        return st;
    if (RAND_priv_bytes(random, sizeof(random)) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random numbers");
    cr_hex(cr_bytes(random, sizeof(random)), text);
    cr_cleanse(random, sizeof(random));
    if (!cr_failed(st = cr_buf_set(out, text, strlen(text), err)) &&
        !cr_failed(st = cr_buf_printf(&line, err, "%s\n", text)))
        st = file_put(path, mode, gid, cr_buf_bytes(&line), err);
    cr_cleanse(text, sizeof(text));
    cr_buf_clear(&line);
    return st;
}

static cr_status softhsm_conf_ensure(const struct init_plan *plan, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;

    if (!access(plan->softhsm_conf, F_OK))
        return cr_ok();
    if (!cr_failed(st = cr_buf_printf(&text, err,
                                      "# softhsm2.conf(5), written by certroll init\n"
                                      "directories.tokendir = %s\n"
                                      "objectstore.backend = file\n"
                                      "log.level = ERROR\n"
                                      "slots.removable = false\n",
                                      plan->tokens)))
        st = file_put(plan->softhsm_conf, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

static cr_status own_token_ensure(const struct init_plan *plan, struct cr_err *err)
{
    struct tok_env env = {"SOFTHSM2_CONF", plan->softhsm_conf};
    struct tok_init init = {.module = plan->module, .env = &env, .nenv = 1, .label = INIT_LABEL};
    mode_t mode = plan->group ? 0640 : 0600;
    struct cr_buf pin = {0}, so_pin = {0};
    cr_status st;

    if (cr_failed(st = secret_ensure(plan->pin, mode, plan->gid, &pin, err)) ||
        cr_failed(st = secret_ensure(plan->so_pin, 0600, (gid_t)-1, &so_pin, err)))
        goto out;
    init.pin = cr_buf_bytes(&pin);
    init.so_pin = cr_buf_bytes(&so_pin);
    if ((st = tok_init_token(&init, err)).code == CR_E_EXISTS)
        st = cr_ok();
out:
    cr_buf_clear(&pin);
    cr_buf_clear(&so_pin);
    return st;
}

cr_status init_lock(const struct init_plan *plan, int *fd, struct cr_err *err)
{
    cr_status st = folder_make(plan->etc, 0755, err);

    if (cr_failed(st))
        return st;
    if ((*fd = open(plan->etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 && !flock(*fd, LOCK_EX))
        return st;
    return cr_fail_errno(err, CR_E_IO, errno, "%s", plan->etc);
}

cr_status init_token(const struct init_plan *plan, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = folder_make(plan->state, 0755, err)) || !plan->own_token)
        return st;
    if (access(plan->tokens, F_OK) && cr_failed(st = folder_make(plan->tokens, 0700, err)))
        return st;
    if (cr_failed(st = softhsm_conf_ensure(plan, err)))
        return st;
    return own_token_ensure(plan, err);
}

static struct conf_token token_section(const struct init_plan *plan, struct conf_env *env)
{
    *env = (struct conf_env){(char *)"SOFTHSM2_CONF", plan->softhsm_conf};
    return (struct conf_token){
        .name = (char *)(plan->own_token ? "softhsm" : "hsm"),
        .module = plan->module,
        .token_uri = (char *)plan->token_uri,
        .pin_source = (char *)plan->pin_source,
        .init_args = (char *)plan->init_args,
        .serialize = plan->serialize,
        /* its files are out of reach in a chroot or for a worker's user; a copy needs none, and signs no slower */
        .key_copy = plan->own_token ? CONF_KEY_COPY_ALWAYS : CONF_KEY_COPY_NEVER,
        .max_sessions = 64,
        .env = env,
        .nenv = plan->softhsm_conf ? 1 : 0,
    };
}

cr_status init_conf_text(const struct init_plan *plan, struct cr_buf *out, struct conf **conf, struct cr_err *err)
{
    static const char head[] = "# certroll.conf(5), written by certroll init. Read by servers at their start, by the\n"
                               "# tools each time. A PIN never stands here.\n";
    struct conf_env env;
    struct conf_token token = token_section(plan, &env);
    struct conf c = {
        .state_dir = plan->state,
        .group = (char *)plan->group,
        .tokens = &token,
        .ntokens = 1,
        .references = CONF_REFERENCES_ON,
        .minimum_lead = 48 * 3600,
        .token_lifetime = 24 * 3600,
        .retain_previous = (int64_t)30 * 24 * 3600,
        .max_rsa_bits = 4096,
        .kid_format = (char *)"rfc7638",
    };
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(out, head, err)) || cr_failed(st = conf_write(&c, out, err)))
        return st;
    return conf_parse(plan->conf, cr_buf_bytes(out), conf, err);
}

/* A value in OpenSSL's configuration syntax: there '$', '#', quotes and backslashes mean something. */
static cr_status cnf_value(const char *value, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (const char *p = value; *p && !cr_failed(st); p++)
        st = cr_buf_printf(out, err, "%s%c", strchr("$#\\\"'`;", *p) ? "\\" : "", *p);
    return st;
}

static cr_status openssl_cnf_put(const struct init_plan *plan, struct cr_err *err)
{
    static const char head[] =
        "# OpenSSL's configuration with the certroll provider, written by certroll init; used through OPENSSL_CONF.\n"
        "# Keep default before certroll.\n"
        "openssl_conf = certroll_init\n"
        "nodejs_conf = certroll_init\n\n"
        "[certroll_init]\nproviders = certroll_providers\n\n"
        "[certroll_providers]\ndefault = certroll_default\ncertroll = certroll_provider\n\n"
        "[certroll_default]\nactivate = 1\n\n"
        "[certroll_provider]\nactivate = 1\nmodule = ";
    static const char tail[] = "\n\n# openssl req wants these of any configuration file\n"
                               "[req]\ndistinguished_name = req_names\nx509_extensions = req_ca\n\n"
                               "[req_names]\n\n"
                               "[req_ca]\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n"
                               "basicConstraints = critical,CA:true\n";
    struct cr_buf text = {0};
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(&text, head, err)) || cr_failed(st = cnf_value(plan->provider, &text, err)))
        goto out;
    if (!plan->system && (cr_failed(st = cr_buf_append_str(&text, "\ncertroll-config = ", err)) ||
                          cr_failed(st = cnf_value(plan->conf, &text, err))))
        goto out;
    if (!cr_failed(st = cr_buf_append_str(&text, tail, err)))
        st = file_put(plan->openssl_cnf, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
out:
    cr_buf_clear(&text);
    return st;
}

/* export NAME='VALUE' for any POSIX shell. */
static cr_status export_line(const char *name, const char *value, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_buf_printf(out, err, "export %s='", name);

    for (const char *p = value; *p && !cr_failed(st); p++)
        st = *p == '\'' ? cr_buf_append_str(out, "'\\''", err) : cr_buf_append(out, p, 1, err);
    return cr_failed(st) ? st : cr_buf_append_str(out, "'\n", err);
}

static cr_status env_put(const struct init_plan *plan, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;

    if (!plan->env)
        return cr_ok();
    if (cr_failed(st = export_line("OPENSSL_CONF", plan->openssl_cnf, &text, err)) ||
        cr_failed(st = export_line("CERTROLL_CONFIG", plan->conf, &text, err)))
        goto out;
    if (plan->softhsm_conf && cr_failed(st = export_line("SOFTHSM2_CONF", plan->softhsm_conf, &text, err)))
        goto out;
    st = file_put(plan->env, 0644, (gid_t)-1, cr_buf_bytes(&text), err);
out:
    cr_buf_clear(&text);
    return st;
}

cr_status init_files(const struct init_plan *plan, struct cr_bytes conf_text, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = openssl_cnf_put(plan, err)) || cr_failed(st = env_put(plan, err)))
        return st;
    return file_put(plan->conf, 0644, (gid_t)-1, conf_text, err);
}
