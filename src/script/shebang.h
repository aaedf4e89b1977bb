/* shebang.h - the first line of a script, "#!lua flags=no-writes,allow-oom".
 *
 * Threads    Any.
 * Source     Redis 7.0's documentation ("Script flags").  */
#ifndef SCRIPT_SHEBANG_H
#define SCRIPT_SHEBANG_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum { SHEBANG_ERROR_MAX = 256 };

/* *code_start: where the line ends, 0 when there is none; *flags: enum script_flag of registry.h. False: why not stands in `error`. */
MUST_USE bool shebang_read(struct bytes text, size_t *code_start, uint32_t *flags, char error[SHEBANG_ERROR_MAX]);

#endif
