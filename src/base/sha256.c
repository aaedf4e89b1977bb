/* sha256.c - see sha256.h.  */
#include "base/sha256.h"

#include <openssl/err.h>
#include <openssl/sha.h>

_Static_assert((int)SHA256_BYTES == (int)SHA256_DIGEST_LENGTH, "libcrypto writes as many");

bool sha256(struct bytes text, unsigned char out[SHA256_BYTES])
{
    if (SHA256((const unsigned char *)(text.len == 0 ? "" : text.data), text.len, out) != NULL) {
        return true;
    }
    ERR_clear_error(); /* the list of a thread's errors would keep their texts */
    return false;
}
