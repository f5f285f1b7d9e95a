/* SPDX-License-Identifier: Apache-2.0 */
/* Steps and answers. A task is a row of steps, of which some apply only to some answers. */
#include "wizard.h"

#include <string.h>
#include <strings.h>

static const enum wizard_step paths[][9] = {
    [WIZARD_REQUEST] = {WIZARD_TASK, WIZARD_ROLE, WIZARD_NEW, WIZARD_SUBJECT, WIZARD_SUMMARY, WIZARD_DONE},
    [WIZARD_IMPORT] = {WIZARD_TASK, WIZARD_FILE, WIZARD_PASS, WIZARD_ROLE, WIZARD_NEW, WIZARD_WHEN, WIZARD_SUMMARY,
                       WIZARD_DONE},
    [WIZARD_ASSIGN] = {WIZARD_TASK, WIZARD_ROLE, WIZARD_NEW, WIZARD_CERT, WIZARD_WHEN, WIZARD_SUMMARY, WIZARD_DONE},
};

void wizard_init(struct wizard *w)
{
    *w = (struct wizard){.task = WIZARD_ASSIGN, .use = ROLE_USE_TLS};
    memcpy(w->key, "rsa:3072", sizeof("rsa:3072"));
}

void wizard_clear(struct wizard *w)
{
    cr_buf_clear(&w->pass);
    wizard_init(w);
}

static bool applies(const struct wizard *w, enum wizard_step step)
{
    switch (step) {
    case WIZARD_PASS:
        return w->encrypted;
    case WIZARD_NEW:
        return w->role_kind == WIZARD_ROLE_NEW;
    case WIZARD_WHEN:
        return w->role_kind != WIZARD_ROLE_NONE;
    default:
        return true;
    }
}

/* Where in its path the step stands. */
static size_t place(const struct wizard *w)
{
    size_t i = 0;

    while (paths[w->task][i] != w->step && paths[w->task][i] != WIZARD_DONE)
        i++;
    return i;
}

void wizard_next(struct wizard *w)
{
    size_t i = place(w);

    if (paths[w->task][i] == WIZARD_DONE)
        return;
    do
        i++;
    while (!applies(w, paths[w->task][i]));
    w->step = paths[w->task][i];
}

bool wizard_back(struct wizard *w)
{
    size_t i = place(w);

    if (i == 0)
        return false;
    do
        i--;
    while (!applies(w, paths[w->task][i]));
    w->step = paths[w->task][i];
    return true;
}

void wizard_progress(const struct wizard *w, unsigned *number, unsigned *of)
{
    size_t here = place(w);

    *number = *of = 0;
    for (size_t i = 0; paths[w->task][i] != WIZARD_DONE; i++) {
        if (!applies(w, paths[w->task][i]))
            continue;
        *of += 1;
        *number += i <= here;
    }
}

const char *wizard_role(const struct wizard *w)
{
    switch (w->role_kind) {
    case WIZARD_ROLE_OLD:
        return w->role;
    case WIZARD_ROLE_NEW:
        return w->new_role;
    case WIZARD_ROLE_NONE:
        break;
    }
    return NULL;
}

cr_status wizard_set(char *out, size_t size, const char *what, const char *value, struct cr_err *err)
{
    size_t n = strlen(value);

    if (n >= size)
        return cr_fail(err, CR_E_USAGE, "%s is longer than %zu bytes", what, size - 1);
    memcpy(out, value, n + 1);
    return cr_ok();
}

/* ---- will it do? ---- */

static cr_status check_role(const struct wizard *w, struct cr_err *err)
{
    if (w->role_kind == WIZARD_ROLE_OLD && !*w->role)
        return cr_fail(err, CR_E_USAGE, "choose a role");
    if (w->role_kind == WIZARD_ROLE_NONE && w->task != WIZARD_IMPORT)
        return cr_fail(err, CR_E_USAGE, "a role is needed");
    return cr_ok();
}

/* Names that tell their use do so. */
static cr_status check_new(struct wizard *w, const struct wizard_facts *facts, struct cr_err *err)
{
    cr_status st = role_name_check(w->new_role, err);

    for (size_t i = 0; !cr_failed(st) && i < facts->nroles; i++) {
        if (!strcmp(facts->roles[i], w->new_role))
            return cr_fail(err, CR_E_EXISTS, "role %s exists already: go back and choose it from the list",
                           w->new_role);
        if (!strcasecmp(facts->roles[i], w->new_role))
            return cr_fail(err, CR_E_REFUSED, "role %s differs from the existing role %s only in case", w->new_role,
                           facts->roles[i]);
    }
    if (!cr_failed(st))
        (void)role_use_known(w->new_role, &w->use);
    return st;
}

static cr_status check_subject(const struct wizard *w, struct cr_err *err)
{
    if (!*w->subject)
        return cr_fail(err, CR_E_USAGE, "a subject is needed, such as CN=www.example.org,O=Example");
    if (!*w->key)
        return cr_fail(err, CR_E_USAGE, "a kind of key is needed, such as rsa:3072 or ec:P-256");
    if (!*w->out || !strcmp(w->out, "-"))
        return cr_fail(err, CR_E_USAGE, "the request needs a file to go to");
    return cr_ok();
}

static cr_status check_when(struct wizard *w, const struct wizard_facts *facts, struct cr_err *err)
{
    int64_t t;
    cr_status st;

    if (!w->at)
        return cr_ok();
    if (!*w->when)
        return cr_fail(err, CR_E_USAGE, "a date is needed, such as 2027-01-15T03:00:00Z or +36h");
    if (cr_failed(st = cr_when_parse(w->when, facts->now, facts->local_offset, &t, err)))
        return st;
    w->effective = t;
    return st;
}

cr_status wizard_check(struct wizard *w, const struct wizard_facts *facts, struct cr_err *err)
{
    switch (w->step) {
    case WIZARD_ROLE:
        return check_role(w, err);
    case WIZARD_NEW:
        return check_new(w, facts, err);
    case WIZARD_CERT:
        return *w->cert ? cr_ok() : cr_fail(err, CR_E_USAGE, "choose a certificate");
    case WIZARD_SUBJECT:
        return check_subject(w, err);
    case WIZARD_WHEN:
        return check_when(w, facts, err);
    case WIZARD_FILE:
        return *w->file ? cr_ok() : cr_fail(err, CR_E_USAGE, "name the file to import");
    case WIZARD_TASK:
    case WIZARD_PASS:
    case WIZARD_SUMMARY:
    case WIZARD_DONE:
        break;
    }
    return cr_ok();
}
