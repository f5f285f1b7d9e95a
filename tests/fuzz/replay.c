/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a corpus folder through a fuzz target where libFuzzer is not there (gcc builds, ctest). An empty or missing
 * folder is a failure: a replay that replays nothing would pass for ever. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    size_t n;

    if (f == NULL) {
        perror(path);
        return 1;
    }
    data = malloc(8u << 20);
    if (data == NULL) {
        fclose(f);
        return 1;
    }
    n = fread(data, 1, 8u << 20, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    char path[4096];
    struct dirent *e;
    unsigned done = 0;
    DIR *dir;

    if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER (which must exist)\n", argv[0]);
        return 2;
    }
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        if (replay(path) != 0)
            return 1;
        done++;
    }
    closedir(dir);
    printf("%u inputs replayed\n", done);
    return done > 0 ? 0 : 1;
}
