/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a scenario file: changes of one role under a virtual clock, and what a process must answer. A word it does not
 * know, a refusal nobody expected, or a change that changed nothing unexpectedly ends it with the line's number. Around
 * every change it also checks what must always hold: settling changes no answer, what is written reads back to the same
 * bytes, generations grow by one. The words are in README beside this file. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/role_change.h"
#include "roles/role_codec.h"
#include "unit/roles/fake_cert.h"

#define WORDS_MAX 16
#define CERTS_MAX 32

struct fake {
    char name[32];
    struct role_cert *cert;
};

static struct {
    const char *path;
    unsigned line;
    char *words[WORDS_MAX];
    unsigned nwords;
    int64_t now;
    char role[128];
    struct role_intent defaults; /* policy, use, revoked keys of the server */
    struct cr_bytes revoked[CERTS_MAX];
    struct fake certs[CERTS_MAX];
    unsigned ncerts;
    struct role_record *rec;
    struct role_seen seen;
    /* of the last change */
    enum { NOTHING, CHANGED, UNCHANGED, REFUSED } result;
    bool answered; /* a result other than CHANGED was expected by the scenario */
    struct role_outcome outcome;
    struct cr_err err;
} s;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", s.path, s.line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void must(cr_status st, const struct cr_err *err)
{
    if (cr_failed(st))
        die("%s", err->text);
}

/* ---- words ---- */

/* Splits @text in place: words, "quoted words", # comment. */
static void split(char *text)
{
    s.nwords = 0;
    for (char *p = text;;) {
        p += strspn(p, " \t\r\n");
        if (*p == '\0' || *p == '#')
            return;
        if (s.nwords == WORDS_MAX)
            die("too many words");
        if (*p == '"') {
            s.words[s.nwords++] = ++p;
            p = strchr(p, '"');
            if (p == NULL)
                die("a quote does not end");
        } else {
            s.words[s.nwords++] = p;
            p += strcspn(p, " \t\r\n");
        }
        if (*p != '\0')
            *p++ = '\0';
    }
}

static const char *word(unsigned i)
{
    if (i >= s.nwords)
        die("a word is missing behind \"%s\"", s.words[s.nwords - 1]);
    return s.words[i];
}

/* The text behind "@key=" when word @i is that, else NULL. */
static const char *value(unsigned i, const char *key)
{
    size_t n = strlen(key);

    return strncmp(s.words[i], key, n) == 0 && s.words[i][n] == '=' ? s.words[i] + n + 1 : NULL;
}

static int64_t duration(const char *text)
{
    struct cr_err err;
    int64_t d = 0;

    must(cr_duration_parse(text, &d, &err), &err);
    return d;
}

/* RFC 3339, "now", "never", +DURATION or -DURATION. */
static int64_t when(const char *text)
{
    struct cr_err err;
    int64_t t = s.now;

    if (strcmp(text, "never") == 0)
        return CR_TIME_NEVER;
    if (text[0] == '+')
        return s.now + duration(text + 1);
    if (text[0] == '-')
        return s.now - duration(text + 1);
    if (strcmp(text, "now") != 0)
        must(cr_time_parse(text, &t, &err), &err);
    return t;
}

static struct role_cert *cert_named(const char *name)
{
    for (unsigned i = 0; i < s.ncerts; i++)
        if (strcmp(s.certs[i].name, name) == 0)
            return s.certs[i].cert;
    if (s.ncerts == CERTS_MAX || strlen(name) >= sizeof s.certs[0].name ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(name))
        die("\"%s\" is no certificate: capitals and digits", name);
    strcpy(s.certs[s.ncerts].name, name);
    s.certs[s.ncerts].cert = fake_cert(name, NULL);
    return s.certs[s.ncerts++].cert;
}

static const char *name_of(const struct role_cert *cert)
{
    if (cert == NULL)
        return "-";
    for (unsigned i = 0; i < s.ncerts; i++)
        if (role_cert_same(s.certs[i].cert, cert))
            return s.certs[i].name;
    return "?";
}

/* ---- what must always hold ---- */

static struct role_view view_at(int64_t now, struct role_seen *seen)
{
    struct role_view v = {0};

    if (s.rec == NULL)
        die("there is no role yet");
    role_resolve(s.rec, now, seen, &v);
    return v;
}

static bool same_answer(const struct role_view *a, const struct role_view *b)
{
    return strcmp(name_of(a->current), name_of(b->current)) == 0 &&
           strcmp(name_of(a->previous), name_of(b->previous)) == 0 && strcmp(name_of(a->next), name_of(b->next)) == 0 &&
           a->current_since == b->current_since && a->previous_until == b->previous_until &&
           a->next_since == b->next_since && a->next_effective == b->next_effective && a->good_until == b->good_until &&
           a->current_revoked == b->current_revoked;
}

static void check_view(const struct role_view *v, int64_t now)
{
    struct role_view last;

    if (role_cert_same(v->current, v->previous) || role_cert_same(v->current, v->next))
        die("one certificate stands in two slots");
    if (v->good_until <= now)
        die("the answer is stale when it is given");
    last = view_at(v->good_until - 1, NULL);
    if (!same_answer(v, &last))
        die("the answer does not hold until good_until");
}

static void check_settling(void)
{
    struct role_intent intent = {.verb = ROLE_SETTLE, .who = "scenario"};
    struct role_record *before = s.rec, *after = NULL;
    struct role_outcome outcome;
    struct cr_err err;

    must(role_change(s.role, before, &intent, s.now, &after, &outcome, &err), &err);
    for (int64_t t = s.now;;) {
        struct role_view a, b;

        s.rec = before;
        a = view_at(t, NULL);
        check_view(&a, t);
        s.rec = after;
        b = view_at(t, NULL);
        if (!same_answer(&a, &b))
            die("settling changes an answer");
        if (a.good_until == CR_TIME_NEVER)
            break;
        t = a.good_until;
    }
    s.rec = before;
    role_record_unref(&after);
}

static void check_codec(void)
{
    struct cr_buf one = {0}, two = {0};
    struct role_record *copy = NULL;
    struct cr_err err;

    must(role_record_write(s.rec, &one, &err), &err);
    must(role_record_read(cr_buf_bytes(&one), s.role, &copy, &err), &err);
    must(role_record_write(copy, &two, &err), &err);
    if (!cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two)))
        die("what was written does not read back");
    role_record_unref(&copy);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
}

/* ---- changes ---- */

static void settle_result(void)
{
    if (s.result == REFUSED && !s.answered)
        die("refused: %s", s.err.text);
    if (s.result == UNCHANGED && !s.answered)
        die("the change before changed nothing");
}

static void apply(const struct role_intent *intent)
{
    struct role_record *out = NULL;
    uint64_t generation = s.rec != NULL ? s.rec->generation : 0;
    cr_status st;

    s.answered = false;
    memset(&s.err, 0, sizeof s.err);
    memset(&s.outcome, 0, sizeof s.outcome);
    st = role_change(s.role, s.rec, intent, s.now, &out, &s.outcome, &s.err);
    s.result = cr_failed(st) ? REFUSED : s.outcome.changed ? CHANGED : UNCHANGED;
    if (cr_failed(st)) {
        if (out != NULL || st.code != s.err.code || s.err.text[0] == '\0')
            die("a refusal without a sentence, or with a record");
        return;
    }
    if (out->generation != generation + (s.outcome.changed ? 1 : 0))
        die("generation %" PRIu64 " behind %" PRIu64, out->generation, generation);
    if (!s.outcome.changed && out != s.rec)
        die("an unchanged record is another record");
    role_record_unref(&s.rec);
    s.rec = out;
    check_codec();
    check_settling();
}

/* The words that every change takes at its end, from word @i on: force, use=U, if=GENERATION, replace=CERT. */
static void options(struct role_intent *intent, unsigned i)
{
    struct cr_err err;
    const char *v;

    for (; i < s.nwords; i++) {
        if (strcmp(s.words[i], "force") == 0) {
            intent->force = true;
        } else if ((v = value(i, "use")) != NULL) {
            intent->has_use = true;
            must(role_use_parse(v, &intent->use, &err), &err);
        } else if ((v = value(i, "if")) != NULL) {
            intent->if_generation_set = true;
            intent->if_generation = strtoull(v, NULL, 10);
        } else if ((v = value(i, "replace")) != NULL && intent->verb == ROLE_REVOKE) {
            intent->cert = cert_named(v);
        } else {
            die("unknown word \"%s\"", s.words[i]);
        }
    }
}

static struct role_intent intent_of(enum role_verb verb)
{
    struct role_intent intent = s.defaults;

    intent.verb = verb;
    intent.who = "scenario";
    intent.revoked_spkis = s.revoked;
    return intent;
}

static void on_assign(void)
{
    struct role_intent intent = intent_of(ROLE_ASSIGN);

    intent.cert = cert_named(word(1));
    options(&intent, 2);
    apply(&intent);
}

static void on_roll(void)
{
    struct role_intent intent = intent_of(ROLE_ROLL);

    intent.cert = cert_named(word(1));
    if (strcmp(word(2), "at") != 0)
        die("roll CERT at WHEN");
    intent.effective = when(word(3));
    options(&intent, 4);
    apply(&intent);
}

static void on_roll_now(void)
{
    struct role_intent intent = intent_of(ROLE_ROLL_NOW);
    unsigned i = 1;

    if (s.nwords > 1 && strcmp(s.words[1], "force") != 0)
        intent.cert = cert_named(word(i++));
    options(&intent, i);
    apply(&intent);
}

static void on_plain(void)
{
    static const struct {
        const char *name;
        enum role_verb verb;
    } verbs[] = {
        {"cancel", ROLE_CANCEL}, {"rollback", ROLE_ROLLBACK}, {"settle", ROLE_SETTLE}, {"policy", ROLE_POLICY}};

    for (size_t i = 0; i < CR_COUNT(verbs); i++)
        if (strcmp(s.words[0], verbs[i].name) == 0) {
            struct role_intent intent = intent_of(verbs[i].verb);

            options(&intent, 1);
            apply(&intent);
        }
}

static void on_unassign(void)
{
    struct role_intent intent = intent_of(ROLE_UNASSIGN);
    struct cr_err err;

    if (strcmp(word(1), "all") != 0) {
        intent.has_slot = true;
        must(role_slot_parse(word(1), &intent.slot, &err), &err);
    }
    options(&intent, 2);
    apply(&intent);
}

static void on_revoke(void)
{
    struct role_intent intent = intent_of(ROLE_REVOKE);

    intent.spki = cert_named(word(1))->spki;
    options(&intent, 2);
    apply(&intent);
}

/* chain CERT N, location CERT TEXT */
static void on_amend(void)
{
    bool chain = strcmp(s.words[0], "chain") == 0;
    struct role_intent intent = intent_of(chain ? ROLE_CHAIN : ROLE_LOCATION);
    struct role_cert *copy = NULL;
    struct cr_buf one = {0};
    struct cr_err err;

    must(role_cert_dup(cert_named(word(1)), &copy, &err), &err);
    must(cr_buf_set(&one, word(2), strlen(word(2)), &err), &err);
    if (chain)
        must(role_cert_set_chain(copy, &one, 1, &err), &err);
    else
        must(role_cert_set_locations(copy, &s.words[2], 1, &err), &err);
    intent.cert = copy;
    options(&intent, 3);
    apply(&intent);
    cr_buf_clear(&one);
    role_cert_unref(&copy);
}

/* ---- surroundings ---- */

static void on_role(void)
{
    if (s.rec != NULL)
        die("the role exists already");
    snprintf(s.role, sizeof s.role, "%s", word(1));
    options(&s.defaults, 2);
}

static void on_at(void)
{
    s.now = when(word(1));
}

static void on_fresh(void)
{
    memset(&s.seen, 0, sizeof s.seen);
}

/* config retain=D lead=D lifetime=D rsa=N kid=F: what configuration says; "own" is how a role's policy says "default". */
static void on_config(void)
{
    struct role_policy *p = &s.defaults.policy;
    struct cr_err err;
    const char *v;

    for (unsigned i = 1; i < s.nwords; i++) {
        if ((v = value(i, "retain")) != NULL)
            p->retain_previous = strcmp(v, "default") == 0 ? -1 : duration(v);
        else if ((v = value(i, "lead")) != NULL)
            p->minimum_lead = strcmp(v, "default") == 0 ? -1 : duration(v);
        else if ((v = value(i, "lifetime")) != NULL)
            p->token_lifetime = strcmp(v, "default") == 0 ? -1 : duration(v);
        else if ((v = value(i, "rsa")) != NULL)
            p->max_rsa_bits = (unsigned)strtoul(v, NULL, 10);
        else if ((v = value(i, "kid")) != NULL)
            must(role_kid_format_parse(v, &p->kid_format, &err), &err);
        else
            die("unknown word \"%s\"", s.words[i]);
    }
}

/* cert NAME key=rsa:2048 same-key=OTHER from=WHEN until=WHEN kid=TEXT */
static void on_cert(void)
{
    struct role_cert *c;
    struct cr_err err;
    const char *v;

    for (unsigned i = 0; i < s.ncerts; i++)
        if (strcmp(s.certs[i].name, word(1)) == 0)
            die("certificate %s is known already", word(1));
    c = cert_named(word(1));
    for (unsigned i = 2; i < s.nwords; i++) {
        if ((v = value(i, "key")) != NULL)
            snprintf(c->key, sizeof c->key, "%s", v);
        else if ((v = value(i, "same-key")) != NULL) {
            memcpy(c->spki, cert_named(v)->spki, sizeof c->spki);
            memcpy(c->jkt, cert_named(v)->jkt, sizeof c->jkt);
        } else if ((v = value(i, "from")) != NULL)
            c->not_before = when(v);
        else if ((v = value(i, "until")) != NULL)
            c->not_after = when(v);
        else if ((v = value(i, "kid")) != NULL)
            must(cr_strdup(v, &c->own_kid, &err), &err);
        else
            die("unknown word \"%s\"", s.words[i]);
    }
}

/* The key of CERT is revoked on this server. */
static void on_revoked(void)
{
    if (s.defaults.nrevoked_spkis == CERTS_MAX)
        die("too many revoked keys");
    s.revoked[s.defaults.nrevoked_spkis++] = cr_bytes_str(cert_named(word(1))->spki);
}

/* ---- expectations ---- */

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

static void on_expect(void)
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

static const struct {
    const char *word;
    void (*run)(void);
    unsigned min, max; /* words */
} commands[] = {
    {"role", on_role, 2, 3},         {"at", on_at, 2, 2},
    {"fresh", on_fresh, 1, 1},       {"config", on_config, 2, 9},
    {"cert", on_cert, 2, 9},         {"revoked", on_revoked, 2, 2},
    {"assign", on_assign, 2, 9},     {"roll", on_roll, 4, 9},
    {"roll-now", on_roll_now, 1, 9}, {"cancel", on_plain, 1, 9},
    {"rollback", on_plain, 1, 9},    {"settle", on_plain, 1, 9},
    {"policy", on_plain, 1, 9},      {"unassign", on_unassign, 2, 9},
    {"revoke", on_revoke, 2, 9},     {"chain", on_amend, 3, 9},
    {"location", on_amend, 3, 9},    {"expect", on_expect, 2, 12},
};

static void run_line(char *text)
{
    split(text);
    if (s.nwords == 0)
        return;
    if (strcmp(s.words[0], "expect") != 0)
        settle_result();
    for (size_t i = 0; i < CR_COUNT(commands); i++)
        if (strcmp(s.words[0], commands[i].word) == 0) {
            if (s.nwords < commands[i].min || s.nwords > commands[i].max)
                die("wrong number of words for %s", s.words[0]);
            commands[i].run();
            return;
        }
    die("unknown word \"%s\"", s.words[0]);
}

int main(int argc, char **argv)
{
    unsigned expectations = 0;
    char text[1024];
    FILE *f;

    if (argc != 2 || (f = fopen(argv[1], "r")) == NULL) {
        fprintf(stderr, "usage: %s SCENARIO\n", argv[0]);
        return 2;
    }
    s.path = argv[1];
    strcpy(s.role, "OAuthTokenIssuer");
    s.now = 1767225600; /* 2026-01-01T00:00:00Z */
    s.defaults.policy = (struct role_policy){
        .retain_previous = 30 * 86400, .minimum_lead = 48 * 3600, .token_lifetime = 86400, .max_rsa_bits = 4096};
    while (fgets(text, sizeof text, f) != NULL) {
        s.line++;
        if (strchr(text, '\n') == NULL)
            die("a line is too long or the last one does not end");
        run_line(text);
        expectations += s.nwords > 0 && strcmp(s.words[0], "expect") == 0;
    }
    fclose(f);
    settle_result();
    if (expectations == 0)
        die("nothing is expected");
    printf("%s: %u expectations hold\n", s.path, expectations);
    role_record_unref(&s.rec);
    for (unsigned i = 0; i < s.ncerts; i++)
        role_cert_unref(&s.certs[i].cert);
    return 0;
}
