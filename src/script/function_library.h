/* function_library.h - a library of functions: its code, and what it has registered. Never changes once it is in a set.
 *
 * Threads    Any. function_library_add: its maker, before others see it.
 * Memory     thread_alloc, MEM_SCRIPT. Whoever holds it gives it back: function_library_release.
 * Invariant  Names of functions are different, whatever the case of their letters.  */
#ifndef SCRIPT_FUNCTION_LIBRARY_H
#define SCRIPT_FUNCTION_LIBRARY_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/result.h"

#include <stdatomic.h>
#include <stdint.h>

/* Flags by their names, in the order in which FUNCTION LIST tells them. */
enum { FUNCTION_FLAGS = 5 };
extern const struct function_flag_name {
    const char *name;
    uint32_t flag;
} function_flag_names[FUNCTION_FLAGS];

struct function {
    struct bytes name;        /* both in a block of their own; a NUL is behind it */
    struct bytes description; /* data NULL: none */
    uint32_t flags;           /* enum script_flag of registry.h */
};

struct function_library {
    _Atomic uint32_t holds;
    uint32_t count, capacity;
    struct function *functions;
    struct bytes name, code;  /* in this block */
    size_t code_start;        /* of code: what Lua gets */
    size_t block_bytes;
};

/* Held once. NULL: no memory. */
struct function_library *function_library_create(struct bytes name, struct bytes code, size_t code_start) MUST_USE;
void function_library_hold(struct function_library *library);
void function_library_release(struct function_library *library);
/* All that it takes. */
size_t function_library_bytes(const struct function_library *library);

/* Copies the texts. RESULT_EXISTS: it has one of this name. */
MUST_USE enum result function_library_add(struct function_library *library, const struct function *function);
/* The index of a function; -1: there is none. */
int64_t function_library_find(const struct function_library *library, struct bytes name);

#endif
