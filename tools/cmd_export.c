/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/rand.h>
#include <string.h>

#include "certs/cert_bundle.h"
#include "certs/cert_pfx.h"
#include "pkcs11/tok_wrap.h"
#include "tool_replace.h"
#include "tool_role.h"
#include "tool_token.h"
#include "tool_progress.h"

enum { OPT_SLOT = 1, OPT_CERT, OPT_CHAIN, OPT_PFX, OPT_PASSOUT, OPT_OUT };

static const struct tool_option options[] = {
    {"slot", OPT_SLOT, "SLOT", "current (default), previous or next"},
    {"cert", OPT_CERT, NULL, "the certificate, PEM"},
    {"chain", OPT_CHAIN, NULL, "the certificate and its chain, PEM"},
    {"out", OPT_OUT, "FILE", "into this file, replaced atomically; else stdout"},
    {"pfx", OPT_PFX, "FILE", "certificate, chain and private key, PKCS#12;\nreplaced atomically"},
    {"passout", OPT_PASSOUT, "ARG", "its passphrase: pass:TEXT, env:VAR, file:PATH,\nfd:N or stdin; else a prompt"},
    {0},
};

/* ---- certificates ---- */

static void certs_say(struct tool *tool, const struct role_cert *cert, bool chain, const char *out)
{
    const char *what = chain && cert->nchain ? " and its chain" : "";

    (void)tool_replace_say(tool, out);
    tool_say(tool, "certificate %.16s%s would be written to %s", cert->thumbprint, what,
             out && strcmp(out, "-") ? out : "standard output");
}

static cr_status certs_out(const struct role_cert *cert, bool chain, const char *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cert_pem_append("CERTIFICATE", cr_buf_bytes(&cert->leaf), &text, err);

    for (size_t i = 0; chain && i < cert->nchain && !cr_failed(st); i++)
        st = cert_pem_append("CERTIFICATE", cr_buf_bytes(&cert->chain[i]), &text, err);
    if (!cr_failed(st))
        st = tool_output(out, 0644, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

/* ---- with the private key ---- */

struct place {
    size_t token;
    struct cr_buf id;
};

/* An extractable one, if the key stands on several tokens. */
static cr_status place_find(struct tool *tool, const struct role_cert *cert, struct place *out, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    struct tool_inventory inv = {0};
    struct cert_facts facts = {0};
    const struct tok_item *item = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&cert->leaf), &facts, err)) ||
        cr_failed(st = tool_inventory_read(tool, &inv, err)) ||
        cr_failed(st = tool_key_hits(tool, &inv, &facts.key, hits, &n, err)))
        goto out;
    for (size_t i = 0; i < n; i++) {
        if (item && !hits[i].item->extractable)
            continue;
        item = hits[i].item;
        out->token = hits[i].token;
    }
    if (!item)
        st = cr_fail(err, CR_E_NOT_FOUND,
                     "the private key of certificate %.16s is on no configured token: import it again with its key, or "
                     "configure its token",
                     cert->thumbprint);
    else if (!item->extractable)
        st = cr_fail(
            err, CR_E_REFUSED,
            "the private key of certificate %.16s cannot leave its token: it was not imported with --exportable "
            "(CKA_EXTRACTABLE is false)",
            cert->thumbprint);
    else if (!item->id.n)
        st = cr_fail(err, CR_E_UNSUPPORTED, "the private key at %s has no id", item->location);
    else
        st = cr_buf_set(&out->id, item->id.p, item->id.n, err);
out:
    tool_inventory_clear(&inv);
    cert_facts_clear(&facts);
    return st;
}

static cr_status pass_read(struct tool *tool, struct cr_buf *pass, struct cr_err *err)
{
    const char *arg = tool_opt(tool, OPT_PASSOUT);
    struct cr_buf again = {0};
    cr_status st = tool_passphrase(arg, "Passphrase of the new file", pass, err);

    if (st.code == CR_E_PIN)
        return cr_fail(err, CR_E_USAGE, "there is no terminal to ask for the new file's passphrase: use --passout");
    if (!cr_failed(st) && !arg && !cr_failed(st = tool_passphrase(NULL, "The same again", &again, err)) &&
        !cr_bytes_equal(cr_buf_bytes(pass), cr_buf_bytes(&again)))
        st = cr_fail(err, CR_E_USAGE, "the two passphrases are not the same: try again");
    if (!cr_failed(st) && (!pass->n || memchr(pass->p, 0, pass->n)))
        st = cr_fail(err, CR_E_USAGE, "export: an empty passphrase protects nothing: choose one");
    cr_buf_clear(&again);
    return st;
}

/* The key is in the clear within this function, and nowhere else. */
static cr_status pfx_make(struct tool *tool, const struct role_cert *cert, const struct place *place,
                          const struct cr_buf *pass, struct cr_buf *pfx, struct cr_err *err)
{
    struct cert_pfx what = {.leaf = cr_buf_bytes(&cert->leaf),
                            .chain = cert->chain,
                            .nchain = cert->nchain,
                            .name = cert->subject,
                            .pass = (const char *)pass->p};
    unsigned char kek[TOK_KEK];
    struct cr_buf wrapped = {0}, pkcs8 = {0};
    struct tok_local *tokens;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    if (RAND_priv_bytes(kek, sizeof(kek)) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random numbers");
    tool_progress_begin("the token wraps the key");
    st = tok_wrap(tokens, place->token, cr_buf_bytes(&place->id), cr_bytes(kek, sizeof(kek)), &wrapped, err);
    tool_progress_end();
    if (!cr_failed(st) &&
        !cr_failed(st = cert_unwrap(cr_bytes(kek, sizeof(kek)), cr_buf_bytes(&wrapped), &pkcs8, err))) {
        what.pkcs8 = cr_buf_bytes(&pkcs8);
        st = cert_pfx_make(&what, pfx, err);
    }
    cr_cleanse(kek, sizeof(kek));
    cr_buf_clear(&wrapped);
    cr_buf_clear(&pkcs8);
    return st;
}

static void report(struct tool *tool, const struct role_cert *cert, const char *file)
{
    tool_result_changed(tool);
    if (tool->dry_run)
        (void)tool_replace_say(tool, file);
    tool_say(tool, "%.16s %sexported with its private key to %s", cert->thumbprint, tool->dry_run ? "would be " : "",
             file);
    json_object_set_new(tool_result(tool), "thumbprint_sha256", json_string(cert->thumbprint));
    json_object_set_new(tool_result(tool), "pfx", json_string(file));
}

/* The history knows before the file is there. */
static cr_status pfx_out(struct tool *tool, const struct role_cert *cert, const char *file, struct cr_err *err)
{
    struct cr_buf pass = {0}, pfx = {0};
    struct place place = {0};
    cr_status st;

    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = place_find(tool, cert, &place, err)))
        goto out;
    if (!tool->dry_run) {
        if (cr_failed(st = pass_read(tool, &pass, err)) ||
            cr_failed(st = pfx_make(tool, cert, &place, &pass, &pfx, err)) ||
            cr_failed(st = tool_history(tool, "export", tool->args[0], NULL, NULL, cert->thumbprint, NULL, err)) ||
            cr_failed(st = tool_output(file, 0600, cr_buf_bytes(&pfx), err)))
            goto out;
    }
    report(tool, cert, file);
out:
    cr_buf_clear(&pass);
    cr_buf_clear(&pfx);
    cr_buf_clear(&place.id);
    return st;
}

static cr_status words_check(struct tool *tool, enum role_slot *slot, struct cr_err *err)
{
    const char *word = tool_opt(tool, OPT_SLOT), *pfx = tool_opt(tool, OPT_PFX), *out = tool_opt(tool, OPT_OUT);
    struct cr_err why;

    if (!!tool_opt(tool, OPT_CERT) + !!tool_opt(tool, OPT_CHAIN) + !!pfx != 1)
        return cr_fail(err, CR_E_USAGE, "export wants one of --cert, --chain and --pfx");
    if (cr_failed(role_name_check(tool->args[0], &why)))
        return cr_fail(err, CR_E_USAGE, "%s", why.text);
    if (word && cr_failed(role_slot_parse(word, slot, &why)))
        return cr_fail(err, CR_E_USAGE, "--slot: %s", why.text);
    if (pfx && (out || !strcmp(pfx, "-")))
        return cr_fail(err, CR_E_USAGE, "export: --pfx names the file itself, and it is not standard output");
    if (!pfx && tool_opt(tool, OPT_PASSOUT))
        return cr_fail(err, CR_E_USAGE, "export: --passout is of --pfx; certificates are no secret");
    if (!pfx && tool->json)
        return cr_fail(err, CR_E_USAGE, "export: --json is of --pfx");
    return cr_ok();
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const char *pfx = tool_opt(tool, OPT_PFX), *out = tool_opt(tool, OPT_OUT);
    bool dry_run = tool->dry_run, chain = tool_opt(tool, OPT_CHAIN);
    enum role_slot slot = ROLE_CURRENT;
    struct tool_role role = {0};
    struct role_cert *cert;
    cr_status st;

    if (cr_failed(st = words_check(tool, &slot, err)) || tool_replace_preview(tool, pfx ? pfx : out))
        return st;
    if (!pfx)
        tool->dry_run = true; /* changes nothing: whoever may read may have certificates */
    if (cr_failed(st = tool_role_read(tool, tool->args[0], &role, err)) ||
        cr_failed(st = tool_role_slot(&role, slot, &cert, err)))
        goto done;
    if (pfx)
        st = pfx_out(tool, cert, pfx, err);
    else if (dry_run)
        certs_say(tool, cert, chain, out);
    else
        st = certs_out(cert, chain, out, err);
done:
    tool_role_clear(&role);
    return st;
}

const struct tool_cmd tool_cmd_export = {
    .name = "export",
    .args = "ROLE",
    .summary = "print a role's certificates, or write them with the private key",
    .doc = "Certificates need neither the token nor write access. A private key leaves\n"
           "its token only if it was imported with --exportable; the history keeps that\n"
           "it did.",
    .flags = TOOL_HAS_DRY_RUN | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
