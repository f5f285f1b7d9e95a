/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a scenario file: changes of one role under a virtual clock, and what a process must answer. A word it does not
 * know, a refusal nobody expected, or a change that changed nothing unexpectedly ends it with the line's number. Around
 * every change it also checks what must always hold: settling changes no answer, what is written reads back to the same
 * bytes, generations grow by one. The words are in README beside this file. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    s.defaults.policy = (struct role_policy){.retain_previous = 30 * 86400, .max_rsa_bits = 4096};
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
