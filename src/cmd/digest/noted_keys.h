/* noted_keys.h - a set of 64-bit hashes: which keys have been seen.
 *
 *   slots   a power of two of them, at most 3/4 full; a hash stands at (hash & mask) or behind; 0: free
 *
 * Threads    One at a time.
 * Memory     The thread's own, MEM_SERVER; another thread may go on with it.  */
#ifndef CMD_NOTED_KEYS_H
#define CMD_NOTED_KEYS_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

/* All 0: empty. */
struct noted_keys {
    uint64_t *slots;
    uint64_t capacity, count;
};

enum note { NOTE_NEW, NOTE_KNOWN, NOTE_NO_MEMORY };
MUST_USE enum note noted_keys_add(struct noted_keys *keys, uint64_t hash);
bool noted_keys_has(const struct noted_keys *keys, uint64_t hash);
void noted_keys_release(struct noted_keys *keys);

#endif
