/* insert_words.c - see insert_words.h.  */
#include "query/insert_words.h"

enum { KEYWORD_AT = 2, FIRST_NAME_AT = 3 };

bool insert_words_are_there(const struct exec *exec)
{
    return exec->argc > KEYWORD_AT && bytes_equal_ignore_case(exec->argv[KEYWORD_AT], BYTES("COLUMNS"));
}

/* The words end where `expected` should stand. */
static enum table_result words_end(const struct exec *exec, enum fault_expected expected, uint32_t row, struct table_fault *fault)
{
    *fault = (struct table_fault){
        .expected = (uint8_t)expected, .is_known = true, .is_end = true, .row = row, .beside = exec->argv[exec->argc - 1]};
    return TABLE_BAD_CLAUSE;
}

/* The names up to VALUES, whose place is *at. */
static enum table_result read_names(struct row_columns *columns, const struct exec *exec, uint32_t *at, struct table_fault *fault)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    *at = FIRST_NAME_AT;
    while (*at < exec->argc && (*at == FIRST_NAME_AT || !bytes_equal_ignore_case(exec->argv[*at], BYTES("VALUES")))) {
        const struct bytes name = exec->argv[(*at)++];
        const uint32_t column = schema_find_column(columns->schema, name);
        if (column == COLUMN_NONE) {
            *fault = (struct table_fault){.is_known = true, .word = name, .beside = name};
            return TABLE_UNKNOWN_COLUMN;
        }
        const uint64_t bit = UINT64_C(1) << (column % 64);
        if ((seen[column / 64] & bit) != 0) {
            return TABLE_FIELD_TWICE;
        }
        seen[column / 64] |= bit;
        columns->columns[columns->count++] = (uint16_t)column;
    }
    return *at == exec->argc ? words_end(exec, EXPECTED_VALUES, 0, fault) : TABLE_OK;
}

enum table_result insert_words_read(struct insert_words *words, const struct exec *exec, const struct schema *schema, struct table_fault *fault)
{
    uint32_t at;
    *fault = (struct table_fault){.expected = EXPECTED_NOTHING};
    words->columns.schema = schema;
    words->columns.count = 0;
    const enum table_result result = read_names(&words->columns, exec, &at, fault);
    if (result != TABLE_OK) {
        return result;
    }
    words->first = at + 1;
    const uint32_t value_count = exec->argc - words->first;
    words->row_count = value_count / words->columns.count;
    if (value_count == 0 || value_count % words->columns.count != 0) {
        return words_end(exec, EXPECTED_VALUE, words->row_count + 1, fault);
    }
    return TABLE_OK;
}

static bool read_value(struct column_form form, struct bytes word, struct typed_value *out)
{
    *out = (struct typed_value){.is_null = false};
    if (typed_value_parse(form, word, out)) {
        return true;
    }
    out->is_null = true;
    return bytes_equal_ignore_case(word, BYTES("NULL"));
}

uint32_t row_columns_complete(const struct row_columns *given, struct typed_value *values)
{
    bool was_null[TABLE_COLUMNS_MAX] = {false};
    const struct schema *schema = given->schema;
    for (uint32_t i = 0; i < given->count; i++) {
        was_null[given->columns[i]] = values[given->columns[i]].is_null;
    }
    uint32_t missing = schema_complete_row(schema, values);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (was_null[i]) {
            values[i] = (struct typed_value){.is_null = true};
            missing = schema->columns[i].is_not_null && !schema->columns[i].is_auto ? i : missing;
        }
    }
    return missing;
}

enum table_result insert_words_row(const struct insert_words *words, const struct exec *exec, uint32_t at, struct typed_value *values,
                                   struct table_fault *fault)
{
    const struct schema *schema = words->columns.schema;
    const struct bytes *word = exec->argv + words->first + (size_t)at * words->columns.count;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i] = (struct typed_value){.is_null = true};
    }
    for (uint32_t i = 0; i < words->columns.count; i++, word++) {
        const uint32_t column = words->columns.columns[i];
        const struct column_form form = column_form(&schema->columns[column]);
        if (!read_value(form, *word, &values[column])) {
            *fault = (struct table_fault){
                .is_known = true, .form = form, .row = at + 1, .word = *word, .beside = schema_column_name(schema, column)};
            return TABLE_BAD_VALUE;
        }
    }
    const uint32_t missing = row_columns_complete(&words->columns, values);
    if (missing == COLUMN_NONE) {
        return TABLE_OK;
    }
    *fault = (struct table_fault){.is_known = true, .row = at + 1, .word = schema_column_name(schema, missing)};
    return TABLE_NULL_VALUE;
}
