/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "import.h"
#include "tool_confirm.h"
#include "common/cr_text.h"

struct asking {
    struct tool *tool;
    const char *passin, *file;
};

static cr_status pass_get(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    const struct asking *asking = arg;
    struct cr_buf prompt = {0};
    cr_status st = cr_buf_append_str(&prompt, "Passphrase of ", err);

    (void)what; /* of the file there is one */
    if (!cr_failed(st) &&
        !cr_failed(st = strcmp(asking->file, "-") ? cr_text_plain(asking->file, &prompt, err)
                                                  : cr_buf_append_str(&prompt, "standard input", err)))
        st = tool_shown_secret(asking->tool, asking->passin, (const char *)prompt.p, pass, err);
    cr_buf_clear(&prompt);
    if (st.code == CR_E_PIN)
        return cr_fail(err, CR_E_USAGE,
                       "%s is encrypted and there is no terminal to ask for the passphrase: use --passin",
                       asking->file);
    return st;
}

cr_status import_file_read(struct tool *tool, const char *file, cert_pass_fn *pass, void *pass_arg,
                           struct cert_bundle *out, struct cr_err *err)
{
    struct cr_buf bytes = {0};
    cr_status st;

    if (cr_failed(st = tool_input(tool, file, CERT_BUNDLE_MAX, &bytes, err)))
        goto out;
    st = cert_bundle_read(cr_buf_bytes(&bytes), pass, pass_arg, out, err);
    if (cr_failed(st)) {
        st = cr_prefix(err, st, "%s", file);
        if (st.code == CR_E_PIN) /* a wrong passphrase of a file is a refusal; the token was not asked */
            st = cr_fail(err, CR_E_REFUSED, "%s", strdupa(err->text));
    }
out:
    cr_buf_clear(&bytes);
    return st;
}

cr_status import_read(struct tool *tool, const char *file, struct import *im, struct cr_err *err)
{
    struct asking asking = {tool, tool_opt(tool, OPT_PASSIN), file};
    cr_status st;

    if (!strcmp(file, "-") && asking.passin && !strcmp(asking.passin, "stdin"))
        return cr_fail(err, CR_E_USAGE, "import: the file and its passphrase cannot both come from standard input");
    if (cr_failed(st = import_file_read(tool, file, pass_get, &asking, &im->bundle, err)))
        return st;
    if (im->bundle.dropped)
        tool_warn("%s: %zu certificates do not belong to the chain and are left out", file, im->bundle.dropped);
    return cert_facts_read(NULL, cr_buf_bytes(&im->bundle.leaf), &im->facts, err);
}
