/* remap.h - moves or resizes a mapping, for the two places that map blocks directly.
 *
 * ThreadSanitizer does not follow mremap: it would take what one thread wrote to an address before, and what another writes to
 * a mapping that came to lie there, for a race. Under it the mapping is copied.  */
#ifndef MEM_REMAP_H
#define MEM_REMAP_H

#include <string.h>
#include <sys/mman.h>

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
    return mremap(mapping, old_bytes, new_bytes, MREMAP_MAYMOVE);
#endif
}

#endif
