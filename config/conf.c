/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cr_file.h"
#include "common/cr_time.h"
#include "conf_lines.h"

#define MAIN_SECTION "certroll_sect"
#define ROLE_PREFIX  "role_"
#define FILE_MAX     (256 * 1024)

/* One key of a section: its setter stores @value into the struct at @target. */
struct key {
    const char *name;
    cr_status (*set)(void *target, const char *value, struct cr_err *err);
    size_t offset;
};

static char **text_at(void *target)
{
    return target;
}

static cr_status set_text(void *target, const char *value, struct cr_err *err)
{
    cr_free_str(text_at(target));
    return cr_strdup(value, text_at(target), err);
}

static cr_status set_path(void *target, const char *value, struct cr_err *err)
{
    if (value[0] != '/')
        return cr_fail(err, CR_E_INVALID, "'%s' is not an absolute path", value);
    return set_text(target, value, err);
}

static cr_status set_pin_source(void *target, const char *value, struct cr_err *err)
{
    return conf_pin_source(value, text_at(target), err);
}

static cr_status set_token_uri(void *target, const char *value, struct cr_err *err)
{
    if (strncmp(value, "pkcs11:", 7) != 0)
        return cr_fail(err, CR_E_INVALID, "'%.60s' is not a pkcs11: URI (RFC 7512)", value);
    if (strcasestr(value, "pin-source") != NULL)
        return cr_fail(err, CR_E_INVALID, "a PIN has no place in the URI: name its file by the key pin-source");
    return set_text(target, value, err);
}

static cr_status set_duration(void *target, const char *value, struct cr_err *err)
{
    int64_t *seconds = target;

    return cr_duration_parse(value, seconds, err);
}

static cr_status set_number(void *target, const char *value, unsigned min, unsigned max, struct cr_err *err)
{
    unsigned *number = target;
    char *end;
    unsigned long v = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || v < min || v > max)
        return cr_fail(err, CR_E_INVALID, "'%.40s' is not a number from %u to %u", value, min, max);
    *number = (unsigned)v;
    return cr_ok();
}

static cr_status set_sessions(void *target, const char *value, struct cr_err *err)
{
    return set_number(target, value, 1, 65536, err);
}

#define TIMEOUT_MAX_S 3600

/* Whole seconds. */
static cr_status set_limit(void *target, const char *value, struct cr_err *err)
{
    int64_t seconds;
    cr_status st = cr_duration_parse(value, &seconds, err);

    if (cr_failed(st))
        return st;
    if (seconds < 1 || seconds > TIMEOUT_MAX_S)
        return cr_fail(err, CR_E_INVALID, "'%.40s' is not a time from 1s to %us", value, TIMEOUT_MAX_S);
    *(unsigned *)target = (unsigned)seconds;
    return cr_ok();
}

/* "2s" or "500ms". */
static cr_status set_timeout(void *target, const char *value, struct cr_err *err)
{
    unsigned *ms = target;
    char *end;
    unsigned long v = strtoul(value, &end, 10);
    unsigned long unit = strcmp(end, "ms") == 0 ? 1 : strcmp(end, "s") == 0 ? 1000 : 0;

    if (value[0] < '0' || value[0] > '9' || unit == 0 || v < 1 || v > TIMEOUT_MAX_S * 1000ul / unit)
        return cr_fail(err, CR_E_INVALID, "'%.40s' is not a time from 1ms to %us", value, TIMEOUT_MAX_S);
    *ms = (unsigned)(v * unit);
    return cr_ok();
}

static const char *const key_copies[] = {"never", "always", "auto"}; /* enum conf_key_copy */

const char *conf_key_copy_text(enum conf_key_copy copy)
{
    return key_copies[copy];
}

static cr_status set_key_copy(void *target, const char *value, struct cr_err *err)
{
    enum conf_key_copy *copy = target;

    for (size_t i = 0; i < CR_COUNT(key_copies); i++) {
        if (strcmp(value, key_copies[i]) == 0) {
            *copy = (enum conf_key_copy)i;
            return cr_ok();
        }
    }
    return cr_fail(err, CR_E_INVALID, "'%.40s' is not never, auto or always", value);
}

static cr_status set_rsa_bits(void *target, const char *value, struct cr_err *err)
{
    return set_number(target, value, 2048, 16384, err);
}

static cr_status set_bool(void *target, const char *value, struct cr_err *err)
{
    bool *flag = target;

    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return cr_fail(err, CR_E_INVALID, "'%.40s' is neither yes nor no", value);
    *flag = value[0] == 'y';
    return cr_ok();
}

static cr_status set_kid_format(void *target, const char *value, struct cr_err *err)
{
    if (strcmp(value, "rfc7638") != 0 && strcmp(value, "x5t") != 0 && strcmp(value, "x5t-hex") != 0)
        return cr_fail(err, CR_E_INVALID, "'%.40s' is none of rfc7638, x5t, x5t-hex", value);
    return set_text(target, value, err);
}

static cr_status set_references(void *target, const char *value, struct cr_err *err)
{
    struct conf *conf = target;
    cr_status st;

    if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0) {
        conf->references = value[1] == 'n' ? CONF_REFERENCES_ON : CONF_REFERENCES_OFF;
        return cr_ok();
    }
    if (cr_failed(st = conf_words(value, ", \t", &conf->reference_roles, &conf->nreference_roles, err)))
        return st;
    conf->references = CONF_REFERENCES_LISTED;
    if (conf->nreference_roles == 0)
        return cr_fail(err, CR_E_INVALID, "neither on, off nor a list of roles");
    for (size_t i = 0; i < conf->nreference_roles; i++) {
        const char *role = conf->reference_roles[i];

        if (strcmp(role, "on") == 0 || strcmp(role, "off") == 0)
            return cr_fail(err, CR_E_INVALID, "'%s' stands alone, not in a list of roles", role);
        if (!conf_name_valid(role))
            return cr_fail(err, CR_E_INVALID, "'%.64s' is not the name of a role", role);
    }
    return cr_ok();
}

/* Variables that would make us load other code or other configuration are refused. */
static bool env_refused(const char *name)
{
    static const char *const refused[] = {"CERTROLL_CONFIG", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES",
                                          "PATH"};

    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        if (strcmp(name, refused[i]) == 0)
            return true;
    }
    return strncmp(name, "LD_", 3) == 0;
}

static cr_status set_one_env(struct conf_env *env, char *word, struct cr_err *err)
{
    char *eq = strchr(word, '=');

    if (eq == NULL || eq == word)
        return cr_fail(err, CR_E_INVALID, "a word is not NAME=VALUE");
    *eq = '\0';
    if (env_refused(word))
        return cr_fail(err, CR_E_INVALID, "the variable %s may not be set here", word);
    env->name = word;
    return cr_strdup(eq + 1, &env->value, err);
}

static cr_status set_environment(void *target, const char *value, struct cr_err *err)
{
    struct conf_token *token = target;
    char **words = NULL;
    size_t n = 0, i;
    cr_status st = conf_words(value, " \t", &words, &n, err);

    if (!cr_failed(st) && (token->env = calloc(n + 1, sizeof *token->env)) == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (i = 0; i < n && !cr_failed(st); i++) {
        st = set_one_env(&token->env[i], words[i], err);
        if (token->env[i].name != NULL) { /* it owns the word now */
            words[i] = NULL;
            token->nenv = i + 1;
        }
        for (size_t j = 0; j < i && !cr_failed(st); j++) {
            if (strcmp(token->env[j].name, token->env[i].name) == 0)
                st = cr_fail(err, CR_E_INVALID, "the variable %s is set twice", token->env[i].name);
        }
    }
    conf_words_free(&words, n);
    return st;
}

static cr_status set_tokens(void *target, const char *value, struct cr_err *err)
{
    struct conf *conf = target;
    char **words = NULL;
    size_t n = 0, i, j;
    cr_status st = conf_words(value, ", \t", &words, &n, err);

    if (!cr_failed(st) && (conf->tokens = calloc(n + 1, sizeof *conf->tokens)) == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (i = 0; i < n && !cr_failed(st); i++) {
        for (j = 0; j < i && !cr_failed(st); j++) {
            if (strcmp(conf->tokens[j].name, words[i]) == 0)
                st = cr_fail(err, CR_E_INVALID, "the token %s is named twice", words[i]);
        }
        if (!cr_failed(st) && !conf_name_valid(words[i]))
            st = cr_fail(err, CR_E_INVALID, "'%.64s' is not the name of a token", words[i]);
        if (cr_failed(st))
            break;
        conf->tokens[i].max_sessions = 64;
        conf->tokens[i].name = words[i];
        conf->ntokens = i + 1;
        words[i] = NULL;
    }
    conf_words_free(&words, n);
    return st;
}

#define AT(type, member) offsetof(struct type, member)
static const struct key main_keys[] = {
    {"state", set_path, AT(conf, state_dir)},
    {"group", set_text, AT(conf, group)},
    {"log", set_path, AT(conf, log)},
    {"tokens", set_tokens, 0},
    {"references", set_references, 0},
    {"minimum-lead", set_duration, AT(conf, minimum_lead)},
    {"token-lifetime", set_duration, AT(conf, token_lifetime)},
    {"retain-previous", set_duration, AT(conf, retain_previous)},
    {"require-domain", set_text, AT(conf, require_domain)},
    {"max-rsa-bits", set_rsa_bits, AT(conf, max_rsa_bits)},
    {"kid-format", set_kid_format, AT(conf, kid_format)},
    {"on-alert", set_text, AT(conf, on_alert)},
};
static const struct key token_keys[] = {
    {"module", set_path, AT(conf_token, module)},
    {"token", set_token_uri, AT(conf_token, token_uri)},
    {"pin-source", set_pin_source, AT(conf_token, pin_source)},
    {"init-args", set_text, AT(conf_token, init_args)},
    {"serialize", set_bool, AT(conf_token, serialize)},
    {"max-sessions", set_sessions, AT(conf_token, max_sessions)},
    {"op-timeout", set_timeout, AT(conf_token, op_timeout_ms)},
    {"share-load", set_bool, AT(conf_token, share_load)},
    {"key-copy", set_key_copy, AT(conf_token, key_copy)},
    {"ready-after-fork", set_bool, AT(conf_token, ready_after_fork)},
    {"environment", set_environment, 0},
};

static const struct key role_keys[] = {
    {"on-change", set_text, AT(conf_role, on_change)},
    {"on-change-timeout", set_limit, AT(conf_role, on_change_seconds)},
};

struct section {
    const char *path, *name;
    const struct key *keys;
    size_t nkeys;
    void *target;
};

/* What no key may have: a PIN, and what conf_write could not write back. The value is not repeated. */
static cr_status check_text(const char *value, struct cr_err *err)
{
    size_t n = strlen(value);

    if (n == 0)
        return cr_fail(err, CR_E_INVALID, "has no value");
    if (strchr(" \t", value[0]) != NULL || strchr(" \t", value[n - 1]) != NULL)
        return cr_fail(err, CR_E_INVALID, "begins or ends with white space");
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)value[i] < 0x20)
            return cr_fail(err, CR_E_INVALID, "has a control byte: \\b, \\n, \\r and \\t mean one");
    }
    if (strcasestr(value, "pin-value") != NULL)
        return cr_fail(err, CR_E_INVALID, "a PIN has no place here: name its file by the key pin-source");
    return cr_ok();
}

static cr_status set_key(const struct section *sec, const CONF_VALUE *cv, struct cr_err *err)
{
    for (size_t i = 0; i < sec->nkeys; i++) {
        const struct key *k = &sec->keys[i];

        if (strcmp(k->name, cv->name) != 0)
            continue;
        cr_status st = check_text(cv->value, err);

        if (!cr_failed(st))
            st = k->set((char *)sec->target + k->offset, cv->value, err);
        return cr_failed(st) ? cr_prefix(err, st, "%s: [%s] %s", sec->path, sec->name, k->name) : st;
    }
    return cr_fail(err, CR_E_INVALID, "%s: [%s] does not know the key '%s': see certroll.conf(5)", sec->path, sec->name,
                   cv->name);
}

static cr_status read_section(const CONF *nconf, const struct section *sec, struct cr_err *err)
{
    STACK_OF(CONF_VALUE) *values = NCONF_get_section(nconf, sec->name);
    cr_status st = cr_ok();

    if (values == NULL)
        return cr_fail(err, CR_E_INVALID, "%s: there is no section [%s]: see certroll.conf(5)", sec->path, sec->name);
    for (int i = 0; i < sk_CONF_VALUE_num(values) && !cr_failed(st); i++)
        st = set_key(sec, sk_CONF_VALUE_value(values, i), err);
    return st;
}

static cr_status read_token(const CONF *nconf, const char *path, struct conf_token *token, struct cr_err *err)
{
    struct section sec = {path, NULL, token_keys, CR_COUNT(token_keys), token};
    struct cr_buf name = {0};
    cr_status st = cr_buf_printf(&name, err, "token_%s", token->name);

    if (cr_failed(st))
        return st;
    sec.name = (const char *)name.p;
    st = read_section(nconf, &sec, err);
    if (!cr_failed(st) && (token->module == NULL || token->token_uri == NULL))
        st = cr_fail(err, CR_E_INVALID, "%s: [%s] needs the keys module and token: see certroll.conf(5)", path,
                     sec.name);
    cr_buf_clear(&name);
    return st;
}

/* [role_NAME] sections need no list that names them: a role may have one before it exists. */
static cr_status read_role(const CONF *nconf, const char *path, const char *section, struct conf *conf,
                           struct cr_err *err)
{
    struct conf_role *more = realloc(conf->roles, (conf->nroles + 1) * sizeof *more), *role;
    struct section sec = {path, section, role_keys, CR_COUNT(role_keys), NULL};
    const char *name = section + strlen(ROLE_PREFIX);
    cr_status st;

    if (more == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    conf->roles = more;
    role = &conf->roles[conf->nroles++];
    *role = (struct conf_role){0};
    if (!conf_name_valid(name))
        return cr_fail(err, CR_E_INVALID, "%s: '%.64s' in [%.80s] is not the name of a role", path, name, section);
    if (cr_failed(st = cr_strdup(name, &role->name, err)))
        return st;
    sec.target = role;
    return read_section(nconf, &sec, err);
}

const struct conf_role *conf_role_find(const struct conf *conf, const char *role)
{
    for (size_t i = 0; i < conf->nroles; i++) {
        if (strcmp(conf->roles[i].name, role) == 0)
            return &conf->roles[i];
    }
    return NULL;
}

static bool known_section(const struct conf *conf, const char *name)
{
    if (strcmp(name, MAIN_SECTION) == 0 || strcmp(name, "default") == 0)
        return true;
    if (strncmp(name, "token_", 6) != 0)
        return false;
    for (size_t i = 0; i < conf->ntokens; i++) {
        if (strcmp(name + 6, conf->tokens[i].name) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct conf_role *)a)->name, ((const struct conf_role *)b)->name);
}

/* Roles, and that no other section stands there. */
static cr_status read_roles(const CONF *nconf, const char *path, struct conf *conf, struct cr_err *err)
{
    STACK_OF(OPENSSL_CSTRING) *names = NCONF_get_section_names(nconf);
    cr_status st = cr_ok();

    for (int i = 0; i < sk_OPENSSL_CSTRING_num(names) && !cr_failed(st); i++) {
        const char *name = sk_OPENSSL_CSTRING_value(names, i);

        if (strncmp(name, ROLE_PREFIX, strlen(ROLE_PREFIX)) == 0)
            st = read_role(nconf, path, name, conf, err);
        else if (!known_section(conf, name))
            st = cr_fail(err, CR_E_INVALID, "%s: the section [%s] is not named by 'tokens =' in [" MAIN_SECTION "]",
                         path, name);
    }
    sk_OPENSSL_CSTRING_free(names);
    if (!cr_failed(st) && conf->nroles > 1) /* OpenSSL gives them in no order */
        qsort(conf->roles, conf->nroles, sizeof *conf->roles, by_name);
    return st;
}

static cr_status read_all(const CONF *nconf, const char *path, struct conf *conf, struct cr_err *err)
{
    struct section sec = {path, MAIN_SECTION, main_keys, CR_COUNT(main_keys), conf};
    STACK_OF(CONF_VALUE) *loose = NCONF_get_section(nconf, "default");
    cr_status st;

    for (int i = 0; loose != NULL && i < sk_CONF_VALUE_num(loose); i++) {
        const CONF_VALUE *cv = sk_CONF_VALUE_value(loose, i);

        if (strcmp(cv->name, "certroll") != 0 || strcmp(cv->value, MAIN_SECTION) != 0)
            return cr_fail(err, CR_E_INVALID,
                           "%s: '%s' stands before the first section: put it under [" MAIN_SECTION "]", path, cv->name);
    }
    if (cr_failed(st = read_section(nconf, &sec, err)))
        return st;
    for (size_t i = 0; i < conf->ntokens; i++) {
        if (cr_failed(st = read_token(nconf, path, &conf->tokens[i], err)))
            return st;
    }
    return read_roles(nconf, path, conf, err);
}

static cr_status new_defaults(const char *path, struct conf **out, struct cr_err *err)
{
    struct conf *conf = calloc(1, sizeof *conf);
    cr_status st;

    if (conf == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    conf->minimum_lead = 48 * 3600;
    conf->token_lifetime = 24 * 3600;
    conf->retain_previous = 30 * 24 * 3600;
    conf->max_rsa_bits = 4096;
    if (cr_failed(st = cr_strdup(path, &conf->path, err)) ||
        cr_failed(st = cr_strdup("/var/lib/certroll", &conf->state_dir, err)) ||
        cr_failed(st = cr_strdup("rfc7638", &conf->kid_format, err))) {
        conf_free(&conf);
        return st;
    }
    *out = conf;
    return cr_ok();
}

/* OpenSSL's own reader. It makes nothing of the default library context, which may be in the middle of loading us: modules
 * are what it would look up there, and NCONF_load_bio(3) starts none. */
static cr_status parse_nconf(const char *path, struct cr_bytes text, struct conf *conf, struct cr_err *err)
{
    CONF *nconf = NCONF_new(NULL);
    BIO *bio = BIO_new_mem_buf(text.n > 0 ? (const void *)text.p : "", (int)text.n);
    long line = 0;
    cr_status st;

    if (nconf == NULL || bio == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (NCONF_load_bio(nconf, bio, &line) <= 0)
        st = cr_fail(err, CR_E_INVALID, "%s line %ld: not in the syntax of config(5)", path, line);
    else
        st = read_all(nconf, path, conf, err);
    BIO_free(bio);
    NCONF_free(nconf);
    return st;
}

cr_status conf_parse(const char *path, struct cr_bytes text, struct conf **out, struct cr_err *err)
{
    struct conf *conf = NULL;
    cr_status st;

    if (text.n > FILE_MAX)
        return cr_fail(err, CR_E_INVALID, "%s is larger than %d bytes", path, FILE_MAX);
    if (cr_failed(st = conf_lines_check(path, text, err)) || cr_failed(st = new_defaults(path, &conf, err)))
        return st;
    (void)ERR_set_mark();
    st = parse_nconf(path, text, conf, err);
    (void)ERR_pop_to_mark();
    if (cr_failed(st)) {
        conf_free(&conf);
        return st;
    }
    *out = conf;
    return cr_ok();
}

cr_status conf_load(const char *path, struct conf **out, struct cr_err *err)
{
    struct cr_buf text = {0};
    int saved = errno;
    cr_status st;

    if (path[0] != '/')
        return cr_fail(err, CR_E_INVALID, "the configuration file '%s' is not named by an absolute path", path);
    st = cr_file_read(AT_FDCWD, path, FILE_MAX, true, &text, NULL, err);
    if (cr_failed(st))
        st = cr_prefix(err, st, "cannot read the configuration");
    else
        st = conf_parse(path, cr_buf_bytes(&text), out, err);
    cr_buf_clear(&text);
    errno = saved;
    return st;
}

static void free_token(struct conf_token *token)
{
    for (size_t i = 0; i < token->nenv; i++) {
        cr_free_str(&token->env[i].name);
        cr_free_str(&token->env[i].value);
    }
    free(token->env);
    cr_free_str(&token->name);
    cr_free_str(&token->module);
    cr_free_str(&token->token_uri);
    cr_free_str(&token->pin_source);
    cr_free_str(&token->init_args);
}

void conf_free(struct conf **conf)
{
    struct conf *c = conf != NULL ? *conf : NULL;

    if (c == NULL)
        return;
    for (size_t i = 0; i < c->ntokens; i++)
        free_token(&c->tokens[i]);
    free(c->tokens);
    for (size_t i = 0; i < c->nroles; i++) {
        cr_free_str(&c->roles[i].name);
        cr_free_str(&c->roles[i].on_change);
    }
    free(c->roles);
    conf_words_free(&c->reference_roles, c->nreference_roles);
    cr_free_str(&c->path);
    cr_free_str(&c->state_dir);
    cr_free_str(&c->group);
    cr_free_str(&c->log);
    cr_free_str(&c->require_domain);
    cr_free_str(&c->kid_format);
    cr_free_str(&c->on_alert);
    free(c);
    *conf = NULL;
}

const char *conf_path(const char *param)
{
    const char *env;

    if (param != NULL && param[0] != '\0')
        return param;
    env = secure_getenv("CERTROLL_CONFIG");
    return env != NULL && env[0] != '\0' ? env : CONF_DEFAULT_PATH;
}

bool conf_reference_allowed(const struct conf *conf, const char *role)
{
    if (conf->references != CONF_REFERENCES_LISTED)
        return conf->references == CONF_REFERENCES_ON;
    for (size_t i = 0; i < conf->nreference_roles; i++) {
        if (strcmp(conf->reference_roles[i], role) == 0)
            return true;
    }
    return false;
}
