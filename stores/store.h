/* SPDX-License-Identifier: Apache-2.0 */
/* Where records live: a small table of functions; the file store is the default. Thread-safe for readers. A reader holds
 * the directory descriptor from open on, so it works after chroot and setuid. Reads make no lock. */
#ifndef STORE_H
#define STORE_H

#include "common/cr_file.h"
#include "common/cr_held.h"
#include "roles/role_history.h"
#include "roles/role_record.h"

struct store;

/* Opens the state directory @dir, refusing one not owned by root or our uid or writable by others (CR_E_REFUSED).
 * @writer: for the tools; makes certs/ roles/ and the lock file as needed. The caller owns *out. */
cr_status store_file_open(const char *dir, bool writer, struct store **out, struct cr_err *err);
void store_close(struct store **store);

/* One record and the stamp to ask store_changed with. CR_E_NOT_FOUND: no such role. The caller owns *out (unref). */
cr_status store_load(struct store *store, const char *role, struct role_record **out, struct cr_stamp *stamp,
                     struct cr_err *err);
/* One fstatat: is the record another than when @stamp was taken? True also when it cannot be looked at. Keeps errno. */
bool store_changed(struct store *store, const char *role, const struct cr_stamp *stamp);
/* The record's file held open, where it is still the one of @stamp: what cr_held_same says of it is true of the record.
 * NULL: use store_changed. The caller owns it. */
struct cr_held *store_hold(struct store *store, const char *role, const struct cr_stamp *stamp);
/* Does another role exist whose name differs only in case? Its name into @other. */
bool store_case_clash(struct store *store, const char *role, char other[ROLE_NAME_MAX + 1]);
/* Names of all records, sorted; *names is one allocation of NUL-terminated entries freed with store_names_free. */
cr_status store_roles(struct store *store, char ***names, size_t *n, struct cr_err *err);
void store_names_free(char ***names, size_t n);

/* ---- writers: between store_lock and store_unlock ---- */
/* Whoever takes the lock removes the temporary files of killed writers. */
cr_status store_lock(struct store *store, int timeout_ms, struct cr_err *err);
void store_unlock(struct store *store);
/* Compare-and-swap: @expected is the generation the change was made from (0: the role must not exist). CR_E_CHANGED names
 * who made the newer one and when. Takes the lock itself when the caller does not hold it. */
cr_status store_save(struct store *store, const struct role_record *rec, uint64_t expected, struct cr_err *err);

/* Known certificates: certs/SHA256.json */
cr_status store_cert_load(struct store *store, const char *thumbprint, struct role_cert **out, struct cr_err *err);
cr_status store_cert_save(struct store *store, const struct role_cert *cert, struct cr_err *err);
cr_status store_cert_remove(struct store *store, const char *thumbprint, struct cr_err *err);
cr_status store_certs(struct store *store, char ***thumbprints, size_t *n, struct cr_err *err);

/* revoked.json is the journal of revocations: an entry stands there, pending, before any record is changed and is marked
 * done after the last; whoever writes next finishes a pending one. */
struct store_revocation {
    char spki[65];       /* the key */
    char thumbprint[65]; /* the certificate it was named by */
    char replace[65];    /* thumbprint of the replacement, or "" */
    int64_t when;
    bool done;
    char *reason; /* may be NULL */
};
cr_status store_revocations(struct store *store, struct store_revocation **list, size_t *n, struct cr_err *err);
/* The same from bytes. */
cr_status store_revocations_read(struct cr_bytes text, struct store_revocation **list, size_t *n, struct cr_err *err);
void store_revocations_free(struct store_revocation **list, size_t n);
/* Adds, or updates the entry with the same spki. */
cr_status store_revocation_save(struct store *store, const struct store_revocation *rev, struct cr_err *err);

/* outputs.json: the files that tools wrote from records, to find them stale and to write them again. */
enum store_output_kind { STORE_OUTPUT_REFERENCE, STORE_OUTPUT_BUNDLE, STORE_OUTPUT_JWKS, STORE_OUTPUT_METRICS };
struct store_output {
    char *path; /* absolute */
    enum store_output_kind kind;
    char **roles; /* none for metrics, which are of all */
    size_t nroles;
    bool has_slot, has_bind;
    enum role_slot slot;
    enum role_binding bind;
};
cr_status store_outputs(struct store *store, struct store_output **list, size_t *n, struct cr_err *err);
/* The same from bytes: what the fuzz target calls. CR_E_INVALID, CR_E_UNSUPPORTED. */
cr_status store_outputs_read(struct cr_bytes text, struct store_output **list, size_t *n, struct cr_err *err);
void store_outputs_free(struct store_output **list, size_t n);
/* Adds, or replaces the entry of the same path; forgets those whose file is gone. */
cr_status store_output_save(struct store *store, const struct store_output *output, struct cr_err *err);

/* Appends to history.jsonl, chaining on its last line; a torn last line (killed writer) is set aside with a note in the
 * chain, never lost silently. @own gets the new line's hash. */
cr_status store_history_append(struct store *store, const struct role_history_entry *entry, role_hash_fn *hash,
                               char own[65], struct cr_err *err);
/* The last whole line, without its newline, into @line; *found is false where there is none. */
cr_status store_history_last(struct store *store, struct cr_buf *line, bool *found, struct cr_err *err);
/* Calls @fn with each line of history.jsonl, oldest first, without its newline, @number from 1; the first failure ends it.
 * @whole is false for a last line without newline: its writer was killed, or is at it. No file: no line. Needs no lock. */
typedef cr_status store_history_fn(void *arg, size_t number, struct cr_bytes line, bool whole, struct cr_err *err);
cr_status store_history_each(struct store *store, store_history_fn *fn, void *arg, struct cr_err *err);

/* The state directory's descriptor, borrowed: for outputs beside the records. */
int store_dirfd(const struct store *store);

#endif
