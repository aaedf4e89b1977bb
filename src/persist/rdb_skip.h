/* rdb_skip.h - where a value of a file ends, found by the lengths in it alone.
 *
 * Threads    Any.
 * Memory     None.
 * Cost       O(strings of the value); their bytes are not touched.  */
#ifndef PERSIST_RDB_SKIP_H
#define PERSIST_RDB_SKIP_H

#include "base/attributes.h"
#include "persist/rdb_string.h"

/* What was wanted where it is not, a part of a sentence. */
struct rdb_skip_fault {
    size_t at;
    const char *wanted;
};

/* True for the types that rdb_skip_value knows. */
bool rdb_skip_knows(uint8_t type);
/* Passes over a value of such a type. False: the bytes are damaged or end before; *fault says where. */
MUST_USE bool rdb_skip_value(uint8_t type, struct rdb_input *input, struct rdb_skip_fault *fault);
/* The same for what follows a module's id. */
MUST_USE bool rdb_skip_module(struct rdb_input *input, struct rdb_skip_fault *fault);

#endif
