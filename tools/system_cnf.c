/* SPDX-License-Identifier: Apache-2.0 */
#include "system_cnf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cr_file.h"
#include "system_block.h"

#define CNF_MAX (1024 * 1024)
#define PROVE_S 30

static cr_status locate(struct system_cnf *cnf, struct cr_err *err)
{
    const char *dir = OPENSSL_info(OPENSSL_INFO_CONFIG_DIR);
    char path[4096];
    struct stat sb;

    snprintf(path, sizeof(path), "%s/openssl.cnf", dir ? dir : "/usr/lib/ssl");
    if (!(cnf->path = realpath(path, NULL)) || stat(cnf->path, &sb))
        return cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "%s", path);
    cnf->mode = sb.st_mode & 07777;
    cnf->gid = sb.st_gid;
    return cr_ok();
}

cr_status system_cnf_read(struct system_cnf *out, struct cr_err *err)
{
    struct system_cnf cnf = {0};
    cr_status st = locate(&cnf, err);

    if (!cr_failed(st))
        st = cr_file_read(AT_FDCWD, cnf.path, CNF_MAX, true, &cnf.text, NULL, err);
    if (!cr_failed(st) && cr_failed(st = system_block_find(cr_buf_bytes(&cnf.text), &cnf.begin, &cnf.end, err)))
        st = cr_prefix(err, st, "%s", cnf.path);
    if (cr_failed(st))
        system_cnf_clear(&cnf);
    else
        *out = cnf;
    return st;
}

void system_cnf_clear(struct system_cnf *cnf)
{
    free(cnf->path);
    cr_buf_clear(&cnf->text);
    *cnf = (struct system_cnf){0};
}

cr_status system_cnf_without(const struct system_cnf *cnf, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_buf_set(out, cnf->text.p, cnf->begin, err);

    return cr_failed(st) ? st : cr_buf_append(out, cnf->text.p + cnf->end, cnf->text.n - cnf->end, err);
}

cr_status system_cnf_with(const struct system_cnf *cnf, const char *module, const char *certroll_conf, bool *done,
                          struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf bare = {0}, block = {0};
    cr_status st;

    if (cr_failed(st = system_cnf_without(cnf, &bare, err)))
        goto out;
    if (cr_failed(st = system_block_text(cr_buf_bytes(&bare), module, certroll_conf, &block, err))) {
        st = cr_prefix(err, st, "%s", cnf->path);
        goto out;
    }
    *done = !block.n;
    if (block.n && !cr_failed(st = cr_buf_append(out, bare.p, bare.n, err)))
        st = cr_buf_append(out, block.p, block.n, err);
out:
    cr_buf_clear(&bare);
    cr_buf_clear(&block);
    return st;
}

cr_status system_cnf_prove(struct cr_bytes text, struct cr_err *err)
{
    int fd = memfd_create("openssl.cnf", 0), status = -1;
    pid_t pid;

    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n) {
        cr_status st = cr_fail_errno(err, CR_E_IO, errno, "a copy of openssl.cnf");
        if (fd >= 0)
            close(fd);
        return st;
    }
    if (!(pid = fork())) {
        alarm(PROVE_S);
        _exit(!chdir("/") && system_block_loads(fd) ? 0 : 1); /* where services run */
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(fd);
    return pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status)
               ? cr_ok()
               : cr_fail(err, CR_E_REFUSED,
                         "OpenSSL does not load the providers default and certroll from the file it would become: see "
                         "'certroll check'");
}

cr_status system_cnf_put(const struct system_cnf *cnf, struct cr_bytes text, struct cr_err *err)
{
    char *dir = strdup(cnf->path), *slash = dir ? strrchr(dir, '/') : NULL;
    int fd = -1;
    cr_status st;

    if (!slash) {
        free(dir);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    *slash = '\0';
    if ((fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", dir);
    else if (cr_failed(st = cr_file_replace(fd, slash + 1, cnf->mode, cnf->gid, text, err)))
        st = cr_prefix(err, st, "%s", cnf->path);
    if (fd >= 0)
        close(fd);
    free(dir);
    return st;
}
