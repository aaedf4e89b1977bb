/* sha256.h - SHA-256 (FIPS 180-4), by libcrypto: what is kept of passwords.  */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/attributes.h"
#include "base/bytes.h"

enum { SHA256_BYTES = 32 };

/* The digest of `text`. False: the library refuses (no memory). The first call of a process reads libcrypto's configuration, which takes
 * milliseconds; each one about 1 us and 0.3 us a block of 64 bytes.  */
MUST_USE bool sha256(struct bytes text, unsigned char out[SHA256_BYTES]);

#endif
