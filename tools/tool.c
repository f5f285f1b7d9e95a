/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_log.h"
#include "tool_after.h"
#include "tool_confirm.h"
#include "tool_parse.h"

static cr_status finish(struct tool *tool, struct cr_err *err)
{
    if (tool->result && tool->json)
        return tool_print_json(json_incref(tool->result), err);
    if (fflush(stdout) || ferror(stdout))
        return cr_fail(err, CR_E_IO, "standard output could not be written");
    return cr_ok();
}

static void log_line(void *arg, enum cr_log_level level, const char *line)
{
    (void)arg;
    if (level <= CR_LOG_WARNING)
        tool_talk("certroll: %s%s\n", level == CR_LOG_WARNING ? "warning: " : "", line);
}

/* What to do about an error of the system, which ends the sentence. */
static const char *remedy(const char *text)
{
    static const struct {
        int errnum;
        const char *what;
    } rows[] = {{EACCES, "; run it as root, or as the owner"},
                {EPERM, "; run it as root, or as the owner"},
                {EROFS, "; name a place that can be written"},
                {ENOSPC, "; make room there"},
                {EMFILE, "; raise the limit of open files"}};
    size_t n = strlen(text);

    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const char *reason = strerror(rows[i].errnum);
        size_t len = strlen(reason);
        if (n > len && !strcmp(text + n - len, reason))
            return rows[i].what;
    }
    return "";
}

int tool_main(int argc, char **argv, int64_t (*clock)(void))
{
    struct tool tool = {.now = clock(), .clock = clock};
    struct cr_err err = {0};
    bool done = false;
    cr_status st;

    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error to report, not a death between two saves */
    cr_log_set(log_line, NULL);
    st = tool_parse(&tool, argc, argv, &done, &err);
    if (!cr_failed(st) && !done)
        st = tool_run(&tool, &err);
    if (!cr_failed(st))
        st = finish(&tool, &err);
    if (cr_failed(st))
        fprintf(stderr, "certroll: %s%s\n", err.text, remedy(err.text));
    tool_after_changes(&tool);
    tool_close(&tool);
    tool_opts_clear(&tool);
    if (!cr_failed(st))
        return tool.exit_code;
    return tool.cmd && tool.cmd->flags & TOOL_PLUGIN ? 3 : (int)tool_exit_code(st.code);
}
