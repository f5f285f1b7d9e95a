/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_replace.h"

#include <string.h>
#include <sys/stat.h>

bool tool_replace_say(struct tool *tool, const char *path)
{
    struct stat st;

    if (!path || !strcmp(path, "-") || stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    tool_say(tool, "%s is there already, and would be replaced", path);
    return true;
}

bool tool_replace_preview(struct tool *tool, const char *path)
{
    if (tool->phase != TOOL_PREVIEW)
        return false;
    if (tool_replace_say(tool, path))
        tool_result_changed(tool);
    else
        tool->unasked = true;
    return true;
}
