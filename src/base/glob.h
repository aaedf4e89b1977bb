/* glob.h - Redis's glob: * ? [abc] [^abc] [a-z] and backslash; bytes, not characters. KEYS, SCAN MATCH, CONFIG GET.  */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/bytes.h"

#include <stdbool.h>

/* An empty text is matched by an empty pattern only, as in Redis: KEYS and SCAN do not ask about "*" at all.
 * Cost O(pattern x text) at worst, no recursion deeper than the stars that could still matter (bounded work on
 * patterns like a*a*a*a*b).  */
bool glob_match(struct bytes pattern, struct bytes text, bool ignore_case);

#endif
