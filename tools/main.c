/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
#include <time.h>

#include "tool.h"

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

int main(int argc, char **argv)
{
    /* What the tools compute themselves hangs on no openssl.cnf: it may be what is wrong, or what is being changed. Where a
     * server's counts, it is loaded into a context of its own. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    return tool_main(argc, argv, now);
}
