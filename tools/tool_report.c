/* SPDX-License-Identifier: Apache-2.0 */
/* What a change did to one role, for people and for programs. */
#include <stdio.h>
#include <string.h>

#include "roles/role_codec.h"
#include "tool_change.h"
#include "tool_confirm.h"
#include "tool_moved.h"

static cr_status view_json(struct tool *tool, const struct role_record *rec, json_t **out, struct cr_err *err)
{
    struct role_view view;

    if (!rec) {
        *out = json_null();
        return cr_ok();
    }
    role_resolve(rec, tool->now, NULL, &view);
    return role_view_json(rec, &view, out, err);
}

static cr_status report_json(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err)
{
    json_t *result = tool_result(tool), *roles = json_object_get(result, "roles"), *row = NULL, *warnings;
    json_t *before = NULL, *after = NULL;
    cr_status st;

    if (!roles) {
        json_object_set_new(result, "roles", json_array());
        roles = json_object_get(result, "roles");
    }
    if (cr_failed(st = view_json(tool, plan->before, &before, err)) ||
        cr_failed(st = view_json(tool, plan->after, &after, err))) {
        json_decref(before);
        return st;
    }
    warnings = json_array();
    for (unsigned i = 0; i < plan->outcome.nwarnings; i++)
        json_array_append_new(warnings, json_string(plan->outcome.warnings[i]));
    row = json_pack("{s:s, s:b, s:I, s:o, s:s, s:o, s:o}", "role", role, "changed", plan->outcome.changed, "generation",
                    (json_int_t)plan->after->generation, "warnings", warnings, "overridden", plan->outcome.overridden,
                    "before", before, "after", after);
    if (!row || json_array_append_new(roles, row))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    return cr_ok();
}

/* @other is the record that stands on the other side of the change. */
static void slot_say(struct tool *tool, const char *name, const struct role_cert *cert, const struct role_record *other,
                     const char *word, int64_t t)
{
    char text[CR_TIME_TEXT];

    if (!cert)
        return;
    tool_say(tool, "    %-8s %.16s  %-9s %s %s", name, cert->thumbprint, cert->key, word, cr_time_text(t, text));
    if (!tool_moved(cert, other, tool->now))
        return;
    for (size_t i = 0; i < cert->nlocations; i++)
        tool_say(tool, "      key at %s",
                 strcmp(cert->locations[i], TOOL_SHOWN_UNPLACED) ? cert->locations[i] : TOOL_SHOWN_UNMADE);
}

static void slots_say(struct tool *tool, const struct role_record *rec, const struct role_record *other)
{
    struct role_view view = {0};

    if (rec)
        role_resolve(rec, tool->now, NULL, &view);
    slot_say(tool, "previous", view.previous, other, "verifies until", view.previous_until);
    slot_say(tool, "current", view.current, other, "since", view.current_since);
    slot_say(tool, "next", view.next, other, "takes over", view.next_effective);
    if (!view.previous && !view.current && !view.next)
        tool_say(tool, "    nothing assigned");
}

static void report_text(struct tool *tool, const char *role, const struct tool_plan *plan)
{
    unsigned long long generation = plan->after->generation;

    if (!plan->outcome.changed) {
        tool_say(tool, "%s: already so (generation %llu)", role, generation);
        return;
    }
    if (!tool->dry_run) {
        tool_say(tool, "%s: changed (generation %llu)", role, generation);
        slots_say(tool, plan->after, plan->before);
        return;
    }
    tool_say(tool, "%s: would change (generation %llu)\n  before", role, generation);
    slots_say(tool, plan->before, plan->after);
    tool_say(tool, "  after");
    slots_say(tool, plan->after, plan->before);
}

cr_status tool_report_role(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err)
{
    cr_status st = tool_shown_note(tool, role, plan, err);

    if (cr_failed(st))
        return st;
    for (unsigned i = 0; i < plan->outcome.nwarnings; i++)
        tool_warn("%s: %s", role, plan->outcome.warnings[i]);
    if (*plan->outcome.overridden)
        tool_warn("%s: overridden by --force: %s", role, plan->outcome.overridden);
    if (plan->outcome.changed)
        tool_result_changed(tool);
    report_text(tool, role, plan);
    return tool->json ? report_json(tool, role, plan, err) : cr_ok();
}
