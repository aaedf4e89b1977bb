/* heap.h - a shard's own heap: every block has a class, and the counters are exact.
 *
 * Threads    A heap is used by one thread at a time: the holder of its shard's baton (or a test's only thread). The
 *            counters are written under the baton and read relaxed by any thread.
 * Memory     mimalloc 2 ties a heap to the thread that made it, so a custodian thread makes each heap and then sleeps
 *            until heap_destroy. Under ASan and valgrind (TESSERA_LIBC_HEAP) blocks come from libc, counted by the same rule.
 * Invariant  counters.class_bytes[c] is the sum of heap_block_bytes (block_bytes.h) over the live blocks of class c.
 * Read on    docs/ARCHITECTURE.md, "Memory".  */
#ifndef MEM_HEAP_H
#define MEM_HEAP_H

#include "base/attributes.h"
#include "mem/block_bytes.h"
#include "mem/class.h"
#include "mem/counters.h"

#include <stddef.h>
#include <stdint.h>

struct heap;

/* Starts the custodian and waits for its heap. NULL when a thread or memory is refused. Gives: heap_destroy. */
struct heap *heap_create(void);
/* Frees every block still in the heap and ends the custodian. NULL is allowed. */
void heap_destroy(struct heap *heap);

/* A block of at least `size` bytes (> 0), 16-byte aligned; 64-byte aligned when heap_block_bytes(size) is a multiple of 64.
 * NULL when refused; then nothing is counted.  */
void *heap_alloc(struct heap *heap, enum mem_class which, size_t size) MUST_USE;
/* The same, zeroed. */
void *heap_alloc_zeroed(struct heap *heap, enum mem_class which, size_t size) MUST_USE;
/* `size` is what the block was asked for (any size with the same heap_block_bytes does). block NULL is allowed. */
void heap_free(struct heap *heap, enum mem_class which, void *block, size_t size);
/* Moves or resizes; NULL when refused, and the old block is as it was. Same-size-class requests return the block itself. */
void *heap_realloc(struct heap *heap, enum mem_class which, void *block, size_t old_size, size_t new_size) MUST_USE;
/* The same for a larger size; what lies behind `old_size` bytes is 0 then. No page of it is touched if both are mapped directly. */
void *heap_realloc_zeroed(struct heap *heap, enum mem_class which, void *block, size_t old_size, size_t new_size) MUST_USE;
/* Hands a block from one class to another (RENAME of a type, adopting a buffer). */
void heap_reclass(struct heap *heap, enum mem_class from, enum mem_class to, size_t size);

const struct mem_counters *heap_counters(const struct heap *heap);

/* Tests: the next `allocations` requests succeed, then all are refused; -1 never. */
void heap_fail_after(struct heap *heap, int64_t allocations);

/* Returns free pages to the system (MEMORY PURGE). Cost: O(pages of the heap). */
void heap_collect(struct heap *heap);

/* --- defragmentation: blocks leave pages that are mostly free, so that these can go back to the system ---
 *
 * A cycle: heap_defrag_begin looks at all pages and remembers the sparse ones; from then on new blocks come from other pages. The
 * owners of blocks walk their structures and ask heap_move for each block; heap_defrag_end forgets the pages. One cycle at a
 * time. Pages that became empty go back when their sub-heap is collected (sub_heaps.c).  */

/* `used_percent_max`: pages that are used less are sparse, 1 .. 99. Returns how many bytes the sparse pages have free; 0: none is
 * sparse, no memory, or this build cannot (libc heap): then no cycle has begun. Cost O(pages): about 25 us for each 64 MiB.  */
uint64_t heap_defrag_begin(struct heap *heap, unsigned used_percent_max);
/* The same in steps: first prepare, then steps, none longer than one sub-heap takes, until one says true.
 * heap_defrag_end gives it up at any time. Not thorough: only what promises half of the gain is drained, so that under load new
 * blocks find free places in the rest.  */
void heap_defrag_prepare(struct heap *heap, unsigned used_percent_max, bool is_thorough);
MUST_USE bool heap_defrag_prepare_step(struct heap *heap);
/* True when a cycle has begun. */
bool heap_defrag_is_on(const struct heap *heap);
void heap_defrag_end(struct heap *heap);
/* How many percent of the pages that the last cycle marked are gone (more than 100: others, too). True when all sub-heaps have
 * been walked after its end.  */
unsigned heap_defrag_success(const struct heap *heap);
/* Bytes of pages that have blocks, as of when each sub-heap was last collected, and of all mapped blocks: what heap_walk counts, at no
 * cost. 0: this build has no pages.  */
uint64_t heap_page_bytes_hint(const struct heap *heap);
/* Tests: begins a cycle in which every block counts as sparse, in any build. */
void heap_defrag_begin_all(struct heap *heap);
/* For who moves a block by other means: counts it as moved or left. */
void heap_count_move(struct heap *heap, bool was_moved);
/* Blocks that heap_move has moved and left since the heap was made; read relaxed by any thread. */
struct heap_moves {
    uint64_t moved, left;
};
struct heap_moves heap_moves(const struct heap *heap);
/* Counts up by 1 for each 1000 or so blocks (fewer, when they are big) that were freed: while it stands, there is little to gain. */
uint64_t heap_freed_steps(const struct heap *heap);
/* True when the block is in a page that the cycle has marked as sparse. False without a cycle. O(1). */
bool heap_is_sparse(const struct heap *heap, const void *block);
/* The block itself, or what it became when it was in a sparse page: a copy, the old one freed. `size` as for heap_free. Never
 * refused: without memory it stays where it is.  */
void *heap_move(struct heap *heap, enum mem_class which, void *block, size_t size) MUST_USE;
/* The same; the work is counted off *limit, down to 0: 1 for the look, and 1 more for each KiB that was copied. */
void *heap_move_within(struct heap *heap, enum mem_class which, void *block, size_t size, size_t *limit) MUST_USE;

/* Walks the heap's areas. False: this build has no walk (libc heap). */
struct heap_walk {
    uint64_t used_bytes;      /* live blocks, by the allocator's own count */
    uint64_t used_blocks;
    uint64_t committed_bytes; /* pages that hold them */
    uint64_t areas;
    uint64_t sparse_areas;    /* less than half full */
    uint32_t sub_heaps;       /* that were walked */
};
MUST_USE bool heap_walk(struct heap *heap, struct heap_walk *out);
/* The same in steps, a sub-heap each: begin with zeros and go on until true. What changes meanwhile may be missing, or be there
 * twice. */
MUST_USE bool heap_walk_sub_heap(struct heap *heap, struct heap_walk *walk);

/* --- a thread's own memory: network buffers, connections, scratch. Any thread may free what another allocated. --- */

/* Registers the calling thread's counters, which stay valid until process end; call once per thread, before the first
 * allocation there (a thread that did not is counted in a shared, locked record). When the thread has ended, another one may go on with them. NULL: no
 * memory, or too many threads at once.  */
struct mem_counters *thread_heap_register(void);
/* What is counted for a request of `size` bytes (> 0), all of which may be used: asking for the result gives the same. O(1). */
size_t thread_block_bytes(size_t size) __attribute__((const));
void *thread_alloc(enum mem_class which, size_t size) MUST_USE;
void *thread_alloc_zeroed(enum mem_class which, size_t size) MUST_USE;
void *thread_realloc(enum mem_class which, void *block, size_t old_size, size_t new_size) MUST_USE;
void thread_free(enum mem_class which, void *block, size_t size);
#if defined(TESSERA_DEBUG_ASSERT)
/* Tests: of all that the calling thread asks for, of its own memory or a heap's, the next `allocations` requests succeed and one is
 * refused; -1 none. Builds with debug asserts only. */
void thread_heap_refuse_after(int64_t allocations);
/* How many requests succeed until then; -1: none will be refused, or one was. */
int64_t thread_heap_refuse_left(void);
/* The same for what all threads ask for together; a thread that has a number of its own left counts by that. Any thread. */
void any_heap_refuse_after(int64_t allocations);
int64_t any_heap_refuse_left(void);
#endif
/* From now on the calling thread gives its long blocks back in steps: giving back costs some 70 us a MiB. It has to call
 * thread_heap_unmap_step until that says false, at the latest before it ends. Until then such a block counts as MEM_SERVER.  */
enum { THREAD_LAZY_MIN_BYTES = 4 << 20 };
void thread_heap_be_lazy(void);
/* Gives back up to `bytes`, a multiple of the page size. True: there is more. */
bool thread_heap_unmap_step(size_t bytes);
/* Adds up all threads' counters, those that ended included. Any thread, without a lock. */
void thread_heaps_total(struct mem_counters *into);
/* Their bytes alone. */
int64_t thread_heaps_bytes(void);

/* What the process has from the system, bytes. */
struct mem_process {
    uint64_t resident_bytes;
    uint64_t anonymous_bytes;  /* of these, not backed by a file: the allocator's pages, stacks */
    uint64_t peak_resident_bytes;
    uint64_t allocator_committed_bytes;
    uint64_t allocator_peak_committed_bytes;
};
void mem_process_read(struct mem_process *out);

/* "mimalloc-2.0.9" or "libc". */
const char *mem_allocator_name(void);
/* The machine's memory, bytes; 0 unknown. */
uint64_t mem_system_bytes(void);
/* Gives the calling thread's own free pages back to the system (MEMORY PURGE). */
void thread_heap_collect(void);

#endif
