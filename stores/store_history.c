/* SPDX-License-Identifier: Apache-2.0 */
/* history.jsonl: appended under the lock, each line chained on the hash of the one before. */
#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME      "history.jsonl"
#define LINE_MAX_BYTES (256 * 1024)

/* The last @want bytes before @end. */
static cr_status read_tail(int fd, off_t end, size_t want, struct cr_buf *out, struct cr_err *err)
{
    unsigned char *p = malloc(want + 1);
    cr_status st = cr_ok();
    size_t have = 0;

    if (p == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    while (have < want) {
        ssize_t n = pread(fd, p + have, want - have, end - (off_t)want + (off_t)have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            st = cr_fail_errno(err, CR_E_IO, n < 0 ? errno : EIO, "cannot read " FILE_NAME);
            break;
        }
        have += (size_t)n;
    }
    if (!cr_failed(st))
        st = cr_buf_set(out, p, want, err);
    free(p);
    return st;
}

/* What stands behind the last newline is a line whose writer was killed: it is kept, as history.torn, and cut off. */
static cr_status set_aside(struct store *store, int fd, off_t keep, struct cr_bytes torn, struct cr_err *err)
{
    cr_status st = cr_ok();
    int out = openat(store->dirfd, "history.torn", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (out < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot open history.torn");
    if (write(out, torn.p, torn.n) != (ssize_t)torn.n || write(out, "\n", 1) != 1 || fsync(out) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot write history.torn");
    (void)close(out);
    if (!cr_failed(st) && ftruncate(fd, keep) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot cut a torn line off " FILE_NAME);
    return st;
}

/* The hash of the last whole line into @prev ("" for none); *torn says that a torn one was set aside. */
static cr_status last_hash(struct store *store, int fd, role_hash_fn *hash, char prev[65], bool *torn,
                           struct cr_err *err)
{
    struct cr_buf tail = {0};
    const unsigned char *nl, *start;
    struct stat sb;
    cr_status st = cr_ok();
    size_t want, whole;

    prev[0] = '\0';
    if (fstat(fd, &sb) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot read " FILE_NAME);
    if (sb.st_size == 0)
        return st;
    want = sb.st_size > 2 * LINE_MAX_BYTES ? 2 * LINE_MAX_BYTES : (size_t)sb.st_size;
    if (cr_failed(st = read_tail(fd, sb.st_size, want, &tail, err)))
        goto out;
    nl = memrchr(tail.p, '\n', tail.n);
    whole = nl != NULL ? (size_t)(nl - tail.p) + 1 : 0;
    if (whole == 0 && (off_t)want < sb.st_size) {
        st = cr_fail(err, CR_E_INVALID, FILE_NAME " ends in a line of more than %d bytes", 2 * LINE_MAX_BYTES);
        goto out;
    }
    if (whole < tail.n) {
        *torn = true;
        st = set_aside(store, fd, sb.st_size - (off_t)(tail.n - whole), cr_bytes(tail.p + whole, tail.n - whole), err);
        if (cr_failed(st))
            goto out;
    }
    if (whole == 0)
        goto out;
    start = memrchr(tail.p, '\n', whole - 1);
    start = start != NULL ? start + 1 : tail.p;
    st = role_history_check(cr_bytes(start, (size_t)(tail.p + whole - 1 - start)), NULL, hash, prev, err);
out:
    cr_buf_clear(&tail);
    return st;
}

static cr_status append_line(int fd, const struct cr_buf *line, struct cr_err *err)
{
    ssize_t n;

    do
        n = write(fd, line->p, line->n);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)line->n)
        return cr_fail_errno(err, CR_E_IO, n < 0 ? errno : ENOSPC, "cannot write " FILE_NAME);
    if (fsync(fd) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot write " FILE_NAME);
    return cr_ok();
}

static cr_status append_locked(struct store *store, int fd, const struct role_history_entry *entry, role_hash_fn *hash,
                               struct cr_err *err)
{
    struct cr_buf lines = {0};
    char prev[65] = "", this[65] = "";
    bool torn = false;
    cr_status st = last_hash(store, fd, hash, prev, &torn, err);

    if (!cr_failed(st) && torn) {
        struct role_history_entry note = {.when = entry->when,
                                          .uid = entry->uid,
                                          .host = entry->host,
                                          .verb = "repair",
                                          .note = "a torn last line was moved to history.torn"};

        if (!cr_failed(st = role_history_write(&note, prev, hash, &lines, this, err)))
            memcpy(prev, this, sizeof prev);
    }
    if (!cr_failed(st))
        st = role_history_write(entry, prev, hash, &lines, this, err);
    if (!cr_failed(st))
        st = append_line(fd, &lines, err);
    cr_buf_clear(&lines);
    return st;
}

cr_status store_history_append(struct store *store, const struct role_history_entry *entry, role_hash_fn *hash,
                               struct cr_err *err)
{
    bool mine = false;
    cr_status st;
    int fd;

    if (cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    fd = openat(store->dirfd, FILE_NAME, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot open " FILE_NAME);
    else
        st = append_locked(store, fd, entry, hash, err);
    if (fd >= 0)
        (void)close(fd);
    if (mine)
        store_unlock(store);
    return st;
}
