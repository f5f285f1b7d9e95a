/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_parse.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool_confirm.h"

#define LONGS_MAX 32
#define OWN       1000 /* getopt value of a subcommand's first option; below: index of a common one */

static cr_status set_config(struct tool *tool, const char *arg, struct cr_err *err)
{
    if (!*arg)
        return cr_fail(err, CR_E_USAGE, "the argument of --config is empty");
    tool->conf_path = arg;
    return cr_ok();
}

static cr_status set_json(struct tool *tool, const char *arg, struct cr_err *err)
{
    (void)arg, (void)err;
    tool->json = true;
    return cr_ok();
}

static cr_status set_dry_run(struct tool *tool, const char *arg, struct cr_err *err)
{
    (void)arg, (void)err;
    tool->dry_run = true;
    return cr_ok();
}

static cr_status set_force(struct tool *tool, const char *arg, struct cr_err *err)
{
    (void)arg, (void)err;
    tool->force = true;
    return cr_ok();
}

static cr_status set_yes(struct tool *tool, const char *arg, struct cr_err *err)
{
    (void)arg, (void)err;
    tool->yes = true;
    return cr_ok();
}

static cr_status set_reason(struct tool *tool, const char *arg, struct cr_err *err)
{
    if (strlen(arg) > 1000)
        return cr_fail(err, CR_E_USAGE, "--reason is longer than 1000 bytes");
    tool->reason = arg;
    return cr_ok();
}

static cr_status set_if_generation(struct tool *tool, const char *arg, struct cr_err *err)
{
    char *end = NULL;

    errno = 0;
    tool->if_generation = strtoull(arg, &end, 10);
    if (errno || *arg < '0' || *arg > '9' || *end)
        return cr_fail(err, CR_E_USAGE, "--if-generation wants a number, not '%s'", arg);
    tool->if_generation_set = true;
    return cr_ok();
}

const struct tool_common tool_commons[] = {
    {"dry-run", NULL, "show what would change, change nothing", TOOL_CHANGES | TOOL_HAS_DRY_RUN, set_dry_run},
    {"force", NULL, "override the checks that may be overridden", TOOL_CHANGES | TOOL_HAS_DRY_RUN, set_force},
    {"yes", NULL, "do not ask", TOOL_ASKS, set_yes},
    {"reason", "TEXT", "why; stands in the history", TOOL_CHANGES | TOOL_HAS_DRY_RUN, set_reason},
    {"if-generation", "N", "only if the role's record is still generation N", TOOL_CHANGES, set_if_generation},
    {"json", NULL, "answer in JSON", TOOL_CHANGES | TOOL_HAS_DRY_RUN | TOOL_JSON, set_json},
    {"config", "PATH", "the certroll.conf to use", 0, set_config},
    {"help", NULL, "this text", 0, NULL},
};
const size_t tool_ncommons = CR_COUNT(tool_commons);

bool tool_common_applies(const struct tool_common *c, const struct tool_cmd *cmd)
{
    return !c->flags || (cmd && (c->flags & cmd->flags));
}

const char *tool_opt(const struct tool *tool, int key)
{
    for (int i = 0; i < tool->nopts; i++)
        if (tool->opts[i].key == key)
            return tool->opts[i].arg;
    return NULL;
}

cr_status tool_when(const struct tool *tool, const char *text, int64_t *out, struct cr_err *err)
{
    int64_t now = tool_shown_now(tool); /* what was shown is what is stored */
    time_t t = (time_t)now;
    struct tm tm = {0};
    cr_status st;

    if (*text != '+' && (*text < '0' || *text > '9'))
        return cr_fail(
            err, CR_E_USAGE,
            "'%.40s' is neither a date and time like 2026-11-22T21:00:00Z (RFC 3339) nor a time from now like +36h",
            text);
    localtime_r(&t, &tm);
    st = cr_when_parse(text, now, tm.tm_gmtoff, out, err);
    return cr_failed(st) ? cr_fail(err, CR_E_USAGE, "%s", strdupa(err->text)) : st;
}

void tool_opts_clear(struct tool *tool)
{
    for (int i = 0; i < tool->nopts; i++)
        free(tool->opts[i].joined);
    memset(tool->opts, 0, sizeof(tool->opts));
    tool->nopts = 0;
}

/* A list that goes on. */
static cr_status list_append(struct tool *tool, int key, const char *arg, struct cr_err *err)
{
    char *joined = NULL;
    int i = 0;

    while (tool->opts[i].key != key)
        i++;
    if (asprintf(&joined, "%s,%s", tool->opts[i].arg, arg) < 0)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    free(tool->opts[i].joined);
    tool->opts[i].arg = tool->opts[i].joined = joined;
    return cr_ok();
}

static cr_status own_option(struct tool *tool, const struct tool_option *o, const char *arg, struct cr_err *err)
{
    if (o->arg && !*arg) /* a variable that the shell did not have */
        return cr_fail(err, CR_E_USAGE, "%s: the argument of --%s is empty", tool->cmd->name, o->name);
    if (tool_opt(tool, o->key))
        return o->arg && strcmp(o->arg, "LIST") == 0
                   ? list_append(tool, o->key, arg, err)
                   : cr_fail(err, CR_E_USAGE, "%s: --%s is given twice", tool->cmd->name, o->name);
    if (tool->nopts == TOOL_OPTIONS_MAX)
        return cr_fail(err, CR_E_USAGE, "%s: too many options", tool->cmd->name);
    tool->opts[tool->nopts].key = o->key;
    tool->opts[tool->nopts++].arg = arg ? arg : "";
    return cr_ok();
}

static struct option long_row(const char *name, const char *arg, int val)
{
    return (struct option){name, arg ? required_argument : no_argument, NULL, val};
}

static void longs_fill(const struct tool_cmd *cmd, struct option longs[LONGS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < tool_ncommons; i++)
        if (tool_common_applies(&tool_commons[i], cmd))
            longs[n++] = long_row(tool_commons[i].name, tool_commons[i].arg, (int)i + 1);
    if (!cmd)
        longs[n++] = long_row("version", NULL, 'V');
    for (int i = 0; cmd && cmd->options && cmd->options[i].name && n < LONGS_MAX - 1; i++)
        longs[n++] = long_row(cmd->options[i].name, cmd->options[i].arg, OWN + i);
    longs[n] = (struct option){0};
}

static cr_status bad_option(const struct tool_cmd *cmd, int c, const char *word, struct cr_err *err)
{
    return cr_fail(err, CR_E_USAGE, "%s%s%s '%s' (see 'certroll %s%s--help')", cmd ? cmd->name : "", cmd ? ": " : "",
                   c == ':' ? "an argument is missing after" : "unknown, ambiguous or misused option", word,
                   cmd ? cmd->name : "", cmd ? " " : "");
}

/* One run of getopt over @argv. *help and *version are set when asked for. */
static cr_status options_read(struct tool *tool, int argc, char **argv, bool *help, bool *version, struct cr_err *err)
{
    struct option longs[LONGS_MAX];
    cr_status st = cr_ok();
    int c;

    longs_fill(tool->cmd, longs);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    while (!cr_failed(st) && (c = getopt_long(argc, argv, tool->cmd ? ":h" : "+:h", longs, NULL)) != -1) {
        if (c == '?' || c == ':')
            st = bad_option(tool->cmd, c, argv[optind - 1], err);
        else if (c == 'V')
            *version = true;
        else if (c == 'h' || (c < OWN && !tool_commons[c - 1].set))
            *help = true;
        else if (c < OWN)
            st = tool_commons[c - 1].set(tool, optarg, err);
        else
            st = own_option(tool, &tool->cmd->options[c - OWN], optarg, err);
    }
    return st;
}

static cr_status command_find(const char *name, const struct tool_cmd **out, struct cr_err *err)
{
    for (size_t i = 0; i < tool_ncmds; i++) {
        if (!strcmp(tool_cmds[i]->name, name)) {
            *out = tool_cmds[i];
            return cr_ok();
        }
    }
    return cr_fail(err, CR_E_USAGE, "no command '%s' (see 'certroll --help')", name);
}

static cr_status operands_check(const struct tool *tool, struct cr_err *err)
{
    const struct tool_cmd *cmd = tool->cmd;
    const char *space = *cmd->args ? " " : "";

    if (tool->nargs < cmd->min_args)
        return cr_fail(err, CR_E_USAGE, "%s: an argument is missing, usage: certroll %s%s%s (see 'certroll %s --help')",
                       cmd->name, cmd->name, space, cmd->args, cmd->name);
    if (cmd->max_args >= 0 && tool->nargs > cmd->max_args)
        return cr_fail(err, CR_E_USAGE,
                       "%s: '%s' is an argument too many, usage: certroll %s%s%s (see 'certroll %s --help')", cmd->name,
                       tool->args[cmd->max_args], cmd->name, space, cmd->args, cmd->name);
    for (int i = 0; i < tool->nargs; i++)
        if (!*tool->args[i])
            return cr_fail(err, CR_E_USAGE, "%s: an argument is empty", cmd->name);
    return cr_ok();
}

/* The row of the verb that @word names. */
static cr_status verb_find(const struct tool_cmd *cmd, const char *word, const struct tool_cmd **out,
                           struct cr_err *err)
{
    size_t skip = strlen(cmd->name) + 1, n = 0;
    char all[256] = "";

    for (const struct tool_cmd *v = cmd->verbs; v->name; v++) {
        if (!strcmp(v->name + skip, word)) {
            *out = v;
            return cr_ok();
        }
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", !n ? "" : v[1].name ? ", " : " or ", v->name + skip);
    }
    return cr_fail(err, CR_E_USAGE, "%s: '%s' is not %s", cmd->name, word, all);
}

/* A command with verbs was read with all its options, so that they may come first; now those of its verb alone. */
static cr_status verb_read(struct tool *tool, int *argc, char **argv, bool *help, bool *version, struct cr_err *err)
{
    cr_status st;

    if (!tool->cmd->verbs || optind >= *argc)
        return cr_ok();
    if (cr_failed(st = verb_find(tool->cmd, argv[optind], &tool->cmd, err)))
        return st;
    memmove(&argv[optind], &argv[optind + 1], (size_t)(*argc - optind) * sizeof(*argv));
    --*argc;
    tool_opts_clear(tool);
    return options_read(tool, *argc, argv, help, version, err);
}

cr_status tool_parse(struct tool *tool, int argc, char **argv, bool *done, struct cr_err *err)
{
    bool help = false, version = false;
    cr_status st;

    if (cr_failed(st = options_read(tool, argc, argv, &help, &version, err)))
        return st;
    if (!help && !version) {
        if (optind >= argc)
            return cr_fail(err, CR_E_USAGE, "a command is needed (see 'certroll --help')");
        argc -= optind, argv += optind;
        if (cr_failed(st = command_find(argv[0], &tool->cmd, err)) ||
            cr_failed(st = options_read(tool, argc, argv, &help, &version, err)) ||
            cr_failed(st = verb_read(tool, &argc, argv, &help, &version, err)))
            return st;
        tool->args = argv + optind;
        tool->nargs = argc - optind;
    }
    *done = help || version;
    if (help)
        tool_help(tool->cmd);
    else if (version)
        printf("certroll %s\n", CERTROLL_VERSION);
    else
        st = operands_check(tool, err);
    return st;
}
