/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tool_confirm.h"

static cr_status bytes_read(int fd, const char *name, size_t max, struct cr_buf *out, struct cr_err *err)
{
    unsigned char part[16384];
    cr_status st = cr_ok();
    ssize_t n;

    while (!cr_failed(st) && (n = read(fd, part, sizeof(part))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = cr_fail_errno(err, CR_E_IO, errno, "%s", name);
        else if (out->n + (size_t)n > max)
            st = cr_fail(err, CR_E_INVALID, "%s is larger than %zu bytes", name, max);
        else
            st = cr_buf_append(out, part, (size_t)n, err);
    }
    cr_cleanse(part, sizeof(part));
    return st;
}

cr_status tool_input(struct tool *tool, const char *file, size_t max, struct cr_buf *out, struct cr_err *err)
{
    bool standard = !strcmp(file, "-"), kept = false;
    cr_status st = tool_shown_input(tool, out, &kept, err);
    int fd;

    if (kept || cr_failed(st))
        return st;
    fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cr_fail_errno(err, CR_E_REFUSED, errno, "%s", file);
    st = bytes_read(fd, standard ? "standard input" : file, max, out, err);
    if (!standard)
        close(fd);
    return cr_failed(st) ? st : tool_shown_input_keep(tool, cr_buf_bytes(out), err);
}
