/* member_hash.h - the hash of a member, the same in every table with the same secret.
 *
 * Threads    Any.  */
#ifndef ENCODING_MEMBER_HASH_H
#define ENCODING_MEMBER_HASH_H

#include "base/hash.h"
#include "encoding/item.h"

/* An integer's is that of its 8 bytes, a text's that of the text. */
static inline uint64_t member_hash(const struct hash_secret *secret, const struct item *member)
{
    if (item_is_integer(member)) {
        return hash_bytes(secret, (struct bytes){(const char *)&member->integer, sizeof member->integer});
    }
    return hash_bytes(secret, (struct bytes){member->data, member->len});
}

#endif
