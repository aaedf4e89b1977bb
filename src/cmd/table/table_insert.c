/* table_insert.c - see table_insert.h.  */
#include "cmd/table/table_insert.h"

#include "cmd/table/table_error.h"
#include "cmd/table/table_reply.h"
#include "query/insert.h"
#include "query/insert_words.h"
#include "query/returning.h"
#include "query/statement.h"
#include "shard/server.h"

struct words_reader {
    struct insert_words words;
    struct table_fault fault;
    struct sql_fault item_fault; /* of TABLE_FAULT */
    bool is_open;
    struct arena arena;          /* the plans of ONCONFLICT and RETURNING */
};

static void close_words(void *context)
{
    struct words_reader *reader = context;
    if (reader->is_open) {
        arena_release(&reader->arena);
    }
    reader->is_open = false;
}

static enum table_result plan_returning(struct words_reader *reader, const struct exec *exec, struct insert_head *head)
{
    struct select *select = NULL;
    const enum sql_fault_kind kind = returning_plan_words(&reader->words.returning, exec->argv, table_schema(head->table), &exec->server->secret,
                                                          &reader->arena, &select, &reader->item_fault);
    head->returning = select;
    return statement_result_of(kind);
}

/* ONCONFLICT and RETURNING. */
static enum table_result plan_clauses(struct words_reader *reader, const struct exec *exec, struct insert_head *head)
{
    arena_init(&reader->arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    reader->is_open = true;
    const enum table_result result = conflict_words_plan(&reader->words.conflict, exec, head->table, &reader->arena, &head->conflict,
                                                         &reader->fault, &reader->item_fault);
    return result == TABLE_OK && select_words_are_any(&reader->words.returning) ? plan_returning(reader, exec, head) : result;
}

static enum table_result open_words(void *context, const struct exec *exec, struct insert_head *head)
{
    struct words_reader *reader = context;
    close_words(reader);
    *head = (struct insert_head){.table = statement_table(exec)};
    if (head->table == NULL) {
        reader->fault = (struct table_fault){.is_known = false};
        return TABLE_MISSING;
    }
    const enum table_result result = insert_words_read(&reader->words, exec, table_schema(head->table), &reader->fault);
    head->row_count = reader->words.row_count;
    head->value_count = reader->words.end - reader->words.first;
    return result == TABLE_OK ? plan_clauses(reader, exec, head) : result;
}

static enum table_result read_words(void *context, const struct exec *exec, uint32_t at, struct typed_value *values)
{
    struct words_reader *reader = context;
    return insert_words_row(&reader->words, exec, at, values, &reader->fault);
}

static void refuse_words(struct exec *exec, enum table_result result, const struct table_fault *fault, const void *context)
{
    const struct words_reader *reader = context;
    if (result == TABLE_FAULT) {
        table_reply_fault(exec, &reader->item_fault);
        return;
    }
    reply_rewind(exec->reply);
    reply_table_fault(exec->reply, result, fault != NULL ? fault : &reader->fault);
}

void table_insert_words(struct exec *exec)
{
    static const struct insert_source source = {.reader_bytes = sizeof(struct words_reader),
                                                .open = open_words,
                                                .row = read_words,
                                                .close = close_words,
                                                .refuse = refuse_words,
                                                .rows = table_reply_row_count,
                                                .row_id = table_reply_row_id,
                                                .items = table_reply_items,
                                                .fault = table_reply_fault};
    struct words_reader reader = {.is_open = false};
    insert_run(exec, &source, &reader);
    close_words(&reader);
}
