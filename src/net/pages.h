/* pages.h - pages of the kernel's, for what a ring needs as long as it is there.  */
#ifndef NET_PAGES_H
#define NET_PAGES_H

#include "base/attributes.h"

#include <stddef.h>
#include <sys/mman.h>

/* Zeros. `more`: flags of mmap(2) besides. NULL: no memory. */
static inline void *pages_map(size_t bytes, int more)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

#endif
