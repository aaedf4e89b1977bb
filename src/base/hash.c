/* hash.c - XXH3 with our own secret.
 *
 * Threads    Any; a secret is written once, before threads start.
 * Reason     A seed alone would leave XXH3's published secret in use, for which colliding keys can be computed.  */
#include "base/hash.h"

#include <errno.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert((int)HASH_SECRET_BYTES >= (int)XXH3_SECRET_SIZE_MIN, "XXH3 wants at least so much");

bool hash_secret_draw(struct hash_secret *secret)
{
    size_t filled = 0;
    while (filled < HASH_SECRET_BYTES) {
        ssize_t got = getrandom(secret->bytes + filled, HASH_SECRET_BYTES - filled, 0);
        if (got >= 0) {
            filled += (size_t)got;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

uint64_t hash_bytes(const struct hash_secret *secret, struct bytes text)
{
    return XXH3_64bits_withSecret(text.data, text.len, secret->bytes, HASH_SECRET_BYTES);
}
