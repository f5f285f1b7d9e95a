/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_parse.h"

#include <stdio.h>
#include <string.h>

#define COLUMN 28 /* where the explanation of an option starts */

static void option_line(const char *name, const char *arg, const char *help)
{
    int n = printf("  --%s%s%s", name, arg ? " " : "", arg ? arg : "");

    if (n >= COLUMN - 1) {
        putchar('\n');
        n = 0;
    }
    /* a newline in the text continues in the same column */
    for (const char *line = help; line;) {
        const char *end = strchr(line, '\n');
        printf("%*s%.*s\n", COLUMN - n, "", end ? (int)(end - line) : (int)strlen(line), line);
        n = 0;
        line = end ? end + 1 : NULL;
    }
}

static void commons_print(const struct tool_cmd *cmd)
{
    for (size_t i = 0; i < tool_ncommons; i++)
        if (tool_common_applies(&tool_commons[i], cmd))
            option_line(tool_commons[i].name, tool_commons[i].arg, tool_commons[i].help);
}

static void tool_help_all(void)
{
    puts("Usage: certroll [OPTION...] COMMAND [ARGUMENT...]\n"
         "Certificates and keys behind role names that servers sign with.\n");
    for (size_t i = 0; i < tool_ncmds; i++)
        printf("  %-10s %s\n", tool_cmds[i]->name, tool_cmds[i]->summary);
    putchar('\n');
    commons_print(NULL);
    option_line("version", NULL, "print the version");
    puts("\nExit status: 0 done or already so, 1 refused, 2 usage, 3 token or store\n"
         "unavailable, 4 changed meanwhile. 'certroll COMMAND --help' tells more.");
}

void tool_help(const struct tool_cmd *cmd)
{
    if (!cmd) {
        tool_help_all();
        return;
    }
    printf("Usage: certroll %s [OPTION...]%s%s\n%s\n\n", cmd->name, *cmd->args ? " " : "", cmd->args, cmd->summary);
    for (const struct tool_option *o = cmd->options; o && o->name; o++)
        option_line(o->name, o->arg, o->help);
    commons_print(cmd);
    if (cmd->doc)
        printf("\n%s\n", cmd->doc);
}
