/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the admin tool: one const row a subcommand, the common options parsed in one place, and what every
 * subcommand needs: configuration, store and tokens opened when first asked for, certificates found by thumbprint, and
 * tool_change_roles, the one way a subcommand changes a record.
 *
 * A subcommand is one file tools/cmd_NAME.c with a `const struct tool_cmd tool_cmd_NAME`, declared below and listed in
 * tool_cmds.c. It returns a cr_status; the frame prints "certroll: SENTENCE" on stderr and turns the code into an exit
 * code. Results go to stdout, talk (warnings, prompts) to stderr. main reads the clock, into tool->now, and
 * after a question once more. */
#ifndef TOOL_H
#define TOOL_H

#include <jansson.h>

#include "certs/cert_facts.h"
#include "config/conf.h"
#include "pkcs11/tok_local.h"
#include "roles/role_change.h"
#include "stores/store.h"

enum tool_exit {
    TOOL_EXIT_OK = 0,          /* done, or already so */
    TOOL_EXIT_REFUSED = 1,     /* policy, not found, ambiguous, revoked, does not parse */
    TOOL_EXIT_USAGE = 2,       /* the command line */
    TOOL_EXIT_UNAVAILABLE = 3, /* token, store or configuration file cannot be reached */
    TOOL_EXIT_CHANGED = 4      /* somebody changed it meanwhile */
};

enum tool_flags {
    TOOL_CHANGES = 1, /* takes --dry-run, --force, --reason, --if-generation, --json; the store is opened for writing */
    TOOL_JSON = 2,    /* takes --json */
    TOOL_PLUGIN = 8,  /* exits like a monitoring plugin: what fails before it has looked is 3, unknown */
    TOOL_HAS_DRY_RUN = 4, /* changes something that has no generation: --dry-run, --force, --reason, --json alone */
    TOOL_ASKS = 16        /* on a terminal shows first what would change, and asks; takes --yes (tool_confirm.h) */
};

/* An option of one subcommand. @arg NULL: a flag, else the word for its argument in --help. The same option twice is a
 * usage error. Rows end with a NULL name; an alias is a row with the same key. */
struct tool_option {
    const char *name;       /* without "--" */
    int key;                /* 1.. (a character is fine); tool_opt asks by it */
    const char *arg, *help; /* "LIST": may be given several times, and tool_opt has all, separated by commas */
};

struct tool;

struct tool_cmd {
    const char *name;
    const char *args;    /* "FILE [ROLE...]", "" */
    const char *summary; /* one line, lower case, no full stop */
    const char *doc;     /* a paragraph for --help, or NULL; lines at most 78 columns */
    unsigned flags;
    const struct tool_option *options; /* or NULL */
    int min_args, max_args;            /* operands; max -1: any number */
    const struct tool_cmd *verbs; /* or NULL: rows "NAME VERB" up to one without a name. The first operand says whose
                                          options, operands and run count; this row has the flags of all */
    cr_status (*run)(struct tool *tool, struct cr_err *err);
};

/* Who does it; for history and record.changed. */
struct tool_who {
    char *login;     /* of /proc/self/loginuid, or NULL */
    char *sudo_user; /* SUDO_USER, or NULL */
    char *host;
    unsigned uid;
    char *text; /* "alice (sudo root) on host1" */
};

/* A role that this run changed. */
struct tool_changed {
    char role[ROLE_NAME_MAX + 1];
    const char *verb; /* static */
    uint64_t generation;
};

#define TOOL_OPTIONS_MAX 16

/* A subcommand that asks runs twice: as a dry run whose answer is shown, and, once confirmed, in earnest. */
enum tool_phase { TOOL_STRAIGHT, TOOL_PREVIEW, TOOL_CONFIRMED };

struct tool {
    const struct tool_cmd *cmd;
    int64_t now;
    int64_t (*clock)(void); /* for the time after a question */
    int exit_code;          /* of a subcommand that succeeded */
    char **args;            /* operands, borrowed from argv */
    int nargs;

    /* common options */
    const char *conf_path; /* --config PATH, or NULL */
    bool json, dry_run, force, yes;
    const char *reason;
    bool if_generation_set;
    uint64_t if_generation;

    /* private to the frame: use the functions */
    struct {
        int key;
        const char *arg;
        char *joined; /* or NULL */
    } opts[TOOL_OPTIONS_MAX];
    int nopts;
    enum tool_phase phase;
    struct conf *conf;
    struct store *store;
    struct tok_local *tokens;
    struct tool_member *member;
    struct tool_who who;
    json_t *result;
    bool locked;
    bool unasked; /* set by a subcommand in its preview: it would change nothing that stands, and just runs */
    struct tool_changed *changes; /* in their order; tool_after.h */
    size_t nchanges;
    struct tool_shown *shown; /* what the question was about; tool_confirm.h */
};

/* ---- options ---- */

/* The option's argument ("" for a flag), or NULL when it was not given. Borrowed. */
const char *tool_opt(const struct tool *tool, int key);
/* WHEN: RFC 3339 with a zone, or +DURATION from tool->now. */
cr_status tool_when(const struct tool *tool, const char *text, int64_t *out, struct cr_err *err);

/* ---- what is opened when first asked for; borrowed, closed by the frame ---- */

cr_status tool_conf(struct tool *tool, const struct conf **out, struct cr_err *err);
/* For writing when the subcommand changes something and this is no dry run. */
cr_status tool_store(struct tool *tool, struct store **out, struct cr_err *err);
/* Nothing is read from a token yet. PINs come from pin-source, else from a prompt on the terminal. */
cr_status tool_tokens(struct tool *tool, struct tok_local **out, struct cr_err *err);
/* Does the PIN of this token come from a prompt? */
bool tool_pin_asked(const struct conf_token *token);
const struct tool_who *tool_who(struct tool *tool);
/* The store's writer lock, once, held until the command ends (also over several tool_change_roles); finishes pending
 * revocations. A dry run takes no lock. */
cr_status tool_lock(struct tool *tool, struct cr_err *err);
void tool_unlock(struct tool *tool);

/* ---- certificates ---- */

/* The known certificate named by @text: SHA-256 or SHA-1 hex, with or without colons, or a unique prefix of at least 8
 * digits of either. @tokens: one that stands only on a configured token, with its private key, is found too (that needs
 * the token). CR_E_USAGE for bad text, CR_E_NOT_FOUND, CR_E_AMBIGUOUS naming two. The caller owns *out. */
cr_status tool_cert_find(struct tool *tool, const char *text, bool tokens, struct role_cert **out, struct cr_err *err);
/* A certificate entry from DER: leaf, its chain, facts; no location, no kid of its own. The caller owns *out. */
cr_status tool_cert_new(struct cr_bytes leaf, const struct cr_buf *chain, size_t nchain, struct role_cert **out,
                        struct cr_err *err);
/* Policy that needs the certificate's bytes or knows no role: RSA below 2048 bits (never overridden), require-domain
 * (--force overrides). tool_change_roles asks it for every certificate that enters a slot. */
cr_status tool_cert_policy(struct tool *tool, const struct role_cert *cert, struct cr_err *err);

/* ---- changes ---- */

/* The one way a subcommand changes records: under the lock it finishes pending revocations, loads each of the @n
 * @roles (case clashes refused), makes every new record by role_change and, when all are accepted and this is no dry
 * run, saves them with compare-and-swap, remembers intent->cert in certs/ and appends to the history; then reports a
 * line a role (or JSON). The caller fills verb, cert, effective, slot, use and spki of @intent; who, force,
 * if_generation, policy and the revoked keys come from @tool. @note (may be NULL) goes into the history. A dry run
 * shows before and after. */
cr_status tool_change_roles(struct tool *tool, char *const *roles, size_t n, const struct role_intent *intent,
                            const char *note, struct cr_err *err);
/* Takes @rev's key out of every slot of every role, with its replacement if it names one; honours a dry run. All roles are
 * tried; the first failure is returned. Reports the roles it changed. */
cr_status tool_revocation_apply(struct tool *tool, const struct store_revocation *rev, struct cr_err *err);
/* Carries every pending entry of revoked.json through all roles and marks it done; what `revoke` calls after saving its
 * entry, and what every other change calls first. Reports the roles it changed. Needs tool_lock. */
cr_status tool_revocations_finish(struct tool *tool, struct cr_err *err);
/* Does any slot of @rec (may be NULL) stand on this key? */
bool tool_record_holds(const struct role_record *rec, const char *spki);
/* The note of a line after one that was written before its change, which then failed or was killed. */
#define TOOL_NOT_DONE "the change of the line above could not be written"
/* One history line for a change that is not a role's (cert removed, imported). */
cr_status tool_history(struct tool *tool, const char *verb, const char *role, const struct role_record *before,
                       const struct role_record *after, const char *note, const char *overridden, struct cr_err *err);

/* A role's line stands before its record is saved. Where the last line's change never came to be, because the save failed or
 * its command was killed, one more says TOOL_NOT_DONE. Under the lock; tool_lock calls it. What cannot be noted now is noted
 * by the next command. */
void tool_history_undone(struct tool *tool);

/* ---- talking ---- */

/* The JSON object a changing subcommand answers with: {"changed": bool, "dry_run": bool, "roles": [...], ...}. Printed
 * by the frame at the end when --json was given. Add members with json_object_set_new. Borrowed. */
json_t *tool_result(struct tool *tool);
void tool_result_changed(struct tool *tool); /* "changed" becomes true */
/* A line on stdout, unless --json. */
void tool_say(const struct tool *tool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "certroll: warning: ..." on stderr. */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints @json (reference stolen) on stdout, indented, a newline at the end. */
cr_status tool_print_json(json_t *json, struct cr_err *err);
/* Writes @data to @path atomically, or to stdout when @path is NULL or "-"; stdout errors (full disk, closed pipe) are
 * CR_E_IO. */
cr_status tool_output(const char *path, mode_t mode, struct cr_bytes data, struct cr_err *err);

/* Appends what @file holds ("-": standard input) to @out, at most @max bytes; pipes are fine. Once confirmed: the bytes of the
 * preview. */
cr_status tool_input(struct tool *tool, const char *file, size_t max, struct cr_buf *out, struct cr_err *err);

/* ---- secrets ---- */

/* OpenSSL's passphrase arguments: pass:TEXT, env:VAR, file:PATH (first line), fd:N, stdin (first line); NULL prompts on
 * /dev/tty without echo, naming @what. Replaces @out. CR_E_USAGE for another form, CR_E_PIN without a terminal. */
cr_status tool_passphrase(const char *arg, const char *what, struct cr_buf *out, struct cr_err *err);

/* ---- frame ---- */

/* Parses, runs, reports, cleans up; the exit code. @clock tells the seconds: asked once at first, and again after a question
 * that waited for its answer. */
int tool_main(int argc, char **argv, int64_t (*clock)(void));
enum tool_exit tool_exit_code(enum cr_code code);

/* In the order of --help. */
extern const struct tool_cmd *const tool_cmds[];
extern const size_t tool_ncmds;
extern const struct tool_cmd tool_cmd_init, tool_cmd_import, tool_cmd_generate, tool_cmd_request, tool_cmd_export,
    tool_cmd_assign, tool_cmd_roll, tool_cmd_cancel, tool_cmd_rollback, tool_cmd_unassign, tool_cmd_revoke,
    tool_cmd_show, tool_cmd_certs, tool_cmd_remove, tool_cmd_pem, tool_cmd_jwks, tool_cmd_token, tool_cmd_history,
    tool_cmd_check, tool_cmd_metrics, tool_cmd_backup, tool_cmd_restore, tool_cmd_enable, tool_cmd_disable,
    tool_cmd_report, tool_cmd_token_test, tool_cmd_wizard;

#endif
