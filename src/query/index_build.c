/* index_build.c - see index_build.h.  */
#include "query/index_build.h"

#include "exec/part.h"
#include "mem/heap.h"
#include "table/slice.h"

enum { BUILD_PAGES = 1 }; /* between two looks at the clock */

struct build_part {
    struct part part;
    struct table_slice *slice;
    struct column column;
    uint32_t cursor;      /* the next page */
    bool is_refused;      /* memory was */
};

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct build_part *part = (struct build_part *)base;
    while (part->cursor != PAGE_NONE) {
        if (!slice_build_index(part->slice, &part->column, &part->cursor, BUILD_PAGES)) {
            part->is_refused = true;
            return PART_FAILED;
        }
        if (part_step_is_over(thread)) {
            break;
        }
    }
    return part->cursor == PAGE_NONE ? PART_DONE : PART_MORE;
}

bool index_build_create(struct index_build *build, const struct table *table, uint32_t column)
{
    *build = (struct index_build){0};
    struct build_part *parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, table->shard_count * sizeof *parts);
    if (parts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < table->shard_count; i++) {
        struct table_slice *slice = table->slices[i];
        parts[i] = (struct build_part){.part = {.step = step_part, .shard = i, .takes_baton = true},
                                       .slice = slice,
                                       .column = table_schema(table)->columns[column],
                                       .cursor = slice->first};
    }
    *build = (struct index_build){.parts = parts, .count = table->shard_count};
    return true;
}

bool index_build_start(struct index_build *build, struct exec *exec)
{
    return exec_start_parts(exec, &build->parts[0].part, build->count, sizeof build->parts[0], PARTS_LONG);
}

enum table_result index_build_result(const struct index_build *build)
{
    for (uint32_t i = 0; i < build->count; i++) {
        if (build->parts[i].is_refused) {
            return TABLE_NO_MEMORY;
        }
    }
    return TABLE_OK;
}

void index_build_release(struct index_build *build)
{
    thread_free(MEM_QUERY_BUFFER, build->parts, build->count * sizeof *build->parts);
    *build = (struct index_build){0};
}
