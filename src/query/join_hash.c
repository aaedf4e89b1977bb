/* join_hash.c - see join_hash.h.  */
#include "query/join_hash.h"

#include "mem/heap.h"

enum { PAGE_SHIFT = 12, PAGE_BUCKETS = 1 << PAGE_SHIFT, PAGE_BYTES = PAGE_BUCKETS * (int)sizeof(struct join_entry *) };

bool join_memory_take(struct join_memory *memory, uint64_t bytes)
{
    const uint64_t used = atomic_fetch_add_explicit(&memory->used_bytes, bytes, memory_order_relaxed) + bytes;
    return memory->limit_bytes == 0 || used <= memory->limit_bytes;
}

enum join_hash_result join_hash_create(struct join_hash *hash, uint64_t count, struct join_memory *memory)
{
    uint64_t buckets = PAGE_BUCKETS;
    while (buckets < count) {
        buckets *= 2;
    }
    const uint64_t pages = buckets >> PAGE_SHIFT;
    *hash = (struct join_hash){0};
    if (!join_memory_take(memory, pages * sizeof *hash->pages)) {
        return JOIN_HASH_LIMIT;
    }
    hash->pages = thread_alloc_zeroed(MEM_QUERY_BUFFER, pages * sizeof *hash->pages);
    if (hash->pages == NULL) {
        return JOIN_HASH_NO_MEMORY;
    }
    hash->page_count = pages;
    hash->mask = buckets - 1;
    return JOIN_HASH_OK;
}

enum join_hash_result join_hash_add(struct join_hash *hash, struct join_entry *entry, struct join_memory *memory)
{
    const uint64_t at = entry->hash & hash->mask;
    struct join_entry ***page = &hash->pages[at >> PAGE_SHIFT];
    if (*page == NULL) {
        if (!join_memory_take(memory, PAGE_BYTES)) {
            return JOIN_HASH_LIMIT;
        }
        *page = thread_alloc_zeroed(MEM_QUERY_BUFFER, PAGE_BYTES);
        if (*page == NULL) {
            return JOIN_HASH_NO_MEMORY;
        }
    }
    struct join_entry **bucket = &(*page)[at % PAGE_BUCKETS];
    entry->next = *bucket;
    *bucket = entry;
    return JOIN_HASH_OK;
}

const struct join_entry *join_hash_find(const struct join_hash *hash, uint64_t of)
{
    if (hash->pages == NULL) {
        return NULL;
    }
    const uint64_t at = of & hash->mask;
    struct join_entry **page = hash->pages[at >> PAGE_SHIFT];
    return page != NULL ? page[at % PAGE_BUCKETS] : NULL;
}

void join_hash_release(struct join_hash *hash)
{
    for (uint64_t i = 0; i < hash->page_count; i++) {
        thread_free(MEM_QUERY_BUFFER, hash->pages[i], PAGE_BYTES);
    }
    thread_free(MEM_QUERY_BUFFER, hash->pages, hash->page_count * sizeof *hash->pages);
    *hash = (struct join_hash){0};
}
