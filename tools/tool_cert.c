/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RSA_MIN 2048

static cr_status facts_take(struct cert_facts *facts, struct role_cert *cert, struct cr_err *err)
{
    memcpy(cert->thumbprint, facts->thumbprint, sizeof(cert->thumbprint));
    memcpy(cert->sha1, facts->sha1, sizeof(cert->sha1));
    memcpy(cert->spki, facts->spki, sizeof(cert->spki));
    memcpy(cert->jkt, facts->jkt, sizeof(cert->jkt));
    memcpy(cert->key, facts->key_text, sizeof(cert->key));
    cert->not_before = facts->not_before;
    cert->not_after = facts->not_after;
    cr_status st;
    if (cr_failed(st = cr_strdup(facts->subject, &cert->subject, err)) ||
        cr_failed(st = cr_strdup(facts->issuer, &cert->issuer, err)))
        return st;
    return cr_strdup(facts->serial, &cert->serial, err);
}

cr_status tool_cert_new(struct cr_bytes leaf, const struct cr_buf *chain, size_t nchain, struct role_cert **out,
                        struct cr_err *err)
{
    struct cert_facts facts = {0};
    struct role_cert *cert = NULL;
    cr_status st;

    if (cr_failed(st = cert_facts_read(NULL, leaf, &facts, err)) || cr_failed(st = role_cert_new(&cert, err)))
        goto out;
    if (cr_failed(st = facts_take(&facts, cert, err)) || cr_failed(st = cr_buf_set(&cert->leaf, leaf.p, leaf.n, err)) ||
        cr_failed(st = role_cert_set_chain(cert, chain, nchain, err)))
        goto out;
    *out = cert;
    cert = NULL;
out:
    role_cert_unref(&cert);
    cert_facts_clear(&facts);
    return st;
}

bool tool_cert_has_location(const struct role_cert *cert, const char *location)
{
    for (size_t i = 0; i < cert->nlocations; i++)
        if (!strcmp(cert->locations[i], location))
            return true;
    return false;
}

cr_status tool_cert_add_location(struct role_cert *cert, const char *location, struct cr_err *err)
{
    char **grown = realloc(cert->locations, (cert->nlocations + 1) * sizeof(*grown));
    cr_status st;

    if (!grown)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    cert->locations = grown;
    if (!cr_failed(st = cr_strdup(location, &grown[cert->nlocations], err)))
        cert->nlocations++;
    return st;
}

bool tool_cert_same_chain(const struct role_cert *cert, const struct cr_buf *chain, size_t nchain)
{
    if (cert->nchain != nchain)
        return false;
    for (size_t i = 0; i < nchain; i++)
        if (!cr_bytes_equal(cr_buf_bytes(&cert->chain[i]), cr_buf_bytes(&chain[i])))
            return false;
    return true;
}

cr_status tool_cert_policy(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    const struct conf *conf;
    unsigned bits;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return st;
    if (sscanf(cert->key, "rsa:%u", &bits) == 1 && bits < RSA_MIN)
        return cr_fail(err, CR_E_REFUSED, "certificate %.16s has an RSA key of %u bits; at least %d are needed",
                       cert->thumbprint, bits, RSA_MIN);
    if (conf->require_domain && !tool->force && !cert_has_domain(NULL, cr_buf_bytes(&cert->leaf), conf->require_domain))
        return cr_fail(err, CR_E_REFUSED,
                       "certificate %.16s names %s neither in its subject nor in its alternative names, which "
                       "require-domain demands (--force overrides)",
                       cert->thumbprint, conf->require_domain);
    return cr_ok();
}
