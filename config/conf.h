/* SPDX-License-Identifier: Apache-2.0 */
/* certroll.conf: OpenSSL's own syntax (NCONF in a fresh inner library context), read once at load by provider and tools.
 * The caller owns a struct conf from conf_load to conf_free; it never changes in between, so threads may share it.
 *
 *   certroll = certroll_sect            (may be left out; nothing else stands before the first section)
 *   [certroll_sect]                     (required; every key may be left out)
 *   state = /var/lib/certroll
 *   group = certroll
 *   tokens = softhsm, hsm               (names of [token_NAME] sections; every such section is named here)
 *   references = on | off | ROLE, ROLE  (default on)
 *   minimum-lead = 48h, token-lifetime = 24h, retain-previous = 30d, require-domain = example.org, max-rsa-bits = 4096,
 *   kid-format = rfc7638 | x5t | x5t-hex, log = /path, on-alert = COMMAND
 *   [token_softhsm]                     (module and token are required)
 *   module = /usr/lib/softhsm/libsofthsm2.so
 *   token = pkcs11:token=certroll
 *   pin-source = file:/etc/certroll/pin (percent-decoded; or an absolute path, taken as it is) | credential:NAME |
 *   p11-kit:NAME | prompt:
 *   init-args = ..., serialize = no, max-sessions = 64, environment = NAME=VALUE NAME=VALUE
 *   op-timeout = 2s (or in ms; default none), share-load = no, key-copy = never, ready-after-fork = no
 *
 *   [role_NAME]
 *   on-change = systemctl reload nginx  (by sh -c, from the tools alone; a '$' is written \$)
 *   on-change-timeout = 60s
 *
 * Stricter than config(5), which does these in silence: a key or section that stands twice, a variable ($, $ENV::),
 * .include and .pragma, a continued line, an open quote, a '#' inside a word, text behind ']' are errors. Inside a value
 * \$ \# \\ \' \" \` stand for the character; quotes keep blanks, '$' and '#'. White space at the ends and control
 * bytes are refused. Names of roles and tokens: [A-Za-z][A-Za-z0-9._-]{0,63}. Any other section is an error, so new
 * kinds can be added without a file changing its meaning.
 */
#ifndef CONF_H
#define CONF_H

#include <stdint.h>

#include "common/cr_bytes.h"

#define CONF_DEFAULT_PATH "/etc/certroll/certroll.conf"

struct conf_env {
    char *name, *value;
};

enum conf_key_copy { CONF_KEY_COPY_NEVER, CONF_KEY_COPY_ALWAYS, CONF_KEY_COPY_AUTO };

struct conf_token {
    char *name;       /* of the section, without "token_" */
    char *module;     /* absolute path of the PKCS#11 module */
    char *token_uri;  /* RFC 7512 URI selecting the token: token, serial, manufacturer, model, slot-id */
    char *pin_source; /* conf_pin.h; NULL: ask, or no login */
    char *init_args;  /* CK_C_INITIALIZE_ARGS.pReserved, or NULL */
    bool serialize;   /* one call at a time */
    unsigned max_sessions;
    unsigned op_timeout_ms; /* 0: none */
    bool share_load;        /* of keys that stand on several tokens */
    enum conf_key_copy key_copy;
    bool ready_after_fork; /* a forked child makes it ready before fork() returns */
    struct conf_env *env;  /* applied at load where different, never unset; LD_* was refused */
    size_t nenv;
};

struct conf_role {
    char *name;
    char *on_change;            /* shell command after a change of the role, or NULL */
    unsigned on_change_seconds; /* it may take; 0: not said */
};

enum conf_references { CONF_REFERENCES_ON, CONF_REFERENCES_OFF, CONF_REFERENCES_LISTED };

struct conf {
    char *path;      /* of the file read */
    char *state_dir; /* absolute */
    char *group;     /* name, or NULL */
    char *log;       /* provider's log file, or NULL */
    char *on_alert;  /* shell command of `certroll check --alert`, or NULL */
    struct conf_token *tokens;
    size_t ntokens;
    struct conf_role *roles; /* those with a section */
    size_t nroles;
    enum conf_references references;
    char **reference_roles;
    size_t nreference_roles;
    int64_t minimum_lead, token_lifetime, retain_previous; /* seconds */
    char *require_domain;                                  /* or NULL */
    unsigned max_rsa_bits;                                 /* ceiling stored at a role's first assignment */
    char *kid_format;                                      /* "rfc7638" (default), "x5t", "x5t-hex" */
};

/* Reads and checks the whole file. Unknown sections named by nothing, unknown keys, a repeated key, ".include" and
 * anything that looks like a PIN (pin-value in a URI) are CR_E_INVALID naming line or key and the file. A file writable
 * by others, or not owned by root or our uid, is CR_E_REFUSED. Relative paths are refused. */
cr_status conf_load(const char *path, struct conf **out, struct cr_err *err);
/* The same from bytes: @path names them in errors. What the fuzz target calls. */
cr_status conf_parse(const char *path, struct cr_bytes text, struct conf **out, struct cr_err *err);
void conf_free(struct conf **conf);

/* What the value @text of pin-source stands for: a file: URI decoded, the other kinds (conf_pin.h) as they are. CR_E_INVALID
 * for anything else; the error never repeats it. Replaces *out, the caller's. */
cr_status conf_pin_source(const char *text, char **out, struct cr_err *err);

/* The path to read: @param when not NULL and not empty, else CERTROLL_CONFIG by secure_getenv, else CONF_DEFAULT_PATH.
 * Borrowed. */
const char *conf_path(const char *param);

/* May a PEM reference name @role? (references =) */
bool conf_reference_allowed(const struct conf *conf, const char *role);

/* The section of @role, or NULL. Borrowed. */
const struct conf_role *conf_role_find(const struct conf *conf, const char *role);

const char *conf_key_copy_text(enum conf_key_copy copy); /* static */

/* Renders @conf as a file that conf_parse reads back to the same values: escapes '$', '#', '\\' and quotes; appended to
 * @out. Values that cannot be written faithfully are CR_E_INVALID. */
cr_status conf_write(const struct conf *conf, struct cr_buf *out, struct cr_err *err);

#endif
