/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "history_list.h"
#include "report.h"
#include "tool_show_text.h"

/* Nothing is fetched, nothing is run: the policy has the browser hold to it. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n";

static const char style[] =
    "<style>\n"
    ":root{--bg:#fff;--fg:#1c2430;--dim:#5b6675;--line:#d8dee6;--box:#f5f7fa;--signs:#1f6f54;--signed:#6f9f8e;--"
    "verifies:#a9d3c3;"
    "--late:#b3261e;--roll:#8a4b00;--now:#1c2430;--ok:#1f6f54;--warning:#8a5a00;--critical:#b3261e;--unknown:#5a4a9c}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181e;--fg:#e6eaf0;--dim:#9aa6b5;--line:#313a46;--box:#1c222b;"
    "--signs:#4cc38a;--signed:#37805f;--verifies:#24513f;--late:#ff8a80;--roll:#ffb86b;--now:#e6eaf0;--ok:#4cc38a;--"
    "warning:#ffc46b;"
    "--critical:#ff8a80;--unknown:#b9a8ff}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:1.5rem 1rem "
    "4rem;background:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.25rem;margin:2.5rem 0 .6rem}h3{font-size:1.1rem;margin:2rem 0 .4rem}\n"
    ".dim{color:var(--dim)}.mono{font-family:ui-monospace,monospace;font-size:.9em}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.2rem 0;padding:0;list-style:none}"
    ".cards li{background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.5rem 1rem}.cards "
    "b{font-size:1.4rem}\n"
    ".ok{color:var(--ok)}.warning{color:var(--warning)}.critical{color:var(--critical)}.unknown{color:var(--unknown)}\n"
    ".findings{list-style:none;padding:0}.findings li{border-left:4px solid;background:var(--box);padding:.4rem "
    ".8rem;margin:.4rem 0}"
    ".findings span{color:var(--fg)}.findings .dim{color:var(--dim)}.findings "
    "b{text-transform:uppercase;font-size:.8rem;margin-right:.4rem}\n"
    ".scroll,.timeline{overflow-x:auto}.timeline svg{display:block;min-width:40rem;width:100%}\n"
    "table{border-collapse:collapse;width:100%;min-width:46rem;font-size:.92rem}th,td{text-align:left;vertical-align:"
    "top;padding:."
    "35rem .7rem "
    ".35rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{color:var(--dim);font-weight:600}"
    "td:first-child,th:first-child{white-space:nowrap;overflow-wrap:normal}\n"
    "svg text{font:12px system-ui,sans-serif;fill:var(--fg)}svg .none{fill:var(--dim)}svg "
    ".date{fill:var(--dim);text-anchor:middle}"
    "rect.signs,path.signs{fill:var(--signs)}rect.verifies,path.verifies{fill:var(--verifies)}rect.late,path.late{fill:"
    "var(--late)}rect.signed,path.signed{fill:var(--signed)}rect.perhaps,path.perhaps{fill:none;stroke:var(--signed);"
    "stroke-dasharray:4 3}"
    ".tick{stroke:var(--line)}.expiry{stroke:var(--late);stroke-width:3}"
    "path.now{stroke:var(--now);stroke-dasharray:3 "
    "3}path.roll{stroke:var(--roll);stroke-width:2}text.roll{fill:var(--roll)}\n"
    ".legend i{display:inline-block;width:1.4rem;height:.8rem;border-radius:2px;margin:0 .3rem 0 1rem}.legend "
    "i:first-child{margin-left:0}time{white-space:nowrap}\n"
    "@media print{body{max-width:none;padding:0}section{break-inside:avoid}}\n"
    "</style>\n";

static void begin(struct html *h, const struct report *r)
{
    char when[CR_TIME_TEXT];

    html_put(h, "%s<title>certroll on ", head);
    html_text(h, r->host);
    html_put(h, "</title>\n%s</head>\n<body>\n<header>\n<h1>Certificates by role</h1>\n<p class=\"dim\">", style);
    html_text(h, r->host);
    html_put(h, ", %s, ", cr_time_text(r->now, when));
    html_text(h, r->conf_path);
    html_put(h, ", certroll %s</p>\n", r->version);
}

static void cards(struct html *h, const struct report *r)
{
    size_t counts[TOOL_CHECK_LEVELS] = {0};
    enum check_level worst = check_worst(r->check, counts);

    html_put(h, "<ul class=\"cards\">\n<li><b>%zu</b> role%s</li>\n", r->check->nroles,
             r->check->nroles == 1 ? "" : "s");
    html_put(h, "<li class=\"%s\"><b>%s</b></li>\n", tool_check_levels[worst], tool_check_levels[worst]);
    for (int level = CHECK_WARNING; level <= CHECK_UNKNOWN; level++)
        if (counts[level])
            html_put(h, "<li class=\"%s\"><b>%zu</b> %s</li>\n", tool_check_levels[level], counts[level],
                     tool_check_levels[level]);
    html_put(h, "</ul>\n</header>\n<main>\n");
}

static void findings(struct html *h, const struct report *r)
{
    static const enum check_level order[] = {CHECK_CRITICAL, CHECK_UNKNOWN, CHECK_WARNING, CHECK_OK};

    html_put(h, "<section>\n<h2>Findings</h2>\n");
    if (!r->probed)
        html_put(h, "<p class=\"dim\">No key was tried: <span class=\"mono\">certroll report --probe</span> signs with "
                    "each.</p>\n");
    html_put(h, "<ul class=\"findings\">\n");
    for (size_t l = 0; l < CR_COUNT(order); l++) {
        for (size_t i = 0; i < r->check->n; i++) {
            const struct check_finding *f = &r->check->findings[i];

            if (f->level != order[l])
                continue;
            html_put(h, "<li class=\"%s\"><b>%s</b><span>", tool_check_levels[f->level], tool_check_levels[f->level]);
            html_text(h, f->about);
            html_put(h, ": ");
            html_text(h, f->text);
            html_put(h, "</span>");
            if (*f->remedy) {
                html_put(h, "<br><span class=\"dim\">");
                html_text(h, f->remedy);
                html_put(h, "</span>");
            }
            html_put(h, "</li>\n");
        }
    }
    html_put(h, "</ul>\n</section>\n");
}

/* "signs since 2026-11-28T06:45:41Z (4 days ago)" */
static void state(struct html *h, const char *words, int64_t t, int64_t now)
{
    char when[CR_TIME_TEXT], distance[CR_TIME_TEXT];

    if (t == CR_TIME_NEVER)
        html_put(h, "<td>%s further notice</td>", words);
    else
        html_put(h, "<td>%s <time>%s</time> (%s)</td>", words, cr_time_text(t, when),
                 t == now ? "now" : cr_time_distance(t, now, distance));
}

static void slot(struct html *h, const struct tool_role *role, const struct role_cert *cert, const char *name,
                 const char *words, int64_t t, int64_t now)
{
    char when[CR_TIME_TEXT], distance[CR_TIME_TEXT], kid[128];

    if (!cert)
        return;
    role_kid(role->rec->kid_format, cert, kid);
    html_put(h, "<tr><th scope=\"row\">%s</th>", name);
    state(h, words, t, now);
    html_put(h, "<td><bdi>");
    html_text(h, cert->subject);
    html_put(h, "</bdi><br><span class=\"dim\">");
    html_text(h, cert->key);
    html_put(h, ", SHA-256 <span class=\"mono\" title=\"%s\">%.16s</span>, kid <span class=\"mono\">", cert->thumbprint,
             cert->thumbprint);
    html_text(h, kid);
    html_put(h, "</span></span></td><td%s><time>%s</time>", cert->not_after < now ? " class=\"critical\"" : "",
             cr_time_text(cert->not_after, when));
    if (cert->not_after != CR_TIME_NEVER)
        html_put(h, " (%s)", cr_time_distance(cert->not_after, now, distance));
    html_put(h, "</td></tr>\n");
}

static void role_section(struct html *h, const struct tool_role *role, const json_t *entries,
                         const struct report_axis *axis, int64_t now)
{
    const struct role_view *v = &role->view;

    html_put(h, "<section>\n<h3 id=\"role-%s\">%s</h3>\n<p class=\"dim\">%s, %s, generation %llu</p>\n",
             role->rec->name, role->rec->name, role_use_text(role->rec->use), role_binding_text(role->rec->binding),
             (unsigned long long)role->rec->generation);
    if (v->current_revoked)
        html_put(h, "<p class=\"critical\">The current key was revoked: nothing signs.</p>\n");
    if (tool_show_empty(role)) {
        html_put(h, "<p>Nothing is assigned.</p>\n</section>\n");
        return;
    }
    report_timeline(h, role, entries, axis, now);
    html_put(h, "<div "
                "class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Slot</th><th scope=\"col\">State</th><th "
                "scope=\"col\">Certificate</th><th scope=\"col\">Expires</th></"
                "tr></thead>\n"
                "<tbody>\n");
    slot(h, role, v->previous, "previous", "verifies until", v->previous_until, now);
    slot(h, role, v->current, "current", "signs since", v->current_since, now);
    slot(h, role, v->next, "next", "takes over", v->next_effective, now);
    html_put(h, "</tbody>\n</table></div>\n</section>\n");
}

static void roles(struct html *h, const struct report *r)
{
    struct report_axis axis = report_axis_of(r->check->roles, r->check->nroles, r->entries, r->now);

    html_put(h, "<h2>Roles</h2>\n");
    if (!r->check->nroles)
        html_put(h, "<p>There is no role yet.</p>\n");
    else
        html_put(h, "<p class=\"legend dim\"><i style=\"background:var(--signs)\"></i>signs"
                    "<i style=\"background:var(--signed)\"></i>signed, was current (dashed: since when is not known)"
                    "<i style=\"background:var(--verifies)\"></i>verifies, in the key set"
                    "<i style=\"background:var(--late)\"></i>expired; a mark of that colour is an expiry</p>\n");
    for (size_t i = 0; i < r->check->nroles; i++)
        role_section(h, &r->check->roles[i], r->entries, &axis, r->now);
}

static void entry_row(struct html *h, const json_t *entry)
{
    static const char *const slots[] = {"current", "previous", "next"};
    const char *more[][2] = {{"", history_member(entry, "note")},
                             {"reason: ", history_member(entry, "reason")},
                             {"forced: ", history_member(entry, "overridden")}};
    char text[512];

    html_put(h, "<tr><td><time>");
    html_text(h, history_member(entry, "when"));
    html_put(h, "</time></td><td>");
    html_text(h, history_member(entry, "verb"));
    html_put(h, " ");
    html_text(h, history_member(entry, "role"));
    html_put(h, "</td>");
    history_who(entry, text, sizeof(text));
    html_cell(h, text);
    html_put(h, "<td>");
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        if (!history_slot(entry, slots[i], text, sizeof(text)))
            continue;
        html_put(h, "%s <span class=\"mono\">", slots[i]);
        html_text(h, text);
        html_put(h, "</span><br>");
    }
    for (size_t i = 0; i < CR_COUNT(more); i++) {
        if (!*more[i][1])
            continue;
        html_put(h, "%s<bdi>", more[i][0]);
        html_text(h, more[i][1]);
        html_put(h, "</bdi><br>");
    }
    html_put(h, "</td></tr>\n");
}

static void history(struct html *h, const struct report *r)
{
    size_t n = json_array_size(r->entries), shown = n < REPORT_ENTRIES ? n : REPORT_ENTRIES;

    html_put(h, "<section>\n<h2>History</h2>\n");
    if (r->nbad)
        html_put(
            h,
            "<p class=\"critical\">%zu line%s of the history cannot be read: certroll history verify says more.</p>\n",
            r->nbad, r->nbad == 1 ? "" : "s");
    if (n > shown)
        html_put(h, "<p class=\"dim\">The newest %zu of %zu changes; certroll history has them all.</p>\n", shown, n);
    html_put(h, n ? "<div "
                    "class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">When</th><th scope=\"col\">Change</th><th "
                    "scope=\"col\">Who</th><th scope=\"col\">What</th></tr></"
                    "thead>\n<tbody>\n"
                  : "<p>Nothing was changed yet.</p>\n");
    for (size_t i = 0; i < shown; i++)
        entry_row(h, json_array_get(r->entries, n - 1 - i));
    html_put(h, "%s</section>\n", n ? "</tbody>\n</table></div>\n" : "");
}

cr_status report_page(const struct report *report, struct cr_buf *out, struct cr_err *err)
{
    struct html h = {out, cr_ok(), err};

    begin(&h, report);
    cards(&h, report);
    findings(&h, report);
    roles(&h, report);
    history(&h, report);
    html_put(&h, "</main>\n</body>\n</html>\n");
    return h.st;
}
