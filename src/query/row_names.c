/* row_names.c - see row_names.h.  */
#include "query/row_names.h"

#include "expression/aggregate_kind.h"

#define ROW_ID_NAME BYTES("_id")
#define EXCLUDED_NAME BYTES("excluded")

bool row_names_create(struct row_names *names, const struct schema *schema, struct bytes space, struct bytes table, struct arena *arena)
{
    const size_t room = schema->column_count + 1u;
    *names = (struct row_names){.schema = schema, .space = space, .table = table};
    names->inputs = arena_alloc_zeroed(arena, room * sizeof *names->inputs);
    names->columns = arena_alloc_zeroed(arena, room * sizeof *names->columns);
    return names->inputs != NULL && names->columns != NULL;
}

enum scalar_type row_scalar_type(enum column_type type)
{
    static const uint8_t types[COLUMN_TYPE_COUNT] = {
        [COLUMN_STRING] = SCALAR_STRING,   [COLUMN_INTEGER] = SCALAR_INTEGER,   [COLUMN_FLOAT] = SCALAR_FLOAT,     [COLUMN_DATE] = SCALAR_DATE,
        [COLUMN_BOOLEAN] = SCALAR_BOOLEAN, [COLUMN_DATETIME] = SCALAR_DATETIME, [COLUMN_DECIMAL] = SCALAR_DECIMAL, [COLUMN_BLOB] = SCALAR_BLOB,
        [COLUMN_UUID] = SCALAR_UUID,       [COLUMN_JSON] = SCALAR_JSON,
    };
    return (enum scalar_type)types[type];
}

bool row_names_is_table(const struct row_names *names, const struct sql_table *table)
{
    return table == NULL || (bytes_equal(table->name, names->table) && (table->space.len == 0 || bytes_equal(table->space, names->space)));
}

uint32_t row_names_column(const struct row_names *names, const struct sql_node *node)
{
    _Static_assert((int)ROW_ID == (int)COLUMN_NONE, "so a third number says that there is none");
    if (!row_names_is_table(names, node->of)) {
        return ROW_NO_COLUMN;
    }
    const uint32_t column = schema_find_column(names->schema, node->text);
    if (column != COLUMN_NONE) {
        return column;
    }
    return bytes_equal(node->text, ROW_ID_NAME) ? ROW_ID : ROW_NO_COLUMN;
}

struct expression_slot row_names_slot(struct row_names *names, uint32_t column)
{
    const struct schema *schema = names->schema;
    uint32_t at = 0;
    while (at < names->count && names->columns[at] != column) {
        at++;
    }
    const bool is_id = column == ROW_ID;
    const struct column_form form = is_id ? (struct column_form){.type = COLUMN_INTEGER} : column_form(&schema->columns[column]);
    const enum scalar_type type = row_scalar_type((enum column_type)form.type);
    if (at == names->count) {
        names->columns[at] = (uint16_t)column;
        names->inputs[at] = (struct row_input){.cells = is_id ? ROW_ID : schema->columns[column].slot, .type = (uint8_t)type, .scale = form.scale};
        names->count++;
    }
    return (struct expression_slot){names->base + at, type};
}

/* --- several tables --- */

enum row_match row_scope_column(const struct row_scope *scope, const struct sql_node *node, uint32_t *table, uint32_t *column)
{
    enum row_match match = ROW_MATCH_NONE;
    for (uint32_t i = 0; i < scope->count; i++) {
        const uint32_t at = row_names_column(&scope->tables[i], node);
        if (at == ROW_NO_COLUMN) {
            continue;
        }
        if (match != ROW_MATCH_NONE) {
            return ROW_MATCH_SEVERAL;
        }
        match = ROW_MATCH_ONE;
        *table = i;
        *column = at;
    }
    return match;
}

bool row_scope_slot(const struct row_scope *scope, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    uint32_t table;
    uint32_t column;
    const enum row_match match = row_scope_column(scope, node, &table, &column);
    if (match == ROW_MATCH_SEVERAL) {
        *why = "several tables have a column of this name: say which, as table.column";
    }
    if (match != ROW_MATCH_ONE) {
        return false;
    }
    *slot = row_names_slot(&scope->tables[table], column);
    return true;
}

bool row_scope_find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    const struct row_scope *scope = context;
    enum aggregate_kind kind;
    if (node->kind == SQL_CALL && aggregate_kind_find(node->text, &kind)) {
        *why = "an aggregate cannot stand here";
    } else if (node->kind != SQL_COLUMN && node->kind != SQL_CALL) {
        *why = "a query can stand in a SELECT of TABLE.QUERY only";
    } else if (node->kind == SQL_COLUMN && scope->count == 0) {
        *why = "there are no columns here";
    }
    return node->kind == SQL_COLUMN && row_scope_slot(scope, node, slot, why);
}

bool row_names_find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    struct row_scope scope = {.tables = context, .count = context != NULL ? 1 : 0};
    return row_scope_find(&scope, node, slot, why);
}

bool row_names_create_upsert(struct row_names_upsert *names, const struct schema *schema, struct bytes space, struct bytes table,
                             struct arena *arena)
{
    if (!row_names_create(&names->row, schema, space, table, arena) ||
        !row_names_create(&names->excluded, schema, BYTES(""), EXCLUDED_NAME, arena)) {
        return false;
    }
    names->excluded.base = schema->column_count + 1u;
    return true;
}

bool row_names_find_upsert(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    struct row_names_upsert *names = context;
    const bool is_excluded = node->kind == SQL_COLUMN && node->of != NULL && node->of->space.len == 0 &&
                             bytes_equal_ignore_case(node->of->name, EXCLUDED_NAME);
    if (!is_excluded) {
        return row_names_find(&names->row, node, slot, why);
    }
    const uint32_t column = schema_find_column(names->excluded.schema, node->text);
    if (column == COLUMN_NONE) {
        return false;
    }
    *slot = row_names_slot(&names->excluded, column);
    return true;
}

/* --- values --- */

struct scalar row_input_scalar(struct row_input input, const struct typed_value *value)
{
    const enum scalar_type type = (enum scalar_type)input.type;
    if (value->is_null) {
        return scalar_null();
    }
    switch (type) {
    case SCALAR_STRING:
    case SCALAR_BLOB:
    case SCALAR_JSON:
    case SCALAR_UUID:
        return scalar_bytes(type, typed_value_text(value));
    case SCALAR_FLOAT:
        return scalar_float(value->number);
    default:
        return (struct scalar){.type = input.type, .scale = input.scale, .integer = value->integer};
    }
}

const struct cells *row_input_cells(struct row_input input, const struct page *page)
{
    return input.cells == ROW_ID ? &page->ids : page_cells(page, input.cells);
}

void row_load(const struct row_input *inputs, uint32_t count, const struct page *page, uint32_t slot, struct scalar *values)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct row_input input = inputs[i];
        const struct cells *cells = row_input_cells(input, page);
        const struct typed_value value =
            cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, page->capacity, slot);
        values[i] = row_input_scalar(input, &value);
    }
}

void row_load_nulls(uint32_t count, struct scalar *values)
{
    for (uint32_t i = 0; i < count; i++) {
        values[i] = scalar_null();
    }
}
