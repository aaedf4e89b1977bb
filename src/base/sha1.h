/* sha1.h - SHA-1 (FIPS 180-4): names of contents, as Redis has them. Against whoever chooses both texts it is no protection.  */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include "base/bytes.h"

#include <stdint.h>

enum { SHA1_BYTES = 20, SHA1_BLOCK_BYTES = 64 };

/* A text that comes in pieces: begin, add each, end. */
struct sha1 {
    uint32_t state[5];
    uint64_t len;
    unsigned char rest[SHA1_BLOCK_BYTES]; /* its last len % SHA1_BLOCK_BYTES */
};
void sha1_begin(struct sha1 *sha1);
void sha1_add(struct sha1 *sha1, struct bytes piece);
void sha1_end(const struct sha1 *sha1, unsigned char out[SHA1_BYTES]);

/* The digest of `text`; `out` may overlap it. Cost: 0.2 us for each block of 64 bytes, of which padding takes 9 bytes at least. */
void sha1(struct bytes text, unsigned char out[SHA1_BYTES]);

#endif
