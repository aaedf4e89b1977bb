/* allocator_stats.h - the allocator's own report, as text for people (MEMORY MALLOC-STATS).  */
#ifndef MEM_ALLOCATOR_STATS_H
#define MEM_ALLOCATOR_STATS_H

#include "base/attributes.h"
#include "mem/buffer.h"

#include <stdbool.h>

/* Appends the report. False: memory was refused, and part of it may be there. Any thread. */
MUST_USE bool mem_allocator_stats(struct buffer *out);

#endif
