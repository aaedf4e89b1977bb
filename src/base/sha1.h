/* sha1.h - SHA-1 (FIPS 180-4): names of contents, as Redis has them. Against whoever chooses both texts it is no protection.  */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include "base/bytes.h"

enum { SHA1_BYTES = 20 };

/* The digest of `text`; `out` may overlap it. Cost: 0.2 us for each block of 64 bytes, of which padding takes 9 bytes at least. */
void sha1(struct bytes text, unsigned char out[SHA1_BYTES]);

#endif
