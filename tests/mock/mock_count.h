/* SPDX-License-Identifier: Apache-2.0 */
/* What mock_count.so shares with tests and benchmarks: a file, mapped by both, with one entry a function. The module
 * forwards every call to the module named in CERTROLL_MOCK_TARGET, counts it in the file named in CERTROLL_MOCK_COUNTS
 * (made if need be), first waits CERTROLL_MOCK_DELAY_US microseconds, and fails it where a test asks for that; in between
 * it behaves as mock_persona.h says. mock_counts FILE prints "NAME COUNT" lines of the functions that were called. */
#ifndef MOCK_COUNT_H
#define MOCK_COUNT_H

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mock_functions.h"
#include "mock_persona.h"

#define MOCK_ENUM(name, params, args) MOCK_##name,
enum mock_function { MOCK_FUNCTIONS(MOCK_ENUM) MOCK_COUNT };

struct mock_entry {
    char label[32];
    atomic_ulong calls;
    atomic_ulong fail_rv;   /* returned instead of a call */
    atomic_ulong fail_skip; /* after that many calls that pass */
    atomic_ulong fail_left; /* that often */
    atomic_ulong failed;    /* how often it was */
    atomic_ulong delay_us;  /* of this function, besides the one of all; a call that waits goes on when it is lowered */
};

struct mock_counts {
    struct mock_entry of[MOCK_COUNT];
    struct mock_persona persona;
    struct mock_seen seen;
};

/* NULL when the file cannot be mapped. */
static inline struct mock_counts *mock_counts_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *p = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)sizeof(struct mock_counts)) == 0)
        p = mmap(NULL, sizeof(struct mock_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static inline unsigned long mock_counts_total(struct mock_counts *c)
{
    unsigned long n = 0;

    for (int i = 0; i < MOCK_COUNT; i++)
        n += atomic_load(&c->of[i].calls);
    return n;
}

/* From now on @skip calls pass, @times fail with @rv, all others pass; 0 times: none fails. */
static inline void mock_fail(struct mock_counts *c, enum mock_function of, unsigned long rv, unsigned long skip,
                             unsigned long times)
{
    struct mock_entry *e = &c->of[of];

    atomic_store(&e->fail_left, 0);
    atomic_store(&e->fail_rv, rv);
    atomic_store(&e->fail_skip, skip);
    atomic_store(&e->fail_left, times);
}

#endif
