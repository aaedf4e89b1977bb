/* value_digest.h - the digest of one key's value, as redis-server 7.0 makes it: DEBUG DIGEST-VALUE.
 *
 * Threads    Under the baton of the key's shard.
 * Read on    xorObjectDigest in the Redis sources (debug.c).  */
#ifndef CMD_VALUE_DIGEST_H
#define CMD_VALUE_DIGEST_H

#include "base/attributes.h"
#include "cmd/digest/digest.h"

#include <stdbool.h>

struct entry;
struct keyspace;

/* Takes the value of an entry of `ks` into `digest`: its type, what is in it, and whether it has an expiry, not which. Not the
 * name, nor how the value is kept. False: memory to open a compressed node of a list was refused, and the digest means nothing.
 * O(bytes of the value).  */
MUST_USE bool value_digest_mix(struct digest *digest, const struct keyspace *ks, const struct entry *entry);

#endif
