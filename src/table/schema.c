/* schema.c - see schema.h.  */
#include "table/schema.h"

#include <assert.h>
#include <string.h>

static const char *const kind_names[INDEX_KIND_COUNT] = {"none", "hash", "btree"};

const char *index_kind_name(enum index_kind kind)
{
    assert(kind < INDEX_KIND_COUNT);
    return kind_names[kind];
}

bool index_kind_parse(struct bytes word, enum index_kind *out)
{
    static const struct {
        const char *word;
        enum index_kind kind;
    } words[] = {{"hash", INDEX_HASH}, {"btree", INDEX_BTREE}, {"none", INDEX_NONE}, {"true", INDEX_HASH}, {"false", INDEX_NONE}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(words[i].word))) {
            *out = words[i].kind;
            return true;
        }
    }
    return false;
}

/* --- drafts --- */

/* Operators and parentheses would make conditions on the column unreadable; so would blanks and control characters. */
static bool is_column_name(struct bytes name)
{
    if (name.len == 0 || name.len > COLUMN_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c <= ' ' || c == 0x7f || strchr("=<>!()", c) != NULL) {
            return false;
        }
    }
    return true;
}

static bool draft_uses_slot(const struct schema_draft *draft, uint32_t slot)
{
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (draft->columns[i].slot == slot) {
            return true;
        }
    }
    return false;
}

static uint16_t draft_index_count(const struct schema_draft *draft)
{
    uint16_t count = 0;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        count = (uint16_t)(count + (draft->columns[i].index_at != COLUMN_NONE ? 1 : 0));
    }
    return count;
}

/* Cuts `word` at its first colon: the part before it is returned, `word` is what follows. False: there is no colon. */
static bool cut_at_colon(struct bytes *word, struct bytes *before)
{
    const char *colon = word->len == 0 ? NULL : memchr(word->data, ':', word->len);
    if (colon == NULL) {
        return false;
    }
    *before = (struct bytes){word->data, (size_t)(colon - word->data)};
    *word = (struct bytes){colon + 1, word->len - before->len - 1};
    return true;
}

static enum table_result column_word_parse(struct bytes word, struct draft_column *out)
{
    struct bytes name;
    struct bytes type_word;
    enum column_type type;
    enum index_kind kind = INDEX_NONE;
    if (!cut_at_colon(&word, &name) || name.len == 0 || word.len == 0) {
        return TABLE_BAD_COLUMN_WORD;
    }
    bool has_index = cut_at_colon(&word, &type_word);
    if (!has_index) {
        type_word = word;
    }
    if (!is_column_name(name)) {
        return TABLE_BAD_COLUMN_NAME;
    }
    if (!column_type_parse(type_word, &type)) {
        return TABLE_BAD_TYPE;
    }
    if (has_index && !index_kind_parse(word, &kind)) {
        return TABLE_BAD_INDEX_KIND;
    }
    *out = (struct draft_column){.name = name, .type = (uint8_t)type, .index = (uint8_t)kind, .index_at = COLUMN_NONE};
    return TABLE_OK;
}

enum table_result schema_draft_add(struct schema_draft *draft, struct bytes word, const uint64_t *busy_slots)
{
    struct draft_column column = {0};
    enum table_result result = column_word_parse(word, &column);
    if (result != TABLE_OK) {
        return result;
    }
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (bytes_equal(draft->columns[i].name, column.name)) {
            return TABLE_COLUMN_TWICE;
        }
    }
    uint32_t slot = 0;
    while (slot < TABLE_COLUMNS_MAX &&
           (draft_uses_slot(draft, slot) || (busy_slots != NULL && (busy_slots[slot / 64] >> (slot % 64) & 1) != 0))) {
        slot++;
    }
    if (draft->column_count == TABLE_COLUMNS_MAX || slot == TABLE_COLUMNS_MAX) {
        return TABLE_TOO_MANY_COLUMNS;
    }
    column.slot = (uint16_t)slot;
    column.index_at = column.index == INDEX_NONE ? COLUMN_NONE : draft_index_count(draft);
    draft->columns[draft->column_count++] = column;
    return TABLE_OK;
}

void schema_draft_choose_routing(struct schema_draft *draft)
{
    draft->is_scattered = false;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (draft->columns[i].index == INDEX_HASH) {
            draft->columns[i].is_routing = true;
            return;
        }
    }
}

void schema_draft_from(struct schema_draft *draft, const struct schema *schema)
{
    draft->column_count = schema->column_count;
    draft->is_scattered = schema->is_scattered;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        draft->columns[i] = (struct draft_column){
            .name = schema_column_name(schema, i),
            .type = column->type,
            .index = column->index,
            .is_routing = i == schema->routing_column,
            .slot = column->slot,
            .index_at = column->index_at,
        };
    }
}

static void close_index_gap(struct schema_draft *draft, uint32_t removed)
{
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (draft->columns[i].index_at != COLUMN_NONE && draft->columns[i].index_at > removed) {
            draft->columns[i].index_at--;
        }
    }
}

void schema_draft_set_index(struct schema_draft *draft, uint32_t column, enum index_kind kind)
{
    assert(column < draft->column_count);
    struct draft_column *changed = &draft->columns[column];
    uint16_t had = changed->index_at;
    changed->index = (uint8_t)kind;
    if (kind == INDEX_NONE && had != COLUMN_NONE) {
        changed->index_at = COLUMN_NONE;
        close_index_gap(draft, had);
    } else if (kind != INDEX_NONE && had == COLUMN_NONE) {
        changed->index_at = draft_index_count(draft);
    }
}

void schema_draft_remove(struct schema_draft *draft, uint32_t column)
{
    schema_draft_set_index(draft, column, INDEX_NONE);
    draft->is_scattered = draft->is_scattered || draft->columns[column].is_routing;
    draft->column_count--;
    memmove(draft->columns + column, draft->columns + column + 1,
            (draft->column_count - column) * sizeof draft->columns[0]);
}

/* --- schemas --- */

static size_t schema_size(uint32_t column_count, uint32_t names_len)
{
    return sizeof(struct schema) + column_count * sizeof(struct column) + names_len;
}

static const char *schema_names(const struct schema *schema)
{
    return (const char *)(schema->columns + schema->column_count);
}

struct schema *schema_create(struct heap *heap, const struct schema_draft *draft)
{
    assert(draft->column_count > 0);
    uint32_t names_len = 0;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        names_len += (uint32_t)draft->columns[i].name.len;
    }
    struct schema *schema = heap_alloc(heap, MEM_CATALOGUE, schema_size(draft->column_count, names_len));
    if (schema == NULL) {
        return NULL;
    }
    *schema = (struct schema){.column_count = draft->column_count,
                              .index_count = draft_index_count(draft),
                              .routing_column = COLUMN_NONE,
                              .is_scattered = draft->is_scattered,
                              .names_len = names_len};
    char *names = (char *)(schema->columns + draft->column_count);
    uint16_t name_at = 0;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        const struct draft_column *column = &draft->columns[i];
        schema->columns[i] = (struct column){.name_at = name_at,
                                             .name_len = (uint8_t)column->name.len,
                                             .type = column->type,
                                             .index = column->index,
                                             .slot = column->slot,
                                             .index_at = column->index_at};
        memcpy(names + name_at, column->name.data, column->name.len);
        name_at = (uint16_t)(name_at + column->name.len);
        if (column->slot >= schema->slot_count) {
            schema->slot_count = (uint16_t)(column->slot + 1);
        }
        if (column->is_routing) {
            schema->routing_column = (uint16_t)i;
        }
    }
    return schema;
}

void schema_destroy(struct heap *heap, struct schema *schema)
{
    if (schema != NULL) {
        heap_free(heap, MEM_CATALOGUE, schema, schema_size(schema->column_count, schema->names_len));
    }
}

uint64_t schema_bytes(const struct schema *schema)
{
    return heap_block_bytes(schema_size(schema->column_count, schema->names_len));
}

struct bytes schema_column_name(const struct schema *schema, uint32_t column)
{
    assert(column < schema->column_count);
    return (struct bytes){schema_names(schema) + schema->columns[column].name_at, schema->columns[column].name_len};
}

uint32_t schema_find_column(const struct schema *schema, struct bytes name)
{
    const char *names = schema_names(schema);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        if (column->name_len == name.len && memcmp(names + column->name_at, name.data, name.len) == 0) {
            return i;
        }
    }
    return COLUMN_NONE;
}
