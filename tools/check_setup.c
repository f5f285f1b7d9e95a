/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around the records: openssl.cnf as a server reads it, and who may write which file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "check.h"
#include "config/conf_pin.h"
#include "tool_server.h"

#define NAME "certroll"

/* ---- files ---- */

/* Whoever can write it decides what servers load. */
static void check_owner(struct check *check, const char *id, const char *path)
{
    struct cr_err why = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        check_add(check, errno == EACCES ? CHECK_UNKNOWN : CHECK_CRITICAL, id, path,
                  errno == EACCES ? "run the check as root" : "put it there, or correct the path to it", "%s",
                  strerror(errno));
    else if (cr_failed(cr_file_trusted(fd, "it", &why)))
        check_add(check, CHECK_CRITICAL, id, path, "let root own it and nobody else write it (chown, chmod)", "%s",
                  why.text);
    if (fd >= 0)
        close(fd);
}

static void check_pin(struct check *check, const struct conf_token *token)
{
    struct stat sb;

    if (conf_pin_kind(token->pin_source) != CONF_PIN_FILE || stat(token->pin_source, &sb))
        return; /* a missing one is told by the signature that fails */
    if (sb.st_mode & S_IROTH)
        check_add(check, CHECK_CRITICAL, "pin", token->pin_source,
                  "chmod 0640, and change the PIN: it may have been read", "every user can read the PIN of token %s",
                  token->name);
    if (sb.st_mode & (S_IWGRP | S_IWOTH))
        check_add(check, CHECK_CRITICAL, "pin", token->pin_source, "chmod 0640",
                  "others than its owner can change the PIN file of token %s", token->name);
}

/* OpenSSL tries a file of that name first where a URI has no "//". */
static void check_shadow(struct check *check, const char *role)
{
    static const char *const dirs[] = {"/", "."};

    for (size_t i = 0; i < CR_COUNT(dirs); i++) {
        char path[8 + sizeof(NAME) + ROLE_NAME_MAX];

        snprintf(path, sizeof(path), "%s/" NAME ":%s", i ? "." : "", role);
        if (!access(path, F_OK))
            check_add(check, CHECK_WARNING, "shadow", path, "remove it, and write certroll://ROLE in configurations",
                      "a program started in %s that loads " NAME ":%s gets this file instead of the role", dirs[i],
                      role);
    }
}

/* A roll happens at a second of this clock, on each server for itself. */
static void check_sync(struct check *check)
{
    struct timex tx = {0};
    bool scheduled = false;

    for (size_t i = 0; i < check->nroles; i++)
        scheduled |= check->roles[i].view.next != NULL;
    if (scheduled && adjtimex(&tx) == TIME_ERROR && tx.status & STA_UNSYNC)
        check_add(check, CHECK_WARNING, "clock", "system clock", "run chrony or systemd-timesyncd",
                  "the kernel says that nothing keeps it in step, and a roll is scheduled");
}

/* ---- openssl.cnf ---- */

static bool is_yes(const char *text)
{
    return text &&
           (!strcmp(text, "1") || !strcasecmp(text, "yes") || !strcasecmp(text, "true") || !strcasecmp(text, "on"));
}

static const char *value(const CONF *cnf, const char *section, const char *name)
{
    const char *text = NCONF_get_string(cnf, section, name);

    ERR_clear_error();
    return text;
}

/* Positions in the list of providers, from 1; 0: not activated there. */
struct order {
    int ours, base;
    const char *section; /* ours */
};

static struct order order_of(const CONF *cnf)
{
    const char *init = value(cnf, NULL, "openssl_conf"), *list = init ? value(cnf, init, "providers") : NULL;
    STACK_OF(CONF_VALUE) *rows = list ? NCONF_get_section(cnf, list) : NULL;
    struct order o = {0};

    for (int i = 0; i < sk_CONF_VALUE_num(rows); i++) {
        const CONF_VALUE *row = sk_CONF_VALUE_value(rows, i);
        const char *identity = value(cnf, row->value, "identity");
        const char *name = identity ? identity : row->name;

        if (!strcmp(name, NAME))
            o.section = row->value;
        if (!is_yes(value(cnf, row->value, "activate")))
            continue;
        if (!strcmp(name, NAME))
            o.ours = i + 1;
        else if (!strcmp(name, "default") || !strcmp(name, "fips"))
            o.base = i + 1;
    }
    return o;
}

static void check_order(struct check *check, const struct order *o)
{
    if (!o->ours)
        check_add(check, CHECK_CRITICAL, "openssl-conf", check->cnf,
                  o->section ? "write 'activate = 1' into its section"
                             : "start servers with OPENSSL_CONF naming a file that does; 'certroll init' wrote one",
                  "it does not activate the provider certroll");
    else if (!o->base)
        check_add(check, CHECK_CRITICAL, "openssl-conf", check->cnf, "activate the default provider, before certroll",
                  "it activates certroll without the default provider, and then OpenSSL has no digests and no TLS");
    else if (o->ours < o->base)
        check_add(check, CHECK_CRITICAL, "openssl-conf", check->cnf,
                  "put default before certroll in the list of providers",
                  "certroll is activated before default: programs cannot generate RSA and EC keys then");
    check->activated = o->ours;
}

/* The file that OpenSSL loads for our section; dlopen names are relative to the modules' directory. */
static void check_module(struct check *check, const char *module)
{
    const char *dir = getenv("OPENSSL_MODULES");
    char path[PATH_MAX];

    if (!module)
        module = NAME ".so";
    if (*module == '/')
        snprintf(path, sizeof(path), "%s", module);
    else
        snprintf(path, sizeof(path), "%s/%s", dir && *dir ? dir : OPENSSL_info(OPENSSL_INFO_MODULES_DIR), module);
    check_owner(check, "module", path);
}

static void check_cnf_text(struct check *check, const CONF *cnf)
{
    struct order o = order_of(cnf);
    const char *init = value(cnf, NULL, "openssl_conf"), *alg = init ? value(cnf, init, "alg_section") : NULL;
    const char *query = alg ? value(cnf, alg, "default_properties") : NULL, *own;

    check_order(check, &o);
    if (query && strstr(query, "provider=" NAME))
        check_add(check, CHECK_CRITICAL, "openssl-conf", check->cnf, "take it out: roles are found by their URI",
                  "default_properties prefer certroll for everything, which breaks key generation");
    if (!o.section)
        return;
    check_module(check, value(cnf, o.section, "module"));
    own = value(cnf, o.section, "certroll-config");
    if (own && strcmp(own, check->conf->path))
        check_add(check, CHECK_WARNING, "openssl-conf", check->cnf, "check with --config of that file, or correct it",
                  "its servers use the configuration %s, and this check %s", own, check->conf->path);
}

static void check_cnf(struct check *check)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    CONF *cnf = ctx ? NCONF_new_ex(ctx, NULL) : NULL;
    long line = 0;

    if ((!check->cnf && cr_failed(tool_server_cnf(check->conf, NULL, &check->cnf, NULL))) || !cnf) {
        check_add(check, CHECK_UNKNOWN, "openssl-conf", "openssl.cnf", "try again", "out of memory");
    } else if (NCONF_load(cnf, check->cnf, &line) != 1) {
        check_add(check, CHECK_CRITICAL, "openssl-conf", check->cnf,
                  "name the right file with --openssl-conf, or mend it",
                  line > 0 ? "line %ld cannot be read" : "it cannot be read", line);
    } else {
        check_owner(check, "openssl-conf", check->cnf);
        check_cnf_text(check, cnf);
    }
    ERR_clear_error();
    NCONF_free(cnf);
    OSSL_LIB_CTX_free(ctx);
}

void check_setup(struct check *check)
{
    check_cnf(check);
    for (size_t i = 0; i < check->conf->ntokens; i++) {
        check_owner(check, "module", check->conf->tokens[i].module);
        check_pin(check, &check->conf->tokens[i]);
    }
    for (size_t i = 0; i < check->nroles; i++)
        check_shadow(check, check->roles[i].rec->name);
    check_sync(check);
}
