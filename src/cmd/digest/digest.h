/* digest.h - a digest in the making: what Redis's DEBUG DIGEST calls xorDigest and mixDigest.
 *
 * Adding in gives the same in any order; mixing goes by the order.  */
#ifndef CMD_DIGEST_H
#define CMD_DIGEST_H

#include "base/sha1.h"

#include <stdint.h>

/* All 0 begins. */
struct digest {
    unsigned char bytes[SHA1_BYTES];
};

enum { DIGEST_TEXT_LEN = 2 * SHA1_BYTES };

static inline struct bytes digest_bytes(const struct digest *digest)
{
    return (struct bytes){(const char *)digest->bytes, sizeof digest->bytes};
}

/* digest ^= SHA1(text) */
void digest_add(struct digest *digest, struct bytes text);
/* digest ^= other: what has been added to the other one from nothing is added to this one. */
void digest_join(struct digest *digest, const struct digest *other);
/* digest = SHA1(digest ^ SHA1(text)) */
void digest_mix(struct digest *digest, struct bytes text);
/* Mixes a number as 4 bytes, the high one first. */
void digest_mix_number(struct digest *digest, uint32_t number);
/* Mixes in that there is nothing: no text, the empty one included, does the same. digest = SHA1(digest)  */
void digest_mix_nothing(struct digest *digest);

/* In hexadecimal, without a NUL. */
void digest_format(const struct digest *digest, char out[DIGEST_TEXT_LEN]);

#endif
