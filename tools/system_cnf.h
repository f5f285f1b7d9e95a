/* SPDX-License-Identifier: Apache-2.0 */
/* The system's openssl.cnf with certroll in it: one marked block at its end, so that taking the block out gives back the
 * file of before, byte for byte. Sections that the file has are opened again in the block, which OpenSSL merges. */
#ifndef SYSTEM_CNF_H
#define SYSTEM_CNF_H

#include "common/cr_bytes.h"

struct system_cnf {
    char *path;         /* without symbolic links */
    unsigned mode;      /* of the file; kept */
    unsigned gid;       /* of the file; kept */
    struct cr_buf text; /* what stands there */
    size_t begin, end;  /* our block in it; both 0: none */
};

/* Finds and reads the file of OpenSSL's configuration folder. CR_E_REFUSED where it is not what we can take back: a block
 * without an end, text of others inside it, or going on after it in our last section. Clear with system_cnf_clear. */
cr_status system_cnf_read(struct system_cnf *out, struct cr_err *err);
void system_cnf_clear(struct system_cnf *cnf);

/* The file with our block: default before certroll, whose module is @module and whose configuration is @certroll_conf
 * (NULL: the usual place). *done: the file activates certroll already, without a block of ours; then @out stays empty.
 * CR_E_REFUSED for a file that we do not understand. */
cr_status system_cnf_with(const struct system_cnf *cnf, const char *module, const char *certroll_conf, bool *done,
                          struct cr_buf *out, struct cr_err *err);
/* The file without our block. */
cr_status system_cnf_without(const struct system_cnf *cnf, struct cr_buf *out, struct cr_err *err);
/* A child loads @text as programs will, and must find default, certroll and a digest: a system whose openssl.cnf is broken
 * loses much. CR_E_REFUSED when it does not. */
cr_status system_cnf_prove(struct cr_bytes text, struct cr_err *err);
cr_status system_cnf_put(const struct system_cnf *cnf, struct cr_bytes text, struct cr_err *err);

#endif
