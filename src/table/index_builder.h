/* index_builder.h - fills a new index of a slice, in steps: rows are collected, sorted by their values (index_sort.h), and entered in
 * order. Of a large slice one run of rows after the other, so that memory stays bounded.
 *
 *   COLLECT (a page at a time) --> SORT --> ENTER (a leaf at a time) --> the next run's COLLECT ... --> done
 *
 * The first run makes the leaves; the rows of later ones go between those that are there, in order, so that what one needs is in the
 * cache from the one before.
 *
 * Threads    Under the slice's baton; between steps its rows stay as they are: a statement has it locked.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER: 32 bytes a row of a run.  */
#ifndef TABLE_INDEX_BUILDER_H
#define TABLE_INDEX_BUILDER_H

#include "table/slice.h"

struct index_builder;

/* How many rows make a good run: a million, an eighth of the slice, or all, if there are fewer. */
uint32_t index_builder_run_rows(const struct table_slice *slice);
/* For the last index of the slice, which is empty and for `column`. NULL: no memory. */
struct index_builder *index_builder_create(struct table_slice *slice, const struct column *column, uint32_t run_rows) MUST_USE;
/* NULL is allowed. */
void index_builder_destroy(struct index_builder *builder);

enum build_status { BUILD_MORE, BUILD_DONE, BUILD_NO_MEMORY };
/* Goes on for about ten microseconds. BUILD_NO_MEMORY: what is in the index so far is to be freed. */
MUST_USE enum build_status index_builder_step(struct index_builder *builder);

#endif
