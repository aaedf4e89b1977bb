/* text_digest.h - what a text is, in 64 bits: XXH3 without a secret, so that clients compute the same number (DIGEST). Not for
 * dictionaries: whoever chooses the texts can choose ones that collide (hash.h).
 *
 * Threads    Any.  */
#ifndef BASE_TEXT_DIGEST_H
#define BASE_TEXT_DIGEST_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { TEXT_DIGEST_LEN = 16 };

/* XXH3, 64 bits, seed 0. Any thread; the cost grows with the text. */
uint64_t text_digest(struct bytes text);
/* Writes 16 lower-case hexadecimal digits, the highest first. */
void text_digest_format(uint64_t digest, char out[TEXT_DIGEST_LEN]);
/* The inverse; both cases are taken. False: it is not 16 hexadecimal digits, and *out is as it was. */
MUST_USE bool text_digest_parse(struct bytes text, uint64_t *out);

#endif
