/* string_range.h - the arithmetic of GETRANGE.  */
#ifndef CMD_STRING_RANGE_H
#define CMD_STRING_RANGE_H

#include "base/bytes.h"

#include <stdint.h>

/* The bytes of `text` from `first` to `last`, both included; negative ones count from the end (-1 is the last byte). What
 * lies outside is cut off, but `last` never goes below the first byte: that is Redis's rule. Lends from `text`.  */
struct bytes string_range_clip(struct bytes text, int64_t first, int64_t last);

#endif
