/* table_explain.c - see table_explain.h.  */
#include "cmd/table/table_explain.h"

#include "cmd/table/table.h"
#include "cmd/table/table_error.h"
#include "mem/buffer.h"
#include "plan/plan_rows.h"
#include "query/gather.h"
#include "sql/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 24 };

/* Lines that are replied when all are there. */
struct explanation {
    struct exec *exec;
    const struct statement *statement;
    struct buffer line;
    size_t count;
    bool is_refused; /* memory was */
};

static void add(struct explanation *to, struct bytes text)
{
    to->is_refused = to->is_refused || !buffer_append(&to->line, text);
}

static void add_number(struct explanation *to, uint64_t number)
{
    char text[NUMBER_TEXT_MAX];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(to, bytes_of_string(text));
}

static void end_line(struct explanation *to)
{
    reply_bulk(to->exec->reply, buffer_bytes(&to->line));
    buffer_consume(&to->line, to->line.len);
    to->count++;
}

/* --- WHERE --- */

static void add_part(struct explanation *to, const struct sql_node *part)
{
    add(to, part->kind == SQL_OR ? BYTES("(") : BYTES(""));
    to->is_refused = to->is_refused || !sql_write_expression(part, &to->line);
    add(to, part->kind == SQL_OR ? BYTES(")") : BYTES(""));
}

/* Those parts that are conditions, or those that are not, if there are any. */
static void tell_parts(struct explanation *to, const struct plan_parts *parts, const bool *taken, struct bytes title, bool are_conditions)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < parts->count; i++) {
        if (taken[i] == are_conditions) {
            add(to, told++ == 0 ? title : BYTES(" AND "));
            add_part(to, parts->nodes[i]);
        }
    }
    if (told > 0) {
        end_line(to);
    }
}

/* --- shards --- */

static struct bytes indexed_column(const struct schema *schema, const struct table_slice *slice, const struct column_index *index)
{
    uint32_t column = 0;
    while (column + 1 < schema->column_count &&
           (schema->columns[column].index_at == COLUMN_NONE || &slice->indexes[schema->columns[column].index_at] != index)) {
        column++;
    }
    return schema_column_name(schema, column);
}

static void add_index(struct explanation *to, const struct table_slice *slice, const struct access *access)
{
    const bool is_hash = access->kind == ACCESS_HASH;
    if (access->list != NULL) {
        add_number(to, access->list->list.count);
        add(to, BYTES(" values in "));
    }
    add(to, is_hash ? BYTES("hash index on ") : BYTES("btree index on "));
    add(to, indexed_column(to->statement->schema, slice, access->index));
    if (!is_hash && access->list == NULL) {
        add(to, BYTES(", "));
        add_number(to, access->range.end - access->range.first);
        add(to, BYTES(" rows"));
    }
}

static void tell_shard(struct explanation *to, uint32_t shard)
{
    const struct statement *statement = to->statement;
    const struct table_slice *slice = statement->table->slices[shard];
    struct gather gather;
    statement_begin_gather(statement, slice, &gather);
    add(to, BYTES("shard "));
    add_number(to, shard);
    add(to, BYTES(": "));
    switch ((enum access_kind)gather.access.kind) {
    case ACCESS_SCAN:
        add(to, BYTES("scan of "));
        add_number(to, slice->row_count);
        add(to, BYTES(" rows"));
        break;
    case ACCESS_ROW:
        add(to, BYTES("row of an id"));
        break;
    default:
        add_index(to, slice, &gather.access);
        add(to, gather.is_walking ? BYTES(" in order") : BYTES(""));
    }
    end_line(to);
}

/* --- all of it --- */

static void tell_table(struct explanation *to, struct shard_range range)
{
    add(to, BYTES("table "));
    add(to, table_name(to->statement->table));
    add(to, BYTES(", "));
    add_number(to, range.end - range.first);
    add(to, BYTES(" of "));
    add_number(to, to->statement->table->shard_count);
    add(to, BYTES(" shards"));
    end_line(to);
}

static void tell_result(struct explanation *to, const struct sql_query *query, const struct select *select)
{
    if (select->is_grouped) {
        add(to, select->shape.key_count > 0 ? BYTES("groups") : BYTES("one group"));
        end_line(to);
    }
    if (query->order != NULL) {
        add(to, BYTES("sort"));
        end_line(to);
    }
    if (query->limit != NULL) {
        add(to, BYTES("limit "));
        add_number(to, select->limit);
        add(to, BYTES(" offset "));
        add_number(to, select->offset);
        end_line(to);
    }
}

/* A table, what is asked of its rows, and how each shard finds them. */
static void tell_statement(struct explanation *to, const struct statement *statement, struct shard_range range, const struct plan_parts *parts,
                           const bool *taken)
{
    to->statement = statement;
    tell_table(to, range);
    tell_parts(to, parts, taken, BYTES("conditions: "), true);
    tell_parts(to, parts, taken, BYTES("asked of each row: "), false);
    for (uint32_t shard = range.first; shard < range.end; shard++) {
        tell_shard(to, shard);
    }
}

static void end(struct explanation *to, size_t mark)
{
    reply_deferred_end(to->exec->reply, mark, '*', to->count);
    buffer_release(&to->line);
    if (to->is_refused) {
        reply_rewind(to->exec->reply);
        reply_table_error(to->exec->reply, TABLE_NO_MEMORY, 0);
    }
}

void table_explain(struct exec *exec, const struct plan *plan, const struct statement *statement)
{
    struct explanation to = {.exec = exec, .line = BUFFER_EMPTY(MEM_QUERY_BUFFER)};
    const struct shard_range range = statement_range(statement, table_command_shard(exec));
    struct plan_parts parts;
    if (statement_must_wait(statement, exec, range)) {
        return;
    }
    to.is_refused = plan_parts_of(plan, plan->tree->query->selects->where, &parts) != TABLE_OK;
    const size_t mark = reply_deferred_begin(exec->reply);
    tell_statement(&to, statement, range, &parts, plan->taken);
    tell_result(&to, plan->tree->query, statement->select);
    end(&to, mark);
}

/* --- joins --- */

static void tell_join(struct explanation *to, const struct join_level *level)
{
    const struct bytes kind = level->is_left ? BYTES("left joined by ") : BYTES("joined by ");
    add(to, kind);
    add_number(to, level->inner_keys.count);
    add(to, level->inner_keys.count == 1 ? BYTES(" key") : BYTES(" keys"));
    add(to, level->is_looked_up ? BYTES(", each row by an index") : BYTES(""));
    for (uint32_t i = 0; i < level->part_count; i++) {
        add(to, i == 0 ? BYTES(": ") : BYTES(" AND "));
        add_part(to, level->parts[i]);
    }
    end_line(to);
}

void table_explain_join(struct exec *exec, const struct plan *plan, const struct join *join)
{
    struct explanation to = {.exec = exec, .line = BUFFER_EMPTY(MEM_QUERY_BUFFER)};
    for (uint32_t i = 0; i < join->count; i++) {
        if (statement_must_wait(&join->levels[i].statement, exec, join->levels[i].range)) {
            return;
        }
    }
    const size_t mark = reply_deferred_begin(exec->reply);
    for (uint32_t i = 0; i < join->count; i++) {
        const struct join_level *level = &join->levels[i];
        const struct plan_parts parts = {.nodes = level->own_parts, .count = level->own_part_count};
        tell_statement(&to, &level->statement, level->range, &parts, level->taken);
        if (i > 0) {
            tell_join(&to, level);
        }
    }
    tell_result(&to, plan->tree->query, join->select);
    end(&to, mark);
}
