/* SPDX-License-Identifier: Apache-2.0 */
/* history.jsonl: appended under the lock, each line chained on the hash of the one before. */
#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* What stands behind the last newline is a line whose writer was killed: it is kept, in history.torn. */
static cr_status set_aside(struct store *store, struct cr_bytes torn, struct cr_err *err)
{
    cr_status st = cr_ok();
    int out = openat(store->top.fd, "history.torn", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (out < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot open history.torn");
    if (write(out, torn.p, torn.n) != (ssize_t)torn.n || write(out, "\n", 1) != 1 || fsync(out) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot write history.torn");
    (void)close(out);
    return st;
}

/* Where the next line goes, and what it chains on. */
struct end {
    off_t at;      /* behind the last newline */
    char prev[65]; /* the hash of the last whole line, "" for none */
    bool torn;     /* bytes that were set aside stand behind @at */
};

static cr_status read_end(struct store *store, struct cr_bytes tail, off_t size, role_hash_fn *hash, struct end *end,
                          struct cr_err *err)
{
    const unsigned char *nl = memrchr(tail.p, '\n', tail.n), *start;
    size_t whole = nl != NULL ? (size_t)(nl - tail.p) + 1 : 0;
    cr_status st;

    if (whole == 0 && (off_t)tail.n < size)
        return cr_fail(err, CR_E_INVALID, FILE_NAME " ends in a line of more than %d bytes", 2 * LINE_MAX_BYTES);
    end->at = size - (off_t)(tail.n - whole);
    end->torn = whole < tail.n;
    if (end->torn && cr_failed(st = set_aside(store, cr_bytes(tail.p + whole, tail.n - whole), err)))
        return st;
    if (whole == 0)
        return cr_ok();
    start = memrchr(tail.p, '\n', whole - 1);
    start = start != NULL ? start + 1 : tail.p;
    return role_history_check(cr_bytes(start, (size_t)(tail.p + whole - 1 - start)), NULL, hash, end->prev, err);
}

/* Enough for the last whole line and a torn one behind it. */
static size_t tail_size(const struct stat *sb)
{
    return sb->st_size > 2 * LINE_MAX_BYTES ? 2 * LINE_MAX_BYTES : (size_t)sb->st_size;
}

static cr_status find_end(struct store *store, int fd, role_hash_fn *hash, struct end *end, struct cr_err *err)
{
    struct cr_buf tail = {0};
    struct stat sb;
    cr_status st;

    *end = (struct end){0};
    if (fstat(fd, &sb) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot read " FILE_NAME);
    if (sb.st_size == 0) /* perhaps just made */
        return fsync(store->top.fd) == 0 ? cr_ok()
                                         : cr_fail_errno(err, CR_E_IO, errno, "cannot sync the state directory");
    if (!cr_failed(st = read_tail(fd, sb.st_size, tail_size(&sb), &tail, err)))
        st = read_end(store, cr_buf_bytes(&tail), sb.st_size, hash, end, err);
    cr_buf_clear(&tail);
    return st;
}

/* Over torn bytes if there are any: a kill at any call leaves whole lines and at most one torn, never a torn line
 * forgotten without the note. */
static cr_status write_lines(int fd, const struct end *end, const struct cr_buf *lines, struct cr_err *err)
{
    cr_status st = cr_ok();
    ssize_t n;

    do
        n = pwrite(fd, lines->p, lines->n, end->at);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)lines->n)
        st = cr_fail_errno(err, CR_E_IO, n < 0 ? errno : ENOSPC, "cannot write " FILE_NAME);
    else if (end->torn && ftruncate(fd, end->at + n) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot cut a torn line off " FILE_NAME);
    else if (fsync(fd) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot write " FILE_NAME);
    if (cr_failed(st) && !end->torn && ftruncate(fd, end->at) != 0)
        st = cr_prefix(err, st, "a torn line stays");
    return st;
}

static cr_status append_locked(struct store *store, int fd, const struct role_history_entry *entry, role_hash_fn *hash,
                               char own[65], struct cr_err *err)
{
    struct role_history_entry note = {.when = entry->when,
                                      .uid = entry->uid,
                                      .host = entry->host,
                                      .verb = "repair",
                                      .note = "a torn last line was moved to history.torn"};
    struct cr_buf lines = {0};
    char this[65] = "";
    struct end end;
    cr_status st = find_end(store, fd, hash, &end, err);

    if (!cr_failed(st) && end.torn) {
        if (!cr_failed(st = role_history_write(&note, end.prev, hash, &lines, this, err)))
            memcpy(end.prev, this, sizeof end.prev);
    }
    if (!cr_failed(st))
        st = role_history_write(entry, end.prev, hash, &lines, this, err);
    if (!cr_failed(st) && !cr_failed(st = write_lines(fd, &end, &lines, err)))
        memcpy(own, this, sizeof this);
    cr_buf_clear(&lines);
    return st;
}

cr_status store_history_append(struct store *store, const struct role_history_entry *entry, role_hash_fn *hash,
                               char own[65], struct cr_err *err)
{
    bool mine = false;
    cr_status st;
    int fd;

    if (cr_failed(st = store_lock_unless_held(store, &mine, err)))
        return st;
    fd = openat(store->top.fd, FILE_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot open " FILE_NAME);
    else
        st = append_locked(store, fd, entry, hash, own, err);
    if (fd >= 0)
        (void)close(fd);
    if (mine)
        store_unlock(store);
    return st;
}

static cr_status last_line(struct cr_bytes tail, struct cr_buf *line, bool *found, struct cr_err *err)
{
    const unsigned char *end = memrchr(tail.p, '\n', tail.n), *start;

    if (end == NULL)
        return cr_ok();
    start = memrchr(tail.p, '\n', (size_t)(end - tail.p));
    start = start != NULL ? start + 1 : tail.p;
    *found = true;
    return cr_buf_set(line, start, (size_t)(end - start), err);
}

cr_status store_history_last(struct store *store, struct cr_buf *line, bool *found, struct cr_err *err)
{
    int fd = openat(store->top.fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct cr_buf tail = {0};
    struct stat sb;
    cr_status st;

    *found = false;
    if (fd < 0)
        return errno == ENOENT ? cr_ok() : cr_fail_errno(err, CR_E_IO, errno, "cannot open " FILE_NAME);
    if (fstat(fd, &sb) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot read " FILE_NAME);
    else if (!cr_failed(st = read_tail(fd, sb.st_size, tail_size(&sb), &tail, err)))
        st = last_line(cr_buf_bytes(&tail), line, found, err);
    cr_buf_clear(&tail);
    (void)close(fd);
    return st;
}

static cr_status lines_read(FILE *f, store_history_fn *fn, void *arg, struct cr_err *err)
{
    const size_t room = LINE_MAX_BYTES + 2;
    char *line = malloc(room);
    cr_status st = cr_ok();

    if (line == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t number = 1; !cr_failed(st); number++) {
        size_t n = 0;
        int c = EOF;

        while (n < room && (c = getc_unlocked(f)) != EOF && c != '\n')
            line[n++] = (char)c;
        if (n == room)
            st = cr_fail(err, CR_E_INVALID, FILE_NAME " line %zu: longer than %d bytes", number, LINE_MAX_BYTES);
        else if (ferror(f))
            st = cr_fail_errno(err, CR_E_IO, errno, "cannot read " FILE_NAME);
        else if (n == 0 && c == EOF)
            break;
        else
            st = fn(arg, number, cr_bytes(line, n), c == '\n', err);
    }
    free(line);
    return st;
}

cr_status store_history_each(struct store *store, store_history_fn *fn, void *arg, struct cr_err *err)
{
    int fd = openat(store->top.fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    cr_status st;
    FILE *f;

    if (fd < 0)
        return errno == ENOENT ? cr_ok() : cr_fail_errno(err, CR_E_IO, errno, "cannot open " FILE_NAME);
    if (cr_failed(st = cr_file_trusted(fd, FILE_NAME, err)) || (f = fdopen(fd, "r")) == NULL) {
        (void)close(fd);
        return cr_failed(st) ? st : cr_fail_errno(err, CR_E_IO, errno, "cannot read " FILE_NAME);
    }
    st = lines_read(f, fn, arg, err);
    (void)fclose(f);
    return st;
}
