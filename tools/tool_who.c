/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_who.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A copy fit for a log line, or NULL: the environment is not ours. */
static char *name_dup(const char *name)
{
    if (!name || !*name || strlen(name) > 64)
        return NULL;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x21 || *p == 0x7f)
            return NULL;
    return strdup(name);
}

static char *user_name(unsigned uid)
{
    const struct passwd *pw = getpwuid((uid_t)uid);
    char *text = NULL;

    if (pw && (text = name_dup(pw->pw_name)))
        return text;
    return asprintf(&text, "uid %u", uid) < 0 ? NULL : text;
}

/* The uid this session logged in with; it survives sudo and su. 4294967295: none (a service, a container). */
static char *login_name(void)
{
    FILE *f = fopen("/proc/self/loginuid", "re");
    unsigned uid = UINT32_MAX;

    if (f && fscanf(f, "%u", &uid) != 1)
        uid = UINT32_MAX;
    if (f)
        fclose(f);
    return uid == UINT32_MAX ? NULL : user_name(uid);
}

void tool_who_read(struct tool_who *out)
{
    char host[256] = "", *self = user_name((unsigned)getuid());
    const char *person;

    gethostname(host, sizeof(host) - 1);
    *out = (struct tool_who){
        .login = login_name(),
        .sudo_user = name_dup(getenv("SUDO_USER")),
        .host = name_dup(host),
        .uid = (unsigned)getuid(),
    };
    person = out->login ? out->login : out->sudo_user ? out->sudo_user : self;
    if (!person)
        person = "unknown";
    if (self && strcmp(person, self)) {
        if (asprintf(&out->text, "%s (%s%s) on %s", person, out->sudo_user ? "sudo " : "", self,
                     out->host ? out->host : "?") < 0)
            out->text = NULL;
    } else if (asprintf(&out->text, "%s on %s", person, out->host ? out->host : "?") < 0) {
        out->text = NULL;
    }
    free(self);
}

void tool_who_clear(struct tool_who *who)
{
    free(who->login);
    free(who->sudo_user);
    free(who->host);
    free(who->text);
    *who = (struct tool_who){0};
}
