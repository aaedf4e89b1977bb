/* join.h - a SELECT over several tables: its plan, made by src/plan, changed by nobody afterwards.
 *
 * One table is looked through. The others are read before into hash tables, by the keys that they are joined by (level 1 and on); or, where few rows
 * will come and an index has a key, their rows are looked up there when a row comes. A row of the first table goes from level to level; a row of each
 * that has the same keys is put beside it.
 *
 * Meaning    A key that is null joins with nothing. `conditions` of a level say whether a row there matches: they are all that counts, keys only
 *            spare rows that cannot. A LEFT JOIN without a match goes on with nulls. `later`: what WHERE asks of a LEFT JOIN's row, nulls or not.
 * Threads    Any number may read it.
 * Memory     In the caller's arena.
 * Read on    join_run.h  */
#ifndef QUERY_JOIN_H
#define QUERY_JOIN_H

#include "query/statement.h"

enum { JOIN_TABLES_MAX = 16 };

struct join_programs {
    const struct program **programs;
    uint32_t count;
};

struct join_level {
    struct statement statement;     /* a SELECT: the table, and what is asked of its rows alone */
    struct shard_range range;       /* the slices that can have them */
    uint32_t table;                 /* its place in the scope */
    bool is_left;
    struct join_programs outer_keys; /* over the rows of the levels before; the first level has none */
    struct join_programs inner_keys; /* over `key_inputs` of this table's row */
    const struct row_input *key_inputs;
    uint32_t key_input_count;
    bool is_looked_up;              /* its rows are found by an index that has ... */
    struct column_place key_column; /* ... this column, which equals ... */
    uint32_t key;                   /* ... this one of the outer keys, of the same type */
    struct join_programs conditions; /* over the rows up to this level */
    struct join_programs later;
    /* for EXPLAIN: the parts that are asked of its rows alone, which of them are conditions of the statement, and how many of `parts` are others */
    const struct sql_node **own_parts;
    const bool *taken;
    uint32_t own_part_count;
    const struct sql_node **parts;
    uint32_t part_count;
};

struct join {
    uint32_t count;
    struct join_level *levels;
    const struct table *tables[JOIN_TABLES_MAX]; /* in the order of the scope */
    struct select *select;
    uint32_t temporary_count; /* what the largest program here needs */
};

#endif
