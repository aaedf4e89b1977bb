/* table_effect.c - see table_effect.h.  */
#include "cmd/table/table_effect.h"

#include "base/number.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_rows.h"
#include "query/slice_wait.h"
#include "query/statement.h"
#include "shard/report.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <string.h>

enum {
    APPLY_HEAD = 4,       /* TABLE.APPLY ns.t id INSERT */
    APPLY_MORE = 3,       /* AT value SET */
};

/* --- telling what happened --- */

static const struct {
    enum event event; /* EVENT_COUNT: none */
    const char *verb;
} row_events[] = {
    [ROW_INSERTED] = {EVENT_TABLE_INSERT, "INSERT"}, [ROW_UPDATED] = {EVENT_TABLE_UPDATE, "UPDATE"},
    [ROW_DELETED] = {EVENT_TABLE_DELETE, "DELETE"},  [ROW_LEFT] = {EVENT_COUNT, "LEAVE"},
    [ROW_ARRIVED] = {EVENT_TABLE_UPDATE, "ARRIVE"},
};
#define VERB_MOVE "MOVE"
#define WORD_NULL "NULL"

/* Words, and the text of those that are written: numbers, moments, uuids. */
struct row_words {
    const struct schema *schema;
    uint32_t count;
    size_t text_len;
    struct bytes words[APPLY_HEAD + APPLY_MORE + 2 * TABLE_COLUMNS_MAX];
    char text[(TABLE_COLUMNS_MAX + 2) * TYPED_VALUE_TEXT_MAX];
};

static void add_word(struct row_words *out, struct bytes word)
{
    out->words[out->count++] = word;
}

static void add_value(struct row_words *out, uint32_t column, const struct typed_value *value)
{
    char scratch[TYPED_VALUE_TEXT_MAX];
    struct bytes text = typed_value_format(column_form(&out->schema->columns[column]), value, scratch);
    if (text.data == scratch) {
        assert(text.len <= TYPED_VALUE_TEXT_MAX);
        memcpy(out->text + out->text_len, scratch, text.len);
        text.data = out->text + out->text_len;
        out->text_len += text.len;
    }
    add_word(out, text);
}

static void add_pair(struct row_words *out, uint32_t column, const struct typed_value *value)
{
    add_word(out, schema_column_name(out->schema, column));
    add_value(out, column, value);
}

static void add_routing(struct row_words *out, const struct typed_value *value)
{
    if (!value->is_null) {
        add_word(out, BYTES("AT"));
        add_value(out, out->schema->routing_column, value);
    }
}

/* Nulls stand in front, each behind a word of its own: what follows SET are pairs, whatever they hold. */
static void put_set(struct row_words *out, const struct row_change *change)
{
    size_t null_count = 0;
    for (size_t i = 0; i < change->set_count; i++) {
        if (change->set[i].value.is_null) {
            add_word(out, BYTES(WORD_NULL));
            add_word(out, schema_column_name(out->schema, change->set[i].column));
            null_count++;
        }
    }
    if (null_count < change->set_count) {
        add_word(out, BYTES("SET"));
    }
    for (size_t i = 0; i < change->set_count; i++) {
        if (!change->set[i].value.is_null) {
            add_pair(out, change->set[i].column, &change->set[i].value);
        }
    }
}

static void put_words(struct row_words *out, struct bytes table, const struct row_change *change)
{
    out->schema = change->schema;
    out->count = 0;
    out->text_len = uint64_format(change->id, out->text);
    add_word(out, BYTES("TABLE.APPLY"));
    add_word(out, table);
    add_word(out, (struct bytes){out->text, out->text_len});
    add_word(out, bytes_of_string(row_events[change->event].verb));
    if (change->event == ROW_INSERTED || change->event == ROW_ARRIVED) {
        for (uint32_t i = 0; i < change->schema->column_count; i++) {
            if (!change->values[i].is_null) {
                add_pair(out, i, &change->values[i]);
            }
        }
        return;
    }
    add_routing(out, &change->routing);
    if (change->event == ROW_UPDATED) {
        put_set(out, change);
    }
}

/* A row goes from one shard to another, whose effects may be repeated at different times: LEAVE and ARRIVE come to the same in either order, if what
 * was before them, in all shards, has been repeated. So an effect of all shards, which does nothing, says so before the first one of a statement.  */
static void announce_moves(struct shard *shard, const struct table *table, struct row_words *words)
{
    struct server *server = shard->server;
    if (server->moves_unit == shard->unit) {
        return;
    }
    server->moves_unit = shard->unit;
    words->words[3] = BYTES(VERB_MOVE);
    const struct effect effect = {thread_self(), NULL, table->db, APPLY_HEAD, words->words, shard->unit};
    effects_report_effect(&server->effects, &effect);
}

void table_row_changed(void *context, const struct row_change *change)
{
    struct shard *shard = context;
    const struct table *table = change->slice->table;
    const uint32_t wanted = effects_wanted(&shard->server->effects);
    if (LIKELY(wanted == 0) || table->is_dropped) {
        return;
    }
    baton_assert_held(&shard->baton);
    const enum event event = row_events[change->event].event;
    if ((wanted & LISTEN_ANY_CHANGES) != 0 && event != EVENT_COUNT) {
        shard_report_row(shard, table->db, table_name(table), change->id, event);
    }
    if ((wanted & LISTEN_ANY_EFFECTS) != 0) {
        struct row_words words;
        if (change->event == ROW_LEFT) {
            put_words(&words, table_name(table), change);
            announce_moves(shard, table, &words);
        }
        put_words(&words, table_name(table), change);
        shard_report_effect(shard, table->db, words.words, words.count);
    }
}

/* --- TABLE.APPLY --- */

struct apply {
    struct table *table;
    const struct schema *schema;
    uint64_t id;
    enum row_event event;             /* LEFT and ARRIVED come alone, too */
    bool is_announcement;             /* that rows are going to move: nothing is to be done */
    struct typed_value routing;             /* AT's */
    uint64_t seen[TABLE_COLUMNS_MAX / 64]; /* columns of `set` */
    uint32_t set_count;
    struct assignment set[TABLE_COLUMNS_MAX];
};

static enum table_result read_routing(struct apply *apply, const struct exec *exec, uint32_t *at)
{
    apply->routing.is_null = true;
    if (apply->event == ROW_INSERTED || apply->event == ROW_ARRIVED || *at + 1 >= exec->argc || !bytes_equal_ignore_case(exec->argv[*at], BYTES("AT"))) {
        return TABLE_OK;
    }
    const uint32_t column = apply->schema->routing_column;
    if (column == COLUMN_NONE ||
        !typed_value_parse(column_form(&apply->schema->columns[column]), exec->argv[*at + 1], &apply->routing)) {
        return TABLE_BAD_VALUE;
    }
    *at += 2;
    return TABLE_OK;
}

static enum table_result add_set(struct apply *apply, uint32_t column, const struct typed_value *value)
{
    if ((apply->seen[column / 64] >> (column % 64) & 1) != 0) {
        return TABLE_FIELD_TWICE;
    }
    apply->seen[column / 64] |= UINT64_C(1) << (column % 64);
    apply->set[apply->set_count++] = (struct assignment){column, *value};
    return TABLE_OK;
}

static enum table_result read_pairs(struct apply *apply, const struct exec *exec, uint32_t at)
{
    enum table_result result = TABLE_OK;
    for (; at < exec->argc && result == TABLE_OK; at += 2) {
        const uint32_t column = schema_find_column(apply->schema, exec->argv[at]);
        struct typed_value value = {.is_null = false};
        if (column == COLUMN_NONE || at + 1 == exec->argc ||
            !typed_value_parse(column_form(&apply->schema->columns[column]), exec->argv[at + 1], &value)) {
            return TABLE_BAD_VALUE;
        }
        result = add_set(apply, column, &value);
    }
    return result;
}

/* [NULL column ...] [SET column value ...], one of them at least. */
static enum table_result read_update(struct apply *apply, const struct exec *exec, uint32_t at)
{
    const struct typed_value null = {.is_null = true};
    enum table_result result = TABLE_OK;
    for (; at + 1 < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES(WORD_NULL)) && result == TABLE_OK; at += 2) {
        const uint32_t column = schema_find_column(apply->schema, exec->argv[at + 1]);
        result = column == COLUMN_NONE ? TABLE_BAD_VALUE : add_set(apply, column, &null);
    }
    if (result != TABLE_OK || (at == exec->argc && apply->set_count > 0)) {
        return result;
    }
    if (at + 1 >= exec->argc || !bytes_equal_ignore_case(exec->argv[at], BYTES("SET"))) {
        return TABLE_MISSING_SET;
    }
    return read_pairs(apply, exec, at + 1);
}

/* Reads the words; the values borrow them. */
static enum table_result read_apply(struct apply *apply, const struct exec *exec, struct table *table)
{
    apply->table = table;
    apply->set_count = 0;
    memset(apply->seen, 0, sizeof apply->seen);
    if (table == NULL) {
        return TABLE_MISSING;
    }
    apply->schema = table_schema(table);
    apply->event = ROW_INSERTED;
    apply->is_announcement = bytes_equal_ignore_case(exec->argv[3], BYTES(VERB_MOVE));
    while (!apply->is_announcement && !bytes_equal_ignore_case(exec->argv[3], bytes_of_string(row_events[apply->event].verb))) {
        if (++apply->event > ROW_ARRIVED) {
            return TABLE_BAD_CLAUSE;
        }
    }
    if (!uint64_parse(exec->argv[2], &apply->id) || apply->id == 0) {
        return TABLE_BAD_ROW_ID;
    }
    uint32_t at = APPLY_HEAD;
    const enum table_result result = read_routing(apply, exec, &at);
    if (result != TABLE_OK) {
        return result;
    }
    if (apply->is_announcement || apply->event == ROW_DELETED || apply->event == ROW_LEFT) {
        return at == exec->argc ? TABLE_OK : TABLE_BAD_CLAUSE;
    }
    return apply->event == ROW_UPDATED ? read_update(apply, exec, at) : read_pairs(apply, exec, at);
}

/* The value that is set for the routing column; NULL: none. */
static const struct typed_value *new_routing(const struct apply *apply)
{
    for (uint32_t i = 0; i < apply->set_count; i++) {
        if (apply->set[i].column == apply->schema->routing_column) {
            return &apply->set[i].value;
        }
    }
    return NULL;
}

/* Where the row is, and where it will be; the same but for an UPDATE of the routing column. ROUTE_ALL: it may be anywhere. */
static int32_t shard_before(const struct apply *apply, const struct hash_secret *secret)
{
    if (apply->event == ROW_LEFT || apply->event == ROW_ARRIVED) {
        return ROUTE_ALL;
    }
    if (apply->event == ROW_INSERTED) {
        return (int32_t)table_route(apply->table, secret, new_routing(apply), apply->id);
    }
    return apply->schema->is_scattered ? ROUTE_ALL : (int32_t)table_route(apply->table, secret, &apply->routing, apply->id);
}

static int32_t shard_after(const struct apply *apply, const struct hash_secret *secret, int32_t before)
{
    const struct typed_value *routing = apply->event == ROW_UPDATED ? new_routing(apply) : NULL;
    return routing == NULL ? before : (int32_t)table_route(apply->table, secret, routing, apply->id);
}

static int32_t route_apply(struct exec *exec)
{
    struct apply apply;
    struct table *table = statement_table(exec);
    exec->routed = table;
    if (table == NULL || table->shard_count == 1 || read_apply(&apply, exec, table) != TABLE_OK) {
        return 0;
    }
    if (apply.is_announcement) {
        return 0;
    }
    const int32_t before = shard_before(&apply, &exec->server->secret);
    return before == shard_after(&apply, &exec->server->secret, before) ? before : ROUTE_ALL;
}

/* A row in one of the slices. */
struct row_place {
    struct table_slice *slice;
    uint32_t row; /* ROW_NONE: there is none */
};

/* Looks in the slices first .. end - 1. */
static struct row_place find_row(const struct apply *apply, struct shard_range range)
{
    struct row_place place = {NULL, ROW_NONE};
    for (uint32_t i = range.first; i < range.end && place.row == ROW_NONE; i++) {
        place.slice = apply->table->slices[i];
        place.row = slice_find_row(place.slice, apply->id);
    }
    return place;
}

static enum table_result insert(const struct apply *apply, struct table_slice *slice)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    if (slice_find_row(slice, apply->id) != ROW_NONE) {
        return TABLE_ROW_EXISTS;
    }
    for (uint32_t i = 0; i < apply->schema->column_count; i++) {
        values[i].is_null = true;
    }
    for (uint32_t i = 0; i < apply->set_count; i++) {
        values[apply->set[i].column] = apply->set[i].value;
    }
    table_note_row_id(apply->table, apply->id);
    return slice_insert(slice, apply->schema, apply->id, values);
}

static enum table_result update(const struct apply *apply, struct row_place place, struct table_slice *to)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    if (place.slice == to) {
        return slice_update(place.slice, apply->schema, place.row, apply->set, apply->set_count);
    }
    for (uint32_t i = 0; i < apply->schema->column_count; i++) {
        values[i] = slice_value(place.slice, place.row, apply->schema->columns[i].slot);
    }
    for (uint32_t i = 0; i < apply->set_count; i++) {
        values[apply->set[i].column] = apply->set[i].value;
    }
    return slice_move_row(place.slice, place.row, to, apply->schema, values);
}

static void remove_found(const struct apply *apply, struct row_place place)
{
    slice_delete(place.slice, apply->schema, place.row);
    slice_tidy(place.slice, apply->schema, 1);
}

static bool is_at(const struct apply *apply, struct row_place place)
{
    const uint32_t column = apply->schema->routing_column;
    if (column == COLUMN_NONE) {
        return apply->routing.is_null;
    }
    const struct typed_value value = slice_value(place.slice, place.row, apply->schema->columns[column].slot);
    return value.is_null == apply->routing.is_null &&
           (value.is_null || typed_value_compare((enum column_type)apply->schema->columns[column].type, &value, &apply->routing) == 0);
}

/* A row that is elsewhere already has arrived there. */
static void leave(const struct apply *apply, struct shard_range range)
{
    const struct row_place place = find_row(apply, range);
    if (place.row != ROW_NONE && is_at(apply, place)) {
        remove_found(apply, place);
    }
}

/* It takes the place of the row that has not left yet. */
static enum table_result arrive(const struct exec *exec, const struct apply *apply, struct shard_range range)
{
    struct table *table = apply->table;
    const struct row_place place = find_row(apply, range);
    if (place.row != ROW_NONE) {
        remove_found(apply, place);
    }
    return insert(apply, table->slices[table_route(table, &exec->server->secret, new_routing(apply), apply->id)]);
}

static enum table_result apply_row(struct exec *exec, const struct apply *apply, struct shard_range range)
{
    struct table *table = apply->table;
    const struct hash_secret *secret = &exec->server->secret;
    if (apply->is_announcement) {
        return TABLE_OK;
    }
    if (apply->event == ROW_ARRIVED) {
        return arrive(exec, apply, range);
    }
    if (apply->event == ROW_LEFT) {
        leave(apply, range);
        return TABLE_OK;
    }
    if (apply->event == ROW_INSERTED) {
        return insert(apply, table->slices[shard_before(apply, secret)]);
    }
    const struct row_place place = find_row(apply, range);
    if (place.row == ROW_NONE) {
        return TABLE_ROW_MISSING;
    }
    if (apply->event == ROW_DELETED) {
        remove_found(apply, place);
        return TABLE_OK;
    }
    const struct typed_value *routing = new_routing(apply);
    struct table_slice *to =
        routing == NULL ? place.slice : table->slices[table_route(table, secret, routing, apply->id)];
    return update(apply, place, to);
}

/* Somebody has locked a slice of the range, or waits for it: true, and exec_wait_for was called. */
static bool must_wait(struct exec *exec, const struct table *table, struct shard_range range)
{
    bool must_wait = false;
    for (uint32_t i = range.first; i < range.end && !must_wait; i++) {
        must_wait = slice_must_wait(exec, table, i, slice_may_write(table->slices[i]), WAIT_WITH_WRITERS);
    }
    return must_wait;
}

static void command_apply(struct exec *exec)
{
    struct apply apply;
    struct table *table = exec->shard == NULL ? statement_table(exec) : exec->routed;
    enum table_result result = read_apply(&apply, exec, table);
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
        return;
    }
    const bool is_on_all = exec->shard == NULL;
    const struct shard_range range = {is_on_all ? 0 : exec->shard->number,
                                      is_on_all ? table->shard_count : exec->shard->number + 1};
    if (must_wait(exec, table, range)) {
        return;
    }
    exec_begin_unit(exec);
    result = apply_row(exec, &apply, range);
    exec_end_unit(exec);
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
        return;
    }
    statement_count_rows(exec, 1);
    reply_ok(exec->reply);
}

const struct command_spec table_effect_commands[] = {
    {.name = "table.apply", .names_table = true, .run = command_apply, .route = route_apply, .arity = -4, .scope = SCOPE_ROUTED,
     .flags = COMMAND_NO_MULTI | COMMAND_WRITE | COMMAND_ADMIN | COMMAND_FAST, .since = "1.0.0", .group = "table",
     .complexity = "O(C), C the number of columns",
     .summary = "Adds, changes or deletes the row with an id: the effect of the other commands on rows.",
     .syntax = "namespace.table row-id (INSERT [column value ...]|UPDATE [AT value] [NULL column [NULL column ...]] "
               "[SET column value [column value ...]]|DELETE [AT value]|LEAVE [AT value]|ARRIVE [column value ...]|MOVE)"},
    {0},
};
