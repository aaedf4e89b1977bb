/* index_builder.c - see index_builder.h.  */
#include "table/index_builder.h"

#include "table/index_sort.h"
#include "table/slice_private.h"

#include <assert.h>

enum {
    RUN_ROWS = 1 << 20,
    RUN_SHARE = 8,       /* a run is at least this part of the rows */
    SORT_WORK = 1024,    /* items a step */
    ENTER_SINGLE = 64,   /* rows a step when they go between others */
};
enum stage { STAGE_COLLECT, STAGE_SORT, STAGE_ENTER };

struct index_builder {
    struct table_slice *slice;
    struct column_index *index;
    struct column column;
    uint32_t page;              /* the next one to be collected, by id */
    uint32_t capacity, count;   /* items of a run */
    uint32_t entered;           /* of the run */
    uint8_t stage;
    bool is_first_run;
    struct sort_item *items, *spare; /* `capacity` each */
    struct index_sort sort;
};

uint32_t index_builder_run_rows(const struct table_slice *slice)
{
    const uint64_t share = slice->row_count / RUN_SHARE;
    const uint64_t run = share < RUN_ROWS ? RUN_ROWS : share;
    return (uint32_t)(run < slice->row_count ? run : slice->row_count);
}

struct index_builder *index_builder_create(struct table_slice *slice, const struct column *column, uint32_t run_rows)
{
    assert(slice->index_count > 0);
    struct index_builder *builder = thread_alloc_zeroed(MEM_QUERY_BUFFER, sizeof *builder);
    if (builder == NULL) {
        return NULL;
    }
    *builder = (struct index_builder){.slice = slice,
                                      .index = &slice->indexes[slice->index_count - 1],
                                      .column = *column,
                                      .capacity = run_rows + PAGE_ROWS, /* a page is collected whole */
                                      .is_first_run = true};
    builder->items = thread_alloc(MEM_QUERY_BUFFER, builder->capacity * sizeof *builder->items);
    builder->spare = thread_alloc(MEM_QUERY_BUFFER, builder->capacity * sizeof *builder->spare);
    if (builder->items == NULL || builder->spare == NULL) {
        index_builder_destroy(builder);
        return NULL;
    }
    return builder;
}

void index_builder_destroy(struct index_builder *builder)
{
    if (builder != NULL) {
        index_sort_release(&builder->sort);
        thread_free(MEM_QUERY_BUFFER, builder->items, builder->capacity * sizeof *builder->items);
        thread_free(MEM_QUERY_BUFFER, builder->spare, builder->capacity * sizeof *builder->spare);
        thread_free(MEM_QUERY_BUFFER, builder, sizeof *builder);
    }
}

static struct key_source builder_source(const struct index_builder *builder)
{
    const bool is_text = builder->index->kind == INDEX_BTREE && column_type_is_text((enum column_type)builder->column.type);
    return (struct key_source){.pages = builder->slice->pages, .slot = builder->column.slot, .is_text = is_text};
}

static uint64_t key_of(const struct index_builder *builder, const struct typed_value *value)
{
    const enum column_type type = (enum column_type)builder->column.type;
    if (builder->index->kind == INDEX_HASH) {
        return (uint32_t)typed_value_hash(builder->slice->secret, type, value);
    }
    return column_type_is_text(type) ? 0 : ordered_number(type, value);
}

/* Pages in the order of their ids, so that rows come in the order of their numbers. */
static void collect_page(struct index_builder *builder)
{
    const struct page *page = builder->slice->pages[builder->page++];
    const struct cells *cells = page == NULL ? NULL : page_cells(page, builder->column.slot);
    for (uint32_t slot = 0; cells != NULL && slot < page->used; slot++) {
        const struct typed_value value = cells_get(cells, page->capacity, slot);
        if (!value.is_null) {
            builder->items[builder->count++] =
                (struct sort_item){.key = key_of(builder, &value), .row = row_number(page->id, slot)};
        }
    }
}

static void step_collect(struct index_builder *builder)
{
    if (builder->page < builder->slice->pages_end && builder->count + PAGE_ROWS <= builder->capacity) {
        collect_page(builder);
        return;
    }
    index_sort_begin(&builder->sort, builder_source(builder), builder->items, builder->spare, builder->count);
    builder->stage = STAGE_SORT;
}

static bool step_sort(struct index_builder *builder)
{
    const enum sort_status status = index_sort_step(&builder->sort, SORT_WORK);
    if (status == SORT_DONE) {
        builder->items = builder->sort.items; /* the two may have changed places */
        builder->spare = builder->sort.spare;
        index_sort_release(&builder->sort);
        builder->entered = 0;
        builder->stage = STAGE_ENTER;
    }
    return status != SORT_NO_MEMORY;
}

/* --- entering --- */

static bool append_leaf(struct index_builder *builder, const struct index_host *host, uint32_t count)
{
    const struct sort_item *items = builder->items + builder->entered;
    uint64_t words[ORDERED_APPEND_MAX];
    uint32_t rows[ORDERED_APPEND_MAX];
    if (builder->index->kind == INDEX_HASH) {
        for (uint32_t i = 0; i < count; i++) {
            words[i] = hash_index_entry((uint32_t)items[i].key, items[i].row);
        }
        return hash_index_append(&builder->index->hash, host->heap, words, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        words[i] = items[i].key;
        rows[i] = items[i].row;
    }
    return ordered_index_append(&builder->index->ordered, host, words, rows, count);
}

static bool insert_rows(struct index_builder *builder, const struct index_host *host, uint32_t count)
{
    const struct sort_item *items = builder->items + builder->entered;
    for (uint32_t i = 0; i < count; i++) {
        const struct typed_value value = slice_value(builder->slice, items[i].row, builder->column.slot);
        if (!column_index_prepare(builder->index, host, &value, items[i].row)) {
            return false;
        }
        column_index_commit(builder->index, host, &value, items[i].row);
    }
    return true;
}

static bool step_enter(struct index_builder *builder)
{
    const struct index_host host = slice_index_host(builder->slice);
    const uint32_t left = builder->count - builder->entered;
    const uint32_t most = builder->is_first_run ? ORDERED_APPEND_MAX : ENTER_SINGLE;
    const uint32_t count = left < most ? left : most;
    if (count > 0 && !(builder->is_first_run ? append_leaf(builder, &host, count) : insert_rows(builder, &host, count))) {
        return false;
    }
    builder->entered += count;
    if (builder->entered == builder->count) {
        builder->is_first_run = false;
        builder->count = 0;
        builder->stage = STAGE_COLLECT;
    }
    return true;
}

enum build_status index_builder_step(struct index_builder *builder)
{
    bool is_fine = true;
    switch ((enum stage)builder->stage) {
    case STAGE_COLLECT:
        step_collect(builder);
        break;
    case STAGE_SORT:
        is_fine = step_sort(builder);
        break;
    case STAGE_ENTER:
        is_fine = step_enter(builder);
        break;
    }
    if (!is_fine) {
        return BUILD_NO_MEMORY;
    }
    const bool is_done = builder->stage == STAGE_COLLECT && builder->count == 0 && builder->page >= builder->slice->pages_end;
    return is_done ? BUILD_DONE : BUILD_MORE;
}
