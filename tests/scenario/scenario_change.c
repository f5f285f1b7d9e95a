/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void settle_result(void)
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
void options(struct role_intent *intent, unsigned i)
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

void on_assign(void)
{
    struct role_intent intent = intent_of(ROLE_ASSIGN);

    intent.cert = cert_named(word(1));
    options(&intent, 2);
    apply(&intent);
}

void on_roll(void)
{
    struct role_intent intent = intent_of(ROLE_ROLL);

    intent.cert = cert_named(word(1));
    if (strcmp(word(2), "at") != 0)
        die("roll CERT at WHEN");
    intent.effective = when(word(3));
    options(&intent, 4);
    apply(&intent);
}

void on_roll_now(void)
{
    struct role_intent intent = intent_of(ROLE_ROLL_NOW);
    unsigned i = 1;

    if (s.nwords > 1 && strcmp(s.words[1], "force") != 0)
        intent.cert = cert_named(word(i++));
    options(&intent, i);
    apply(&intent);
}

void on_plain(void)
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

void on_unassign(void)
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

void on_revoke(void)
{
    struct role_intent intent = intent_of(ROLE_REVOKE);

    intent.spki = cert_named(word(1))->spki;
    options(&intent, 2);
    apply(&intent);
}

/* chain CERT N, location CERT TEXT */
void on_amend(void)
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
