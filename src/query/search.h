/* search.h - the rows that a statement finds in its slices: looked for in parts (exec/part.h), one a slice, then read as one sequence.
 *
 *   search_create --> search_start, JOB_PARTS --> search_finish --> search_row, search_advance ... --> search_release
 *
 * Each part gathers the rows of its slice and, when they are to be in the order of their ids, sorts them; reading merges the parts.
 *
 * Threads    Parts: as exec/part.h says, without a baton, since the slices are locked. The rest: the job's.
 * Memory     The statement and its slices are borrowed until search_release. thread_alloc, class MEM_QUERY_BUFFER; found.h.  */
#ifndef QUERY_SEARCH_H
#define QUERY_SEARCH_H

#include "query/merge.h"
#include "query/statement.h"

enum search_order {
    SEARCH_BY_SHARD, /* all rows of a shard, then those of the next one */
    SEARCH_BY_ID,
};

struct search_part;

/* All zero: nothing is looked for. */
struct search {
    struct search_part *parts;
    uint32_t count;
    bool is_long;          /* a scan of many rows */
    struct merge merge;    /* reading */
};

/* For the slices of the range. select: rows go there, each slice's to a part of its own, and are not read here (NULL: they are); lent until
 * search_release. False: no memory, *search is all zero. */
MUST_USE bool search_create(struct search *search, const struct statement *statement, struct shard_range range,
                            enum search_order order, const struct select_run *select);
/* In a job's step, which then returns JOB_PARTS; the slices are locked. False: no memory. */
MUST_USE bool search_start(struct search *search, struct exec *exec);
/* In its next step: TABLE_NO_MEMORY (and whatever a part of `select` has failed with), or how many rows were found and looked at. Reading begins. */
MUST_USE enum table_result search_finish(struct search *search, uint64_t *found, uint64_t *examined);
/* Behind it, when it has refused: the failure of row_work.h that a part has met; NULL: none did. */
const struct row_failure *search_failure(const struct search *search);
/* The next row, lent until search_release; NULL: there are no more. */
const struct found_row *search_row(const struct search *search);
/* Beyond that row, which there is. */
void search_advance(struct search *search);
/* SEARCH_BY_SHARD: the first row is the next one again. */
void search_rewind(struct search *search);
void search_release(struct search *search);

#endif
