/* table_schema.c - TABLE.NAMESPACE.* and TABLE.SCHEMA.*: what exists. ALTER is in table_alter.c, INFO in table_info.c.
 *
 * Threads    VIEW, INFO: the holder of shard 0's baton, under which nobody changes the catalogue. The others: all batons held.  */
#include "cmd/core/answers.h"
#include "cmd/table/table_alter.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_info.h"
#include "cmd/table/table_rows.h"
#include "cmd/table/table_schema.h"
#include "exec/exec.h"
#include "query/ddl.h"
#include "query/statement.h"
#include "shard/server.h"

#include <stdio.h>
#include <string.h>

static const struct catalogue *current_catalogue(const struct exec *exec)
{
    return atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
}

/* Reading the catalogue needs some baton, whichever. */
static int32_t route_anywhere(struct exec *exec)
{
    exec->routed = NULL;
    return 0;
}

/* "FORCE" as the last word; replies what is missing. */
static bool has_force(struct exec *exec, const char *what)
{
    if (exec->argc == 2) {
        reply_errorf(exec->reply, "ERR This operation is irreversible, use FORCE parameter to remove the %s", what);
        return false;
    }
    if (!bytes_equal_ignore_case(exec->argv[2], BYTES("FORCE"))) {
        reply_errorf(exec->reply, "ERR Invalid parameter. Use FORCE to confirm %s removal", what);
        return false;
    }
    return true;
}

/* --- namespaces --- */

static void command_namespace_create(struct exec *exec)
{
    struct catalogue_edit edit = {.what = EDIT_ADD_NAMESPACE, .db = exec->db, .name = exec->argv[1]};
    enum table_result result = namespace_name_check(exec->argv[1]);
    table_reply_changed(exec, result != TABLE_OK ? result : ddl_edit_catalogue(exec, &edit));
}

static void command_namespace_drop(struct exec *exec)
{
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (!catalogue_has_namespace(current_catalogue(exec), exec->db, exec->argv[1])) {
        reply_table_error(exec->reply, TABLE_NAMESPACE_MISSING, 0);
        return;
    }
    if (has_force(exec, "namespace")) {
        struct catalogue_edit edit = {.what = EDIT_DROP_NAMESPACE, .db = exec->db, .name = exec->argv[1]};
        table_reply_changed(exec, ddl_drop(exec, &edit));
    }
}

struct view {
    struct exec *exec;
    const struct bytes *name_space; /* NULL: all */
    size_t count;
};

static void view_table(uint32_t db, const struct table *table, void *arg)
{
    struct view *view = arg;
    struct bytes name = table_name(table);
    struct bytes name_space = {name.data, table->namespace_len};
    if (db != view->exec->db || (view->name_space != NULL && !bytes_equal(name_space, *view->name_space))) {
        return;
    }
    char text[NAMESPACE_NAME_MAX + 1 + TABLE_NAME_MAX];
    memcpy(text, name.data, name.len);
    text[name_space.len] = ':';
    reply_bulk(view->exec->reply, (struct bytes){text, name.len});
    view->count++;
}

static void command_namespace_view(struct exec *exec)
{
    if (exec->argc > 2) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    struct view view = {.exec = exec, .name_space = exec->argc == 2 ? &exec->argv[1] : NULL};
    size_t mark = reply_deferred_begin(exec->reply);
    catalogue_visit(current_catalogue(exec), view_table, &view);
    reply_deferred_end(exec->reply, mark, '*', view.count);
}

/* --- schemas --- */

/* May a table be called so, and is there none yet? */
static enum table_result check_new_name(const struct exec *exec, struct bytes name)
{
    struct bytes name_space;
    struct bytes table_part;
    const enum table_result result = table_name_split(name, &name_space, &table_part);
    if (result != TABLE_OK) {
        return result;
    }
    if (!catalogue_has_namespace(current_catalogue(exec), exec->db, name_space)) {
        return TABLE_NAMESPACE_MISSING;
    }
    return catalogue_find(current_catalogue(exec), exec->db, name) != NULL ? TABLE_EXISTS : TABLE_OK;
}

enum table_result table_create_drafted(struct exec *exec, struct bytes name, struct schema_draft *draft)
{
    enum table_result result = check_new_name(exec, name);
    if (result != TABLE_OK) {
        return result;
    }
    schema_draft_choose_routing(draft);
    struct heap *heaps[SHARD_COUNT_MAX];
    const struct slice_owner *owners[SHARD_COUNT_MAX];
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        heaps[i] = exec->server->shards[i].heap;
        owners[i] = &exec->server->shards[i].slice_owner;
    }
    struct table_place place = {heaps, exec->server->shard_count, &exec->server->secret, owners};
    struct table *table = table_create(&place, name, draft);
    if (table == NULL) {
        return TABLE_NO_MEMORY;
    }
    struct catalogue_edit edit = {.what = EDIT_ADD_TABLE, .db = exec->db, .table = table};
    result = ddl_edit_catalogue(exec, &edit);
    if (result != TABLE_OK) {
        table_free_slices(table);
        table_destroy(heaps[0], table);
        return result;
    }
    ddl_report(exec, table, EVENT_TABLE_CREATE);
    return TABLE_OK;
}

static enum table_result create_table(struct exec *exec)
{
    struct schema_draft draft = {.column_count = 0};
    enum table_result result = check_new_name(exec, exec->argv[1]);
    for (uint32_t i = 2; i < exec->argc && result == TABLE_OK; i++) {
        result = schema_draft_add(&draft, exec->argv[i], NULL);
    }
    return result == TABLE_OK ? table_create_drafted(exec, exec->argv[1], &draft) : result;
}

static void command_schema_create(struct exec *exec)
{
    table_reply_changed(exec, create_table(exec));
}

static struct bytes view_index(const struct column *column, bool is_full)
{
    if (is_full) {
        return bytes_of_string(index_kind_name((enum index_kind)column->index));
    }
    return column->index == INDEX_NONE ? BYTES("false") : BYTES("true");
}

/* A bulk string, "default=VALUE". */
static void view_default(struct exec *exec, const struct schema *schema, uint32_t at)
{
    char scratch[TYPED_VALUE_TEXT_MAX];
    const struct bytes text = typed_value_format(column_form(&schema->columns[at]), schema_default(schema, at), scratch);
    char head[48];
    const int len = snprintf(head, sizeof head, "$%zu\r\ndefault=", strlen("default=") + text.len);
    reply_raw(exec->reply, (struct bytes){head, (size_t)len});
    reply_raw(exec->reply, text);
    reply_raw(exec->reply, BYTES("\r\n"));
}

/* Options of a single word, those that the column has: their number. */
static uint32_t read_flags(const struct column *column, struct bytes words[3])
{
    uint32_t count = 0;
    if (column->is_unique) {
        words[count++] = column->is_primary ? BYTES("primary") : BYTES("unique");
    }
    if (column->is_not_null && !column->is_primary) { /* which says it, too */
        words[count++] = BYTES("notnull");
    }
    if (column->is_auto) {
        words[count++] = BYTES("auto");
    }
    return count;
}

/* FULL: the options stand behind the index, each as SCHEMA.CREATE takes it. */
static void view_column(struct exec *exec, const struct schema *schema, uint32_t at, bool is_full)
{
    const struct column *column = &schema->columns[at];
    const bool shows_default = is_full && column->has_default;
    struct bytes words[3];
    const uint32_t count = is_full ? read_flags(column, words) : 0;
    char form[COLUMN_FORM_TEXT_MAX];
    reply_array(exec->reply, 3u + count + shows_default);
    reply_bulk(exec->reply, schema_column_name(schema, at));
    reply_bulk(exec->reply, column_form_text(column_form(column), form));
    reply_simple(exec->reply, view_index(column, is_full));
    for (uint32_t i = 0; i < count; i++) {
        reply_simple(exec->reply, words[i]);
    }
    if (shows_default) {
        view_default(exec, schema, at);
    }
}

static void command_schema_view(struct exec *exec)
{
    const bool is_full = exec->argc == 3 && bytes_equal_ignore_case(exec->argv[2], BYTES("FULL"));
    if (exec->argc > 2 && !is_full) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    const struct table *table = statement_table(exec);
    if (table == NULL) {
        reply_table_error(exec->reply, TABLE_MISSING, 0);
        return;
    }
    const struct schema *schema = table_schema(table);
    reply_array(exec->reply, schema->column_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        view_column(exec, schema, i, is_full);
    }
}

static void command_table_drop(struct exec *exec)
{
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    struct table *table = statement_table(exec);
    if (table == NULL) {
        reply_table_error(exec->reply, TABLE_MISSING, 0);
    } else if (has_force(exec, "table")) {
        struct catalogue_edit edit = {.what = EDIT_DROP_TABLE, .table = table};
        table_reply_changed(exec, ddl_drop(exec, &edit));
    }
}

/* A command_tables_fn: all tables of the namespace, as "shop.*". A name that is too long is none. */
static bool namespace_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg)
{
    char all[256];
    if (argc > 1 && argv[1].len <= sizeof all - 2) {
        memcpy(all, argv[1].data, argv[1].len);
        memcpy(all + argv[1].len, ".*", 2);
        tell((struct bytes){all, argv[1].len + 2}, TABLE_IS_WRITTEN, arg);
    }
    return true;
}

/* --- rows of the command table --- */

const struct command_spec schema_commands[] = {
    {.name = "table.drop", .names_table = true, .run = command_table_drop, .arity = -2, .scope = SCOPE_ALL, .flags = COMMAND_NO_MULTI | COMMAND_WRITE, .since = "1.0.0",
     .group = "table", .acl = "dangerous", .complexity = "O(1); large tables are freed in the background",
     .summary = "Drops a table with its rows and indexes.", .syntax = "namespace.table FORCE"},
    {.name = "table.info", .names_table = true, .run = command_table_info, .route = route_anywhere, .arity = 2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_READONLY, .since = "1.0.0", .group = "table",
     .complexity = "O(I * (C + S)), C the number of columns, I of indexes, S of shards",
     .summary = "Returns how many rows a table has, what they and its indexes take, and on which shards they are.", .syntax = "namespace.table"},
    {.name = "table.namespace.create", .run = command_namespace_create, .tables = namespace_tables, .arity = 2, .scope = SCOPE_ALL,
     .flags = COMMAND_NO_MULTI | COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table",
     .complexity = "O(N), N the number of namespaces and tables", .summary = "Makes a namespace for tables.",
     .syntax = "namespace"},
    {.name = "table.namespace.drop", .run = command_namespace_drop, .tables = namespace_tables, .arity = -2, .scope = SCOPE_ALL, .flags = COMMAND_NO_MULTI | COMMAND_WRITE,
     .since = "1.0.0", .group = "table", .acl = "dangerous",
     .complexity = "O(N), N the number of namespaces and tables; large tables are freed in the background",
     .summary = "Drops a namespace with all its tables.", .syntax = "namespace FORCE"},
    {.name = "table.namespace.view", .run = command_namespace_view, .route = route_anywhere, .arity = -1,
     .scope = SCOPE_ROUTED, .flags = COMMAND_READONLY, .since = "1.0.0", .group = "table",
     .complexity = "O(N), N the number of tables", .summary = "Lists the tables, as namespace:table.", .syntax = "[namespace]"},
    {.name = "table.schema.alter", .names_table = true, .run = command_schema_alter, .tables = schema_alter_tables, .arity = -4, .scope = SCOPE_ALL,
     .flags = COMMAND_NO_MULTI | COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table",
     .complexity = "O(1); ADD INDEX, and ADD COLUMN with a default: O(N), N the number of rows, in the background of other commands",
     .summary = "Adds or drops a column or an index of a table, or renames a column or the table.",
     .syntax = "namespace.table ADD COLUMN column:type[:option ...] | DROP COLUMN column | RENAME COLUMN column TO name | "
               "ADD INDEX column[:hash|:btree][:unique] | DROP INDEX column | RENAME TO namespace.table"},
    {.name = "table.schema.create", .names_table = true, .run = command_schema_create, .arity = -3, .scope = SCOPE_ALL,
     .flags = COMMAND_NO_MULTI | COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table",
     .complexity = "O(N), N the number of namespaces and tables", .summary = "Makes a table.",
     .syntax = "namespace.table column:type[:option ...] [column:type[:option ...] ...]"},
    {.name = "table.schema.drop", .names_table = true, .run = command_table_drop, .arity = -2, .scope = SCOPE_ALL, .flags = COMMAND_NO_MULTI | COMMAND_WRITE,
     .since = "1.0.0", .group = "table", .acl = "dangerous", .complexity = "O(1); large tables are freed in the background",
     .summary = "Drops a table with its rows and indexes.", .syntax = "namespace.table FORCE"},
    {.name = "table.schema.view", .names_table = true, .run = command_schema_view, .route = route_anywhere, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_READONLY | COMMAND_FAST, .since = "1.0.0", .group = "table",
     .complexity = "O(C), C the number of columns",
     .summary = "Lists a table's columns: name, type, whether it is indexed; FULL: how it is indexed, and options.",
     .syntax = "namespace.table [FULL]"},
    {0},
};
