/* unique_check.c - see unique_check.h.  */
#include "query/unique_check.h"

#include <assert.h>

enum { KEY_COLUMN, KEY_HASH, KEY_COUNT };

static const struct found_key by_value[KEY_COUNT] = {{.is_descending = false}};
static const struct found_order order = {.keys = by_value, .count = KEY_COUNT};

struct table_fault unique_fault(const struct table *table, uint32_t column, const struct typed_value *value)
{
    const struct schema *schema = table_schema(table);
    return (struct table_fault){.is_known = true,
                                .form = column_form(&schema->columns[column]),
                                .value = *value,
                                .word = schema_column_name(schema, column),
                                .beside = table_name(table)};
}

void unique_check_begin(struct unique_check *check, const struct unique_update *update)
{
    *check = (struct unique_check){.update = *update};
    found_init(&check->hashes, &order);
    arena_init(&check->arena, MEM_QUERY_BUFFER, ROW_WORK_BYTES_MAX);
}

void unique_check_release(struct unique_check *check)
{
    if (check->update.table != NULL) {
        found_release(&check->hashes);
        arena_release(&check->arena);
    }
    *check = (struct unique_check){.row_count = 0};
}

/* How many values are computed for each row. */
static uint32_t computed_count(const struct unique_check *check)
{
    return check->update.work != NULL ? check->update.work->set_count : 0;
}

static uint32_t set_count(const struct unique_check *check)
{
    return computed_count(check) + check->update.set_count;
}

static const struct column *column_of(const struct unique_check *check, const struct assignment *set)
{
    return &table_schema(check->update.table)->columns[set->column];
}

/* What the row gets, computed values first. NULL: no memory; SET was tried before, so that nothing else can fail. */
static const struct assignment *compute_set(struct unique_check *check, uint32_t shard, uint32_t row)
{
    struct row_failure failure;
    const uint32_t computed = computed_count(check);
    if (computed == 0) {
        return check->update.set;
    }
    struct assignment *set = arena_alloc(&check->arena, set_count(check) * sizeof *set);
    if (set == NULL || !row_work_set(check->update.work, check->update.table->slices[shard], row, &check->arena, set, &failure)) {
        return NULL;
    }
    for (uint32_t i = 0; i < check->update.set_count; i++) {
        set[computed + i] = check->update.set[i];
    }
    return set;
}

static enum table_result refuse(const struct unique_check *check, const struct assignment *set, struct table_fault *fault)
{
    *fault = unique_fault(check->update.table, set->column, &set->value);
    return TABLE_NOT_UNIQUE;
}

/* --- against rows that are there --- */

static bool note_hash(struct unique_check *check, const struct found_row *row, const struct assignment *set)
{
    _Alignas(struct found_row) char room[sizeof(struct found_row) + KEY_COUNT * sizeof(struct scalar)];
    struct found_row *noted = (struct found_row *)room;
    const enum column_type type = (enum column_type)column_of(check, set)->type;
    const struct hash_secret *secret = check->update.table->slices[0]->secret;
    *noted = (struct found_row){.id = row->id, .shard = row->shard, .row = row->row};
    noted->keys[KEY_COLUMN] = scalar_integer(set->column);
    noted->keys[KEY_HASH] = scalar_integer((int64_t)typed_value_hash(secret, type, &set->value));
    return found_keep(&check->hashes, SIZE_MAX, noted);
}

static enum table_result check_value(struct unique_check *check, const struct found_row *row, const struct assignment *set,
                                     struct table_fault *fault)
{
    const struct table *table = check->update.table;
    const bool is_computed = computed_count(check) > 0;
    const struct unique_column column = unique_column_of(table_schema(table), column_of(check, set));
    const bool is_second = !is_computed && check->row_count > 0; /* all rows get the same value */
    if (is_second || unique_is_taken(table, &column, &set->value, (struct row_at){row->shard, row->row})) {
        return refuse(check, set, fault);
    }
    return is_computed && !note_hash(check, row, set) ? TABLE_NO_MEMORY : TABLE_OK;
}

enum table_result unique_check_row(struct unique_check *check, const struct found_row *row, struct table_fault *fault)
{
    arena_empty(&check->arena);
    const struct assignment *set = compute_set(check, row->shard, row->row);
    enum table_result result = set != NULL ? TABLE_OK : TABLE_NO_MEMORY;
    for (uint32_t i = 0; i < set_count(check) && result == TABLE_OK; i++) {
        const bool is_checked = column_of(check, &set[i])->is_unique && !set[i].value.is_null;
        result = is_checked ? check_value(check, row, &set[i], fault) : TABLE_OK;
    }
    check->row_count++;
    return result;
}

/* --- against each other --- */

static bool has_keys_of(const struct found_row *a, const struct found_row *b)
{
    return a->keys[KEY_COLUMN].integer == b->keys[KEY_COLUMN].integer && a->keys[KEY_HASH].integer == b->keys[KEY_HASH].integer;
}

static const struct assignment *find_set(const struct unique_check *check, const struct assignment *set, const struct found_row *row)
{
    uint32_t i = 0;
    while (set[i].column != (uint32_t)row->keys[KEY_COLUMN].integer) {
        i++;
        assert(i < set_count(check));
    }
    return &set[i];
}

/* Two values have the same hash: are they one? */
static enum table_result compare_two(struct unique_check *check, const struct found_row *a, const struct found_row *b, struct table_fault *fault)
{
    arena_empty(&check->arena);
    const struct assignment *set_a = compute_set(check, a->shard, a->row);
    const struct assignment *set_b = set_a != NULL ? compute_set(check, b->shard, b->row) : NULL;
    if (set_b == NULL) {
        return TABLE_NO_MEMORY;
    }
    const struct assignment *left = find_set(check, set_a, a);
    const struct assignment *right = find_set(check, set_b, b);
    const enum column_type type = (enum column_type)column_of(check, left)->type;
    return typed_value_compare(type, &left->value, &right->value) == 0 ? refuse(check, right, fault) : TABLE_OK;
}

/* The next row with those before it that have its keys: more than one only where different values share a hash. */
static enum table_result compare_next(struct unique_check *check, struct table_fault *fault)
{
    const struct found_row *row = found_at(&check->hashes, check->next);
    enum table_result result = TABLE_OK;
    if (!has_keys_of(found_at(&check->hashes, check->run), row)) {
        check->run = check->next;
    }
    for (size_t i = check->run; i < check->next && result == TABLE_OK; i++) {
        result = compare_two(check, found_at(&check->hashes, i), row, fault);
    }
    check->next++;
    return result;
}

enum table_result unique_check_settle(struct unique_check *check, size_t limit, bool *is_done, struct table_fault *fault)
{
    enum table_result result = TABLE_OK;
    *is_done = false;
    const enum found_status status = found_sort(&check->hashes, limit);
    if (status != FOUND_SORTED) {
        return status == FOUND_NO_MEMORY ? TABLE_NO_MEMORY : TABLE_OK;
    }
    for (size_t i = 0; i < limit && check->next < check->hashes.count && result == TABLE_OK; i++) {
        result = compare_next(check, fault);
    }
    *is_done = check->next == check->hashes.count;
    return result;
}
