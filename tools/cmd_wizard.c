/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wizard_state.h"

enum { OPT_DRY_RUN = 1, OPT_FORCE, OPT_REASON };

static cr_status step_check(struct wizard_state *s, struct cr_err *err)
{
    struct wizard_facts facts = {.roles = s->names, .nroles = s->nroles, .now = s->now};
    time_t t = (time_t)s->now;
    struct tm tm = {0};
    cr_status st;

    localtime_r(&t, &tm);
    facts.local_offset = tm.tm_gmtoff;
    if (cr_failed(st = wizard_check(&s->w, &facts, err)))
        return st;
    return s->w.step == WIZARD_FILE || s->w.step == WIZARD_PASS ? wizard_act_file(s, err) : st;
}

/* The step's answer is in: on to the next step, if all is well. */
static cr_status step_leave(struct wizard_state *s, struct cr_err *err)
{
    bool last = s->w.step == WIZARD_SUMMARY;
    cr_status st;

    if (cr_failed(st = last ? wizard_act_carry_out(s, err) : step_check(s, err))) {
        if (last) /* what the summary shows may be true no longer */
            wizard_back(&s->w);
        return st;
    }
    wizard_next(&s->w);
    if (s->w.step == WIZARD_SUMMARY && cr_failed(st = wizard_act_preview(s, err)))
        wizard_back(&s->w);
    return st;
}

/* The last page: another task, with the store as it is now. */
static cr_status again(struct wizard_state *s, struct cr_err *err)
{
    cr_status st;

    wizard_clear(&s->w);
    wizard_ui_suspend(); /* warnings go to the ordinary screen */
    st = wizard_state_read(s, err);
    wizard_ui_resume();
    return st;
}

/* Until one leaves. A refusal is shown and the step asked again; only what ends the wizard is a failure. */
static cr_status walk(struct wizard_state *s, struct cr_err *err)
{
    for (;;) {
        bool done = s->w.step == WIZARD_DONE;
        enum wizard_event event = wizard_screen(s);
        struct cr_err why = {0};
        cr_status st;

        s->now = s->tool->now = (int64_t)time(NULL);
        if (event == WIZARD_GO && !done && cr_failed(step_leave(s, &why)) && !s->ui.signalled)
            event = wizard_screen_refused(s, why.text) == WIZARD_LEAVE ? WIZARD_LEAVE : WIZARD_GO;
        if (s->ui.signalled)
            return cr_fail(err, CR_E_REFUSED, "wizard: ended from outside");
        if (event == WIZARD_OTHER) {
            if (cr_failed(st = again(s, err)))
                return st;
            continue;
        }
        if (done || event == WIZARD_LEAVE || (event == WIZARD_BACK && !wizard_back(&s->w)))
            return cr_ok();
    }
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct wizard_state s = {.tool = tool, .now = tool->now};
    const struct conf *conf;
    cr_status st;

    wizard_init(&s.w);
    s.line = (struct wizard_line){.conf_path = tool->conf_path,
                                  .reason = tool_opt(tool, OPT_REASON),
                                  .home = getenv("HOME"),
                                  .force = tool_opt(tool, OPT_FORCE) != NULL,
                                  .dry_run = tool_opt(tool, OPT_DRY_RUN) != NULL,
                                  .pass_fd = -1};
    if (!cr_failed(st = tool_conf(tool, &conf, err)) && !cr_failed(st = wizard_state_read(&s, err))) {
        for (size_t i = 0; i < conf->ntokens; i++)
            s.asks |= tool_pin_asked(&conf->tokens[i]);
        if (!cr_failed(st = wizard_ui_open(&s.ui, err)))
            st = walk(&s, err);
        wizard_ui_close(&s.ui);
        if (s.said.n)
            fputs((const char *)s.said.p, stdout);
        else if (!cr_failed(st))
            puts("nothing was changed");
    }
    wizard_state_clear(&s);
    return st;
}

static const struct tool_option options[] = {
    {"dry-run", OPT_DRY_RUN, NULL, "show what would change, change nothing"},
    {"force", OPT_FORCE, NULL, "override the checks that may be overridden"},
    {"reason", OPT_REASON, "TEXT", "why; stands in the history"},
    {0},
};

const struct tool_cmd tool_cmd_wizard = {
    .name = "wizard",
    .args = "",
    .summary = "request, import or assign a certificate, page by page",
    .doc = "Full-screen: asks for the task, the role, the certificate and the date, shows\n"
           "before and after, and carries it out by the command that it prints at the\n"
           "end. Esc goes back one page. A passphrase is never part of the command.",
    .options = options,
    .run = run,
};
