/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "tool.h"

int main(int argc, char **argv)
{
    return tool_main(argc, argv, (int64_t)time(NULL));
}
