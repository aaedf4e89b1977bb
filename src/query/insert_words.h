/* insert_words.h - the words of a TABLE.INSERT.
 *
 *   col=value ... [ONCONFLICT ...] [RETURNING item ...]                          a row
 *   COLUMNS col ... [ONCONFLICT ...] [RETURNING item ...] VALUES value ...       several, one after the other
 *
 * The first word behind COLUMNS is a column's name, whatever it is; from the second on VALUES ends the names, and so do ONCONFLICT and
 * RETURNING, unless that is a column's name. The first of the fields is a field.
 *
 * Threads    Whoever may read the schema.
 * Memory     Values borrow the words.  */
#ifndef QUERY_INSERT_WORDS_H
#define QUERY_INSERT_WORDS_H

#include "exec/exec.h"
#include "query/conflict_words.h"
#include "query/fault.h"
#include "query/select_words.h"
#include "table/schema.h"

/* Which columns get values, in the order in which these are given. */
struct row_columns {
    const struct schema *schema;
    uint16_t columns[TABLE_COLUMNS_MAX];
    uint32_t count;
    bool replaces_nulls; /* a null that is given for a column that must have a value is its default */
};

struct insert_words {
    struct row_columns columns;    /* none: a row of fields */
    uint32_t first;                /* argv index of the first value, or field */
    uint32_t end;                  /* behind the last one */
    uint32_t row_count;            /* at least 1 */
    struct conflict_words conflict;
    struct select_words returning; /* the items of RETURNING, as columns */
};

/* Is the command a row of fields, with nothing behind them? insert_fields_read is enough then. */
bool insert_words_are_fields(const struct exec *exec);
/* May the words have a RETURNING, or an ONCONFLICT? (A column may have that name: without the table it cannot be told apart.) */
bool insert_words_may_read(const struct bytes *argv, uint32_t argc);
/* Reads argv[2] and on, up to the first value, and counts the rows. TABLE_BAD_CLAUSE, TABLE_UNKNOWN_COLUMN, TABLE_FIELD_TWICE: *fault says more. */
MUST_USE enum table_result insert_words_read(struct insert_words *words, const struct exec *exec, const struct schema *schema,
                                             struct table_fault *fault);
/* The values of a row of fields, argv[first] to argv[end - 1], one for each column of the schema. TABLE_BAD_FIELD, TABLE_UNKNOWN_COLUMN,
 * TABLE_BAD_VALUE, TABLE_FIELD_TWICE, TABLE_NULL_VALUE: *fault says more; of the last one, its word is the column.  */
MUST_USE enum table_result insert_fields_read(const struct exec *exec, uint32_t first, uint32_t end, const struct schema *schema,
                                              struct typed_value *values, struct table_fault *fault);
/* The values of row `at`, one for each column of the schema. The word NULL, in any case, is null where it is no value of the column. TABLE_BAD_VALUE,
 * TABLE_NULL_VALUE, and what insert_fields_read gives: *fault says in which row and column.  */
MUST_USE enum table_result insert_words_row(const struct insert_words *words, const struct exec *exec, uint32_t at, struct typed_value *values,
                                            struct table_fault *fault);

/* Columns without a value that are not among those given get their defaults: a null that is given stays one. Returns the number of a column that
 * must have a value and has none, or COLUMN_NONE. The auto column gets its number later.  */
MUST_USE uint32_t row_columns_complete(const struct row_columns *given, struct typed_value *values);

#endif
