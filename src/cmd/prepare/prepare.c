/* prepare.c - TABLE.PREPARE and TABLE.DEALLOCATE: statements of SQL that a connection has read once, by name.
 *
 * A text is read here, and what cannot be done yet is refused; tables and columns are looked up each time that TABLE.EXECUTE runs it.
 *
 * Threads    The connection's; no call of it is under way (SCOPE_SESSION).
 * Read on    exec/prepared.h  */
#include "client/session.h"
#include "cmd/core/answers.h"
#include "cmd/prepare/prepare_rows.h"
#include "cmd/table/table.h"
#include "cmd/table/table_reply.h"
#include "exec/prepared.h"
#include "plan/plan.h"

static bool is_all(struct bytes name)
{
    return bytes_equal_ignore_case(name, BYTES("all"));
}

/* False: no statement can have it, which was replied. */
static bool check_name(struct exec *exec, struct bytes name)
{
    if (is_all(name)) {
        reply_error(exec->reply, "ERR no statement can be named ALL: TABLE.DEALLOCATE ALL ends all of them");
    } else if (name.len == 0 || name.len > PREPARED_NAME_MAX) {
        reply_errorf(exec->reply, "ERR the name of a statement has 1 to %d bytes", PREPARED_NAME_MAX);
    } else {
        return true;
    }
    return false;
}

/* Makes the statement and reads its text. NULL: it was replied why not. */
static struct prepared *read_statement(struct exec *exec)
{
    struct sql_fault fault;
    struct prepared *statement = prepared_create(exec->session->prepared, exec->argv[1], exec->argv[2]);
    const enum table_result result =
        statement == NULL ? TABLE_NO_MEMORY : plan_read_text(statement->text, &statement->arena, &statement->tree, &fault);
    if (result == TABLE_OK) {
        return statement;
    }
    if (result == TABLE_FAULT) {
        table_reply_fault(exec, &fault);
    } else {
        reply_errorf(exec->reply, "ERR no memory for the statement: those of a connection may take %d bytes in all", PREPARED_BYTES_MAX);
    }
    prepared_destroy(statement);
    return NULL;
}

static void command_prepare(struct exec *exec)
{
    struct prepared *statement = check_name(exec, exec->argv[1]) ? read_statement(exec) : NULL;
    if (statement == NULL) {
        return;
    }
    switch (prepared_add(&exec->session->prepared, statement)) {
    case PREPARED_OK:
        reply_ok(exec->reply);
        return;
    case PREPARED_TOO_MANY:
        reply_errorf(exec->reply, "ERR a connection can have %d prepared statements", PREPARED_MAX);
        break;
    case PREPARED_NO_MEMORY:
        reply_error(exec->reply, ERROR_NO_MEMORY);
        break;
    }
    prepared_destroy(statement);
}

static void command_deallocate(struct exec *exec)
{
    struct session *session = exec->session;
    if (is_all(exec->argv[1])) {
        prepared_end(&session->prepared);
    } else if (!prepared_remove(&session->prepared, exec->argv[1])) {
        reply_errorf(exec->reply, PREPARED_MISSING, PREPARED_SHOWN(exec->argv[1]));
        return;
    }
    reply_ok(exec->reply);
}

/* --- rows of the command table --- */

const struct command_spec prepare_commands[] = {
    {.name = "table.deallocate", .run = command_deallocate, .arity = 2, .scope = SCOPE_SESSION, .flags = COMMAND_NOSCRIPT | COMMAND_NO_MULTI | COMMAND_FAST,
     .since = "1.0.0", .group = "table", .complexity = "O(1), or O(N) for ALL, N the number of statements",
     .summary = "Forgets a prepared statement of this connection, or all of them.", .syntax = "name|ALL"},
    {.name = "table.prepare", .run = command_prepare, .arity = 3, .scope = SCOPE_SESSION, .flags = COMMAND_NOSCRIPT | COMMAND_NO_MULTI | COMMAND_DENYOOM,
     .since = "1.0.0", .group = "table", .complexity = "O(B), B the bytes of the text",
     .summary = "Reads a statement of SQL, which this connection can then run by its name.", .syntax = "name sql"},
    {0},
};
