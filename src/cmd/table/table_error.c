/* table_error.c - the one table from enum table_result to texts. Where RedisTABLE has a text, it is the same, unless a word can be named.  */
#include "cmd/table/table_error.h"

#include "cmd/core/answers.h"
#include "table/typed_value.h"

#include <assert.h>
#include <stdio.h>

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
    [TABLE_BAD_OPTION] = "ERR option must be an index ('hash', 'btree', 'none', or deprecated 'true'/'false'), 'notnull', 'unique', 'primary', 'auto' "
                         "or 'default=<value>'",
    [TABLE_LATER_OPTION] = "ERR options 'ref' and 'check' do not exist yet",
    [TABLE_OPTION_TWICE] = "ERR an option of a column is given twice",
    [TABLE_BAD_DEFAULT] = "ERR the default is no value of the column's type, or longer than 64 KiB",
    [TABLE_OPTION_NEEDS_EMPTY] = "ERR a column with 'notnull' and without a default cannot be added to a table that has rows",
    [TABLE_UNIQUE_NEEDS_INDEX] = "ERR a column that is 'unique' or 'primary' has an index, 'hash' or 'btree'",
    [TABLE_PRIMARY_TWICE] = "ERR a table has one 'primary' column at most",
    [TABLE_PRIMARY_INDEX] = "ERR the index of the 'primary' column cannot be dropped",
    [TABLE_BAD_AUTO] = "ERR 'auto' is for one column of a table, an integer without a default",
    [TABLE_INDEX_COMES_LATER] = "ERR a column with a default and an index cannot be added to a table that has rows: ADD INDEX comes afterwards",
    [TABLE_NO_NUMBER] = "ERR there is no further number for the 'auto' column",
    [TABLE_NOT_UNIQUE] = "ERR two rows would have the same value in a unique column",
    [TABLE_REPEATED] = "ERR two rows have the same value in a column that is to be unique",
    [TABLE_NULL_VALUE] = "ERR a column that must have a value has none",
    [TABLE_COLUMN_TWICE] = "ERR column already exists",
    [TABLE_COLUMN_MISSING] = "ERR column does not exist",
    [TABLE_LAST_COLUMN] = "ERR a table keeps at least one column",
    [TABLE_TOO_MANY_COLUMNS] = "ERR too many columns (max 256)",
    [TABLE_BAD_FIELD] = "ERR each field must be <col>=<value>",
    [TABLE_BAD_ASSIGNMENT] = "ERR SET expects <col>=<value>",
    [TABLE_FIELD_TWICE] = "ERR a column is given twice",
    [TABLE_UNKNOWN_COLUMN] = "ERR unknown column",
    [TABLE_BAD_VALUE] = "ERR invalid column or type",
    [TABLE_BAD_CLAUSE] = ERROR_SYNTAX,
    [TABLE_MISSING_SET] = "ERR missing SET",
    [TABLE_BAD_CONDITION] = "ERR condition must be <col><op><value>",
    [TABLE_TYPES_DIFFER] = "ERR columns of these types cannot be compared",
    [TABLE_NOT_STRINGS] = "ERR LIKE is for columns of strings",
    [TABLE_BAD_PATTERN] = "ERR nothing stands behind the last backslash of a pattern",
    [TABLE_TOO_MANY_VALUES] = "ERR too many values (max 10000)",
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

/* --- with the words --- */

enum { SHOWN_MAX = 64, ESCAPED_BYTES = 4, SHOWN_TEXT_MAX = SHOWN_MAX * ESCAPED_BYTES + 6 };

/* A word in quotes. */
struct shown {
    char text[SHOWN_TEXT_MAX];
};

/* How much of the word is shown: no character of UTF-8 is cut. */
static size_t shown_length(struct bytes word)
{
    size_t len = word.len < SHOWN_MAX ? word.len : SHOWN_MAX;
    while (len < word.len && len > 0 && ((unsigned char)word.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

static struct shown show(struct bytes word)
{
    struct shown shown;
    const size_t len = shown_length(word);
    size_t at = 0;
    shown.text[at++] = '\'';
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)word.data[i];
        if (c < ' ' || c == 0x7f) {
            at += (size_t)snprintf(shown.text + at, ESCAPED_BYTES + 1, "\\x%02x", c);
        } else {
            shown.text[at++] = (char)c;
        }
    }
    snprintf(shown.text + at, sizeof shown.text - at, "%s'", len < word.len ? "..." : "");
    return shown;
}

static const char *const expected[EXPECTED_COUNT] = {
    [EXPECTED_CONDITION] = "a condition", [EXPECTED_OPERATOR] = "an operator", [EXPECTED_VALUE] = "a value",
    [EXPECTED_AND] = "'AND'",             [EXPECTED_AND_OR] = "'AND' or 'OR'", [EXPECTED_OPEN] = "'('",
    [EXPECTED_CLOSE] = "')'",             [EXPECTED_NULL] = "'NULL'",
    [EXPECTED_VALUES] = "'VALUES'",       [EXPECTED_DEED] = "'IGNORE', 'REPLACE', 'UPDATE' or 'ERROR'",
};

/* "row 17: ", of several; or nothing. */
struct row_text {
    char text[24];
};

static struct row_text show_row(const struct table_fault *fault)
{
    struct row_text shown = {""};
    if (fault->row != 0) {
        snprintf(shown.text, sizeof shown.text, "row %u: ", fault->row);
    }
    return shown;
}

static void reply_expected(struct reply *reply, const struct table_fault *fault)
{
    const char *what = expected[fault->expected];
    const struct shown word = show(fault->word);
    const struct shown before = show(fault->beside);
    assert(what != NULL);
    if (fault->is_end) {
        reply_errorf(reply, "ERR %s%s expected behind %s", show_row(fault).text, what, before.text);
    } else {
        reply_errorf(reply, "ERR %s expected, not %s", what, word.text);
    }
}

static void reply_bad_value(struct reply *reply, const struct table_fault *fault)
{
    char scratch[COLUMN_FORM_TEXT_MAX];
    const struct bytes type = column_form_text(fault->form, scratch);
    const struct shown word = show(fault->word);
    const struct shown column = show(fault->beside);
    reply_errorf(reply, "ERR %s%s is not %s %.*s (column %s)", show_row(fault).text, word.text, *type.data == 'i' ? "an" : "a", (int)type.len,
                 type.data, column.text);
}

static void reply_unknown_column(struct reply *reply, const struct table_fault *fault)
{
    const struct shown name = show(fault->word);
    const struct shown word = show(fault->beside);
    if (fault->word.len == fault->beside.len) {
        reply_errorf(reply, "ERR unknown column %s", name.text);
    } else {
        reply_errorf(reply, "ERR unknown column %s in %s", name.text, word.text);
    }
}

static void reply_repeated(struct reply *reply, enum table_result result, const struct table_fault *fault)
{
    char scratch[TYPED_VALUE_TEXT_MAX];
    const struct shown value = show(typed_value_format(fault->form, &fault->value, scratch));
    const struct shown column = show(fault->word);
    const struct shown table = show(fault->beside);
    reply_errorf(reply,
                 result == TABLE_REPEATED ? "ERR %stwo rows of %s have %s in column %s, so that it cannot be unique"
                                          : "ERR %stwo rows of %s would have %s in column %s, which is unique",
                 show_row(fault).text, table.text, value.text, column.text);
}

void reply_table_fault(struct reply *reply, enum table_result result, const struct table_fault *fault)
{
    const struct shown word = show(fault->word);
    const struct shown beside = show(fault->beside);
    if (!fault->is_known || result == TABLE_SCAN_LIMIT || result == TABLE_NO_MEMORY) {
        reply_table_error(reply, result, 0);
    } else if (fault->expected == EXPECTED_FIELD) {
        reply_errorf(reply, "%s, not %s", texts[result], word.text);
    } else if (fault->expected != EXPECTED_NOTHING) {
        reply_expected(reply, fault);
    } else if (result == TABLE_UNKNOWN_COLUMN) {
        reply_unknown_column(reply, fault);
    } else if (result == TABLE_BAD_VALUE) {
        reply_bad_value(reply, fault);
    } else if (result == TABLE_NULL_VALUE) {
        reply_errorf(reply, "ERR %scolumn %s must have a value", show_row(fault).text, word.text);
    } else if (result == TABLE_NOT_UNIQUE || result == TABLE_REPEATED) {
        reply_repeated(reply, result, fault);
    } else if (result == TABLE_TYPES_DIFFER) {
        reply_errorf(reply, "ERR columns %s and %s cannot be compared", beside.text, word.text);
    } else if (result == TABLE_NOT_STRINGS) {
        reply_errorf(reply, "ERR LIKE is for columns of strings, which %s is not", beside.text);
    } else if (result == TABLE_BAD_PATTERN) {
        reply_errorf(reply, "ERR nothing stands behind the last backslash of %s", word.text);
    } else {
        reply_table_error(reply, result, 0);
    }
}
