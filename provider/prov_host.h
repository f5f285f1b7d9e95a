/* SPDX-License-Identifier: Apache-2.0 */
/* The library context of the program that loaded us, where it can be known. */
#ifndef PROV_HOST_H
#define PROV_HOST_H

#include "prov_ctx.h"

/* Once, at init: finding out whether it can be known is not for each load. */
void prov_host_learn(struct prov_ctx *ctx);

/* Has the host find its own key management of @type ("RSA", "EC", "ED25519") before it asks for ours by name.
 *
 * OpenSSL's cache of found methods is keyed by name and properties; an entry that was found for one provider also answers
 * a search in any provider. A signature looks for the key management of our provider by the key's name, so in a program
 * that made no such search before, ours would be found from then on when it generates or imports a key of its own: both
 * fail. Whichever was cached first wins, and a store's loader makes that search itself; a decoder does not. */
void prov_host_finds_its_own(const struct prov_ctx *ctx, const char *type);

/* To be asked when OpenSSL wants to know our key managements: may it have them now? Before the first answer the host finds
 * its own, of all types: OpenSSL sorts its providers by name in places, "certroll" comes before "default", and the order in
 * which key managements became known stays. That search asks us again, in the same thread: then not. Not done at init, since
 * it is the most expensive thing there, and many a program needs none. */
bool prov_host_came_first(struct prov_ctx *ctx);

#endif
