/* remap.h - moves or resizes a mapping, for the two places that map blocks directly.
 *
 * ThreadSanitizer does not follow mremap: it would take what one thread wrote to an address before, and what another writes to
 * a mapping that came to lie there, for a race. Under it the mapping is copied.  */
#ifndef MEM_REMAP_H
#define MEM_REMAP_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { REMAP_TABLE_BYTES = 2 << 20, REMAP_LONG_BYTES = 2 * REMAP_TABLE_BYTES };

#if !defined(__SANITIZE_THREAD__)
/* A long mapping goes to a place that lies like its own within what one page table covers: then the kernel moves tables instead of pages, a
 * ninth of the time (256 MiB in small pages: 0.78 ms, and 0.09). MAP_FAILED: there is no such place, or it was refused.  */
static inline void *remap_alike(void *mapping, size_t old_bytes, size_t new_bytes)
{
    const size_t spare = REMAP_TABLE_BYTES;
    char *place = mmap(NULL, new_bytes + spare, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) {
        return MAP_FAILED;
    }
    const size_t before = ((uintptr_t)mapping - (uintptr_t)place) % spare;
    char *target = place + before;
    void *moved = mremap(mapping, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    /* What lies around it goes. Refused: whether the kernel has freed the target, and another thread has taken it, is not known: it stays. */
    if (before > 0) {
        munmap(place, before);
    }
    if (before < spare) {
        munmap(target + new_bytes, spare - before);
    }
    return moved;
}
#endif

/* Where the mapping is now; MAP_FAILED: refused, it is as before. */
static inline void *remap(void *mapping, size_t old_bytes, size_t new_bytes)
{
#if defined(__SANITIZE_THREAD__)
    void *moved = mmap(NULL, new_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (moved != MAP_FAILED) {
        memcpy(moved, mapping, old_bytes < new_bytes ? old_bytes : new_bytes);
        munmap(mapping, old_bytes);
    }
    return moved;
#else
    void *moved = mremap(mapping, old_bytes, new_bytes, 0);
    if (moved == MAP_FAILED && old_bytes >= REMAP_LONG_BYTES) {
        moved = remap_alike(mapping, old_bytes, new_bytes);
    }
    return moved != MAP_FAILED ? moved : mremap(mapping, old_bytes, new_bytes, MREMAP_MAYMOVE);
#endif
}

#endif
