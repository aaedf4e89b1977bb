/* uuid.h - UUIDs: 16 bytes, and their text.
 *
 *     550e8400-e29b-41d4-a716-446655440000     written so; read also without hyphens, and with upper-case digits
 *
 * Threads    Any; pure functions.  */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 36 };

/* False: no such text; `out` has no meaning then. */
MUST_USE bool uuid_parse(struct bytes text, char out[UUID_BYTES]);
/* Returns UUID_TEXT_BYTES; no NUL. */
size_t uuid_format(const char bytes[UUID_BYTES], char out[UUID_TEXT_BYTES]);

#endif
