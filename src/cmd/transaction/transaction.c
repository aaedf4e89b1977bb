/* transaction.c - commands that run as one: MULTI EXEC DISCARD WATCH TABLE.WATCH UNWATCH.
 *
 * Between MULTI and EXEC the dispatcher queues commands (client/dispatch.c); how EXEC runs them: exec/transaction_run.h.  */
#include "client/session.h"
#include "cmd/core/answers.h"
#include "cmd/table/table_error.h"
#include "cmd/transaction/transaction_rows.h"
#include "exec/transaction.h"
#include "exec/transaction_run.h"
#include "mem/buffer.h"
#include "shard/server.h"
#include "table/definition.h"

/* The session's; a new one if it has none. NULL: replied that memory is out. */
static struct transaction *get_transaction(struct exec *exec)
{
    struct session *session = exec->session;
    if (session->transaction == NULL) {
        session->transaction = transaction_create();
    }
    if (session->transaction == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    return session->transaction;
}

static void drop_transaction(struct session *session)
{
    transaction_destroy(session->transaction);
    session->transaction = NULL;
}

static void command_multi(struct exec *exec)
{
    if (transaction_is_open(exec->session->transaction)) {
        reply_error(exec->reply, "ERR MULTI calls can not be nested");
        return;
    }
    struct transaction *transaction = get_transaction(exec);
    if (transaction != NULL) {
        transaction->is_open = true;
        reply_ok(exec->reply);
    }
}

/* Without a session no command of it needs one: database and protocol stay. */
static void command_exec(struct exec *exec)
{
    if (!transaction_begin(exec)) {
        return;
    }
    struct buffer replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    const uint32_t count = transaction_count(exec);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t protocol = exec->reply->protocol;
        if (exec->session != NULL) {
            exec->db = exec->session->db;
            protocol = exec->session->protocol;
        }
        transaction_run_command(exec, i, protocol, &replies);
    }
    buffer_release(&replies);
}

static void command_discard(struct exec *exec)
{
    if (!transaction_is_open(exec->session->transaction)) {
        reply_error(exec->reply, "ERR DISCARD without MULTI");
        return;
    }
    drop_transaction(exec->session);
    reply_ok(exec->reply);
}

/* Where watches stand. NULL: the error was replied. */
static struct transaction *begin_watching(struct exec *exec)
{
    if (transaction_is_open(exec->session->transaction)) {
        reply_error(exec->reply, "ERR WATCH inside MULTI is not allowed");
        return NULL;
    }
    return get_transaction(exec);
}

static void command_watch(struct exec *exec)
{
    struct transaction *transaction = begin_watching(exec);
    if (transaction == NULL) {
        return;
    }
    for (uint32_t i = 1; i < exec->argc; i++) {
        const struct key key = exec_key_of(exec, exec->argv[i]);
        if (!watcher_add(&transaction->watcher, server_shard_of_key(exec->server, key.name), exec->db, key, exec->now_ms)) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return;
        }
    }
    reply_ok(exec->reply);
}

/* False: a name that no table can have, which was replied. */
static bool check_table_names(struct exec *exec)
{
    enum table_result result = TABLE_OK;
    for (uint32_t i = 1; i < exec->argc && result == TABLE_OK; i++) {
        struct bytes name_space;
        struct bytes table;
        result = table_name_split(exec->argv[i], &name_space, &table);
    }
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
    }
    return result == TABLE_OK;
}

/* A table's rows are on all shards, so its watch is, too: EXEC holds all batons. */
static void command_table_watch(struct exec *exec)
{
    struct transaction *transaction = check_table_names(exec) ? begin_watching(exec) : NULL;
    if (transaction == NULL) {
        return;
    }
    for (uint32_t i = 1; i < exec->argc; i++) {
        if (!watcher_add_table(&transaction->watcher, exec->server, exec->db, exec->argv[i])) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return;
        }
    }
    reply_ok(exec->reply);
}

/* Queued after MULTI: EXEC has ended the watches before it runs this, so there is nothing left. */
static void command_unwatch(struct exec *exec)
{
    if (exec->session->transaction != NULL) {
        drop_transaction(exec->session);
    }
    reply_ok(exec->reply);
}

/* A command_tables_fn. */
static bool watched_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg)
{
    for (uint32_t i = 1; i < argc; i++) {
        tell(argv[i], TABLE_IS_READ, arg);
    }
    return true;
}

#define TRANSACTION_FLAGS (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define AT_ONCE (TRANSACTION_FLAGS | COMMAND_FAST | COMMAND_ALLOW_BUSY)

const struct command_spec transaction_commands[] = {
    {.name = "discard", .run = command_discard, .arity = 1, .scope = SCOPE_INSTANT, .flags = AT_ONCE | COMMAND_NOT_QUEUED,
     .since = "2.0.0", .group = "transactions", .complexity = "O(N), N the number of queued commands",
     .summary = "Forgets the queued commands and what is watched.", .syntax = ""},
    {.name = "exec", .run = command_exec, .arity = 1, .scope = SCOPE_TRANSACTION,
     .flags = TRANSACTION_FLAGS | COMMAND_SKIP_SLOWLOG | COMMAND_NOT_QUEUED, .since = "1.2.0", .group = "transactions",
     .complexity = "that of the queued commands", .summary = "Runs the queued commands as one.",
     .syntax = ""},
    {.name = "multi", .run = command_multi, .arity = 1, .scope = SCOPE_INSTANT, .flags = AT_ONCE | COMMAND_NOT_QUEUED,
     .since = "1.2.0", .group = "transactions", .complexity = "O(1)",
     .summary = "From here on commands are queued, until EXEC or DISCARD.", .syntax = ""},
    {.name = "table.watch", .names_table = true, .run = command_table_watch, .tables = watched_tables, .arity = -2, .scope = SCOPE_ALL, .flags = AT_ONCE | COMMAND_NOT_QUEUED,
     .since = "1.0.0", .group = "table", .acl = "transaction", .complexity = "O(N) for each table, N the number of shards",
     .summary = "EXEC does nothing if one of these tables, or a row of them, has changed by then.",
     .syntax = "namespace.table [namespace.table ...]"},
    {.name = "unwatch", .run = command_unwatch, .arity = 1, .scope = SCOPE_INSTANT, .flags = AT_ONCE, .since = "2.2.0",
     .group = "transactions", .complexity = "O(N), N the number of watched keys and tables",
     .summary = "Watches no keys and tables any more.", .syntax = ""},
    {.name = "watch", .run = command_watch, .arity = -2, .scope = SCOPE_SESSION_KEYS, .flags = AT_ONCE | COMMAND_NOT_QUEUED,
     .keys = {1, -1, 1}, .since = "2.2.0", .group = "transactions", .complexity = "O(1) for each key",
     .summary = "EXEC does nothing if one of these keys has changed by then.", .syntax = "key [key ...]", .key_flags = "RO"},
    {0},
};
