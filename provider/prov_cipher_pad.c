/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_padding_check_*: constant-time, and there is no newer form */
#include "prov_cipher_pad.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdint.h>

/* 0xff when @x is 0, else 0. The compiler must not see that it is one of two: it might branch. */
static unsigned char zero_mask(size_t x)
{
    unsigned char mask = (unsigned char)(((x | (0 - x)) >> (8 * sizeof x - 1)) - 1);

    __asm__("" : "+r"(mask));
    return mask;
}

static unsigned char equal_mask(size_t a, size_t b)
{
    return zero_mask(a ^ b);
}

void prov_pad_align(struct cr_bytes raw, unsigned char *em, size_t k)
{
    size_t left = raw.n <= k ? raw.n : 0;

    /* Reads all along the message, whatever was cut: how many zeros it began with is the beginning of an oracle. */
    for (size_t i = k; i-- > 0;) {
        unsigned char some = (unsigned char)~zero_mask(left);

        left -= 1U & some;
        em[i] = raw.n > 0 ? raw.p[left] & some : 0;
    }
}

/* What the check says; what it leaves on the thread's error queue is not for the application. */
static cr_status checked(int len, size_t *n, struct cr_err *err)
{
    if (len < 0)
        return cr_fail(err, CR_E_INVALID, "the message cannot be decrypted");
    *n = (size_t)len;
    return cr_ok();
}

cr_status prov_pad_pkcs1(struct cr_bytes em, unsigned char *out, size_t *n, struct cr_err *err)
{
    int len;

    (void)ERR_set_mark();
    len = RSA_padding_check_PKCS1_type_2(out, (int)em.n, em.p, (int)em.n, (int)em.n);
    (void)ERR_pop_to_mark();
    return checked(len, n, err);
}

cr_status prov_pad_oaep(struct cr_bytes em, const EVP_MD *md, const EVP_MD *mgf, struct cr_bytes label,
                        unsigned char *out, size_t *n, struct cr_err *err)
{
    int len;

    (void)ERR_set_mark();
    len = RSA_padding_check_PKCS1_OAEP_mgf1(out, (int)em.n, em.p, (int)em.n, (int)em.n, label.p, (int)label.n, md, mgf);
    (void)ERR_pop_to_mark();
    return checked(len, n, err);
}

/* 0xff when the secret begins with a version that will do. Some clients write the negotiated one. */
static unsigned char version_mask(const unsigned char secret[PROV_PREMASTER], const struct prov_premaster *pre)
{
    size_t says = (size_t)secret[0] << 8 | secret[1];
    unsigned char mask = equal_mask(says, pre->client);

    if (pre->negotiated != 0)
        mask |= equal_mask(says, pre->negotiated);
    return mask;
}

static void choose(unsigned char good, const unsigned char secret[PROV_PREMASTER], const struct prov_premaster *pre,
                   unsigned char out[PROV_PREMASTER])
{
    good &= version_mask(secret, pre);
    for (size_t i = 0; i < PROV_PREMASTER; i++)
        out[i] = (unsigned char)((secret[i] & good) | (pre->random[i] & (unsigned char)~good));
}

/* 0x00 0x02, at least eight bytes that are not zero, 0x00, and the secret: its length says where each is. */
void prov_pad_premaster(struct cr_bytes em, const struct prov_premaster *pre, unsigned char out[PROV_PREMASTER])
{
    size_t at = em.n - PROV_PREMASTER;
    unsigned char good;

    if (em.n < PROV_PREMASTER + 11) { /* a modulus of under 472 bits: no secret of its own */
        choose(0, pre->random, pre, out);
        return;
    }
    good = zero_mask(em.p[0]) & equal_mask(em.p[1], 2) & zero_mask(em.p[at - 1]);
    for (size_t i = 2; i < at - 1; i++)
        good &= (unsigned char)~zero_mask(em.p[i]);
    choose(good, em.p + at, pre, out);
}

void prov_pad_premaster_plain(const unsigned char secret[PROV_PREMASTER], size_t n, const struct prov_premaster *pre,
                              unsigned char out[PROV_PREMASTER])
{
    choose(equal_mask(n, PROV_PREMASTER), secret, pre, out);
}
