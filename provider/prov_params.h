/* SPDX-License-Identifier: Apache-2.0 */
/* Names of parameters that are ours. */
#ifndef PROV_PARAMS_H
#define PROV_PARAMS_H

#define PROV_PARAM_CONFIG     "certroll-config"     /* provider: path of certroll.conf */
#define PROV_PARAM_STATE      "certroll-state"      /* provider: state directory */
#define PROV_PARAM_KID        "certroll-kid"        /* key (may race), signature context (race-free) */
#define PROV_PARAM_THUMBPRINT "certroll-thumbprint" /* SHA-256 of the certificate, hex */
#define PROV_PARAM_MATCHED    "certroll-matched"    /* after a verification: current, previous, next, pinned, or "" */
#define PROV_PARAM_KEPT       "certroll-kept"       /* in exports: the private key stays behind */

#endif
