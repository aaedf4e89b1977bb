/* registry.h - all scripts by their SHA-1, for all threads.
 *
 * A script is found by its name (EVALSHA) or by its text (EVAL), so that a known text needs no SHA-1. Each thread compiles it once, into its
 * own state. SCRIPT FLUSH begins a new generation: states of an older one are closed by their threads when they are used next.
 *
 * Threads    Any; `functions[n]` belongs to thread n.
 * Memory     thread_alloc, MEM_SCRIPT. Whoever is given a script gives it back: script_release.
 * Invariant  A script in the registry has compiled without an error.
 * Limits     SCRIPT_FLUSH alone makes it smaller, as in Redis 7.0.  */
#ifndef SCRIPT_REGISTRY_H
#define SCRIPT_REGISTRY_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRIPT_NAME_BYTES = 40 };

enum script_flag {
    SCRIPT_NO_WRITES = 1 << 0,
    SCRIPT_ALLOW_OOM = 1 << 1,
    SCRIPT_ALLOW_STALE = 1 << 2,
    SCRIPT_NO_CLUSTER = 1 << 3,
    SCRIPT_ALLOW_CROSS_SLOT = 1 << 4,
    SCRIPT_IS_PLAIN = 1 << 5,        /* without a shebang: the rules of old */
};

struct script {
    struct script *next_by_name, *next_by_text;
    char name[SCRIPT_NAME_BYTES + 1];
    uint64_t text_hash;
    struct bytes text;               /* as it was given; behind the struct */
    size_t code_start;               /* the shebang is before it */
    uint32_t flags;                  /* enum script_flag */
    bool keeps_to_keys;              /* it uses no keys but those that it declares: keys_used.h */
    _Atomic uint32_t references;
    uint64_t generation;
    size_t block_bytes;
    int functions[];                 /* by thread: a reference in its Lua registry; 0: not compiled there */
};

struct scripts;

/* For `thread_count` threads. NULL: no memory. */
struct scripts *scripts_create(const struct hash_secret *secret, uint32_t thread_count) MUST_USE;
void scripts_destroy(struct scripts *scripts);

/* NULL: there is none. */
struct script *scripts_find(struct scripts *scripts, struct bytes name) MUST_USE;
struct script *scripts_find_text(struct scripts *scripts, struct bytes text) MUST_USE;
/* One that is in nobody's hands but the caller's, and not in the registry yet. NULL: no memory. */
struct script *scripts_make(const struct scripts *scripts, struct bytes text) MUST_USE;
/* It is in the registry from now on, unless there is one of its name or no memory for a larger table. */
void scripts_add(struct scripts *scripts, struct script *script);
void script_release(struct script *script);

/* All are gone. */
void scripts_flush(struct scripts *scripts);
uint64_t scripts_generation(const struct scripts *scripts);
/* How many there are, and what they take without what they were compiled to. */
void scripts_count(struct scripts *scripts, uint64_t *count, uint64_t *bytes);

#endif
