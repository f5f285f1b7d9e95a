/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_pem.h"

#include <string.h>

#define LINE  256 /* PEM_read_bio's */
#define BEGIN "-----BEGIN "
#define END   "-----END "
#define TAIL  "-----"

/* Without what PEM_read_bio ignores at its end. False at the end of the file. */
static bool next_line(BIO *bio, char line[LINE], int *len)
{
    int n = BIO_gets(bio, line, LINE - 1);

    if (n <= 0)
        return false;
    while (n > 0 && (unsigned char)line[n - 1] <= ' ')
        n--;
    line[n] = '\0';
    *len = n;
    return true;
}

static bool starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

bool prov_pem_label(BIO *bio, char label[PROV_PEM_LABEL], int *start)
{
    char line[LINE];

    for (;;) {
        int at = BIO_tell(bio), n, len;

        if (!next_line(bio, line, &n))
            return false;
        len = n - (int)(strlen(BEGIN) + strlen(TAIL));
        if (len <= 0 || len >= PROV_PEM_LABEL || !starts(line, BEGIN) || strcmp(line + n - strlen(TAIL), TAIL) != 0)
            continue;
        memcpy(label, line + strlen(BEGIN), (size_t)len);
        label[len] = '\0';
        *start = at;
        return true;
    }
}

void prov_pem_pass(BIO *bio)
{
    char line[LINE];

    do {
        line[0] = '\0';
    } while (BIO_gets(bio, line, LINE - 1) > 0 && !starts(line, END));
}
