/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "tool.h"

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

int main(int argc, char **argv)
{
    return tool_main(argc, argv, now);
}
