/* slice_audit.c - counts a slice again and compares.  */
#include "table/slice_private.h"

#include <stdio.h>

struct tally {
    uint64_t rows, slots, bytes, pages;
    uint64_t values[TABLE_COLUMNS_MAX]; /* by index: rows with a value in its column */
};

static void count_values(const struct schema *schema, const struct page *page, struct tally *tally)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        const struct cells *cells = column->index_at == COLUMN_NONE ? NULL : page_cells(page, column->slot);
        const uint64_t *bits = cells == NULL ? NULL : cells_bits(cells, page->capacity);
        for (uint32_t word = 0; bits != NULL && word < (page->capacity + 63u) / 64; word++) {
            tally->values[column->index_at] += (uint64_t)__builtin_popcountll(bits[word]);
        }
    }
}

/* Walks the list; false: a page is wrong, or its links. */
static bool walk_pages(const struct table_slice *slice, const struct schema *schema, struct tally *tally)
{
    uint32_t previous = PAGE_NONE;
    for (uint32_t id = slice->first; id != PAGE_NONE; id = slice->pages[id]->next) {
        if (id >= slice->pages_end || slice->pages[id] == NULL || tally->pages == slice->page_count) {
            return false;
        }
        const struct page *page = slice->pages[id];
        if (page->id != id || page->previous != previous || !page_audit(page, &tally->bytes) ||
            (page->live == 0 && !page->is_pending)) {
            return false;
        }
        count_values(schema, page, tally);
        tally->rows += page->live;
        tally->slots += page->capacity;
        tally->pages++;
        previous = id;
    }
    return previous == slice->last && tally->pages == slice->page_count && tally->slots == slice->slot_count;
}

static uint64_t head_bytes(const struct table_slice *slice)
{
    uint64_t bytes = heap_block_bytes(sizeof *slice);
    if (slice->pages_capacity > 0) {
        bytes += heap_block_bytes(slice->pages_capacity * sizeof slice->pages[0]);
    }
    if (slice->index_capacity > 0) {
        bytes += heap_block_bytes(slice->index_capacity * sizeof slice->indexes[0]);
    }
    return bytes;
}

/* With `deep` the values of ordered indexes are read row by row. */
static bool audit(const struct table_slice *slice, const struct schema *schema, bool deep, struct table_memory *found, char finding[200])
{
    const struct index_host host = slice_index_host(slice);
    struct tally tally = {.bytes = head_bytes(slice)};
    if (!walk_pages(slice, schema, &tally)) {
        snprintf(finding, 200, "a page of rows is damaged");
        return false;
    }
    if (tally.rows != slice->row_count) {
        snprintf(finding, 200, "%llu rows counted, %llu found", (unsigned long long)slice->row_count,
                 (unsigned long long)tally.rows);
        return false;
    }
    if (tally.bytes != slice->row_bytes) {
        snprintf(finding, 200, "%llu row bytes counted, %llu found", (unsigned long long)slice->row_bytes,
                 (unsigned long long)tally.bytes);
        return false;
    }
    for (uint32_t i = 0; i < slice->index_count && slice->is_emptying; i++) {
        found->index_bytes += column_index_bytes(&slice->indexes[i]); /* of what is left of them */
    }
    for (uint32_t i = 0; i < slice->index_count && !slice->is_emptying; i++) {
        uint64_t bytes = 0;
        uint64_t entries = 0;
        bool is_valid = column_index_audit(&slice->indexes[i], &host, deep, &bytes, &entries);
        if (!is_valid || (i < schema->index_count && entries != tally.values[i])) {
            snprintf(finding, 200, "index %u holds %llu rows, its column %llu%s", i, (unsigned long long)entries,
                     (unsigned long long)tally.values[i], is_valid ? "" : "; its nodes are damaged");
            return false;
        }
        found->index_bytes += bytes;
    }
    uint64_t entries = 0;
    if (slice->is_emptying) {
        found->row_bytes += slice->ids.bytes;
    } else if (!hash_index_audit(&slice->ids, &found->row_bytes, &entries)) {
        snprintf(finding, 200, "the index of row ids is damaged");
        return false;
    }
    found->row_count += tally.rows;
    found->row_bytes += tally.bytes;
    return true;
}

bool slice_audit(const struct table_slice *slice, const struct schema *schema, struct table_memory *found, char finding[200])
{
    return audit(slice, schema, false, found, finding);
}

bool slice_is_valid(const struct table_slice *slice, const struct schema *schema)
{
    struct table_memory found = {0};
    char finding[200];
    uint64_t previous = 0;
    if (!audit(slice, schema, true, &found, finding) || (slice->is_write_locked && slice->reader_count > 0) ||
        !slice_ids_are_valid(slice)) {
        return false;
    }
    for (uint32_t id = slice->first; id != PAGE_NONE; id = slice->pages[id]->next) {
        const struct page *page = slice->pages[id];
        for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
            uint32_t row = row_number(id, slot);
            uint64_t row_id = slice_row_id(slice, row);
            if (slice->is_ordered && row_id <= previous) {
                return false;
            }
            previous = row_id;
            for (uint32_t i = 0; i < schema->column_count; i++) {
                if (!slice_row_is_indexed(slice, &schema->columns[i], row)) {
                    return false;
                }
            }
        }
    }
    return true;
}
