/* SPDX-License-Identifier: Apache-2.0 */
/* PEM blocks as a decoder meets them that is asked about everybody's: the label is read, and a stranger's content is
 * passed without being decoded. */
#ifndef PROV_PEM_H
#define PROV_PEM_H

#include <openssl/bio.h>
#include <stdbool.h>

#define PROV_PEM_LABEL 128 /* room for any label we know */

/* The next block's label and where it begins (BIO_seek). The position is behind its first line. */
bool prov_pem_label(BIO *bio, char label[PROV_PEM_LABEL], int *start);
/* To behind the block's last line. */
void prov_pem_pass(BIO *bio);

#endif
