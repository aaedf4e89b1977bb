/* output.c - see output.h.  */
#include "net/output.h"

#include "mem/heap.h"

#include <assert.h>

struct chunk {
    struct chunk *next;
    char *data;        /* behind this header, or an adopted buffer's */
    size_t len, sent, capacity;
    size_t block_bytes; /* of this block: header and inline data */
    bool is_adopted;
};

_Static_assert(sizeof(struct chunk) < CHUNK_SMALL_BYTES, "a small chunk has room behind its header");

static struct chunk *chunk_create(size_t block_bytes)
{
    assert(block_bytes > sizeof(struct chunk));
    struct chunk *chunk = thread_alloc(MEM_OUTPUT_BUFFER, block_bytes);
    if (chunk != NULL) {
        *chunk = (struct chunk){.data = (char *)(chunk + 1),
                                .capacity = block_bytes - sizeof *chunk,
                                .block_bytes = block_bytes};
    }
    return chunk;
}

static void chunk_destroy(struct chunk *chunk)
{
    if (chunk->is_adopted) {
        thread_free(MEM_OUTPUT_BUFFER, chunk->data, chunk->capacity);
    }
    thread_free(MEM_OUTPUT_BUFFER, chunk, chunk->block_bytes);
}

bool chunk_pool_open(struct chunk_pool *pool)
{
    pool->small = (struct chunk_list){.first = chunk_create(CHUNK_SMALL_BYTES), .count = 1, .least = 1};
    pool->large = (struct chunk_list){.first = chunk_create(CHUNK_BYTES), .count = 1, .least = 1};
    return pool->small.first != NULL && pool->large.first != NULL;
}

static void free_list(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        chunk_destroy(chunk);
        chunk = next;
    }
}

void chunk_pool_close(struct chunk_pool *pool)
{
    free_list(pool->small.first);
    free_list(pool->large.first);
    *pool = (struct chunk_pool){0};
}

static struct chunk *list_take(struct chunk_list *list)
{
    struct chunk *chunk = list->first;
    if (chunk != NULL) {
        assert(list->count > 0);
        list->first = chunk->next;
        list->count--;
        list->least = list->count < list->least ? list->count : list->least;
    }
    return chunk;
}

static void list_trim(struct chunk_list *list)
{
    const uint32_t unused = list->least;
    for (uint32_t i = 0; list->count > 1 && i < (unused + 1) / 2; i++) {
        chunk_destroy(list_take(list));
    }
    list->least = list->count;
}

void chunk_pool_trim(struct chunk_pool *pool)
{
    list_trim(&pool->small);
    list_trim(&pool->large);
}

size_t chunk_pool_spare_bytes(const struct chunk_pool *pool)
{
    const size_t small = pool->small.count > 1 ? pool->small.count - 1 : 0;
    const size_t large = pool->large.count > 1 ? pool->large.count - 1 : 0;
    return small * thread_block_bytes(CHUNK_SMALL_BYTES) + large * thread_block_bytes(CHUNK_BYTES);
}

static struct chunk *chunk_get(struct chunk_pool *pool, size_t for_bytes)
{
    bool is_small = for_bytes <= CHUNK_SMALL_BYTES - sizeof(struct chunk);
    struct chunk *chunk = list_take(is_small ? &pool->small : &pool->large);
    if (chunk == NULL) {
        return chunk_create(is_small ? CHUNK_SMALL_BYTES : CHUNK_BYTES);
    }
    chunk->next = NULL;
    chunk->len = chunk->sent = 0;
    return chunk;
}

static void chunk_put(struct chunk_pool *pool, struct chunk *chunk)
{
    bool is_small = chunk->block_bytes == CHUNK_SMALL_BYTES;
    struct chunk_list *list = is_small ? &pool->small : &pool->large;
    bool is_pooled = is_small || chunk->block_bytes == CHUNK_BYTES;
    if (!is_pooled || chunk->is_adopted || list->count >= CHUNK_POOL_MAX) {
        chunk_destroy(chunk);
        return;
    }
    chunk->next = list->first;
    list->first = chunk;
    list->count++;
}

static void link_tail(struct output *output, struct chunk *chunk)
{
    if (output->tail == NULL) {
        output->head = chunk;
    } else {
        output->tail->next = chunk;
    }
    output->tail = chunk;
    output->chunks++;
}

bool output_append(struct output *output, struct chunk_pool *pool, struct bytes text)
{
    struct chunk *tail = output->tail;
    size_t room = tail == NULL || tail->is_adopted ? 0 : tail->capacity - tail->len;
    if (UNLIKELY(text.len > CHUNK_BYTES)) {
        /* Longer than any chunk: one block of its own. */
        struct buffer copy = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
        if (!buffer_append(&copy, text)) {
            return false;
        }
        if (!output_take(output, pool, &copy)) {
            buffer_release(&copy);
            return false;
        }
        return true;
    }
    size_t first = text.len < room ? text.len : room;
    struct chunk *added = NULL;
    if (first < text.len) {
        added = chunk_get(pool, text.len - first);
        if (added == NULL || added->capacity < text.len - first) {
            /* 16 KiB less the header: what is left over goes into the tail only with room; ask for a whole block. */
            if (added != NULL) {
                chunk_put(pool, added);
            }
            added = chunk_create(text.len - first + sizeof(struct chunk));
            if (added == NULL) {
                return false;
            }
        }
    }
    if (first > 0) {
        memcpy(tail->data + tail->len, text.data, first);
        tail->len += first;
    }
    if (added != NULL) {
        memcpy(added->data, text.data + first, text.len - first);
        added->len = text.len - first;
        link_tail(output, added);
    }
    output->bytes += text.len;
    debug_assert(output_is_valid(output));
    return true;
}

bool output_take(struct output *output, struct chunk_pool *pool, struct buffer *buffer)
{
    (void)pool;
    struct chunk *chunk = thread_alloc(MEM_OUTPUT_BUFFER, sizeof *chunk);
    if (chunk == NULL) {
        return false;
    }
    assert(buffer->which == MEM_OUTPUT_BUFFER);
    *chunk = (struct chunk){.data = buffer->data,
                            .len = buffer->len,
                            .capacity = buffer->capacity,
                            .block_bytes = sizeof *chunk,
                            .is_adopted = true};
    link_tail(output, chunk);
    output->bytes += buffer->len;
    *buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    debug_assert(output_is_valid(output));
    return true;
}

int output_gather(const struct output *output, size_t limit, struct iovec pieces[OUTPUT_GATHER_MAX])
{
    int count = 0;
    size_t room = limit < OUTPUT_GATHER_BYTES ? limit : OUTPUT_GATHER_BYTES;
    for (const struct chunk *chunk = output->head; chunk != NULL && count < OUTPUT_GATHER_MAX && room > 0; chunk = chunk->next) {
        size_t here = chunk->len - chunk->sent;
        if (here > 0) {
            here = here < room ? here : room;
            pieces[count++] = (struct iovec){chunk->data + chunk->sent, here};
            room -= here;
        }
    }
    assert(count <= OUTPUT_GATHER_MAX);
    return count;
}

void output_sent(struct output *output, struct chunk_pool *pool, size_t count)
{
    assert(count <= output->bytes);
    output->bytes -= count;
    while (output->head != NULL) {
        struct chunk *chunk = output->head;
        size_t here = chunk->len - chunk->sent;
        if (count < here) {
            chunk->sent += count;
            debug_assert(output_is_valid(output));
            return;
        }
        count -= here;
        output->head = chunk->next;
        if (output->head == NULL) {
            output->tail = NULL;
        }
        assert(output->chunks > 0);
        output->chunks--;
        chunk_put(pool, chunk);
    }
    assert(count == 0);
    assert(output->bytes == 0);
}

void output_clear(struct output *output, struct chunk_pool *pool)
{
    output_sent(output, pool, output->bytes);
}

size_t output_memory_bytes(const struct output *output)
{
    size_t total = 0;
    for (const struct chunk *chunk = output->head; chunk != NULL; chunk = chunk->next) {
        total += thread_block_bytes(chunk->block_bytes) + (chunk->is_adopted ? thread_block_bytes(chunk->capacity) : 0);
    }
    return total;
}

bool output_is_valid(const struct output *output)
{
    size_t bytes = 0;
    uint32_t chunks = 0;
    const struct chunk *last = NULL;
    for (const struct chunk *chunk = output->head; chunk != NULL; chunk = chunk->next) {
        assert(chunk->sent <= chunk->len);
        assert(chunk->len <= chunk->capacity);
        bytes += chunk->len - chunk->sent;
        chunks++;
        last = chunk;
    }
    assert(last == output->tail);
    assert(chunks == output->chunks);
    assert(bytes == output->bytes);
    return true;
}
