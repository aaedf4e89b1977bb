/* hash.h - the keyed hash of the dictionaries inside a shard: XXH3 with a secret drawn at start, so that nobody can
 * choose keys that collide.  */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdint.h>

enum { HASH_SECRET_BYTES = 192 };

struct hash_secret {
    unsigned char bytes[HASH_SECRET_BYTES];
};

/* Fills the secret from the kernel's random source. False: errno says why. */
MUST_USE bool hash_secret_draw(struct hash_secret *secret);
uint64_t hash_bytes(const struct hash_secret *secret, struct bytes text);

#endif
