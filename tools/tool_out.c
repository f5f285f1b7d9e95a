/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_confirm.h"
#include "tool_progress.h"

static FILE *aside;       /* a preview is being written */
static const char *known; /* what a preview said */

enum tool_exit tool_exit_code(enum cr_code code)
{
    switch (code) {
    case CR_OK:
        return TOOL_EXIT_OK;
    case CR_E_USAGE:
        return TOOL_EXIT_USAGE;
    case CR_E_CHANGED:
        return TOOL_EXIT_CHANGED;
    case CR_E_PIN:
    case CR_E_TOKEN:
    case CR_E_BUSY:
    case CR_E_IO:
    case CR_E_NOMEM:
    case CR_E_INTERNAL:
        return TOOL_EXIT_UNAVAILABLE;
    default:
        return TOOL_EXIT_REFUSED;
    }
}

json_t *tool_result(struct tool *tool)
{
    if (!tool->result) {
        tool->result = json_object();
        json_object_set_new(tool->result, "changed", json_false());
        json_object_set_new(tool->result, "dry_run", json_boolean(tool->dry_run));
    }
    return tool->result;
}

void tool_result_changed(struct tool *tool)
{
    json_object_set_new(tool_result(tool), "changed", json_true());
}

void tool_aside(FILE *to)
{
    aside = to;
}

void tool_said(const char *text)
{
    known = text;
}

void tool_say(const struct tool *tool, const char *fmt, ...)
{
    FILE *to = aside ? aside : stdout;
    va_list ap;

    if (tool->json)
        return;
    tool_progress_pause();
    va_start(ap, fmt);
    vfprintf(to, fmt, ap);
    va_end(ap);
    fputc('\n', to);
    tool_progress_resume();
}

static void talk(const char *prefix, const char *fmt, va_list ap)
{
    char *line = NULL;
    FILE *text = NULL;
    size_t n = 0;

    fflush(stdout);
    if ((text = open_memstream(&line, &n))) {
        fputs(prefix, text);
        vfprintf(text, fmt, ap);
        fclose(text);
    }
    tool_progress_pause();
    if (!line || !known || !strstr(known, line))
        fputs(line ? line : "certroll: out of memory\n", aside ? aside : stderr);
    tool_progress_resume();
    free(line);
}

void tool_talk(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    talk("", fmt, ap);
    va_end(ap);
}

void tool_warn(const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    snprintf(line, sizeof(line), "%s\n", fmt);
    va_start(ap, fmt);
    talk("certroll: warning: ", line, ap);
    va_end(ap);
}

cr_status tool_output(const char *path, mode_t mode, struct cr_bytes data, struct cr_err *err)
{
    bool written;
    int why;

    if (path && strcmp(path, "-"))
        return cr_path_replace(path, mode, data, err);
    tool_progress_pause();
    errno = 0;
    written = fwrite(data.p, 1, data.n, stdout) == data.n && !fflush(stdout);
    why = errno;
    tool_progress_resume();
    return written ? cr_ok() : cr_fail_errno(err, CR_E_IO, why, "standard output");
}

cr_status tool_print_json(json_t *json, struct cr_err *err)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    struct cr_buf buf = {0};
    cr_status st;

    json_decref(json);
    if (!text)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st = cr_buf_printf(&buf, err, "%s\n", text)))
        st = tool_output(NULL, 0, cr_buf_bytes(&buf), err);
    cr_buf_clear(&buf);
    free(text);
    return st;
}
