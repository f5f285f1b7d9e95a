/* SPDX-License-Identifier: Apache-2.0 */
/* The result type of every fallible function, and the sentence that explains a failure.
 * cr_status is a struct so that a CK_RV, OpenSSL's 1/0 or an errno cannot be returned by mistake, and the compiler
 * warns when a result is dropped. struct cr_err is the caller's storage: one sentence, no secret, always terminated. */
#ifndef CR_STATUS_H
#define CR_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#define CR_COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum cr_code {
    CR_OK = 0,
    CR_E_USAGE,       /* the caller's words are wrong: an option, a date, a name */
    CR_E_INVALID,     /* bytes that do not parse: a record, a PEM, a URI */
    CR_E_REFUSED,     /* policy says no */
    CR_E_NOT_FOUND,   /* no such role, certificate, key */
    CR_E_AMBIGUOUS,   /* more than one match where one is needed */
    CR_E_EXISTS,      /* already there */
    CR_E_CHANGED,     /* somebody changed it meanwhile (compare-and-swap failed) */
    CR_E_EMPTY,       /* the slot asked for is empty */
    CR_E_REVOKED,     /* the key is revoked */
    CR_E_UNSUPPORTED, /* the token or we cannot do this */
    CR_E_PIN,         /* PIN missing, wrong, locked */
    CR_E_TOKEN,       /* token or module unavailable or failing */
    CR_E_BUSY,        /* timed out waiting for a session, a ticket, a lock */
    CR_E_IO,          /* file system */
    CR_E_SIZE,        /* the caller's output buffer is too small */
    CR_E_NOMEM,
    CR_E_INTERNAL
};

typedef struct [[nodiscard]] {
    enum cr_code code;
} cr_status;

struct cr_err {
    enum cr_code code;
    char text[512];
};

/* Empty. For where each signature passes: = {0} writes all of it. */
static inline void cr_err_init(struct cr_err *err)
{
    err->code = CR_OK;
    err->text[0] = '\0';
}

/* Success. */
static inline cr_status cr_ok(void)
{
    return (cr_status){CR_OK};
}

static inline bool cr_failed(cr_status st)
{
    return st.code != CR_OK;
}

/* Marks a result as deliberately not looked at (clean-up paths). */
static inline void cr_ignore(cr_status st)
{
    (void)st;
}

/* Writes the sentence into @err (may be NULL) and returns @code. Text over the size of err->text is cut at a UTF-8
 * boundary; control characters become '?' so that foreign bytes cannot break a log line. */
cr_status cr_fail(struct cr_err *err, enum cr_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the sentence already in @err and returns @st unchanged. */
cr_status cr_prefix(struct cr_err *err, cr_status st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* cr_fail with ": strerror(@errnum)" appended. */
cr_status cr_fail_errno(struct cr_err *err, enum cr_code code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The sentence, or "" for NULL. */
const char *cr_err_text(const struct cr_err *err);

#endif
