/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_pin.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_file.h"
#include "conf.h"

#define PIN_MAX  1024
#define NAME_LEN 255 /* of a credential, as systemd has it */

/* Percent-decodes @text in place (RFC 3986 section 2.1). */
static cr_status percent_decode(char *text, struct cr_err *err)
{
    char *w = text;

    for (const char *r = text; *r != '\0'; r++) {
        struct cr_buf byte = {0};

        if (*r == '%') {
            char pair[3] = {r[1], '\0', '\0'};
            bool good;

            if (r[1] != '\0')
                pair[1] = r[2];
            good = !cr_failed(cr_unhex(pair, &byte, NULL)) && byte.n == 1 && byte.p[0] >= 0x20;
            if (good)
                *w++ = (char)byte.p[0];
            cr_buf_clear(&byte);
            if (!good)
                return cr_fail(err, CR_E_INVALID, "a '%%' is not followed by the two digits of a printable byte");
            r += 2;
        } else {
            *w++ = *r;
        }
    }
    *w = '\0';
    return cr_ok();
}

/* A file: URI of this host (RFC 8089), as pin-source has it in RFC 7512. */
static cr_status file_uri(const char *value, char **out, struct cr_err *err)
{
    cr_status st;

    value += strncmp(value, "file://", 7) == 0 ? 7 : 5;
    if (value[0] != '/')
        return cr_fail(err, CR_E_INVALID, "a file: URI of this host has the form file:/PATH");
    if (cr_failed(st = cr_strdup(value, out, err)) || cr_failed(st = percent_decode(*out, err)))
        return st;
    /* What decoding brought to the end could not be written back. */
    return (*out)[strlen(*out) - 1] == ' ' ? cr_fail(err, CR_E_INVALID, "ends in white space") : st;
}

/* It becomes the name of a file in one directory and nowhere else. */
static cr_status credential_check(const char *name, struct cr_err *err)
{
    if (*name == '\0' || *name == '.' || strlen(name) > NAME_LEN || strpbrk(name, "/:%\\ \"'") != NULL)
        return cr_fail(err, CR_E_INVALID, "credential: wants the NAME of LoadCredential=NAME:PATH in the unit");
    return cr_ok();
}

static cr_status callback_check(const char *name, struct cr_err *err)
{
    if (*name == '\0' || strlen(name) > NAME_LEN)
        return cr_fail(err, CR_E_INVALID, "p11-kit: wants the name that the program's PIN callback has");
    return cr_ok();
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum conf_pin_kind conf_pin_kind(const char *source)
{
    if (source == NULL)
        return CONF_PIN_NONE;
    if (starts(source, "credential:"))
        return CONF_PIN_CREDENTIAL;
    if (starts(source, "p11-kit:"))
        return CONF_PIN_P11KIT;
    return strcmp(source, "prompt:") == 0 ? CONF_PIN_PROMPT : CONF_PIN_FILE;
}

const char *conf_pin_name(const char *source)
{
    return conf_pin_kind(source) == CONF_PIN_FILE ? source : strchr(source, ':') + 1;
}

/* The value is not repeated in errors: people write the PIN itself here. */
static cr_status source_check(const char *text, struct cr_err *err)
{
    switch (conf_pin_kind(text)) {
    case CONF_PIN_CREDENTIAL:
        return credential_check(conf_pin_name(text), err);
    case CONF_PIN_P11KIT:
        return callback_check(conf_pin_name(text), err);
    case CONF_PIN_FILE:
        if (text[0] != '/')
            return cr_fail(err, CR_E_INVALID,
                           "not file:/PATH or the absolute path of a file that holds the PIN, and not credential:NAME, "
                           "p11-kit:NAME or prompt:");
        break;
    case CONF_PIN_PROMPT:
    case CONF_PIN_NONE:
        break;
    }
    return cr_ok();
}

cr_status conf_pin_source(const char *text, char **out, struct cr_err *err)
{
    char *value = NULL;
    cr_status st = starts(text, "file:") ? file_uri(text, &value, err) : source_check(text, err);

    if (!cr_failed(st) && value == NULL)
        st = cr_strdup(text, &value, err);
    if (cr_failed(st)) {
        cr_free_str(&value);
        return st;
    }
    cr_free_str(out);
    *out = value;
    return st;
}

cr_status conf_pin_path(const char *source, char **out, struct cr_err *err)
{
    const char *dir = secure_getenv("CREDENTIALS_DIRECTORY"), *name = conf_pin_name(source);
    struct cr_buf path = {0};
    cr_status st;

    if (conf_pin_kind(source) == CONF_PIN_FILE)
        return cr_strdup(source, out, err);
    if (dir == NULL || dir[0] != '/')
        return cr_fail(err, CR_E_PIN,
                       "there is no credential %s: its systemd unit wants the line LoadCredential=%s:/PATH/OF/THE/PIN",
                       name, name);
    st = cr_buf_printf(&path, err, "%s/%s", dir, name);
    if (!cr_failed(st))
        st = cr_strdup((const char *)path.p, out, err);
    cr_buf_clear(&path);
    return st;
}

cr_status conf_pin_read(const char *path, bool trusted, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    size_t n = 0;
    cr_status st = cr_file_read(AT_FDCWD, path, PIN_MAX, trusted, &text, NULL, err);

    while (!cr_failed(st) && n < text.n && text.p[n] != '\n' && text.p[n] != '\r')
        n++;
    if (!cr_failed(st) && n == 0)
        st = cr_fail(err, CR_E_PIN, "%s: its first line, the PIN, is empty", path);
    if (!cr_failed(st))
        st = cr_buf_set(out, text.p, n, err);
    cr_buf_clear(&text);
    return st;
}
