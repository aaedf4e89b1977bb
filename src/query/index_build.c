/* index_build.c - see index_build.h.  */
#include "query/index_build.h"

#include "exec/part.h"
#include "mem/heap.h"
#include "table/index_builder.h"

struct build_part {
    struct part part;
    struct index_builder *builder;
    bool is_refused; /* memory was */
};

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct build_part *part = (struct build_part *)base;
    enum build_status status = BUILD_MORE;
    do {
        status = index_builder_step(part->builder);
    } while (status == BUILD_MORE && !part_step_is_over(thread));
    if (status == BUILD_NO_MEMORY) {
        part->is_refused = true;
        return PART_FAILED;
    }
    return status == BUILD_DONE ? PART_DONE : PART_MORE;
}

bool index_build_create(struct index_build *build, const struct table *table, uint32_t column)
{
    *build = (struct index_build){0};
    struct build_part *parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, table->shard_count * sizeof *parts);
    if (parts == NULL) {
        return false;
    }
    *build = (struct index_build){.parts = parts, .count = table->shard_count};
    for (uint32_t i = 0; i < table->shard_count; i++) {
        struct table_slice *slice = table->slices[i];
        parts[i].part = (struct part){.step = step_part, .shard = i, .takes_baton = true};
        parts[i].builder = index_builder_create(slice, &table_schema(table)->columns[column], index_builder_run_rows(slice));
        if (parts[i].builder == NULL) {
            index_build_release(build);
            return false;
        }
    }
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
    for (uint32_t i = 0; i < build->count; i++) {
        index_builder_destroy(build->parts[i].builder);
    }
    thread_free(MEM_QUERY_BUFFER, build->parts, build->count * sizeof *build->parts);
    *build = (struct index_build){0};
}
