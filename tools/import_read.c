/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "import.h"

static cr_status bytes_read(int fd, const char *name, struct cr_buf *out, struct cr_err *err)
{
    unsigned char part[16384];
    cr_status st = cr_ok();
    ssize_t n;

    while (!cr_failed(st) && (n = read(fd, part, sizeof(part))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = cr_fail_errno(err, CR_E_IO, errno, "%s", name);
        else if (out->n + (size_t)n > CERT_BUNDLE_MAX)
            st = cr_fail(err, CR_E_INVALID, "%s is larger than %d bytes", name, CERT_BUNDLE_MAX);
        else
            st = cr_buf_append(out, part, (size_t)n, err);
    }
    cr_cleanse(part, sizeof(part));
    return st;
}

static cr_status file_read(const char *file, struct cr_buf *out, struct cr_err *err)
{
    bool standard = !strcmp(file, "-");
    int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    cr_status st;

    if (fd < 0)
        return cr_fail_errno(err, CR_E_REFUSED, errno, "%s", file);
    st = bytes_read(fd, standard ? "standard input" : file, out, err);
    if (!standard)
        close(fd);
    return st;
}

struct asking {
    const char *passin, *file;
};

static cr_status pass_get(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    const struct asking *asking = arg;
    cr_status st = tool_passphrase(asking->passin, what && *what ? what : "passphrase", pass, err);

    if (st.code == CR_E_PIN)
        return cr_fail(err, CR_E_USAGE,
                       "%s is encrypted and there is no terminal to ask for the passphrase: use --passin",
                       asking->file);
    return st;
}

cr_status import_read(struct tool *tool, const char *file, struct import *im, struct cr_err *err)
{
    struct asking asking = {tool_opt(tool, OPT_PASSIN), file};
    struct cr_buf bytes = {0};
    cr_status st;

    if (!strcmp(file, "-") && asking.passin && !strcmp(asking.passin, "stdin"))
        return cr_fail(err, CR_E_USAGE, "import: the file and its passphrase cannot both come from standard input");
    if (cr_failed(st = file_read(file, &bytes, err)))
        goto out;
    st = cert_bundle_read(cr_buf_bytes(&bytes), pass_get, &asking, &im->bundle, err);
    if (cr_failed(st)) {
        st = cr_prefix(err, st, "%s", file);
        if (st.code == CR_E_PIN) /* a wrong passphrase of a file is a refusal; the token was not asked */
            st = cr_fail(err, CR_E_REFUSED, "%s", strdupa(err->text));
        goto out;
    }
    if (im->bundle.dropped)
        tool_warn("%s: %zu certificates do not belong to the chain and are left out", file, im->bundle.dropped);
    st = cert_facts_read(NULL, cr_buf_bytes(&im->bundle.leaf), &im->facts, err);
out:
    cr_buf_clear(&bytes);
    return st;
}
