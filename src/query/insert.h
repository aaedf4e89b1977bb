/* insert.h - several rows of one TABLE.INSERT, which come together or not at all.
 *
 *     CHECK --> ADD --> TELL --> done           every row is read; then they are added, and nobody is told; then all is told
 *       |        +----> taken back: refused     memory was refused, or a slice is full
 *       +-------------> refused                 a value is wrong: no row id was taken
 *
 * Their slices are locked for writing meanwhile, so that nobody sees some of the rows. A command of more than EXEC_WORDS_MAX words is a job that
 * takes these steps with pauses in between.
 *
 * Threads    The holder of the batons of all shards, or of the one that has the rows. CHECK of a job: none; it has the locks.
 * Limits     When the connection of a job dies, rows of which nobody was told are taken back; once TELL has begun all are told.  */
#ifndef QUERY_INSERT_H
#define QUERY_INSERT_H

#include "exec/exec.h"
#include "query/fault.h"
#include "table/definition.h"

/* How the outcome is told: `rows` once and then `row` for each, in their order; or `refuse`. */
struct insert_replies {
    void (*refuse)(struct exec *exec, enum table_result result, const struct table_fault *fault);
    void (*rows)(struct exec *exec, size_t count);
    void (*row)(struct exec *exec, uint64_t id);
};

/* Runs a command whose words are of the form of insert_words.h. `table`: of argv[1]; `replies`: lent until the command is over. A single row gets
 * the id that its route has taken (exec->routed_number).  */
void insert_run(struct exec *exec, struct table *table, const struct insert_replies *replies);

#endif
