/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

cr_status cr_secret_set(struct cr_secret *s, struct cr_bytes what, struct cr_err *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (what.n + page - 1) / page * page;
    struct cr_secret fresh = {.n = what.n, .size = size};
    void *p;

    if (what.n == 0 || size < what.n)
        return cr_fail(err, CR_E_INVALID, "not a secret to keep: %zu bytes", what.n);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    /* Where they fail the secret is kept as any other memory. */
    (void)madvise(p, size, MADV_DONTDUMP);
    (void)mlock(p, size);
    fresh.p = memcpy(p, what.p, what.n);
    cr_secret_clear(s);
    *s = fresh;
    return cr_ok();
}

void cr_secret_clear(struct cr_secret *s)
{
    if (s->p != NULL) {
        cr_cleanse(s->p, s->size);
        (void)munmap(s->p, s->size);
    }
    *s = (struct cr_secret){0};
}
