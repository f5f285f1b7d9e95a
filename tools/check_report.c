/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "tool_columns.h"
#include "tool_command.h"
#include "tool_journal.h"

#define ALERT_SECONDS 60

static const enum check_level gravest_first[] = {CHECK_CRITICAL, CHECK_UNKNOWN, CHECK_WARNING, CHECK_OK};

enum check_level check_worst(const struct check *check, size_t counts[TOOL_CHECK_LEVELS])
{
    for (size_t i = 0; i < check->n; i++)
        counts[check->findings[i].level]++;
    counts[CHECK_UNKNOWN] += check->lost;
    for (size_t i = 0; i < CR_COUNT(gravest_first); i++)
        if (counts[gravest_first[i]])
            return gravest_first[i];
    return CHECK_OK;
}

static cr_status finding_text(const struct check_finding *f, size_t columns, struct cr_buf *out, struct cr_err *err)
{
    static const char *const marks[] = {"ok        ", "WARNING   ", "CRITICAL  ", "UNKNOWN   "};
    struct cr_buf text = {0};
    cr_status st = cr_buf_printf(&text, err, "%s: %s", f->about, f->text);

    if (!cr_failed(st))
        st = tool_columns_wrap(out, columns, 0, marks[f->level], (const char *)text.p, err);
    if (!cr_failed(st) && *f->remedy)
        st = tool_columns_wrap(out, columns, strlen(marks[0]), "", f->remedy, err);
    cr_buf_clear(&text);
    return st;
}

cr_status check_report_text(const struct check *check, size_t columns, struct cr_buf *out, struct cr_err *err)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    size_t counts[TOOL_CHECK_LEVELS] = {0};
    enum check_level level = check_worst(check, counts);
    char text[200];
    cr_status st;

    snprintf(text, sizeof(text), "CERTROLL %s - %zu role%s, %zu critical, %zu unknown, %zu warning%s", words[level],
             check->nroles, check->nroles == 1 ? "" : "s", counts[CHECK_CRITICAL], counts[CHECK_UNKNOWN],
             counts[CHECK_WARNING], counts[CHECK_WARNING] == 1 ? "" : "s");
    st = tool_columns_wrap(out, columns, 0, "", text, err);
    for (size_t l = 0; l < CR_COUNT(gravest_first); l++)
        for (size_t i = 0; i < check->n && !cr_failed(st); i++)
            if (check->findings[i].level == gravest_first[l])
                st = finding_text(&check->findings[i], columns, out, err);
    return st;
}

cr_status check_report_json(const struct check *check, struct cr_err *err)
{
    size_t counts[TOOL_CHECK_LEVELS] = {0};
    json_t *list = json_array();

    for (size_t i = 0; i < check->n; i++) {
        const struct check_finding *f = &check->findings[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s?}", "level", tool_check_levels[f->level], "id", f->id,
                                        "about", f->about, "text", f->text, "remedy", *f->remedy ? f->remedy : NULL));
    }
    return tool_print_json(json_pack("{s:s, s:I, s:s?, s:s?, s:o}", "level",
                                     tool_check_levels[check_worst(check, counts)], "roles", (json_int_t)check->nroles,
                                     "openssl_conf", check->cnf, "as_user", check->as_user, "findings", list),
                           err);
}

cr_status check_alert(const struct check *check, struct cr_err *err)
{
    size_t counts[TOOL_CHECK_LEVELS] = {0};
    const struct tool_variable vars[] = {{"CERTROLL_LEVEL", tool_check_levels[check_worst(check, counts)]}};
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < check->n; i++) {
        const struct check_finding *f = &check->findings[i];
        if (f->level != CHECK_OK)
            tool_journal_alert((int)f->level, f->id, f->about, f->text, f->remedy);
    }
    if (counts[CHECK_OK] == check->n || !check->conf->on_alert)
        return st;
    if (!cr_failed(st = check_report_text(check, TOOL_COLUMNS_WHOLE, &text, err)))
        st = tool_command_run(check->conf->on_alert, vars, CR_COUNT(vars), cr_buf_bytes(&text), ALERT_SECONDS, err);
    cr_buf_clear(&text);
    return st;
}
