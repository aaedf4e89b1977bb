/* index_build.h - fills a new index of a table, in parts: one a slice, under the baton of its shard, from whose heap the nodes come.
 *
 *   index_build_create --> index_build_start, JOB_PARTS --> index_build_result --> index_build_release
 *
 * Threads    Parts: exec/part.h. The rest: the job's.
 * Memory     The table is borrowed until index_build_release; its slices are locked for reading, and each has an index more than the
 *            schema says, behind the others.  */
#ifndef QUERY_INDEX_BUILD_H
#define QUERY_INDEX_BUILD_H

#include "table/definition.h"

struct build_part;
struct exec;

/* All zero: nothing is built. */
struct index_build {
    struct build_part *parts;
    uint32_t count;
};

/* For the column of that number. False: no memory, *build is all zero. */
MUST_USE bool index_build_create(struct index_build *build, const struct table *table, uint32_t column);
/* In a job's step, which then returns JOB_PARTS. False: no memory. */
MUST_USE bool index_build_start(struct index_build *build, struct exec *exec);
/* In its next step: TABLE_OK, the index is complete; TABLE_NO_MEMORY. */
MUST_USE enum table_result index_build_result(const struct index_build *build);
void index_build_release(struct index_build *build);

#endif
