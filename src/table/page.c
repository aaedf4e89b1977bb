/* page.c - see page.h.  */
#include "table/page.h"

#include "table/schema.h"

#include <assert.h>
#include <string.h>

/* Rows of 2, 4 and 8 bytes fit the allocator's block sizes well at these. */
static const uint8_t capacities[] = {3, 7, 15, 30, 45, 60, 90, 120, 180, PAGE_ROWS};

uint32_t page_capacity_for(uint32_t rows)
{
    assert(rows <= PAGE_ROWS);
    uint32_t step = 0;
    while (capacities[step] < rows) {
        step++;
    }
    return capacities[step];
}

_Static_assert(PAGE_ROWS <= UINT8_MAX, "a page counts its rows in bytes");
_Static_assert(PAGE_WORDS == (PAGE_ROWS + 63) / 64, "a bit a row");
_Static_assert(offsetof(struct page, columns) == offsetof(struct page, ids) + sizeof(struct cells), "page_grow");

static size_t page_size(uint32_t cells_count)
{
    return sizeof(struct page) + cells_count * sizeof(struct cells);
}

static void count_page(const struct cells_host *host, size_t added, size_t removed)
{
    uint64_t bytes = *host->row_bytes + (added == 0 ? 0 : heap_block_bytes(added));
    __atomic_store_n(host->row_bytes, bytes - (removed == 0 ? 0 : heap_block_bytes(removed)), __ATOMIC_RELAXED);
}

struct page *page_create(const struct cells_host *host, uint32_t id, uint32_t capacity, uint32_t cells_count)
{
    assert(capacity <= PAGE_ROWS);
    assert(cells_count <= TABLE_COLUMNS_MAX);
    struct page *page = heap_alloc_zeroed(host->heap, MEM_TABLE_ROW, page_size(cells_count));
    if (page == NULL) {
        return NULL;
    }
    page->id = id;
    page->previous = page->next = page->pending_previous = page->pending_next = PAGE_NONE;
    page->capacity = (uint8_t)capacity;
    page->cells_count = (uint16_t)cells_count;
    count_page(host, page_size(cells_count), 0);
    return page;
}

static struct cells_host host_of(const struct cells_host *host, const struct page *page)
{
    return (struct cells_host){.heap = host->heap, .row_bytes = host->row_bytes, .capacity = page->capacity};
}

void page_destroy(const struct cells_host *host, struct page *page)
{
    struct cells_host own = host_of(host, page);
    cells_release(&page->ids, &own);
    for (uint32_t slot = 0; slot < page->cells_count; slot++) {
        cells_release(&page->columns[slot], &own);
    }
    size_t size = page_size(page->cells_count);
    heap_free(host->heap, MEM_TABLE_ROW, page, size);
    count_page(host, 0, size);
}

bool page_grow(const struct cells_host *host, struct page *page, uint32_t capacity)
{
    void *blocks[TABLE_COLUMNS_MAX + 1];
    struct cells_host own = host_of(host, page);
    uint32_t count = page->cells_count + 1u;
    assert(count <= TABLE_COLUMNS_MAX + 1);
    assert(capacity > page->capacity);
    assert(capacity <= PAGE_ROWS);
    uint32_t copied = 0;
    struct cells *cells = &page->ids; /* cells[0] is ids, the columns follow */
    for (; copied < count; copied++) {
        blocks[copied] = NULL;
        if (cells[copied].block != NULL) {
            blocks[copied] = cells_copy_block(&cells[copied], &own, capacity);
            if (blocks[copied] == NULL) {
                break;
            }
        }
    }
    for (uint32_t i = 0; i < copied; i++) {
        if (blocks[i] == NULL) {
            continue;
        }
        if (copied < count) {
            cells_free_block(&cells[i], &own, blocks[i], capacity);
        } else {
            cells_take_block(&cells[i], &own, blocks[i]);
        }
    }
    if (copied < count) {
        return false;
    }
    page->capacity = (uint8_t)capacity;
    return true;
}

struct page *page_add_cells(const struct cells_host *host, struct page *page, uint32_t cells_count)
{
    assert(cells_count >= page->cells_count);
    assert(cells_count <= TABLE_COLUMNS_MAX);
    size_t old_size = page_size(page->cells_count);
    struct page *moved = heap_realloc(host->heap, MEM_TABLE_ROW, page, old_size, page_size(cells_count));
    if (moved == NULL) {
        return NULL;
    }
    memset(moved->columns + moved->cells_count, 0, (cells_count - moved->cells_count) * sizeof(struct cells));
    moved->cells_count = (uint16_t)cells_count;
    count_page(host, page_size(cells_count), old_size);
    return moved;
}

void page_clear_row(const struct cells_host *host, struct page *page, uint32_t slot)
{
    assert(page_is_live(page, slot));
    struct cells_host own = host_of(host, page);
    cells_clear(&page->ids, &own, slot);
    for (uint32_t i = 0; i < page->cells_count; i++) {
        cells_clear(&page->columns[i], &own, slot);
    }
    assert(page->live > 0);
    page->live--;
}

struct page *page_move(const struct cells_host *host, struct page *page, struct page_cursor *cursor, size_t *limit,
                       bool *is_done)
{
    if (cursor->cells == 0 && cursor->slot == 0) {
        page = heap_move_within(host->heap, MEM_TABLE_ROW, page, page_size(page->cells_count), limit);
    }
    const struct cells_host own = host_of(host, page);
    struct cells *cells = &page->ids; /* cells[0] is ids, the columns follow */
    while (cursor->cells <= page->cells_count && cells_move(&cells[cursor->cells], &own, &cursor->slot, limit)) {
        *cursor = (struct page_cursor){.cells = cursor->cells + 1};
        if (*limit == 0) {
            break;
        }
    }
    *is_done = cursor->cells > page->cells_count;
    return page;
}

/* P3: no value without a row. */
static bool only_live_rows_have_values(const struct page *page, const struct cells *cells)
{
    const uint64_t *bits = cells_bits(cells, page->capacity);
    const uint64_t *live = page_live_bits(page);
    for (uint32_t i = 0; bits != NULL && i < (page->capacity + 63u) / 64; i++) {
        if ((bits[i] & ~(live == NULL ? 0 : live[i])) != 0) {
            return false;
        }
    }
    return true;
}

bool page_audit(const struct page *page, uint64_t *bytes)
{
    *bytes += heap_block_bytes(page_size(page->cells_count));
    bool is_valid = cells_audit(&page->ids, page->capacity, bytes);
    for (uint32_t i = 0; i < page->cells_count; i++) {
        is_valid = cells_audit(&page->columns[i], page->capacity, bytes) && is_valid;
        is_valid = is_valid && only_live_rows_have_values(page, &page->columns[i]);
    }
    uint32_t live = 0;
    for (uint32_t slot = 0; slot < page->capacity; slot++) {
        live += page_is_live(page, slot) ? 1 : 0;
        is_valid = is_valid && (slot < page->used || !page_is_live(page, slot));
    }
    return is_valid && live == page->live && page->used <= page->capacity && page->capacity <= PAGE_ROWS;
}
