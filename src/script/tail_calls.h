/* tail_calls.h - `return redis.call(...)` as `return (redis.call(...))`, which means the same, since it gives one value.
 *
 * LuaJIT lets a function that is called last take the place of its caller, so an error in it would have no line.
 *
 * Threads    Any.  */
#ifndef SCRIPT_TAIL_CALLS_H
#define SCRIPT_TAIL_CALLS_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>

/* Appends the changed text. False: nothing is to be changed, or no memory. */
MUST_USE bool tail_calls_change(struct bytes code, struct buffer *out);

#endif
