/* function_set.h - all libraries of one moment, and their functions by name. It never changes: a change makes another set.
 *
 * Threads    Any.
 * Memory     thread_alloc, MEM_SCRIPT. A set holds its libraries; whoever holds a set gives it back: function_set_release.
 * Invariant  Names of libraries are different, and so are names of functions, whatever the case of their letters.  */
#ifndef SCRIPT_FUNCTION_SET_H
#define SCRIPT_FUNCTION_SET_H

#include "script/function_library.h"

struct function_place {
    const struct function *function;
    struct function_library *library;
    uint32_t index; /* in it */
};

struct function_set {
    _Atomic uint32_t holds;
    uint64_t generation;
    uint32_t library_count, function_count;
    size_t block_bytes;
    struct function_place *places;        /* by name; behind the libraries */
    struct function_library *libraries[]; /* by name */
};

/* Of libraries of different names, in any order, which it holds besides whoever holds them. Held once. NULL: two functions have one name: *twice
 * is that which is in a later one of `libraries`; or, with *twice NULL, no memory.  */
struct function_set *function_set_create(struct function_library *const *libraries, uint32_t count, const struct function **twice) MUST_USE;
void function_set_hold(struct function_set *set);
void function_set_release(struct function_set *set);

/* NULL: there is none. */
struct function_library *function_set_library(const struct function_set *set, struct bytes name);
const struct function_place *function_set_find(const struct function_set *set, struct bytes name);
/* Is this very library in it? */
bool function_set_has(const struct function_set *set, const struct function_library *library);
/* All that it and its libraries take. */
size_t function_set_bytes(const struct function_set *set);

#endif
