/* search.c - see search.h.  */
#include "query/search.h"

#include "exec/part.h"
#include "mem/heap.h"

#include <assert.h>

enum {
    SORT_STEPS = 1024,     /* between two looks at the clock */
    LONG_SCAN_ROWS = 200000, /* 100 us at least, by the fastest of conditions */
};

struct search_part {
    struct part part;
    const struct statement *statement;
    struct gather gather;
    bool is_gathering;  /* gather has begun */
    struct found found;
    bool is_sorting;
    bool is_refused;    /* memory was, or the select or the rows' work has failed */
    bool has_failure;   /* the rows' work has */
    struct row_failure failure;
    const struct select_run *select;
    uint32_t number;    /* of the part, and of the select's */
};

/* --- a part --- */

static enum part_status refuse(struct search_part *part)
{
    part->is_refused = true;
    return PART_FAILED;
}

static enum part_status step_sort(struct search_part *part, const struct thread *thread)
{
    do {
        switch (part->select != NULL ? select_part_settle(part->select, part->number, SORT_STEPS) : found_sort(&part->found, SORT_STEPS)) {
        case FOUND_MORE:
            break;
        case FOUND_SORTED:
            return PART_DONE;
        case FOUND_NO_MEMORY:
            return refuse(part);
        }
    } while (!part_step_is_over(thread));
    return PART_MORE;
}

static bool take(struct search_part *part, uint32_t *rows, uint32_t count)
{
    part->has_failure = !statement_keep(part->statement, part->gather.slice, rows, &count, &part->failure);
    if (part->has_failure) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    if (part->select != NULL) {
        return select_part_take(part->select, part->number, part->part.shard, rows, count);
    }
    return found_add(&part->found, part->gather.slice, part->part.shard, rows, count);
}

/* What the gathering finds in its next step. */
static bool take_next(struct search_part *part)
{
    if (part->select != NULL && part->statement->work == NULL && gather_is_scan(&part->gather)) {
        struct page_bits matches;
        const struct page *page = gather_page(&part->gather, &matches);
        return select_part_take_page(part->select, part->number, part->part.shard, page, &matches);
    }
    uint32_t rows[GATHER_ROWS];
    const uint32_t count = gather_step(&part->gather, rows);
    return take(part, rows, count);
}

static bool needs_rows(const struct search_part *part)
{
    return !part->gather.is_done && (part->select == NULL || !select_part_is_full(part->select, part->number));
}

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct search_part *part = (struct search_part *)base;
    struct gather *gather = &part->gather;
    if (!part->is_gathering) {
        const struct statement *statement = part->statement;
        statement_begin_gather(statement, statement->table->slices[base->shard], gather);
        part->is_gathering = true;
        for (uint32_t i = 0; part->select != NULL && i < part->select->select->input_count; i++) {
            gather_reads(gather, part->select->select->inputs[i].cells); /* ROW_ID is no column's slot: nothing is asked for */
        }
    }
    while (needs_rows(part)) {
        if (!take_next(part)) {
            return refuse(part);
        }
        if (part_step_is_over(thread)) {
            return gather->is_done && !part->is_sorting ? PART_DONE : PART_MORE;
        }
    }
    return part->is_sorting ? step_sort(part, thread) : PART_DONE;
}

/* --- all of them --- */

bool search_create(struct search *search, const struct statement *statement, struct shard_range range, enum search_order order,
                   const struct select_run *select)
{
    const uint32_t count = range.end - range.first;
    *search = (struct search){.count = count};
    search->parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, count * sizeof *search->parts);
    if (search->parts == NULL || !merge_create(&search->merge, count, order == SEARCH_BY_ID)) {
        search_release(search);
        return false;
    }
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct search_part *part = &search->parts[i];
        rows += statement->table->slices[range.first + i]->row_count;
        part->part = (struct part){.step = step_part, .shard = range.first + i};
        part->statement = statement;
        part->is_sorting = order == SEARCH_BY_ID;
        part->select = select;
        part->number = i;
        found_init(&part->found, NULL);
    }
    search->is_long = rows >= LONG_SCAN_ROWS && access_scans(&statement->where, statement->schema);
    return true;
}

bool search_start(struct search *search, struct exec *exec)
{
    return exec_start_parts(exec, &search->parts[0].part, search->count, sizeof search->parts[0],
                            search->is_long ? PARTS_LONG : PARTS_MAY_BE_SHORT);
}

void search_release(struct search *search)
{
    for (uint32_t i = 0; i < search->count && search->parts != NULL; i++) {
        found_release(&search->parts[i].found);
    }
    thread_free(MEM_QUERY_BUFFER, search->parts, search->count * sizeof *search->parts);
    merge_release(&search->merge);
    *search = (struct search){0};
}

/* --- reading --- */

enum table_result search_finish(struct search *search, uint64_t *found, uint64_t *examined)
{
    bool is_refused = false;
    *found = 0;
    *examined = 0;
    for (uint32_t i = 0; i < search->count; i++) {
        const struct search_part *part = &search->parts[i];
        is_refused = is_refused || part->is_refused;
        *found += part->found.count;
        *examined += part->gather.examined;
    }
    if (is_refused) {
        return TABLE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < search->count; i++) {
        merge_add(&search->merge, &search->parts[i].found);
    }
    merge_start(&search->merge);
    return TABLE_OK;
}

const struct row_failure *search_failure(const struct search *search)
{
    const struct row_failure *failure = NULL;
    for (uint32_t i = 0; i < search->count && failure == NULL; i++) {
        failure = search->parts[i].has_failure ? &search->parts[i].failure : NULL;
    }
    return failure;
}

const struct found_row *search_row(const struct search *search)
{
    return merge_row(&search->merge);
}

void search_advance(struct search *search)
{
    merge_advance(&search->merge);
}

void search_rewind(struct search *search)
{
    merge_rewind(&search->merge);
}
