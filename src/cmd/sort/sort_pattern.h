/* sort_pattern.h - the patterns of SORT's BY and GET: names made from an element, "weight_*", "object_*->field", "#".
 *
 * Threads    sort_pattern_find: the holder of the batons of all keys that the pattern may name.  */
#ifndef CMD_SORT_PATTERN_H
#define CMD_SORT_PATTERN_H

#include "encoding/item.h"
#include "exec/exec.h"

#include <stdbool.h>

struct sort_pattern {
    bool is_element;              /* "#" */
    bool is_nothing;              /* no place for the element: never found */
    struct bytes prefix, suffix;  /* of the key's name, around the element */
    struct bytes field;           /* of a hash; len 0: a string */
};

/* True when it has a place for the element, as far as the first NUL: there Redis stops looking. */
bool sort_is_pattern(struct bytes word);
/* Lends from `word`. */
struct sort_pattern sort_pattern_parse(struct bytes word);

enum sort_found { SORT_FOUND, SORT_FOUND_NOTHING, SORT_FOUND_NO_MEMORY };
/* What the pattern gives for an element: lent, or made in `scratch`. */
enum sort_found sort_pattern_find(struct exec *exec, const struct sort_pattern *pattern, struct bytes element,
                                  char scratch[ITEM_SCRATCH], struct bytes *out);

#endif
