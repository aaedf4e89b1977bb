/* plan.h - a text of SQL and its arguments, read, and what may stand in it today.
 *
 *     plan_read --> plan->table names the table --> plan_statement (plan_rows.h), plan_insert (plan_insert.h)
 *               --> plan_is_join                --> plan_round (plan_query.h); plan_of_source gives a plan of each table
 *
 * Arguments are texts, one a parameter. Each is parsed as a value of the type that its parameter has: that of what it stands beside, or a string.
 *
 * Memory     Everything is in the caller's arena, which whatever is made of the plan needs as long as it lives; arguments are lent as long.
 * Threads    Any; nothing is shared.  */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "exec/exec.h"
#include "expression/program.h"
#include "mem/arena.h"
#include "query/row_names.h"
#include "sql/fault.h"
#include "sql/tree.h"
#include "table/table.h"

enum { PLAN_BYTES_MAX = 64 << 20, PLAN_TABLE_NAME_MAX = 160 };

struct plan_source {
    struct bytes text;
    const struct bytes *arguments;
    uint32_t argument_count;
    const struct sql_statement *tree; /* of the text, which was read already; NULL: it was not */
};

/* Words of a command: a text behind the name, and its arguments; with the tree, if the connection has prepared it. */
struct plan_source plan_source_of(const struct exec *exec);

struct plan {
    struct plan_source source;
    const struct sql_statement *tree;
    const struct sql_table *table; /* of a join: the first one */
    struct bytes alias;        /* of the table; empty: none */
    uint8_t *parameter_types;  /* enum scalar_type, one a parameter: as far as expressions have shown them */
    struct scalar *parameters; /* set by plan_take_arguments */
    const struct query_values *known; /* what queries in its expressions have given: expression/query_value.h; NULL: it has none */
    bool *taken;               /* set by plan_statement, one a part of WHERE: it has become a condition */
    struct arena *arena;
    struct sql_fault *fault;   /* set whenever something is refused */
};

/* Reads the text, and refuses what cannot be done yet. TABLE_FAULT: *fault says what is wrong, and where; TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_read(struct plan *plan, const struct plan_source *source, struct arena *arena, struct sql_fault *fault);

/* The text alone, without arguments: *tree is in the arena. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_read_text(struct bytes text, struct arena *arena, const struct sql_statement **tree, struct sql_fault *fault);

/* A SELECT over several tables, or with queries in its expressions: what query/join_job.h runs. */
bool plan_is_join(const struct plan *plan);
/* The plan of a query in an expression, as if it were the statement. What cannot be done yet is refused. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_of_query(const struct plan *plan, struct sql_query *query, struct plan *out);
/* The plan as if that table of a join were the only one: for its name, its table and its names. */
struct plan plan_of_source(const struct plan *plan, const struct sql_source *source);

/* "namespace.table" as the statement says it, with a NUL behind it, for look-ups and messages: names that are longer than any table's are cut. */
struct bytes plan_table_name(const struct plan *plan, char scratch[PLAN_TABLE_NAME_MAX]);
/* The table of that name; NULL: there is none. Under a baton, or inside an epoch section. */
struct table *plan_look_up(const struct plan *plan, const struct exec *exec);
/* The table of the statement, in the database of the command. Under a baton, or inside an epoch section. TABLE_FAULT: there is none. */
MUST_USE enum table_result plan_find_table(const struct plan *plan, const struct exec *exec, struct table **out);

/* Names of its columns. */
MUST_USE enum table_result plan_names(const struct plan *plan, const struct schema *schema, struct row_names *out);

/* An expression over a row; names NULL: over none. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_compile(const struct plan *plan, struct row_names *names, const struct sql_node *node, enum scalar_type wanted,
                                        const struct program **out);

/* The same over a row that is there and one that was to be added. */
MUST_USE enum table_result plan_compile_upsert(const struct plan *plan, struct row_names_upsert *names, const struct sql_node *node,
                                               enum scalar_type wanted, const struct program **out);

/* The same over the tables of a scope. */
MUST_USE enum table_result plan_compile_joined(const struct plan *plan, struct row_scope *scope, const struct sql_node *node, enum scalar_type wanted,
                                               const struct program **out);

/* When all expressions were compiled: every argument becomes a value of its parameter's type. */
MUST_USE enum table_result plan_take_arguments(struct plan *plan);

/* Says what is wrong at a place in the text. Returns TABLE_FAULT. */
enum table_result plan_fail(const struct plan *plan, uint32_t position, const char *format, ...) PRINTF_LIKE(3, 4);
/* Returns TABLE_NO_MEMORY. */
enum table_result plan_no_memory(const struct plan *plan);

#endif
