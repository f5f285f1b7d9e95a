/* SPDX-License-Identifier: Apache-2.0 */
/* What `certroll init` makes, and where: DIR is self-contained, the system is spread over /etc and /var/lib. */
#ifndef INIT_PLAN_H
#define INIT_PLAN_H

#include "tool.h"

#define INIT_LABEL   "certroll"
#define INIT_SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

struct init_plan {
    bool system;       /* no --dir */
    const char *group; /* or NULL */
    gid_t gid;         /* of group; (gid_t)-1 without */
    char *etc;         /* folder of the configuration files */
    char *conf, *openssl_cnf, *pin, *so_pin;
    char *env;          /* DIR/env, or NULL */
    char *state;        /* state directory */
    char *provider;     /* certroll.so */
    bool own_token;     /* a SoftHSM token of our own, against --module */
    char *softhsm_conf; /* own token, or an existing SoftHSM's; or NULL */
    char *tokens;       /* own token's directory, or NULL */
    char *module;
    const char *token_uri, *pin_source, *init_args;
    bool serialize;
};

/* Options of init, resolved; makes nothing. Clear with init_plan_clear. */
cr_status init_plan_read(struct tool *tool, struct init_plan *out, struct cr_err *err);
void init_plan_clear(struct init_plan *plan);

/* The group of the plan, made when missing and we are root; sets gid. */
cr_status init_group(struct init_plan *plan, struct cr_err *err);
/* Makes the configuration's folder and waits for another init in it; *fd holds the lock until it is closed. */
cr_status init_lock(const struct init_plan *plan, int *fd, struct cr_err *err);
/* The folders and, for an own token, softhsm2.conf, PIN files and the token itself; what is there is kept. */
cr_status init_token(const struct init_plan *plan, struct cr_err *err);
/* certroll.conf as text, and read back into *conf (caller's). */
cr_status init_conf_text(const struct init_plan *plan, struct cr_buf *out, struct conf **conf, struct cr_err *err);
/* openssl.cnf, env and, last, certroll.conf (@conf_text), whose presence says that the set-up is complete. */
cr_status init_files(const struct init_plan *plan, struct cr_bytes conf_text, struct cr_err *err);
/* Signs with a probe key on an own token, with a key that is there otherwise; as a member of the group too. Says what was
 * shown, or why nothing could be. */
cr_status init_probe(struct tool *tool, const struct init_plan *plan, struct cr_err *err);

/* Keys of the options. */
enum { OPT_DIR = 1, OPT_GROUP, OPT_MODULE, OPT_TOKEN, OPT_PIN, OPT_PROVIDER, OPT_INIT_ARGS, OPT_SERIALIZE };

#endif
