/* insert_words.h - the words of a TABLE.INSERT of several rows: COLUMNS col ... VALUES value ..., a row after the other.
 *
 * The first word behind COLUMNS is a column's name, whatever it is; from the second on VALUES ends the names.
 *
 * Threads    Whoever may read the schema.
 * Memory     Values borrow the words.  */
#ifndef QUERY_INSERT_WORDS_H
#define QUERY_INSERT_WORDS_H

#include "exec/exec.h"
#include "query/fault.h"
#include "table/schema.h"

/* Which columns get values, in the order in which these are given. */
struct row_columns {
    const struct schema *schema;
    uint16_t columns[TABLE_COLUMNS_MAX];
    uint32_t count;
};

struct insert_words {
    struct row_columns columns;
    uint32_t first;     /* argv index of the first value */
    uint32_t row_count; /* at least 1 */
};

/* Is the command of this form, and not col=value words? */
bool insert_words_are_there(const struct exec *exec);
/* Reads argv[2] and on, up to the first value, and counts the rows. TABLE_BAD_CLAUSE, TABLE_UNKNOWN_COLUMN, TABLE_FIELD_TWICE: *fault says more. */
MUST_USE enum table_result insert_words_read(struct insert_words *words, const struct exec *exec, const struct schema *schema,
                                             struct table_fault *fault);
/* The values of row `at`, one for each column of the schema. The word NULL, in any case, is null where it is no value of the column. TABLE_BAD_VALUE,
 * TABLE_NULL_VALUE: *fault says in which row and column.  */
MUST_USE enum table_result insert_words_row(const struct insert_words *words, const struct exec *exec, uint32_t at, struct typed_value *values,
                                            struct table_fault *fault);

/* Columns without a value that are not among those given get their defaults: a null that is given stays one. Returns the number of a column that
 * must have a value and has none, or COLUMN_NONE. The auto column gets its number later.  */
MUST_USE uint32_t row_columns_complete(const struct row_columns *given, struct typed_value *values);

#endif
