/* SPDX-License-Identifier: Apache-2.0 */
/* The one lock of the provider, process-wide and short: it guards every cache (roles, public keys, objects) and is never
 * held across I/O, a token call or a callback. fork() takes it, so that a child never inherits it locked by a thread
 * that is gone. */
#ifndef PROV_LOCK_H
#define PROV_LOCK_H

void prov_lock(void);
void prov_unlock(void);
/* Under the lock: waits until prov_wake, or a second. */
void prov_wait(void);
void prov_wake(void);
/* Grows in every forked child: work that another thread of the parent had begun is then nobody's. */
unsigned prov_fork_epoch(void);
/* Installs the fork handlers, once a process. */
void prov_lock_init(void);

#endif
