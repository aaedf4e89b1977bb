/* insert_words.c - see insert_words.h.  */
#include "query/insert_words.h"

#include "query/statement.h"

enum { KEYWORD_AT = 2, FIRST_NAME_AT = 3 };

static bool has_columns(const struct bytes *argv, uint32_t argc)
{
    return argc > KEYWORD_AT && bytes_equal_ignore_case(argv[KEYWORD_AT], BYTES("COLUMNS"));
}

/* The first word from `at` on that is not about values: ONCONFLICT or RETURNING. `end`: there is none. */
static uint32_t find_clause(const struct bytes *argv, uint32_t at, uint32_t end)
{
    end = select_words_find_returning(argv, at, end);
    while (at < end && !conflict_word_is(argv[at])) {
        at++;
    }
    return at;
}

bool insert_words_are_fields(const struct exec *exec)
{
    return !has_columns(exec->argv, exec->argc) && find_clause(exec->argv, KEYWORD_AT + 1, exec->argc) >= exec->argc;
}

static uint32_t find_values(const struct bytes *argv, uint32_t argc, uint32_t at)
{
    while (at < argc && !bytes_equal_ignore_case(argv[at], BYTES("VALUES"))) {
        at++;
    }
    return at;
}

bool insert_words_may_read(const struct bytes *argv, uint32_t argc)
{
    const bool is_columns = has_columns(argv, argc);
    const uint32_t from = is_columns ? FIRST_NAME_AT + 1 : KEYWORD_AT + 1;
    const uint32_t end = is_columns ? find_values(argv, argc, from) : argc;
    return find_clause(argv, from, end) < end;
}

/* The words end where `expected` should stand. */
static enum table_result words_end(const struct exec *exec, enum fault_expected expected, uint32_t row, struct table_fault *fault)
{
    *fault = (struct table_fault){
        .expected = (uint8_t)expected, .is_known = true, .is_end = true, .row = row, .beside = exec->argv[exec->argc - 1]};
    return TABLE_BAD_CLAUSE;
}

/* May the names end before this word? */
static bool ends_names(const struct schema *schema, struct bytes word)
{
    const bool is_clause = bytes_equal_ignore_case(word, BYTES("RETURNING")) || conflict_word_is(word);
    return bytes_equal_ignore_case(word, BYTES("VALUES")) || (is_clause && schema_find_column(schema, word) == COLUMN_NONE);
}

/* The names up to a clause or VALUES, whose place is *at. */
static enum table_result read_names(struct row_columns *columns, const struct exec *exec, uint32_t *at, struct table_fault *fault)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    *at = FIRST_NAME_AT;
    while (*at < exec->argc && (*at == FIRST_NAME_AT || !ends_names(columns->schema, exec->argv[*at]))) {
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

/* ONCONFLICT and RETURNING, if they stand at argv[*at], up to `end`. */
static enum table_result read_clauses(struct insert_words *words, const struct exec *exec, uint32_t end, uint32_t *at, struct table_fault *fault)
{
    enum table_result result = TABLE_OK;
    if (*at < end && conflict_word_is(exec->argv[*at])) {
        result = conflict_words_read(&words->conflict, exec->argv, end, at, fault);
    }
    select_words_read_returning(&words->returning, exec->argv, end, at);
    if (result == TABLE_OK && *at < end) {
        *fault = (struct table_fault){.expected = EXPECTED_FIELD, .is_known = true, .word = exec->argv[*at]};
        return TABLE_BAD_ASSIGNMENT;
    }
    return result;
}

static enum table_result read_fields(struct insert_words *words, const struct exec *exec, struct table_fault *fault)
{
    words->first = KEYWORD_AT;
    words->end = find_clause(exec->argv, KEYWORD_AT + 1, exec->argc);
    words->row_count = 1;
    uint32_t at = words->end;
    return read_clauses(words, exec, exec->argc, &at, fault);
}

enum table_result insert_words_read(struct insert_words *words, const struct exec *exec, const struct schema *schema, struct table_fault *fault)
{
    uint32_t at;
    *fault = (struct table_fault){.expected = EXPECTED_NOTHING};
    *words = (struct insert_words){.columns.schema = schema};
    if (!has_columns(exec->argv, exec->argc)) {
        return read_fields(words, exec, fault);
    }
    enum table_result result = read_names(&words->columns, exec, &at, fault);
    if (result == TABLE_OK) {
        result = read_clauses(words, exec, find_values(exec->argv, exec->argc, at), &at, fault);
    }
    if (result != TABLE_OK) {
        return result;
    }
    if (at == exec->argc) {
        return words_end(exec, EXPECTED_VALUES, 0, fault);
    }
    words->first = at + 1;
    words->end = exec->argc;
    const uint32_t value_count = exec->argc - words->first;
    words->row_count = value_count / words->columns.count;
    if (value_count == 0 || value_count % words->columns.count != 0) {
        return words_end(exec, EXPECTED_VALUE, words->row_count + 1, fault);
    }
    return TABLE_OK;
}

enum table_result insert_fields_read(const struct exec *exec, uint32_t first, uint32_t end, const struct schema *schema,
                                     struct typed_value *values, struct table_fault *fault)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i].is_null = true;
    }
    for (uint32_t i = first; i < end; i++) {
        struct assignment field;
        enum table_result result = field_parse(schema, exec->argv[i], TABLE_BAD_FIELD, &field, fault);
        if (result != TABLE_OK) {
            return result;
        }
        if (!values[field.column].is_null) {
            return TABLE_FIELD_TWICE;
        }
        values[field.column] = field.value;
    }
    const uint32_t missing = schema_complete_row(schema, values);
    if (missing == COLUMN_NONE) {
        return TABLE_OK;
    }
    *fault = (struct table_fault){.is_known = true, .word = schema_column_name(schema, missing)};
    return TABLE_NULL_VALUE;
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
        if (was_null[i] && !(given->replaces_nulls && schema->columns[i].is_not_null)) {
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
    if (words->columns.count == 0) {
        return insert_fields_read(exec, words->first, words->end, schema, values, fault);
    }
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
