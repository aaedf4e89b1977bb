/* load_tables.c - namespaces, tables and rows of a file: the fields that saved_tables.h draws.  */
#include "snapshot/load_tables.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "persist/rdb_string.h"
#include "query/ddl.h"
#include "shard/inbox.h"
#include "shard/thread.h"
#include "snapshot/saved_tables.h"
#include "table/catalogue.h"

#include <assert.h>
#include <string.h>

#define DAMAGED "a table's field is damaged"
#define NO_MEMORY "there is no memory"

/* A string that is not packed longer than it may be; lent from the input, or unpacked into the room. */
static bool read_text(struct rdb_input *input, struct buffer *room, struct bytes *out)
{
    struct rdb_text text;
    if (!rdb_read_text(input, &text) || rdb_text_len(&text) > TABLE_TEXT_MAX) {
        return false;
    }
    if (text.packed_from == 0 && text.bytes.data == NULL) {
        char digits[INT64_TEXT_MAX];
        room->len = 0;
        if (!buffer_append(room, (struct bytes){digits, int64_format(text.integer, digits)})) {
            return false;
        }
        *out = buffer_bytes(room);
        return true;
    }
    if (rdb_text_unpack(&text, room) != RESULT_OK) {
        return false;
    }
    *out = text.bytes;
    return true;
}

static bool read_database(const struct loading *loading, struct rdb_input *input, uint32_t *out)
{
    uint64_t db;
    if (!rdb_read_length(input, &db) || db >= (uint64_t)loading->server->config->databases) {
        return false;
    }
    *out = (uint32_t)db;
    return true;
}

/* What functions of the query room look at. */
static struct exec exec_of(struct thread *thread)
{
    return (struct exec){.server = thread->server, .thread = thread, .effects = EFFECTS_GIVEN};
}

void load_namespace(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct rdb_input input = {.bytes = field};
    struct buffer room = BUFFER_EMPTY(MEM_SNAPSHOT);
    struct catalogue_edit edit = {.what = EDIT_ADD_NAMESPACE};
    struct exec exec = exec_of(thread);
    if (!read_database(loading, &input, &edit.db) || !read_text(&input, &room, &edit.name) || rdb_left(&input) > 0 ||
        namespace_name_check(edit.name) != TABLE_OK || ddl_edit_catalogue(&exec, &edit) != TABLE_OK) {
        loading_fail(loading, at, "a namespace is damaged, or is there twice");
    }
    buffer_release(&room);
}

/* --- a table --- */

/* Names are copied to `names`, which must not move: room for all of them was made. */
static bool read_column(struct rdb_input *input, struct schema_draft *draft, struct buffer *room, struct buffer *names, uint16_t *next_index)
{
    struct bytes name;
    uint8_t type, index, is_routing;
    if (!read_text(input, room, &name) || name.len == 0 || name.len > COLUMN_NAME_MAX || !rdb_read_byte(input, &type) ||
        !rdb_read_byte(input, &index) || !rdb_read_byte(input, &is_routing) || type >= COLUMN_TYPE_COUNT || index >= INDEX_KIND_COUNT ||
        is_routing > 1 || draft->column_count == TABLE_COLUMNS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (bytes_equal(draft->columns[i].name, name)) {
            return false;
        }
    }
    const struct bytes kept = {names->data + names->len, name.len};
    if (!buffer_append(names, name)) {
        return false;
    }
    const uint16_t at = draft->column_count++;
    draft->columns[at] = (struct draft_column){.name = kept,
                                               .type = type,
                                               .index = index,
                                               .is_routing = is_routing != 0,
                                               .slot = at,
                                               .index_at = index == INDEX_NONE ? COLUMN_NONE : (*next_index)++};
    return true;
}

static bool read_columns(struct rdb_input *input, struct schema_draft *draft, struct buffer *room, struct buffer *names)
{
    uint64_t count;
    uint8_t is_scattered;
    uint16_t next_index = 0;
    unsigned routing = 0;
    draft->column_count = 0;
    if (!rdb_read_byte(input, &is_scattered) || is_scattered > 1 || !rdb_read_length(input, &count) || count == 0 ||
        count > TABLE_COLUMNS_MAX || !buffer_reserve(names, TABLE_COLUMNS_MAX * COLUMN_NAME_MAX)) {
        return false;
    }
    draft->is_scattered = is_scattered != 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_column(input, draft, room, names, &next_index)) {
            return false;
        }
        routing += draft->columns[i].is_routing;
    }
    return routing <= 1 && rdb_left(input) == 0;
}

static struct table *make_table(struct server *server, struct bytes name, const struct schema_draft *draft)
{
    struct heap *heaps[SHARD_COUNT_MAX];
    const struct slice_owner *owners[SHARD_COUNT_MAX];
    for (uint32_t i = 0; i < server->shard_count; i++) {
        heaps[i] = server->shards[i].heap;
        owners[i] = &server->shards[i].slice_owner;
    }
    const struct table_place place = {heaps, server->shard_count, &server->secret, owners};
    return table_create(&place, name, draft);
}

static void note_table(struct loading *loading, uint64_t at, struct table *table, uint64_t last_id)
{
    if (loading->table_count == loading->table_capacity) {
        const uint32_t capacity = 2 * loading->table_capacity + 8;
        struct loaded_table *more = thread_alloc(MEM_SNAPSHOT, capacity * sizeof *more);
        if (more == NULL) {
            loading_fail(loading, at, NO_MEMORY);
        }
        if (loading->tables != NULL) {
            memcpy(more, loading->tables, loading->table_count * sizeof *more);
            thread_free(MEM_SNAPSHOT, loading->tables, loading->table_capacity * sizeof *more);
        }
        loading->tables = more;
        loading->table_capacity = capacity;
    }
    loading->tables[loading->table_count++] = (struct loaded_table){table, last_id};
}

void load_table(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct rdb_input input = {.bytes = field};
    struct buffer rooms[3] = {BUFFER_EMPTY(MEM_SNAPSHOT), BUFFER_EMPTY(MEM_SNAPSHOT), BUFFER_EMPTY(MEM_SNAPSHOT)};
    struct catalogue_edit edit = {.what = EDIT_ADD_TABLE};
    struct exec exec = exec_of(thread);
    struct schema_draft draft;
    struct bytes name, name_space, rest;
    uint64_t last_id;
    if (!read_database(loading, &input, &edit.db) || !read_text(&input, &rooms[0], &name) ||
        table_name_split(name, &name_space, &rest) != TABLE_OK || !rdb_read_length(&input, &last_id) || last_id == UINT64_MAX ||
        !read_columns(&input, &draft, &rooms[1], &rooms[2])) {
        loading_fail(loading, at, DAMAGED);
    }
    edit.table = make_table(loading->server, name, &draft);
    if (edit.table == NULL || ddl_edit_catalogue(&exec, &edit) != TABLE_OK) {
        loading_fail(loading, at, edit.table == NULL ? NO_MEMORY : "a table is there twice, or its namespace is not");
    }
    note_table(loading, at, edit.table, last_id);
    for (unsigned i = 0; i < 3; i++) {
        buffer_release(&rooms[i]);
    }
}

/* --- rows --- */

/* 0001-01-01 and 9999-12-31. */
enum { DATE_DAYS_MIN = -719162, DATE_DAYS_MAX = 2932896 };

struct row {
    uint64_t id;
    struct typed_value values[TABLE_COLUMNS_MAX];
};

static bool read_value(struct rdb_input *input, uint8_t type, struct typed_value *out)
{
    uint64_t number;
    out->is_null = false;
    if (type == COLUMN_FLOAT) {
        if (!rdb_read_word(input, &number)) {
            return false;
        }
        memcpy(&out->number, &number, sizeof number);
        return out->number == out->number; /* no NaN */
    }
    if (!rdb_read_length(input, &number)) {
        return false;
    }
    if (type == COLUMN_STRING) {
        return number <= TABLE_TEXT_MAX && rdb_read_raw(input, (size_t)number, &out->text);
    }
    out->integer = (int64_t)(number >> 1 ^ (~(number & 1) + 1));
    return type != COLUMN_DATE || (out->integer >= DATE_DAYS_MIN && out->integer <= DATE_DAYS_MAX);
}

static bool read_row(struct rdb_input *input, const struct schema *schema, struct row *row)
{
    struct bytes bits;
    if (!rdb_read_length(input, &row->id) || row->id == 0 || row->id == UINT64_MAX ||
        !rdb_read_raw(input, (schema->column_count + 7u) / 8, &bits)) {
        return false;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        row->values[i] = (struct typed_value){.is_null = true};
        if (((unsigned char)bits.data[i / 8] >> (i % 8) & 1) != 0 && !read_value(input, schema->columns[i].type, &row->values[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t shard_of_row(const struct loading *loading, const struct table *table, const struct schema *schema, const struct row *row)
{
    const struct typed_value *routing = schema->routing_column == COLUMN_NONE ? NULL : &row->values[schema->routing_column];
    return table_route(table, &loading->server->secret, routing, row->id);
}

/* The rows of the field that belong to `shard`. */
static uint64_t load_rows_of(struct thread *thread, struct loading *loading, uint64_t at, struct rdb_input input, uint64_t count,
                             struct table *table, uint32_t shard)
{
    const struct schema *schema = table_schema(table);
    struct shard_set taken = shard_take_unless_mine(thread, &loading->server->shards[shard]);
    struct row row;
    uint64_t loaded = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_row(&input, schema, &row)) {
            loading_fail(loading, at, DAMAGED);
        }
        if (shard_of_row(loading, table, schema, &row) == shard) {
            if (row.id <= table->slices[shard]->highest_id && slice_find_row(table->slices[shard], row.id) != ROW_NONE) {
                loading_fail(loading, at, "a row is there twice");
            }
            if (slice_insert(table->slices[shard], schema, row.id, row.values) != TABLE_OK) {
                loading_fail(loading, at, NO_MEMORY);
            }
            table_note_row_id(table, row.id);
            loaded++;
        }
    }
    if (rdb_left(&input) > 0) {
        loading_fail(loading, at, DAMAGED);
    }
    shard_give_back(thread, &taken);
    return loaded;
}

uint64_t load_rows(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct rdb_input input = {.bytes = field};
    uint64_t number, count, loaded = 0;
    if (!rdb_read_length(&input, &number) || !rdb_read_length(&input, &count) || number >= loading->table_count ||
        count > rdb_left(&input)) {
        loading_fail(loading, at, DAMAGED);
    }
    struct table *table = loading->tables[number].table;
    for (uint32_t shard = 0; shard < loading->server->shard_count; shard++) {
        loaded += load_rows_of(thread, loading, at, input, count, table, shard);
    }
    return loaded;
}

/* Not before the rows are there: it would make the search for a row that is there twice longer. */
void load_tables_end(const struct loading *loading)
{
    for (uint32_t i = 0; i < loading->table_count; i++) {
        table_note_old_row_id(loading->tables[i].table, loading->tables[i].last_id);
    }
}
