/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of the store's directories; foreign files in them are passed over. */
#include "store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static cr_status add(char ***names, size_t *n, const char *stem, size_t len, struct cr_err *err)
{
    char **more = realloc(*names, (*n + 1) * sizeof **names);

    if (more == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    *names = more;
    if ((more[*n] = strndup(stem, len)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    (*n)++;
    return cr_ok();
}

cr_status store_list(int fd, bool (*accept)(const char *stem, size_t len), char ***names, size_t *n, struct cr_err *err)
{
    int own =
        openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a descriptor of its own has a position of its own */
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    char **list = NULL;
    size_t count = 0;
    struct dirent *e;
    cr_status st = cr_ok();

    if (dir == NULL) {
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot list the state directory");
        if (own >= 0)
            (void)close(own);
        return st;
    }
    while (!cr_failed(st) && (errno = 0, e = readdir(dir)) != NULL) {
        size_t len = strlen(e->d_name);

        if (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0 && accept(e->d_name, len - 5))
            st = add(&list, &count, e->d_name, len - 5, err);
    }
    if (!cr_failed(st) && errno != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot list the state directory");
    (void)closedir(dir);
    if (cr_failed(st)) {
        store_names_free(&list, count);
        return st;
    }
    if (count > 1)
        qsort(list, count, sizeof *list, by_name);
    *names = list;
    *n = count;
    return cr_ok();
}

void store_names_free(char ***names, size_t n)
{
    if (names == NULL || *names == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        free((*names)[i]);
    free(*names);
    *names = NULL;
}

cr_status store_roles(struct store *store, char ***names, size_t *n, struct cr_err *err)
{
    int fd;
    cr_status st = store_roles_fd(store, &fd, err);

    return cr_failed(st) ? st : store_list(fd, role_name_valid, names, n, err);
}
