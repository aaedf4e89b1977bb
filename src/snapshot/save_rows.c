/* save_rows.c - the rows of tables in one shard: page by page, each before it changes for the first time.
 *
 * What is to be written is noted at the cut: a bit for each page, and in the last one how many rows there were (slice.h: rows are added at the end
 * only). An id of a page that goes is free only after its rows were told of, so no bit is another page's.  */
#include "snapshot/save_rows.h"

#include "mem/heap.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "snapshot/save_output.h"
#include "snapshot/saved_tables.h"
#include "table/slice.h"

#include <assert.h>
#include <stdlib.h>

/* A page is written in one go, and whoever changes it first waits: longer ones are not packed, which is 5 ns a byte. */
enum { PACKED_PAGE_MAX = 131072 };

static bool write_page(struct shard_save *save, const struct saved_slice *saved, const struct page *page)
{
    const struct saved_table *table = &save->tables->tables[saved->number];
    const uint32_t used = page->id == saved->last_page ? saved->last_used : page->used;
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < used; slot++) {
        count += page_is_live(page, slot);
    }
    struct buffer rows = BUFFER_EMPTY(MEM_SNAPSHOT);
    bool is_written = rdb_write_length(&rows, saved->number) && rdb_write_length(&rows, count);
    for (uint32_t slot = 0; slot < used && is_written; slot++) {
        is_written = !page_is_live(page, slot) || saved_row_write(&rows, table, saved->slice, row_number(page->id, slot));
    }
    const enum rdb_packing packing = save->limits.texts_stay_plain || rows.len > PACKED_PAGE_MAX ? RDB_PLAIN : RDB_PACKED;
    is_written = is_written && (count == 0 || (rdb_write_byte(&save->out, RDB_OP_AUX) && rdb_write_text(&save->out, SAVED_ROWS_FIELD, RDB_PLAIN) &&
                                               rdb_write_text(&save->out, buffer_bytes(&rows), packing)));
    buffer_release(&rows);
    return is_written;
}

static void write_pending(struct shard_save *save, struct saved_slice *saved, uint32_t id)
{
    if (id >= saved->page_count || !save_bit(saved->pending, id)) {
        return;
    }
    saved->pending[id / 64] &= ~(UINT64_C(1) << (id % 64));
    if (!save->has_failed) {
        save->has_failed = !write_page(save, saved, saved->slice->pages[id]);
    }
    save_hand_over(save, false);
}

/* --- changes to come --- */

static int compare(const void *a, const void *b)
{
    const uintptr_t first = (uintptr_t)((const struct saved_slice *)a)->slice;
    const uintptr_t second = (uintptr_t)((const struct saved_slice *)b)->slice;
    return first < second ? -1 : first > second;
}

static struct saved_slice *find(struct shard_save *save, const struct table_slice *slice)
{
    const struct saved_slice wanted = {.slice = slice};
    struct saved_slice *found = save->slice_count == 0 ? NULL : bsearch(&wanted, save->slices, save->slice_count, sizeof wanted, compare);
    return found == NULL || found->is_over ? NULL : found;
}

static void before_change(void *context, const struct table_slice *slice, uint32_t first, uint32_t end)
{
    struct shard_save *save = ((struct shard *)context)->snapshot;
    struct saved_slice *saved = find(save, slice);
    if (saved == NULL) {
        return; /* of a table that has come later */
    }
    if (first < end) {
        write_pending(save, saved, first >> ROW_SLOT_BITS);
    }
}

/* Its pages are written first, one at a time at least; while the disk is behind, it stays. */
static bool may_free(void *context, const struct table_slice *slice, size_t limit)
{
    struct shard_save *save = ((struct shard *)context)->snapshot;
    struct saved_slice *saved = find(save, slice);
    if (saved == NULL) {
        return true;
    }
    for (size_t rows = 0; saved->next < saved->page_count && !save->has_failed; rows += PAGE_ROWS) {
        if (limit != SIZE_MAX && (rows >= limit || !save_may_add(save))) {
            return false;
        }
        write_pending(save, saved, saved->next++);
    }
    saved->is_over = true;
    return true;
}

/* --- begin, steps, end --- */

static bool begin_slice(struct saved_slice *saved, uint32_t number, const struct table_slice *slice)
{
    *saved = (struct saved_slice){.slice = slice, .number = number, .page_count = slice->pages_end, .last_page = PAGE_NONE};
    saved->words = (slice->pages_end + 63) / 64;
    if (saved->words == 0) {
        return true;
    }
    saved->pending = thread_alloc_zeroed(MEM_SNAPSHOT, saved->words * sizeof *saved->pending);
    if (saved->pending == NULL) {
        return false;
    }
    for (uint32_t id = 0; id < slice->pages_end; id++) {
        saved->pending[id / 64] |= (uint64_t)(slice->pages[id] != NULL) << (id % 64);
    }
    if (slice->last != PAGE_NONE) {
        saved->last_page = slice->last;
        saved->last_used = slice->pages[slice->last]->used;
    }
    return true;
}

bool save_slices_begin(struct shard_save *save)
{
    const uint32_t count = save->tables->count;
    if (count == 0) {
        return true;
    }
    save->slices = thread_alloc_zeroed(MEM_SNAPSHOT, count * sizeof *save->slices);
    if (save->slices == NULL) {
        return false;
    }
    save->slice_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct table *table = save->tables->tables[i].table;
        if (!begin_slice(&save->slices[i], i, table->slices[save->shard->number])) {
            return false;
        }
    }
    qsort(save->slices, count, sizeof *save->slices, compare);
    save->shard->slice_owner.before_change = before_change;
    save->shard->slice_owner.may_free = may_free;
    return true;
}

bool save_rows_step(struct shard_save *save)
{
    while (save->slice_at < save->slice_count) {
        struct saved_slice *saved = &save->slices[save->slice_at];
        if (!saved->is_over && saved->next < saved->page_count) {
            write_pending(save, saved, saved->next++);
            return true;
        }
        saved->is_over = true;
        save->slice_at++;
    }
    return false;
}

void save_slices_end(struct shard_save *save)
{
    save->shard->slice_owner.before_change = NULL;
    save->shard->slice_owner.may_free = NULL;
    for (uint32_t i = 0; i < save->slice_count; i++) {
        if (save->slices[i].pending != NULL) {
            thread_free(MEM_SNAPSHOT, save->slices[i].pending, save->slices[i].words * sizeof(uint64_t));
        }
    }
    if (save->slices != NULL) {
        thread_free(MEM_SNAPSHOT, save->slices, save->slice_count * sizeof *save->slices);
    }
    save->slices = NULL;
    save->slice_count = 0;
}
