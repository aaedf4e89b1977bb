/* open.h - a Lua state with everything in it that scripts may use.  */
#ifndef SCRIPT_OPEN_H
#define SCRIPT_OPEN_H

#include "script/state.h"

/* As script_state_create. NULL: no memory. Gives: script_state_destroy. */
struct script_state *script_open(const _Atomic int64_t *limit_bytes, _Atomic uint64_t *told_bytes) MUST_USE;

#endif
