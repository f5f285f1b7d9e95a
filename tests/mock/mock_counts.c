/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "mock_count.h"

int main(int argc, char **argv)
{
    struct mock_counts *c = argc == 2 ? mock_counts_map(argv[1]) : NULL;

    if (c == NULL) {
        fprintf(stderr, "usage: mock_counts FILE\n");
        return 2;
    }
    for (int i = 0; i < MOCK_COUNT; i++)
        if (c->of[i].calls > 0)
            printf("%s %lu\n", c->of[i].label, (unsigned long)c->of[i].calls);
    return 0;
}
