/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_dropin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cr_file.h"

#define FILE_NAME   "certroll.conf"
#define SUFFIX      ".service"
#define DROPIN_MAX  (16 * 1024)
#define UNIT_MAX    (256 * 1024)
#define HEAD        "# Written by certroll enable; 'certroll disable' removes it.\n"
#define SECTION     "[Service]\n"
#define ENVIRONMENT "Environment=\"OPENSSL_CONF="
#define GROUPS      "SupplementaryGroups="

/* ---- names ---- */

/* systemd.unit(5): ASCII letters, digits, ":-_.\" and "@". A leading dot would be a hidden folder. */
static cr_status name_set(const char *name, struct unit_dropin *out, struct cr_err *err)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    static const char *const others[] = {".socket", ".target", ".timer", ".mount",  ".automount", ".path",
                                         ".slice",  ".scope",  ".swap",  ".device", ".conf"};
    size_t n = strlen(name), tail = strlen(SUFFIX);
    const char *at = strchr(name, '@');
    bool whole = n > tail && !strcmp(name + n - tail, SUFFIX);

    for (size_t i = 0; i < CR_COUNT(others); i++)
        if (n > strlen(others[i]) && !strcmp(name + n - strlen(others[i]), others[i]))
            return cr_fail(err, CR_E_USAGE, "'%s' is no service: a drop-in for certroll is one of a .service", name);
    if (!n || name[strspn(name, good)] || *name == '.' || *name == '-' || at == name || (at && strchr(at + 1, '@')) ||
        n + (whole ? 0 : tail) > UNIT_NAME_MAX)
        return cr_fail(err, CR_E_USAGE, "'%s' is no name of a systemd unit", name);
    snprintf(out->unit, sizeof(out->unit), "%s%s", name, whole ? "" : SUFFIX);
    snprintf(out->path, sizeof(out->path), "%s/%s.d/%s", UNIT_FOLDER, out->unit, FILE_NAME);
    return cr_ok();
}

/* ---- unit files ---- */

static bool has_user(struct cr_bytes text)
{
    const char *p = (const char *)text.p;

    return p && (!strncmp(p, "User=", 5) || strstr(p, "\nUser=") || strstr(p, "\nDynamicUser=yes"));
}

/* The order is systemd's; an instance's file is that of its template. */
static void unit_file_find(struct unit_dropin *unit)
{
    static const char *const dirs[] = {UNIT_FOLDER,
                                       "/run/systemd/system",
                                       "/run/systemd/generator",
                                       "/usr/local/lib/systemd/system",
                                       "/usr/lib/systemd/system",
                                       "/lib/systemd/system",
                                       "/run/systemd/generator.late"};
    const char *at = strchr(unit->unit, '@');
    struct cr_buf text = {0};
    char path[sizeof(unit->file)];

    for (size_t i = 0; i < 2 * CR_COUNT(dirs) && !*unit->file; i++) {
        const char *dir = dirs[i % CR_COUNT(dirs)];
        if (i < CR_COUNT(dirs))
            snprintf(path, sizeof(path), "%s/%s", dir, unit->unit);
        else if (at)
            snprintf(path, sizeof(path), "%s/%.*s@%s", dir, (int)(at - unit->unit), unit->unit, SUFFIX);
        else
            break;
        if (!access(path, F_OK))
            snprintf(unit->file, sizeof(unit->file), "%s", path);
    }
    char *real = *unit->file ? realpath(unit->file, NULL) : NULL;
    if (real && !cr_failed(cr_file_read(AT_FDCWD, real, UNIT_MAX, false, &text, NULL, NULL)))
        unit->own_user = has_user(cr_buf_bytes(&text));
    free(real);
    cr_buf_clear(&text);
}

/* ---- the drop-in ---- */

static bool line_is_ours(const char *line, size_t n)
{
    static const char *const starts[] = {ENVIRONMENT, GROUPS};

    if (n + 1 == strlen(SECTION) && !strncmp(line, SECTION, n))
        return true;
    for (size_t i = 0; i < CR_COUNT(starts); i++)
        if (n > strlen(starts[i]) && !strncmp(line, starts[i], strlen(starts[i])))
            return line[n - 1] != '\\';
    return false;
}

static bool is_ours(struct cr_bytes text)
{
    const char *p = (const char *)text.p, *end = p + text.n;

    if (text.n < strlen(HEAD) || memcmp(p, HEAD, strlen(HEAD)) != 0 || memchr(p, '\0', text.n))
        return false;
    for (p += strlen(HEAD); p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop || !line_is_ours(p, (size_t)(stop - p)))
            return false;
        p = stop + 1;
    }
    return true;
}

cr_status unit_dropin_read(const char *name, struct unit_dropin *out, struct cr_err *err)
{
    struct unit_dropin unit = {0};
    cr_status st = name_set(name, &unit, err);

    if (cr_failed(st))
        return st;
    unit_file_find(&unit);
    st = cr_file_read(AT_FDCWD, unit.path, DROPIN_MAX, false, &unit.now, NULL, err);
    if (st.code == CR_E_NOT_FOUND)
        st = cr_ok();
    else if (!cr_failed(st) && !is_ours(cr_buf_bytes(&unit.now)))
        st = cr_fail(err, CR_E_REFUSED, "%s has lines that certroll did not write: move it out of the way", unit.path);
    if (cr_failed(st))
        unit_dropin_clear(&unit);
    else
        *out = unit;
    return st;
}

void unit_dropin_clear(struct unit_dropin *unit)
{
    cr_buf_clear(&unit->now);
    *unit = (struct unit_dropin){0};
}

/* systemd.syntax(7) and systemd.unit(5): '"' and '\' by a backslash, '%' doubled. */
static cr_status value_append(const char *value, bool quoted, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (const char *p = value; *p && !cr_failed(st); p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return cr_fail(err, CR_E_REFUSED, "'%s' has a control character, which a unit file cannot name", value);
        if (*p == '%' || (quoted && (*p == '"' || *p == '\\')))
            st = cr_buf_append(out, *p == '%' ? "%" : "\\", 1, err);
        if (!cr_failed(st))
            st = cr_buf_append(out, p, 1, err);
    }
    return st;
}

cr_status unit_dropin_text(const char *openssl_cnf, const char *group, struct cr_buf *out, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = cr_buf_append_str(out, HEAD SECTION ENVIRONMENT, err)) ||
        cr_failed(st = value_append(openssl_cnf, true, out, err)) ||
        cr_failed(st = cr_buf_append_str(out, "\"\n", err)) || !group)
        return st;
    if (cr_failed(st = cr_buf_append_str(out, GROUPS, err)) || cr_failed(st = value_append(group, false, out, err)))
        return st;
    return cr_buf_append_str(out, "\n", err);
}

/* ---- files ---- */

static void folder_of(const struct unit_dropin *unit, char out[sizeof(unit->path)])
{
    snprintf(out, sizeof(unit->path), "%.*s", (int)(strrchr(unit->path, '/') - unit->path), unit->path);
}

/* Open, and nobody else's to write. */
static cr_status folder_open(const char *folder, int *fd, struct cr_err *err)
{
    cr_status st;

    if ((*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "%s", folder);
    if (cr_failed(st = cr_file_trusted(*fd, folder, err))) {
        close(*fd);
        *fd = -1;
    }
    return st;
}

/* A new folder that a crash does not lose. */
static cr_status folder_make(const char *folder, struct cr_err *err)
{
    cr_status st;
    int fd = -1;

    if (!access(folder, F_OK))
        return cr_ok();
    if (cr_failed(st = folder_open(UNIT_FOLDER, &fd, err)))
        return st;
    if (mkdir(folder, 0755) || chmod(folder, 0755)) /* whatever the umask */
        st = errno == EEXIST ? cr_ok() : cr_fail_errno(err, CR_E_IO, errno, "%s", folder);
    else if (fsync(fd))
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", UNIT_FOLDER);
    close(fd);
    return st;
}

cr_status unit_dropin_put(const struct unit_dropin *unit, struct cr_bytes text, struct cr_err *err)
{
    char folder[sizeof(unit->path)];
    cr_status st;
    int fd = -1;

    folder_of(unit, folder);
    if (cr_failed(st = folder_make(folder, err)) || cr_failed(st = folder_open(folder, &fd, err)))
        return st;
    st = cr_file_replace(fd, FILE_NAME, 0644, (gid_t)-1, text, err);
    close(fd);
    return st;
}

cr_status unit_dropin_remove(const struct unit_dropin *unit, struct cr_err *err)
{
    char folder[sizeof(unit->path)];
    cr_status st;
    int fd = -1;

    folder_of(unit, folder);
    if (cr_failed(st = folder_open(folder, &fd, err)))
        return st;
    if (unlinkat(fd, FILE_NAME, 0) || fsync(fd))
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", unit->path);
    close(fd);
    if (!cr_failed(st) && rmdir(folder) && errno != ENOTEMPTY && errno != EEXIST && errno != EBUSY)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", folder);
    return st;
}

cr_status unit_reload(bool *done, struct cr_err *err)
{
    int status = -1;
    pid_t pid;

    *done = false;
    if (sd_booted() <= 0)
        return cr_ok();
    if (!(pid = fork())) {
        execlp("systemctl", "systemctl", "daemon-reload", NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return cr_fail(err, CR_E_IO, "'systemctl daemon-reload' failed: run it by hand");
    *done = true;
    return cr_ok();
}
