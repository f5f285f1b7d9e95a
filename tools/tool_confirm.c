/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_confirm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "roles/role_change_rules.h"
#include "tool_history.h"
#include "tool_moved.h"

#define SECRETS_MAX 4
#define ANSWER_MAX  80

struct shown_role {
    char name[ROLE_NAME_MAX + 1];
    bool changed;
    uint64_t generation;              /* 0: there was no such role */
    char before[3][65], after[3][65]; /* thumbprints by slot, "" where it is empty */
    char moved[3][65];                /* digests of locations, where they change; "" where they stay */
};

/* What a text stood for: the thumbprint of the certificate that it names, or the digest of a state. */
struct shown_text {
    char *text;
    char is[65];
};

struct shown_texts {
    struct shown_text *list;
    size_t n;
};

struct tool_shown {
    int64_t now;
    struct shown_role *roles;
    size_t nroles;
    struct shown_texts certs, states;
    struct cr_buf input, secrets[SECRETS_MAX];
    bool has_input, unbound; /* nothing that stands changes: nothing was asked */
    size_t nsecrets, next;   /* secret to give */
    char *text;              /* of the preview */
};

static void texts_clear(struct shown_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        free(texts->list[i].text);
    free(texts->list);
}

void tool_shown_free(struct tool *tool)
{
    struct tool_shown *s = tool->shown;

    if (!s)
        return;
    texts_clear(&s->certs);
    texts_clear(&s->states);
    for (size_t i = 0; i < s->nsecrets; i++)
        cr_buf_clear(&s->secrets[i]);
    cr_buf_clear(&s->input);
    free(s->roles);
    tool_said(NULL);
    free(s->text);
    free(s);
    tool->shown = NULL;
}

static bool bound(const struct tool *tool)
{
    return tool->phase == TOOL_CONFIRMED && !tool->shown->unbound;
}

/* ---- roles ---- */

static void slots_read(const struct role_record *rec, int64_t now, char out[3][65])
{
    struct role_view view = {0};

    memset(out, 0, 3 * sizeof(out[0]));
    if (rec)
        role_resolve(rec, now, NULL, &view);
    for (int s = ROLE_CURRENT; rec && s <= ROLE_NEXT; s++) {
        const struct role_cert *cert = role_view_slot(&view, (enum role_slot)s);
        if (cert)
            memcpy(out[s], cert->thumbprint, sizeof(out[s]));
    }
}

/* A location that the token has yet to give is TOOL_SHOWN_UNMADE. */
static cr_status moved_read(const struct tool_plan *plan, int64_t now, char out[3][65], struct cr_err *err)
{
    struct role_view view = {0};
    cr_status st = cr_ok();

    memset(out, 0, 3 * sizeof(out[0]));
    if (plan->after)
        role_resolve(plan->after, now, NULL, &view);
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++) {
        const struct role_cert *cert = role_view_slot(&view, (enum role_slot)s);
        if (!tool_moved(cert, plan->before, now))
            continue;
        st = tool_moved_hash(cert->locations, cert->nlocations, out[s], err);
        for (size_t i = 0; i < cert->nlocations; i++)
            if (!strcmp(cert->locations[i], TOOL_SHOWN_UNPLACED))
                snprintf(out[s], sizeof(out[s]), "%s", TOOL_SHOWN_UNMADE);
    }
    return st;
}

static struct shown_role *role_find(const struct tool_shown *shown, const char *name)
{
    for (size_t i = 0; shown && i < shown->nroles; i++)
        if (!strcmp(shown->roles[i].name, name))
            return &shown->roles[i];
    return NULL;
}

/* A role that is shown twice is bound to the record before the first change and to what the last one leaves; each may move
 * another key. */
cr_status tool_shown_note(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err)
{
    struct tool_shown *shown = tool->shown;
    struct shown_role *more, *r;
    char moved[3][65];
    cr_status st;

    if (tool->phase != TOOL_PREVIEW)
        return cr_ok();
    if (!(r = role_find(shown, role))) {
        if (!(more = realloc(shown->roles, (shown->nroles + 1) * sizeof(*more))))
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        shown->roles = more;
        r = &more[shown->nroles++];
        *r = (struct shown_role){.generation = plan->before ? plan->before->generation : 0};
        snprintf(r->name, sizeof(r->name), "%s", role);
        slots_read(plan->before, tool->now, r->before);
    }
    r->changed |= plan->outcome.changed;
    slots_read(plan->after, tool->now, r->after);
    st = moved_read(plan, tool->now, moved, err);
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++)
        if (*moved[s])
            memcpy(r->moved[s], moved[s], sizeof(moved[s]));
    return st;
}

static cr_status role_same(struct tool *tool, struct store *store, const struct shown_role *r, struct cr_err *err)
{
    const struct role_intent intent = {.if_generation_set = true, .if_generation = r->generation};
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    char slots[3][65];
    cr_status st = store_load(store, r->name, &rec, &stamp, err);

    if (st.code == CR_E_NOT_FOUND && !r->generation)
        return cr_ok();
    if (st.code == CR_E_NOT_FOUND)
        return cr_fail(err, CR_E_CHANGED, "nothing is changed: role %s is gone", r->name);
    if (cr_failed(st))
        return st;
    st = role_rule_generation(rec, &intent, r->name, err);
    slots_read(rec, tool->now, slots);
    if (!cr_failed(st) && memcmp(slots, r->before, sizeof(slots)))
        st = cr_fail(err, CR_E_CHANGED, "role %s: a date passed meanwhile, and its slots are not those that were shown",
                     r->name);
    role_record_unref(&rec);
    return st.code == CR_E_CHANGED ? cr_prefix(err, st, "nothing is changed") : st;
}

cr_status tool_shown_check(struct tool *tool, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (!bound(tool))
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    for (size_t i = 0; i < tool->shown->nroles && !cr_failed(st); i++)
        st = role_same(tool, store, &tool->shown->roles[i], err);
    return st;
}

static cr_status not_shown(const char *role, struct cr_err *err)
{
    return cr_fail(err, CR_E_CHANGED, "nothing is changed: role %s would change too by now, and was not shown", role);
}

cr_status tool_shown_role(struct tool *tool, const char *role, struct cr_err *err)
{
    return !bound(tool) || role_find(tool->shown, role) ? cr_ok() : not_shown(role, err);
}

cr_status tool_shown_plan(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err)
{
    const struct shown_role *r = role_find(tool->shown, role);
    char after[3][65], moved[3][65];
    cr_status st;

    if (!bound(tool) || !plan->outcome.changed)
        return cr_ok();
    slots_read(plan->after, tool->now, after);
    if (!r || !r->changed)
        return not_shown(role, err);
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++)
        if (strcmp(r->after[s], after[s]) && strcmp(r->after[s], TOOL_SHOWN_UNMADE))
            return cr_fail(err, CR_E_CHANGED, "nothing is changed: role %s would end with another %s than was shown",
                           role, role_slot_text((enum role_slot)s));
    st = moved_read(plan, tool->now, moved, err);
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++)
        if (*moved[s] && strcmp(r->moved[s], moved[s]) && strcmp(r->moved[s], TOOL_SHOWN_UNMADE))
            st = cr_fail(err, CR_E_CHANGED,
                         "nothing is changed: the key of role %s's %s would be at another place than was shown", role,
                         role_slot_text((enum role_slot)s));
    return st;
}

/* ---- certificates, input ---- */

static const struct shown_text *text_find(const struct shown_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->n; i++)
        if (!strcmp(texts->list[i].text, text))
            return &texts->list[i];
    return NULL;
}

static cr_status text_note(struct shown_texts *texts, const char *text, const char *is, struct cr_err *err)
{
    struct shown_text *more = realloc(texts->list, (texts->n + 1) * sizeof(*more));
    cr_status st;

    if (!more)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    texts->list = more;
    if (cr_failed(st = cr_strdup(text, &more[texts->n].text, err)))
        return st;
    snprintf(more[texts->n++].is, sizeof(more->is), "%s", is);
    return st;
}

cr_status tool_shown_cert(struct tool *tool, const char *text, const char *thumbprint, struct cr_err *err)
{
    const struct shown_text *known;

    if (tool->phase == TOOL_STRAIGHT)
        return cr_ok();
    if (!(known = text_find(&tool->shown->certs, text)))
        return text_note(&tool->shown->certs, text, thumbprint, err);
    return !strcmp(known->is, thumbprint)
               ? cr_ok()
               : cr_fail(err, CR_E_CHANGED, "nothing is changed: '%s' names another certificate than was shown", text);
}

cr_status tool_shown_state(struct tool *tool, const char *what, struct cr_bytes state, struct cr_err *err)
{
    const struct shown_text *known;
    char hash[65];
    cr_status st;

    if (tool->phase != TOOL_PREVIEW && !bound(tool))
        return cr_ok();
    if (cr_failed(st = tool_history_hash(state, hash, err)))
        return st;
    known = text_find(&tool->shown->states, what);
    if (tool->phase == TOOL_PREVIEW)
        return known ? st : text_note(&tool->shown->states, what, hash, err);
    return known && !strcmp(known->is, hash)
               ? st
               : cr_fail(err, CR_E_CHANGED, "nothing is changed: %s is not what was shown", what);
}

int64_t tool_shown_now(const struct tool *tool)
{
    return tool->phase == TOOL_CONFIRMED ? tool->shown->now : tool->now;
}

cr_status tool_shown_input(struct tool *tool, struct cr_buf *out, bool *kept, struct cr_err *err)
{
    *kept = tool->phase == TOOL_CONFIRMED && tool->shown->has_input;
    return *kept ? cr_buf_append(out, tool->shown->input.p, tool->shown->input.n, err) : cr_ok();
}

cr_status tool_shown_input_keep(struct tool *tool, struct cr_bytes input, struct cr_err *err)
{
    if (tool->phase != TOOL_PREVIEW)
        return cr_ok();
    tool->shown->has_input = true;
    return cr_buf_set(&tool->shown->input, input.p, input.n, err);
}

/* They are asked for in the same order again. */
cr_status tool_shown_secret(struct tool *tool, const char *arg, const char *what, struct cr_buf *out,
                            struct cr_err *err)
{
    struct tool_shown *s = tool->shown;
    cr_status st;

    if (tool->phase == TOOL_CONFIRMED && s->next < s->nsecrets) {
        const struct cr_buf *kept = &s->secrets[s->next++];
        return cr_buf_set(out, kept->p, kept->n, err);
    }
    st = tool_passphrase(arg, what, out, err);
    if (!cr_failed(st) && tool->phase == TOOL_PREVIEW && s->nsecrets < SECRETS_MAX)
        st = cr_buf_set(&s->secrets[s->nsecrets++], out->p, out->n, err);
    return st;
}

/* ---- the question ---- */

bool tool_answer_is_yes(const char *line)
{
    size_t n;

    line += strspn(line, " \t\r\n");
    n = strcspn(line, " \t\r\n");
    return (n == 1 || n == 3) && !strncasecmp(line, "yes", n) && !line[n + strspn(line + n, " \t\r\n")];
}

/* A line of standard input; the end of it, or of the terminal, is an answer that says nothing. */
static void line_read(char line[ANSWER_MAX])
{
    size_t n = 0;
    char c = '\0';

    while (c != '\n') {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputc('\n', stderr);
            n = 0;
            break;
        }
        if (n + 1 < ANSWER_MAX)
            line[n++] = c;
    }
    line[n] = '\0';
}

static cr_status ask(const char *text, struct cr_err *err)
{
    char line[ANSWER_MAX];

    fflush(stdout);
    fputs(text, stderr);
    fflush(stderr);
    tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed before it was shown is no answer to it */
    fputs("Change this? [y/N] ", stderr);
    fflush(stderr);
    line_read(line);
    return tool_answer_is_yes(line) ? cr_ok() : cr_fail(err, CR_E_REFUSED, "not confirmed: nothing is changed");
}

/* The dry run. What it says goes into shown->text. */
static cr_status preview(struct tool *tool, struct cr_err *err)
{
    struct tool_shown *shown = calloc(1, sizeof(*shown));
    size_t n = 0;
    FILE *text = shown ? open_memstream(&shown->text, &n) : NULL;
    cr_status st;

    if (!text) {
        free(shown);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    shown->now = tool->now;
    tool->shown = shown;
    tool->phase = TOOL_PREVIEW;
    tool->dry_run = true;
    tool_aside(text);
    st = tool->cmd->run(tool, err);
    tool_aside(NULL);
    if (fclose(text) && !cr_failed(st))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    return st;
}

/* Forgets what the preview made of the command line and its result. */
static void rewind_to(struct tool *tool, const struct tool *before)
{
    json_decref(tool->result);
    tool->result = NULL;
    tool->exit_code = before->exit_code;
    tool->dry_run = before->dry_run;
    tool->if_generation_set = before->if_generation_set;
    tool->if_generation = before->if_generation;
}

static bool asks(const struct tool *tool)
{
    return tool->cmd->flags & TOOL_ASKS && !tool->yes && !tool->dry_run && !tool->json && isatty(STDIN_FILENO) &&
           isatty(STDERR_FILENO);
}

cr_status tool_run(struct tool *tool, struct cr_err *err)
{
    const struct tool before = *tool;
    bool changes;
    cr_status st;

    if (!asks(tool))
        return tool->cmd->run(tool, err);
    st = preview(tool, err);
    if (cr_failed(st)) {
        fputs(tool->shown && tool->shown->text ? tool->shown->text : "", stderr);
        return st;
    }
    changes = !tool->unasked && json_is_true(json_object_get(tool->result, "changed"));
    if (changes && cr_failed(st = ask(tool->shown->text, err)))
        return st;
    rewind_to(tool, &before);
    tool->now = tool->clock();
    tool->phase = TOOL_CONFIRMED;
    tool->shown->unbound = tool->unasked;
    if (changes)
        tool_said(tool->shown->text);
    return tool->cmd->run(tool, err);
}
