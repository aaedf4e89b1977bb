/* table_alter.c - TABLE.SCHEMA.ALTER: which of the six it is, and its reply.  */
#include "cmd/table/table_alter.h"

#include "cmd/table/table_error.h"
#include "query/alter.h"
#include "query/slice_wait.h"
#include "query/statement.h"

enum action { ADD_COLUMN, DROP_COLUMN, RENAME_COLUMN, ADD_INDEX, DROP_INDEX, RENAME_TABLE, ACTION_COUNT };

static const struct {
    const char *verb, *object;
    bool has_new_name; /* TO and a word follow the one behind the object */
} actions[ACTION_COUNT] = {
    [ADD_COLUMN] = {"ADD", "COLUMN", false}, [DROP_COLUMN] = {"DROP", "COLUMN", false}, [RENAME_COLUMN] = {"RENAME", "COLUMN", true},
    [ADD_INDEX] = {"ADD", "INDEX", false},   [DROP_INDEX] = {"DROP", "INDEX", false},   [RENAME_TABLE] = {"RENAME", "TO", false},
};

static bool is_action(const struct exec *exec, enum action action)
{
    const bool has_words = exec->argc == (actions[action].has_new_name ? 7 : 5) &&
                           bytes_equal_ignore_case(exec->argv[2], bytes_of_string(actions[action].verb)) &&
                           bytes_equal_ignore_case(exec->argv[3], bytes_of_string(actions[action].object));
    return has_words && (!actions[action].has_new_name || bytes_equal_ignore_case(exec->argv[5], BYTES("TO")));
}

static enum action read_action(const struct exec *exec)
{
    uint32_t i = 0;
    while (i < ACTION_COUNT && !is_action(exec, (enum action)i)) {
        i++;
    }
    return (enum action)i;
}

void table_reply_changed(struct exec *exec, enum table_result result)
{
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
        return;
    }
    exec_count_changes(exec, 1);
    reply_ok(exec->reply);
}

void table_reply_altered(struct exec *exec, enum table_result result, const struct table_fault *fault)
{
    if (result == TABLE_REPEATED) {
        reply_table_fault(exec->reply, result, fault);
    } else {
        table_reply_changed(exec, result);
    }
}

static enum table_result alter(struct exec *exec, struct table *table, enum action action)
{
    switch (action) {
    case ADD_COLUMN:
        return alter_add_column(exec, table, exec->argv[4], table_reply_altered);
    case DROP_COLUMN:
        return alter_drop_column(exec, table, exec->argv[4]);
    case RENAME_COLUMN:
        return alter_rename_column(exec, table, exec->argv[4], exec->argv[6]);
    case RENAME_TABLE:
        return alter_rename_table(exec, table, exec->argv[4]);
    default:
        return alter_drop_index(exec, table, exec->argv[4]);
    }
}

bool schema_alter_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg)
{
    if (argc == 5 && bytes_equal_ignore_case(argv[2], BYTES("RENAME")) && bytes_equal_ignore_case(argv[3], BYTES("TO"))) {
        tell(argv[4], TABLE_IS_WRITTEN, arg);
    }
    return true;
}

void command_schema_alter(struct exec *exec)
{
    struct table *table = statement_table(exec);
    enum action action = read_action(exec);
    enum table_result result = TABLE_OK;
    if (table == NULL) {
        result = TABLE_MISSING;
    } else if (action == ACTION_COUNT) {
        reply_error(exec->reply, "ERR syntax: ADD COLUMN col:type[:option ...] | DROP COLUMN col | RENAME COLUMN col TO name | "
                                 "ADD INDEX col[:hash|:btree][:unique] | DROP INDEX col | RENAME TO namespace.table");
        return;
    } else if (action == ADD_INDEX) {
        result = alter_add_index(exec, exec->argv[1], exec->argv[4], table_reply_altered);
    } else if (table_must_wait(exec, table)) {
        return;
    } else {
        result = alter(exec, table, action);
    }
    if (exec->job == NULL && !exec->must_wait) {
        table_reply_changed(exec, result);
    }
}
