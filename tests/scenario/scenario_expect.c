/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void expect_time(const char *what, const char *want, int64_t got)
{
    char text[CR_TIME_TEXT];

    if (when(want) != got)
        die("%s is %s, not %s", what, cr_time_text(got, text), want);
}

static void expect_slot(const char *what, const char *want, const struct role_cert *got)
{
    if (strcmp(want, "-") != 0)
        (void)cert_named(want);
    if (strcmp(want, name_of(got)) != 0)
        die("%s is %s, not %s", what, name_of(got), want);
}

static bool expect_view(unsigned i, const struct role_view *view)
{
    const char *v;

    if ((v = value(i, "current")) != NULL)
        expect_slot("current", v, view->current);
    else if ((v = value(i, "previous")) != NULL)
        expect_slot("previous", v, view->previous);
    else if ((v = value(i, "next")) != NULL)
        expect_slot("next", v, view->next);
    else if ((v = value(i, "current-since")) != NULL)
        expect_time("current-since", v, view->current_since);
    else if ((v = value(i, "until")) != NULL)
        expect_time("until", v, view->previous_until);
    else if ((v = value(i, "effective")) != NULL)
        expect_time("effective", v, view->next_effective);
    else if ((v = value(i, "next-since")) != NULL)
        expect_time("next-since", v, view->next_since);
    else if ((v = value(i, "good")) != NULL)
        expect_time("good", v, view->good_until);
    else
        return false;
    return true;
}

static void expect_text(const char *what, const char *want, const char *got)
{
    if (strstr(got, want) == NULL)
        die("%s is \"%s\", without \"%s\"", what, got, want);
}

static void expect_warning(const char *want)
{
    for (unsigned i = 0; i < s.outcome.nwarnings; i++)
        if (strstr(s.outcome.warnings[i], want) != NULL)
            return;
    die("no warning says \"%s\" (%u: %s)", want, s.outcome.nwarnings, s.outcome.warnings[0]);
}

static void expect_empty(enum cr_code code, const char *want)
{
    struct role_view v = view_at(s.now, &s.seen);
    struct cr_err err;
    cr_status st;

    if (v.current != NULL)
        die("current is %s, not empty", name_of(v.current));
    st = role_view_why_empty(s.rec, &v, &err);
    if (st.code != code)
        die("another reason: %s", err.text);
    expect_text("the reason", want, err.text);
}

static void expect_record(const char *v, const char *what, const char *got)
{
    if (strcmp(v, got) != 0)
        die("%s is %s, not %s", what, got, v);
}

/* expect fresh? SLOT=..., binding=, use=, kid=, generation= */
static void expect_state(void)
{
    bool fresh = strcmp(word(1), "fresh") == 0;
    struct role_view view = view_at(s.now, fresh ? NULL : &s.seen);
    char text[128];
    const char *v;

    for (unsigned i = fresh ? 2 : 1; i < s.nwords; i++) {
        if (expect_view(i, &view))
            continue;
        if ((v = value(i, "binding")) != NULL) {
            expect_record(v, "binding", role_binding_text(s.rec->binding));
        } else if ((v = value(i, "use")) != NULL) {
            expect_record(v, "use", role_use_text(s.rec->use));
        } else if ((v = value(i, "generation")) != NULL) {
            snprintf(text, sizeof text, "%" PRIu64, s.rec->generation);
            expect_record(v, "generation", text);
        } else if ((v = value(i, "rsa")) != NULL) {
            snprintf(text, sizeof text, "%u", s.rec->max_rsa_bits);
            expect_record(v, "rsa", text);
        } else if ((v = value(i, "kid")) != NULL && view.current != NULL) {
            role_kid(s.rec->kid_format, view.current, text);
            expect_record(v, "kid", text);
        } else {
            die("unknown word \"%s\"", s.words[i]);
        }
    }
}

void on_expect(void)
{
    static const struct {
        const char *word;
        int result;
    } results[] = {{"changed", CHANGED}, {"unchanged", UNCHANGED}, {"refused", REFUSED}};
    const char *w = word(1);

    for (size_t i = 0; i < CR_COUNT(results); i++)
        if (strcmp(w, results[i].word) == 0) {
            if (s.result != (typeof(s.result))results[i].result)
                die("the change before was not %s%s%s", w, s.result == REFUSED ? ": " : "", s.err.text);
            s.answered = true;
            for (unsigned k = 2; k < s.nwords; k++)
                expect_text("the refusal", s.words[k], s.err.text);
            return;
        }
    if (strcmp(w, "warning") == 0)
        expect_warning(word(2));
    else if (strcmp(w, "no-warning") == 0 && s.outcome.nwarnings > 0)
        die("a warning: %s", s.outcome.warnings[0]);
    else if (strcmp(w, "overridden") == 0)
        expect_text("overridden", word(2), s.outcome.overridden);
    else if (strcmp(w, "empty") == 0)
        expect_empty(CR_E_EMPTY, word(2));
    else if (strcmp(w, "revoked") == 0)
        expect_empty(CR_E_REVOKED, word(2));
    else if (strcmp(w, "no-warning") != 0)
        expect_state();
}
