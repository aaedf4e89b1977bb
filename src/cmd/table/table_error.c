/* table_error.c - the one table from enum table_result to texts. Where RedisTABLE has a text, it is the same.  */
#include "cmd/table/table_error.h"

#include "cmd/core/answers.h"

#include <assert.h>

static const char *const texts[TABLE_RESULT_COUNT] = {
    [TABLE_FULL] = "ERR the table is full",
    [TABLE_BAD_NAME] = "ERR table name must be namespace.table",
    [TABLE_NAMESPACE_TOO_LONG] = "ERR incorrect namespace name, it exceeds the limit of 64 characters",
    [TABLE_NAME_TOO_LONG] = "ERR incorrect table name, it exceeds the limit of 64 characters",
    [TABLE_NAMESPACE_BAD] = "ERR incorrect namespace name, it is empty or contains a dot",
    [TABLE_NAMESPACE_EXISTS] = "ERR namespace already exists",
    [TABLE_NAMESPACE_MISSING] = "ERR namespace does not exist",
    [TABLE_EXISTS] = "ERR table schema already exists",
    [TABLE_MISSING] = "ERR table schema does not exist",
    [TABLE_BAD_COLUMN_WORD] = "ERR format: <col:type> or <col:type:option[:option...]>",
    [TABLE_BAD_COLUMN_NAME] = "ERR incorrect column name, it takes 1 to 64 characters without blanks, operators, parentheses",
    [TABLE_BAD_TYPE] = "ERR type must be 'string', 'integer', 'float', 'date', 'boolean', 'datetime', 'decimal', 'blob', 'uuid' or 'json'",
    [TABLE_BAD_DIGITS] = "ERR decimal(digits,behind-the-point) takes 1 to 18 digits, and 0 to as many behind the point",
    [TABLE_BAD_INDEX_KIND] = "ERR index must be 'hash', 'btree', 'none' (or deprecated 'true'/'false')",
    [TABLE_BAD_OPTION] = "ERR option must be an index ('hash', 'btree', 'none', or deprecated 'true'/'false'), 'notnull' or 'default=<value>'",
    [TABLE_LATER_OPTION] = "ERR options 'primary', 'unique', 'auto', 'ref' and 'check' do not exist yet",
    [TABLE_OPTION_TWICE] = "ERR an option of a column is given twice",
    [TABLE_BAD_DEFAULT] = "ERR the default is no value of the column's type, or longer than 64 KiB",
    [TABLE_OPTION_NEEDS_EMPTY] = "ERR a column with 'notnull' or 'default' cannot be added to a table that has rows",
    [TABLE_NULL_VALUE] = "ERR a column that must have a value has none",
    [TABLE_COLUMN_TWICE] = "ERR column already exists",
    [TABLE_COLUMN_MISSING] = "ERR column does not exist",
    [TABLE_LAST_COLUMN] = "ERR a table keeps at least one column",
    [TABLE_TOO_MANY_COLUMNS] = "ERR too many columns (max 256)",
    [TABLE_BAD_FIELD] = "ERR each field must be <col>=<value>",
    [TABLE_BAD_ASSIGNMENT] = "ERR SET expects <col>=<value>",
    [TABLE_FIELD_TWICE] = "ERR a column is given twice",
    [TABLE_BAD_VALUE] = "ERR invalid column or type",
    [TABLE_BAD_CLAUSE] = ERROR_SYNTAX,
    [TABLE_MISSING_SET] = "ERR missing SET",
    [TABLE_BAD_CONDITION] = "ERR condition must be <col><op><value>",
    [TABLE_EXPECTED_OPERATOR] = "ERR expected AND/OR between conditions",
    [TABLE_DANGLING_OPERATOR] = "ERR dangling operator",
    [TABLE_UNBALANCED] = "ERR unbalanced parentheses",
    [TABLE_TOO_MANY_CONDITIONS] = "ERR too many conditions (max 256)",
    [TABLE_TOO_DEEP] = "ERR parentheses are nested too deeply (max 64)",
    [TABLE_BAD_ROW_ID] = "ERR a row id is a number from 1",
    [TABLE_ROW_EXISTS] = "ERR row already exists",
    [TABLE_ROW_MISSING] = "ERR row does not exist",
    [TABLE_NOT_INDEXED] = "ERR search cannot be done on non-indexed column",
};

void reply_table_error(struct reply *reply, enum table_result result, int64_t scan_limit)
{
    assert(result != TABLE_OK && result < TABLE_RESULT_COUNT);
    if (result == TABLE_NO_MEMORY) {
        reply_result_error(reply, RESULT_NO_MEMORY);
    } else if (result == TABLE_SCAN_LIMIT) {
        reply_errorf(reply,
                     "ERR query scan limit exceeded (max %lld rows). Use indexed columns or add more specific conditions.",
                     (long long)scan_limit);
    } else {
        assert(texts[result] != NULL);
        reply_error(reply, texts[result]);
    }
}
