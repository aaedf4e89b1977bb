/* bitmap.h - what the commands on bits share.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_BITMAP_H
#define CMD_BITMAP_H

#include "exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

/* The bit offset in argv[index], within proto-max-bulk-len; replies the error. `width` > 0: "#3" is 3 * width. */
bool bitmap_offset_argument(struct exec *exec, uint32_t index, unsigned width, uint64_t *out);

/* Opens the key's string for writing up to bit `last_bit`, which it holds then: zero bytes are added. *has_grown: it is new or
 * longer than before. Replies the error; then nothing has changed.  */
bool bitmap_open(struct exec *exec, struct key key, uint64_t last_bit, struct open_string *out, bool *has_grown);

#endif
