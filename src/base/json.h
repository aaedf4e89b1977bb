/* json.h - JSON that stays text: is it good, what is at a path.
 *
 *     '$.a.b[0]."with a dot"'    a path: names behind dots, numbers from 0 in brackets, from the root
 *     'a'                        a name alone
 *
 * Threads    Any; pure functions.
 * Limits     JSON_DEPTH_MAX arrays and objects within each other. No recursion.
 * Read on    RFC 8259.  */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 512 };

/* True for one value of JSON with blanks around it, or without. O(len). */
MUST_USE bool json_is_valid(struct bytes text);

enum json_found { JSON_FOUND, JSON_ABSENT, JSON_BAD_PATH, JSON_BAD_TEXT };

/* The value at the path, as text without blanks around it; of a name that comes twice the first one. It looks no further than that.
 * O(len).  */
MUST_USE enum json_found json_find(struct bytes text, struct bytes path, struct bytes *out);
/* The same of an array's element. */
MUST_USE enum json_found json_element(struct bytes text, uint64_t index, struct bytes *out);

/* What stands in a JSON string, its quotes included, as UTF-8. `out` has quoted.len bytes. False: no good string. */
MUST_USE bool json_unquote(struct bytes quoted, char *out, size_t *len);

#endif
