/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of the scenario runner: one role, one clock, one process that remembers. One global state, since a runner
 * replays one file. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "roles/role_change.h"

#define WORDS_MAX 16
#define CERTS_MAX 32

struct fake {
    char name[32];
    struct role_cert *cert;
};

enum result { NOTHING, CHANGED, UNCHANGED, REFUSED };

struct scenario {
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
    enum result result;
    bool answered; /* a result other than CHANGED was expected by the scenario */
    struct role_outcome outcome;
    struct cr_err err;
};

extern struct scenario s;

/* ---- scenario_words.c ---- */

/* Says what is wrong in which line and ends the program. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void must(cr_status st, const struct cr_err *err);
/* Splits @text in place into s.words: words, "quoted words", # comment. */
void split(char *text);
const char *word(unsigned i);
/* The text behind "@key=" when word @i is that, else NULL. */
const char *value(unsigned i, const char *key);
int64_t duration(const char *text);
/* RFC 3339, "now", "never", +DURATION or -DURATION. */
int64_t when(const char *text);
/* The certificate called @name, made when first named. Borrowed. */
struct role_cert *cert_named(const char *name);
const char *name_of(const struct role_cert *cert);

/* ---- scenario_hold.c: what must always hold ---- */

struct role_view view_at(int64_t now, struct role_seen *seen);
void check_settling(void);
void check_codec(void);

/* ---- scenario_change.c ---- */

/* Dies when the change before was refused or changed nothing and nobody expected that. */
void settle_result(void);
/* Options of a change from word @i on. */
void options(struct role_intent *intent, unsigned i);
void on_assign(void);
void on_roll(void);
void on_roll_now(void);
void on_plain(void);
void on_unassign(void);
void on_revoke(void);
void on_amend(void);

/* ---- scenario_expect.c ---- */

void on_expect(void);

#endif
