/* table_insert.c - see table_insert.h.  */
#include "cmd/table/table_insert.h"

#include "cmd/table/table_error.h"
#include "query/insert.h"
#include "query/insert_words.h"
#include "query/statement.h"

void table_reply_row_count(struct exec *exec, size_t count)
{
    reply_array(exec->reply, count);
}

void table_reply_row_id(struct exec *exec, uint64_t id)
{
    reply_bulk_integer(exec->reply, (int64_t)id);
}

struct words_reader {
    struct insert_words words;
    struct table_fault fault;
};

static enum table_result open_words(void *context, const struct exec *exec, struct table **table, uint32_t *row_count, uint32_t *value_count)
{
    struct words_reader *reader = context;
    *table = statement_table(exec);
    if (*table == NULL) {
        reader->fault = (struct table_fault){.is_known = false};
        return TABLE_MISSING;
    }
    const enum table_result result = insert_words_read(&reader->words, exec, table_schema(*table), &reader->fault);
    *row_count = reader->words.row_count;
    *value_count = reader->words.row_count * reader->words.columns.count;
    return result;
}

static enum table_result read_words(void *context, const struct exec *exec, uint32_t at, struct typed_value *values)
{
    struct words_reader *reader = context;
    return insert_words_row(&reader->words, exec, at, values, &reader->fault);
}

static void close_words(void *reader)
{
    (void)reader; /* it borrows the command's words */
}

static void refuse_words(struct exec *exec, enum table_result result, const struct table_fault *fault, const void *context)
{
    const struct words_reader *reader = context;
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
                                                .row_id = table_reply_row_id};
    struct words_reader reader = {.words = {.row_count = 0}};
    insert_run(exec, &source, &reader);
}
