/* select.h - what a SELECT with clauses is to do with the rows that match: its plan, made of trees (sql/tree.h), changed by nobody afterwards.
 *
 *     rows that match --> [keys of the order] --> the first of them --> items            without groups
 *                     --> groups, aggregates --> HAVING --> the same, of groups --> items
 *
 * An expression reads *slots*. Of a row these are the columns that are needed (inputs), of a group its keys and then its aggregates.
 *
 * Meaning    Names are columns, or aliases of items (GROUP BY: a column first; ORDER BY: an alias first; HAVING: a column first). A number in
 *            ORDER BY or GROUP BY is an item's. A column of a select with groups stands in GROUP BY or in an aggregate. Without ORDER BY
 *            groups come in the order of their keys, rows in that of their ids. DISTINCT without groups makes groups of all items.
 * Threads    Any number may read it.
 * Memory     In the caller's arena, the statement's text included; the schema is lent as long as the plan.
 * Read on    select_run.h  */
#ifndef QUERY_SELECT_H
#define QUERY_SELECT_H

#include "expression/compile.h"
#include "query/found.h"
#include "query/groups.h"
#include "query/row_names.h"
#include "sql/tree.h"

enum { SELECT_ITEMS_MAX = 4096, SELECT_PLAN_BYTES_MAX = 64 << 20 };

struct select_item {
    struct bytes name;
    const struct program *program;
};

struct select {
    const struct schema *schema;
    struct bytes text;                /* that was read */
    bool shows_text;                  /* faults show it: the client has sent something else */
    uint32_t item_count;              /* 0: whole rows are told, as without clauses */
    const struct select_item *items;  /* of a row, or of a group */
    uint32_t input_count;             /* of a join: how many slots its tables have */
    const struct row_input *inputs;   /* of a join: NULL */
    struct row_scope joined;          /* the tables of a join, whose names say what is loaded; none: it is one table */
    /* groups */
    bool is_grouped;
    struct group_shape shape;
    const struct program **keys;      /* of a row */
    const bool *copies;               /* a key's text is made by its program: it is copied into the group */
    const struct program **arguments; /* of a row, one an aggregate; NULL: count(*) */
    const struct program *having;     /* of a group; NULL: none */
    bool is_distinct;                 /* of groups' items */
    const bool *distinct_copies;      /* as `copies`, an item each */
    /* order */
    struct found_order order;
    const struct program **order_keys; /* of a row, or of a group; one a key of the order */
    uint64_t limit, offset;            /* UINT64_MAX: no limit */
    const struct scalar *parameters;   /* of the statement; set by whoever has parsed the arguments; NULL: it has none */
    /* how much the programs need */
    uint32_t temporary_count;
};

/* Rows or groups that are needed: limit and offset. UINT64_MAX: all. */
static inline uint64_t select_wanted(const struct select *select)
{
    return select->limit > UINT64_MAX - select->offset ? UINT64_MAX : select->limit + select->offset;
}

struct select_source {
    const struct sql_query *query; /* one select; WHERE and ON are the caller's */
    struct bytes text;             /* of the statement, for places of faults */
    struct bytes space, table;     /* the names that columns may be qualified with */
    const struct schema *schema;
    struct row_scope joined;       /* the tables of a join, instead of these three; none: it is one table */
    const struct hash_secret *secret;
    uint8_t *parameter_types;      /* expression/source.h; NULL: the statement has none */
    const struct bytes *arguments; /* one a parameter: LIMIT and OFFSET read theirs at once */
    uint32_t parameter_count;
    const struct query_values *queries; /* expression/source.h; NULL: none */
    bool has_items;                /* false: the query's items have no meaning, whole rows are told */
    bool shows_text;
};

/* Adds the text that its place is in. */
void select_fault_show(struct sql_fault *fault, struct bytes text);
/* What is wrong when a row is computed, at a place in the text of the plan. */
void select_fault(const struct select *select, enum expression_result result, uint32_t position, struct sql_fault *fault);

/* *out is set on SQL_FAULT_NONE, *fault on anything else. */
MUST_USE enum sql_fault_kind select_plan(const struct select_source *source, struct arena *arena, struct select **out, struct sql_fault *fault);

#endif
