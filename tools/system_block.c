/* SPDX-License-Identifier: Apache-2.0 */
#include "system_block.h"

#include <ctype.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#define BEGIN "# >>> certroll enable --system: 'certroll disable --system' takes this block out\n"
#define END   "# <<< certroll\n"
#define OURS  "certroll_system" /* how names of our own sections start */

/* ---- finding ---- */

static const char *find(const char *from, const char *end, const char *what)
{
    return from < end ? memmem(from, (size_t)(end - from), what, strlen(what)) : NULL;
}

/* Each line of @p..@end is one that system_block_text writes. */
static bool lines_are_ours(const char *p, const char *end)
{
    static const char *const keys[] = {"openssl_conf = ", "nodejs_conf = ", "providers = ", "default = ",
                                       "certroll = ",     "activate = 1",   "module = ",    "certroll-config = "};

    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        bool ours = *p == '\n' || *p == '[';
        for (size_t i = 0; i < CR_COUNT(keys) && !ours; i++)
            ours = !strncmp(p, keys[i], strlen(keys[i]));
        if (!ours || !stop)
            return false;
        p = stop + 1;
    }
    return true;
}

/* What follows the block starts a section of its own, or nothing follows: else it would move to another one. */
static bool tail_stands_alone(const char *p, const char *end)
{
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        p += strspn(p, " \t\r");
        if (p < end && *p != '\n' && *p != '#')
            return *p == '[';
        p = stop ? stop + 1 : end;
    }
    return true;
}

cr_status system_block_find(struct cr_bytes text, size_t *begin, size_t *end, struct cr_err *err)
{
    const char *p = (const char *)text.p, *stop = p + text.n;
    const char *first = find(p, stop, BEGIN), *last = first ? find(first, stop, END) : NULL, *after;

    *begin = *end = 0;
    if (!first && !find(p, stop, "# >>> certroll") && !find(p, stop, "# <<< certroll"))
        return cr_ok();
    after = last ? last + strlen(END) : NULL;
    if (!last || find(after, stop, "# >>> certroll") || (first > p && first[-1] != '\n') ||
        !lines_are_ours(first + strlen(BEGIN), last))
        return cr_fail(err, CR_E_REFUSED, "the block of certroll in it was edited: take it out by hand");
    if (!tail_stands_alone(after, stop))
        return cr_fail(err, CR_E_REFUSED,
                       "lines follow certroll's block without a [section] of their own: move them before it");
    *begin = (size_t)(first - p);
    *end = (size_t)(after - p);
    return cr_ok();
}

/* ---- making ---- */

/* Of that section alone: NCONF_get_string would look into the default one too, which the loader of providers does not. */
static const char *exact(const CONF *cnf, const char *section, const char *name)
{
    STACK_OF(CONF_VALUE) *rows = section ? NCONF_get_section(cnf, section) : NULL;

    for (int i = 0; i < sk_CONF_VALUE_num(rows); i++)
        if (!strcmp(sk_CONF_VALUE_value(rows, i)->name, name))
            return sk_CONF_VALUE_value(rows, i)->value;
    return NULL;
}

/* What the file says of providers; positions from 1, 0: not in the list. */
struct facts {
    const char *init, *list; /* section names, or NULL */
    const char *base, *ours; /* sections of default or fips, and of certroll; or NULL */
    int base_at, ours_at;
    bool base_active, ours_active, node;
};

static void facts_read(const CONF *cnf, struct facts *out)
{
    STACK_OF(CONF_VALUE) * rows;

    *out = (struct facts){.init = exact(cnf, "default", "openssl_conf"),
                          .node = exact(cnf, "default", "nodejs_conf") != NULL};
    out->list = exact(cnf, out->init, "providers");
    rows = out->list ? NCONF_get_section(cnf, out->list) : NULL;
    for (int i = 0; i < sk_CONF_VALUE_num(rows); i++) {
        const CONF_VALUE *row = sk_CONF_VALUE_value(rows, i);
        const char *identity = exact(cnf, row->value, "identity"), *name = identity ? identity : row->name;
        bool active = exact(cnf, row->value, "activate") != NULL;

        if (!strcmp(name, "certroll")) {
            out->ours = row->value, out->ours_at = i + 1, out->ours_active = active;
        } else if (!strcmp(name, "default") || (!strcmp(name, "fips") && active && !out->base)) {
            out->base = row->value, out->base_at = i + 1, out->base_active = active;
        }
    }
}

static bool is_yes(const char *text)
{
    return text && (!strcmp(text, "1") || !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "on"));
}

/* A name that we can write between brackets; NULL is none. */
static bool is_plain(const char *name)
{
    return !name || (*name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")]);
}

static cr_status facts_check(const CONF *cnf, const struct facts *f, struct cr_err *err)
{
    STACK_OF(OPENSSL_CSTRING) *names = NCONF_get_section_names(cnf);
    cr_status st = cr_ok();

    for (int i = 0; i < sk_OPENSSL_CSTRING_num(names); i++)
        if (!strncmp(sk_OPENSSL_CSTRING_value(names, i), OURS, strlen(OURS)))
            st = cr_fail(err, CR_E_REFUSED, "it has a section [%s] of somebody else's",
                         sk_OPENSSL_CSTRING_value(names, i));
    sk_OPENSSL_CSTRING_free(names);
    if (cr_failed(st))
        return st;
    if (!is_plain(f->init) || !is_plain(f->list) || !is_plain(f->base))
        return cr_fail(err, CR_E_REFUSED, "a section that leads to its providers has no plain name");
    if (f->ours && (!f->ours_active || f->base_at > f->ours_at || !f->base_active))
        return cr_fail(err, CR_E_REFUSED,
                       "it names certroll already, but not activated after default: mend it by hand");
    if (f->base_active && !is_yes(exact(cnf, f->base, "activate")))
        return cr_fail(err, CR_E_REFUSED, "[%s] deactivates the default provider, without which nothing works",
                       f->base);
    return cr_ok();
}

/* A value in OpenSSL's configuration syntax: there '$', '#', quotes and backslashes mean something. */
static cr_status put(struct cr_buf *out, const char *name, const char *value, struct cr_err *err)
{
    cr_status st = cr_buf_printf(out, err, "%s = ", name);

    for (const char *p = value; *p && !cr_failed(st); p++)
        st = cr_buf_printf(out, err, "%s%c", strchr("$#\\\"'`;", *p) ? "\\" : "", *p);
    return cr_failed(st) ? st : cr_buf_append_str(out, "\n", err);
}

/* Sections that lead to the list of providers, where the file lacks them. */
static cr_status way(const struct facts *f, struct cr_buf *out, struct cr_err *err)
{
    const char *init = f->init ? f->init : OURS, *list = f->list ? f->list : OURS "_list";
    cr_status st = cr_ok();

    if (!f->init || !f->node)
        st = cr_buf_append_str(out, "[default]\n", err);
    if (!cr_failed(st) && !f->init)
        st = cr_buf_append_str(out, "openssl_conf = " OURS "\n", err);
    if (!cr_failed(st) &&
        !f->node) /* Node reads a section of its own name: the providers and nothing else of the file */
        st = cr_buf_printf(out, err, "nodejs_conf = " OURS "_node\n[" OURS "_node]\nproviders = %s\n", list);
    if (!cr_failed(st) && !f->list)
        st = cr_buf_printf(out, err, "[%s]\nproviders = %s\n", init, list);
    return st;
}

static cr_status providers(const struct facts *f, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_buf_printf(out, err, "[%s]\n", f->list ? f->list : OURS "_list");

    if (!cr_failed(st) && !f->base)
        st = cr_buf_append_str(out, "default = " OURS "_default\n", err);
    if (!cr_failed(st))
        st = cr_buf_append_str(out, "certroll = " OURS "_certroll\n", err);
    if (!cr_failed(st) && !f->base_active)
        st = cr_buf_printf(out, err, "[%s]\nactivate = 1\n", f->base ? f->base : OURS "_default");
    return cr_failed(st) ? st : cr_buf_append_str(out, "[" OURS "_certroll]\nactivate = 1\n", err);
}

static cr_status block_put(const struct facts *f, const char *module, const char *certroll_conf, struct cr_buf *out,
                           struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(out, BEGIN, err)) || cr_failed(st = way(f, out, err)) ||
        cr_failed(st = providers(f, out, err)) || cr_failed(st = put(out, "module", module, err)) ||
        (certroll_conf && cr_failed(st = put(out, "certroll-config", certroll_conf, err))))
        return st;
    return cr_buf_append_str(out, END, err);
}

/* A block is appended as whole lines, and what stands before it must not swallow its first. */
static cr_status end_check(struct cr_bytes text, struct cr_err *err)
{
    size_t n = text.n;

    if (n && memchr(text.p, '\0', n))
        return cr_fail(err, CR_E_REFUSED, "it is no text");
    if (n && text.p[n - 1] != '\n')
        return cr_fail(err, CR_E_REFUSED, "its last line has no end: add a line break");
    while (n && (text.p[n - 1] == '\n' || text.p[n - 1] == '\r'))
        n--;
    if (n && text.p[n - 1] == '\\')
        return cr_fail(err, CR_E_REFUSED, "its last line ends in a backslash");
    return cr_ok();
}

/* The value of a directive in the line @p..@end, as config(5) has it; NULL: another line. */
static const char *directive(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);

    while (p < end && strchr(" \t\r", *p))
        p++;
    if ((size_t)(end - p) <= n || strncmp(p, name, n) || !strchr(" \t=", p[n]))
        return NULL;
    for (p += n; p < end && strchr(" \t=", *p);)
        p++;
    return p < end && strchr("\"'", *p) ? p + 1 : p;
}

/* The name of the variable that @value begins with ("$D", "${D}", "$(D)"); behind it. */
static const char *variable_name(const char *value, const char *end, struct cr_bytes *name)
{
    const char *from = value + (value + 1 < end && (value[1] == '{' || value[1] == '(') ? 2 : 1), *p = from;

    while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
        p++;
    *name = cr_bytes(from, p > from ? (size_t)(p - from) : 0);
    return p;
}

/* Does each line of @p..@stop that sets the variable, and one at least, give it a full path without variables in it? */
static bool variable_absolute(struct cr_bytes name, const char *p, const char *stop)
{
    const char *end, *is;
    char text[64];
    bool set = false;

    if (name.n == 0 || name.n >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)name.n, (const char *)name.p);
    for (; p < stop; p = end + 1) {
        if (!(end = memchr(p, '\n', (size_t)(stop - p))))
            end = stop;
        if (!(is = directive(p, end, text)))
            continue;
        set = is < end && *is == '/' && !memchr(is, '$', (size_t)(end - is));
        if (!set)
            return false;
    }
    return set;
}

/* Is it the same path for every program? One that begins with a variable counts by what is above it in the file; those of
 * sections, the environment is one, and any further on do not. */
static bool include_fixed(const char *text, const char *line, const char *value, const char *end, bool based)
{
    struct cr_bytes name;
    const char *rest = value;
    bool full = value < end && *value == '/', led = value < end && *value == '$';

    if (led) {
        rest = variable_name(value, end, &name);
        full = (rest == end || *rest != ':') && variable_absolute(name, text, line);
    }
    return (full || (based && !led)) && !memchr(rest, '$', (size_t)(end - rest));
}

static cr_status includes_check(struct cr_bytes text, struct cr_err *err)
{
    static const char dir[] = "includedir:";
    const char *p = (const char *)text.p, *stop = p + text.n, *end, *value;
    bool based = false; /* includedir makes relative paths absolute */

    for (; p < stop; p = end + 1) {
        if (!(end = memchr(p, '\n', (size_t)(stop - p))))
            end = stop;
        if ((value = directive(p, end, ".pragma")) && find(value, end, dir) == value)
            based = value + strlen(dir) < end && value[strlen(dir)] == '/';
        if ((value = directive(p, end, ".include")) && !include_fixed((const char *)text.p, p, value, end, based))
            return cr_fail(err, CR_E_REFUSED,
                           "it includes '%.*s', which is another file for each program: write its full path",
                           (int)(end - value > 80 ? 80 : end - value), value);
    }
    return cr_ok();
}

cr_status system_block_text(struct cr_bytes text, const char *module, const char *certroll_conf, struct cr_buf *out,
                            struct cr_err *err)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    CONF *cnf = ctx ? NCONF_new_ex(ctx, NULL) : NULL;
    BIO *bio = cnf && text.n <= INT32_MAX ? BIO_new_mem_buf(text.n ? (const void *)text.p : "", (int)text.n) : NULL;
    struct facts facts;
    long line = 0;
    cr_status st;

    if (!bio)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (cr_failed(st = end_check(text, err)) || cr_failed(st = includes_check(text, err)))
        goto out;
    else if (text.n && NCONF_load_bio(cnf, bio, &line) != 1)
        st = cr_fail(err, CR_E_REFUSED, "line %ld is not in the syntax of config(5)", line);
    else {
        facts_read(cnf, &facts);
        if (!cr_failed(st = facts_check(cnf, &facts, err)) && !facts.ours)
            st = block_put(&facts, module, certroll_conf, out, err);
    }
out:
    ERR_clear_error();
    BIO_free(bio);
    NCONF_free(cnf);
    OSSL_LIB_CTX_free(ctx);
    return st;
}

/* ---- proving ---- */

bool system_block_loads(int fd)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    EVP_MD *md = NULL;
    char path[64];
    bool good;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    good = ctx && OSSL_LIB_CTX_load_config(ctx, path) == 1 && OSSL_PROVIDER_available(ctx, "certroll") == 1 &&
           (OSSL_PROVIDER_available(ctx, "default") == 1 || OSSL_PROVIDER_available(ctx, "fips") == 1) &&
           (md = EVP_MD_fetch(ctx, "SHA256", NULL));
    EVP_MD_free(md);
    OSSL_LIB_CTX_free(ctx);
    return good;
}
