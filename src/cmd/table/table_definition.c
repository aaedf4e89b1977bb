/* table_definition.c - see table_definition.h. Columns of CREATE TABLE become a draft; ALTER and CREATE INDEX become the words of query/alter.h.  */
#include "cmd/table/table_definition.h"

#include "cmd/table/table.h"
#include "cmd/table/table_alter.h"
#include "cmd/table/table_reply.h"
#include "cmd/table/table_schema.h"
#include "expression/scalar.h"
#include "plan/plan_insert.h"
#include "query/alter.h"
#include "query/ddl.h"

#include <stdio.h>
#include <string.h>

enum { FORM_TEXT_MAX = 160 };

/* --- columns --- */

static enum table_result refuse_options(const struct plan *plan, const struct sql_column *column)
{
    if (column->is_auto && column->default_value != NULL) {
        return TABLE_BAD_AUTO;
    }
    if (column->check != NULL || column->reference != NULL) {
        return plan_fail(plan, column->position, "CHECK and REFERENCES are not supported yet");
    }
    if (memchr(column->name.data, ':', column->name.len) != NULL) {
        return plan_fail(plan, column->position, "a column's name has no colon");
    }
    return TABLE_OK;
}

/* Ours, or another name that SQL has for one of ours. */
static enum table_result read_form(const struct plan *plan, const struct sql_type *type, struct column_form *out)
{
    char text[FORM_TEXT_MAX];
    enum scalar_type scalar;
    const bool is_known = scalar_type_find(type->name, &scalar);
    if (type->name.len >= FORM_TEXT_MAX / 2 || !is_known) {
        return plan_fail(plan, type->position, "there is no such type");
    }
    if (type->precision >= 0 && scalar != SCALAR_DECIMAL) {
        return plan_fail(plan, type->position, "only decimal takes a number of digits");
    }
    if (type->precision < 0) {
        snprintf(text, sizeof text, "%s", scalar_type_name(scalar));
    } else {
        snprintf(text, sizeof text, "decimal(%d,%d)", (int)type->precision, type->scale < 0 ? 0 : (int)type->scale);
    }
    return column_form_parse(bytes_of_string(text), out) == COLUMN_FORM_FOUND
               ? TABLE_OK
               : plan_fail(plan, type->position, "decimal(digits, behind the point) takes 1 to 18 digits, and 0 to as many behind the point");
}

/* name:type, what makes it unique, and whether it is auto, in the plan's arena. */
static enum table_result write_word(const struct plan *plan, const struct sql_column *column, struct column_form form, struct bytes *out)
{
    char scratch[COLUMN_FORM_TEXT_MAX];
    const struct bytes type = column_form_text(form, scratch);
    const char *unique = column->is_primary ? ":primary" : column->is_unique ? ":unique" : "";
    const char *automatic = column->is_auto ? ":auto" : "";
    const size_t size = column->name.len + 1 + type.len + strlen(unique) + strlen(automatic) + 1;
    char *word = arena_alloc(plan->arena, size);
    if (word == NULL) {
        return plan_no_memory(plan);
    }
    memcpy(word, column->name.data, column->name.len);
    snprintf(word + column->name.len, size - column->name.len, ":%.*s%s%s", (int)type.len, type.data, unique, automatic);
    *out = (struct bytes){word, size - 1};
    return TABLE_OK;
}

static enum table_result draft_column(const struct plan *plan, const struct sql_column *column, struct schema_draft *draft)
{
    struct column_form form;
    struct bytes word;
    enum table_result result = refuse_options(plan, column);
    if (result == TABLE_OK) {
        result = read_form(plan, column->type, &form);
    }
    if (result == TABLE_OK) {
        result = write_word(plan, column, form, &word);
    }
    if (result == TABLE_OK) {
        result = schema_draft_add(draft, word, NULL);
    }
    if (result != TABLE_OK) {
        return result;
    }
    struct draft_column *drafted = &draft->columns[draft->column_count - 1];
    drafted->is_not_null |= column->is_not_null;
    if (column->default_value == NULL) {
        return TABLE_OK;
    }
    result = plan_default(plan, column->default_value, form, &drafted->default_value);
    const bool is_long = result == TABLE_OK && !drafted->default_value.is_null && column_type_is_text((enum column_type)form.type) &&
                         typed_value_text(&drafted->default_value).len > COLUMN_DEFAULT_MAX;
    return is_long ? TABLE_BAD_DEFAULT : result;
}

static enum table_result create_table(struct exec *exec, const struct plan *plan)
{
    struct schema_draft draft = {.column_count = 0};
    char scratch[PLAN_TABLE_NAME_MAX];
    enum table_result result = TABLE_OK;
    for (const struct sql_column *column = plan->tree->definition->columns; column != NULL && result == TABLE_OK; column = column->next) {
        result = draft_column(plan, column, &draft);
    }
    return result == TABLE_OK ? table_create_drafted(exec, plan_table_name(plan, scratch), &draft) : result;
}

/* --- ALTER TABLE --- */

static enum table_result add_column(struct exec *exec, const struct plan *plan, struct table *table)
{
    const struct sql_column *column = plan->tree->definition->columns;
    struct column_form form;
    struct bytes word;
    enum table_result result = refuse_options(plan, column);
    if (result == TABLE_OK && (column->is_not_null || column->default_value != NULL)) {
        result = plan_fail(plan, column->position, "ADD COLUMN takes no NOT NULL and no DEFAULT: TABLE.SCHEMA.ALTER does");
    }
    if (result == TABLE_OK) {
        result = read_form(plan, column->type, &form);
    }
    if (result == TABLE_OK) {
        result = write_word(plan, column, form, &word);
    }
    return result == TABLE_OK ? alter_add_column(exec, table, word, table_reply_altered) : result;
}

/* The new name is one of the same namespace. */
static enum table_result rename_table(struct exec *exec, const struct plan *plan, struct table *table)
{
    char scratch[PLAN_TABLE_NAME_MAX];
    struct plan renamed = *plan;
    const struct sql_table name = {.space = plan->table->space, .name = plan->tree->definition->name};
    renamed.table = &name;
    return alter_rename_table(exec, table, plan_table_name(&renamed, scratch));
}

static enum table_result alter_table(struct exec *exec, const struct plan *plan, struct table *table)
{
    const struct sql_definition *definition = plan->tree->definition;
    switch ((enum sql_alter)definition->alter) {
    case SQL_ALTER_ADD:
        return add_column(exec, plan, table);
    case SQL_ALTER_DROP:
        return alter_drop_column(exec, table, definition->name);
    case SQL_ALTER_RENAME_COLUMN:
        return alter_rename_column(exec, table, definition->name, definition->new_name);
    default:
        return rename_table(exec, plan, table);
    }
}

/* --- indexes --- */

/* An index is its column's: it has no name of its own. */
static enum table_result check_index(const struct plan *plan)
{
    const struct sql_definition *definition = plan->tree->definition;
    if (definition->keys == NULL) {
        return plan_fail(plan, definition->table->position, "an index is named by its column: DROP INDEX ON namespace.table (column)");
    }
    if (definition->keys->next != NULL) {
        return plan_fail(plan, definition->keys->next->position, "an index has one column");
    }
    return TABLE_OK;
}

static enum table_result create_index(struct exec *exec, const struct plan *plan)
{
    const struct sql_definition *definition = plan->tree->definition;
    const struct bytes column = definition->keys->name;
    char word[ALTER_INDEX_WORD_MAX];
    char scratch[PLAN_TABLE_NAME_MAX];
    if (column.len > COLUMN_NAME_MAX || memchr(column.data, ':', column.len) != NULL) {
        return TABLE_COLUMN_MISSING;
    }
    memcpy(word, column.data, column.len);
    const int len = snprintf(word + column.len, sizeof word - column.len, ":%s%s",
                             index_kind_name(definition->using == SQL_USING_HASH ? INDEX_HASH : INDEX_BTREE), definition->is_unique ? ":unique" : "");
    return alter_add_index(exec, plan_table_name(plan, scratch), (struct bytes){word, column.len + (size_t)len}, table_reply_altered);
}

/* --- all of them --- */

static bool is_indexed(const struct schema *schema, struct bytes name, bool is_unique)
{
    const uint32_t column = schema_find_column(schema, name);
    return column != COLUMN_NONE && schema->columns[column].index != INDEX_NONE && (!is_unique || schema->columns[column].is_unique);
}

/* IF [NOT] EXISTS: there is nothing to do. */
static bool is_done(const struct plan *plan, const struct table *table)
{
    const struct sql_definition *definition = plan->tree->definition;
    if (!definition->is_tolerant) {
        return false;
    }
    switch ((enum sql_statement_kind)plan->tree->kind) {
    case SQL_STATEMENT_CREATE_TABLE:
        return table != NULL;
    case SQL_STATEMENT_DROP_TABLE:
        return table == NULL;
    case SQL_STATEMENT_CREATE_INDEX:
        return table != NULL && definition->keys->next == NULL && is_indexed(table_schema(table), definition->keys->name, definition->is_unique);
    default:
        return false;
    }
}

/* The table is there, but for CREATE TABLE. */
static enum table_result define(struct exec *exec, const struct plan *plan, struct table *table)
{
    const struct sql_definition *definition = plan->tree->definition;
    const bool is_of_index = plan->tree->kind == SQL_STATEMENT_CREATE_INDEX || plan->tree->kind == SQL_STATEMENT_DROP_INDEX;
    const enum table_result result = is_of_index ? check_index(plan) : TABLE_OK;
    if (result != TABLE_OK) {
        return result;
    }
    switch ((enum sql_statement_kind)plan->tree->kind) {
    case SQL_STATEMENT_CREATE_TABLE:
        return create_table(exec, plan);
    case SQL_STATEMENT_DROP_TABLE:
        return ddl_drop(exec, &(struct catalogue_edit){.what = EDIT_DROP_TABLE, .table = table});
    case SQL_STATEMENT_CREATE_INDEX:
        return create_index(exec, plan);
    case SQL_STATEMENT_DROP_INDEX:
        return table_waits(exec, table) ? TABLE_OK : alter_drop_index(exec, table, definition->keys->name);
    default:
        return table_waits(exec, table) ? TABLE_OK : alter_table(exec, plan, table);
    }
}

void table_define(struct exec *exec, struct plan *plan)
{
    struct table *table = plan_look_up(plan, exec);
    if (is_done(plan, table)) {
        reply_ok(exec->reply);
        return;
    }
    enum table_result result = TABLE_OK;
    if (table == NULL && plan->tree->kind != SQL_STATEMENT_CREATE_TABLE) {
        result = plan_find_table(plan, exec, &table);
    }
    if (result == TABLE_OK) {
        result = define(exec, plan, table);
    }
    if (result == TABLE_FAULT) {
        table_reply_fault(exec, plan->fault);
    } else if (exec->job == NULL && !exec->must_wait) {
        table_reply_changed(exec, result);
    }
}
