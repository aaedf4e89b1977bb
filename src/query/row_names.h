/* row_names.h - names in an expression over rows of a table, or of several that are joined: which columns they are, and in which slots their
 * values stand.
 *
 *     row_names_create --> row_names_slot ...                 while expressions are compiled: a column that is needed gets a slot
 *     row_load                                                 while they run: a row's values go to the slots
 *
 * Each table of a join has its names, and a run of slots of its own; a scope is all of them.
 *
 * Memory     The lists are in the caller's arena; schema and names are lent.
 * Threads    One while expressions are compiled; then any, since nothing changes.  */
#ifndef QUERY_ROW_NAMES_H
#define QUERY_ROW_NAMES_H

#include "expression/source.h"
#include "mem/arena.h"
#include "table/page.h"
#include "table/schema.h"

/* ROW_ID stands for a column's number, and for its place in a page; ROW_NO_COLUMN is no column. */
enum { ROW_ID = UINT16_MAX, ROW_NO_COLUMN = UINT16_MAX + 1 };

/* What is loaded into a slot. */
struct row_input {
    uint16_t cells;  /* the column's slot in a page; ROW_ID */
    uint8_t type;    /* enum scalar_type */
    uint8_t scale;   /* of a decimal */
};

struct row_names {
    const struct schema *schema;
    struct bytes space, table; /* what columns may be qualified with; an empty space: the table's name alone */
    struct row_input *inputs;  /* one a slot; room for all columns */
    uint16_t *columns;         /* which column each is, or ROW_ID */
    uint32_t count;
    uint32_t base;             /* the slot of the first input: 0 of the first table */
};

/* The tables whose columns an expression may name, in the order of the statement. */
struct row_scope {
    struct row_names *tables;
    uint32_t count;
};

enum row_match { ROW_MATCH_NONE, ROW_MATCH_ONE, ROW_MATCH_SEVERAL };

/* No slot is taken yet. False: no memory. */
MUST_USE bool row_names_create(struct row_names *names, const struct schema *schema, struct bytes space, struct bytes table, struct arena *arena);

/* NULL (no name before the column), or the names of the table. */
bool row_names_is_table(const struct row_names *names, const struct sql_table *table);
/* Of a SQL_COLUMN: the column's number, ROW_ID for `_id` where no column has this name, or ROW_NO_COLUMN. */
uint32_t row_names_column(const struct row_names *names, const struct sql_node *node);
/* The slot that the column (or ROW_ID) is loaded into: the one that it has, or a new one. */
struct expression_slot row_names_slot(struct row_names *names, uint32_t column);

/* Of a SQL_COLUMN: whose column it is. *table (its place in the scope) and *column are set on ROW_MATCH_ONE. */
enum row_match row_scope_column(const struct row_scope *scope, const struct sql_node *node, uint32_t *table, uint32_t *column);
/* The slot of a SQL_COLUMN. False: there is none, *why may say more. */
bool row_scope_slot(const struct row_scope *scope, const struct sql_node *node, struct expression_slot *slot, const char **why);

/* An expression_resolver's find over these names (context; NULL: there are no columns). Aggregates and queries are refused. */
bool row_names_find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why);
/* The same over a scope (context). */
bool row_scope_find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why);

/* ON CONFLICT DO UPDATE: a row that is there, and as `excluded` the one that was to be added. */
struct row_names_upsert {
    struct row_names row, excluded;
};
/* Both of one table; as row_names_create. */
MUST_USE bool row_names_create_upsert(struct row_names_upsert *names, const struct schema *schema, struct bytes space, struct bytes table,
                                      struct arena *arena);
/* row_names_find over these names (context). */
bool row_names_find_upsert(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why);

enum scalar_type row_scalar_type(enum column_type type);

/* The cells that an input comes from; NULL: all rows of the page are null there. */
const struct cells *row_input_cells(struct row_input input, const struct page *page);
/* A value of the input's column as a scalar; its text is lent from it. */
struct scalar row_input_scalar(struct row_input input, const struct typed_value *value);
/* The values of a row: one for each of `count` inputs. Texts are lent from the page. */
void row_load(const struct row_input *inputs, uint32_t count, const struct page *page, uint32_t slot, struct scalar *values);
/* Those of no row: nulls. */
void row_load_nulls(uint32_t count, struct scalar *values);

#endif
