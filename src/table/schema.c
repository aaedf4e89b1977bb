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

/* --- layout --- */

/*  struct schema | columns | padding | defaults | texts  */
static size_t defaults_offset(uint32_t column_count)
{
    const size_t end = sizeof(struct schema) + column_count * sizeof(struct column);
    return (end + _Alignof(struct typed_value) - 1) / _Alignof(struct typed_value) * _Alignof(struct typed_value);
}

static size_t texts_offset(uint32_t column_count, uint32_t default_count)
{
    return default_count == 0 ? sizeof(struct schema) + column_count * sizeof(struct column)
                              : defaults_offset(column_count) + default_count * sizeof(struct typed_value);
}

static size_t schema_size(const struct schema *schema)
{
    return texts_offset(schema->column_count, schema->default_count) + schema->texts_len;
}

static char *schema_texts(const struct schema *schema)
{
    return (char *)(uintptr_t)schema + texts_offset(schema->column_count, schema->default_count);
}

static struct typed_value *schema_defaults(const struct schema *schema)
{
    return (struct typed_value *)((uintptr_t)schema + defaults_offset(schema->column_count));
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

/* --- options --- */

/* Names of options that will come: the word, or the word with something in parentheses or behind =. */
static bool is_later_option(struct bytes word)
{
    static const struct bytes names[] = {BYTES("ref"), BYTES("check")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t len = names[i].len;
        if (word.len >= len && bytes_equal_ignore_case((struct bytes){word.data, len}, names[i]) &&
            (word.len == len || word.data[len] == '(' || word.data[len] == '=')) {
            return true;
        }
    }
    return false;
}

/* Options of a single word, and which bool of struct draft_column each sets. */
static const struct flag {
    struct bytes name;
    size_t offset;
} flags[] = {
    {BYTES("notnull"), offsetof(struct draft_column, is_not_null)},
    {BYTES("unique"), offsetof(struct draft_column, is_unique)},
    {BYTES("primary"), offsetof(struct draft_column, is_primary)},
    {BYTES("auto"), offsetof(struct draft_column, is_auto)},
};

/* NULL: it is another word. */
static const struct flag *find_flag(struct bytes word)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (bytes_equal_ignore_case(word, flags[i].name)) {
            return &flags[i];
        }
    }
    return NULL;
}

/* "default=VALUE": VALUE; false: it is another word. */
static bool take_default(struct bytes word, struct bytes *value)
{
    static const struct bytes name = BYTES("default=");
    if (word.len < name.len || !bytes_equal_ignore_case((struct bytes){word.data, name.len}, name)) {
        return false;
    }
    *value = (struct bytes){word.data + name.len, word.len - name.len};
    return true;
}

/* Cuts options off the end of a default's value: `text` is the value, `options` what stands behind its colon (empty: nothing). */
static void cut_options_off(struct bytes *text, struct bytes *options)
{
    enum index_kind kind;
    *options = (struct bytes){text->data + text->len, 0};
    for (;;) {
        const char *colon = text->len == 0 ? NULL : memrchr(text->data, ':', text->len);
        if (colon == NULL) {
            return;
        }
        const struct bytes before = {text->data, (size_t)(colon - text->data)};
        const struct bytes last = {colon + 1, text->len - before.len - 1};
        if (!index_kind_parse(last, &kind) && find_flag(last) == NULL && !is_later_option(last)) {
            return;
        }
        options->len += (size_t)(options->data - last.data);
        options->data = last.data;
        *text = before;
    }
}

/* What the options of a word have said so far. */
struct options {
    bool has_index;
    struct draft_column *column;
};

static enum table_result option_parse(struct bytes word, struct options *options)
{
    struct draft_column *column = options->column;
    enum index_kind kind;
    if (index_kind_parse(word, &kind)) {
        if (options->has_index) {
            return TABLE_OPTION_TWICE;
        }
        options->has_index = true;
        column->index = (uint8_t)kind;
        return TABLE_OK;
    }
    const struct flag *flag = find_flag(word);
    if (flag == NULL) {
        return is_later_option(word) ? TABLE_LATER_OPTION : TABLE_BAD_OPTION;
    }
    bool *is_set = (bool *)((char *)column + flag->offset);
    if (*is_set) {
        return TABLE_OPTION_TWICE;
    }
    *is_set = true;
    return TABLE_OK;
}

/* What the options come to when all are read. */
static enum table_result options_settle(const struct options *options)
{
    struct draft_column *column = options->column;
    column->is_unique = column->is_unique || column->is_primary;
    column->is_not_null = column->is_not_null || column->is_primary;
    if (column->is_auto && (column->form.type != COLUMN_INTEGER || !column->default_value.is_null)) {
        return TABLE_BAD_AUTO;
    }
    if (column->is_unique && column->index == INDEX_NONE) {
        if (options->has_index) {
            return TABLE_UNIQUE_NEEDS_INDEX;
        }
        column->index = INDEX_HASH;
    }
    return TABLE_OK;
}

static enum table_result default_parse(struct bytes text, struct draft_column *column)
{
    const bool is_good = text.len <= COLUMN_DEFAULT_MAX && typed_value_parse(column->form, text, &column->default_value);
    return is_good ? TABLE_OK : TABLE_BAD_DEFAULT;
}

/* `rest`: what stands behind the colon of the type. */
static enum table_result options_parse(struct bytes rest, struct draft_column *column)
{
    struct options options = {.column = column};
    enum table_result result = TABLE_OK;
    for (bool has_more = true; has_more && result == TABLE_OK;) {
        struct bytes text;
        struct bytes word;
        if (take_default(rest, &text)) {
            cut_options_off(&text, &rest);
            has_more = rest.len > 0;
            result = default_parse(text, column);
        } else if ((has_more = cut_at_colon(&rest, &word))) {
            result = option_parse(word, &options);
        } else {
            result = option_parse(rest, &options);
        }
    }
    return result == TABLE_OK ? options_settle(&options) : result;
}

static enum table_result column_word_parse(struct bytes word, struct draft_column *out)
{
    struct bytes name;
    struct bytes type_word;
    if (!cut_at_colon(&word, &name) || name.len == 0 || word.len == 0) {
        return TABLE_BAD_COLUMN_WORD;
    }
    const bool has_options = cut_at_colon(&word, &type_word);
    if (!has_options) {
        type_word = word;
    }
    if (!is_column_name(name)) {
        return TABLE_BAD_COLUMN_NAME;
    }
    struct draft_column column = {.name = name, .index = INDEX_NONE, .index_at = COLUMN_NONE, .default_value = {.is_null = true}};
    switch (column_form_parse(type_word, &column.form)) {
    case COLUMN_FORM_UNKNOWN:
        return TABLE_BAD_TYPE;
    case COLUMN_FORM_BAD_DIGITS:
        return TABLE_BAD_DIGITS;
    case COLUMN_FORM_FOUND:
        break;
    }
    const enum table_result result = has_options ? options_parse(word, &column) : TABLE_OK;
    if (result == TABLE_OK) {
        *out = column;
    }
    return result;
}

enum table_result schema_draft_add(struct schema_draft *draft, struct bytes word, const uint64_t *busy_slots)
{
    struct draft_column column;
    enum table_result result = column_word_parse(word, &column);
    if (result != TABLE_OK) {
        return result;
    }
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (bytes_equal(draft->columns[i].name, column.name)) {
            return TABLE_COLUMN_TWICE;
        }
        if (draft->columns[i].is_primary && column.is_primary) {
            return TABLE_PRIMARY_TWICE;
        }
        if (draft->columns[i].is_auto && column.is_auto) {
            return TABLE_BAD_AUTO;
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
    struct draft_column *routing = NULL;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        struct draft_column *column = &draft->columns[i];
        if (column->index == INDEX_HASH && (routing == NULL || column->is_primary)) {
            routing = column;
        }
    }
    draft->is_scattered = false;
    if (routing != NULL) {
        routing->is_routing = true;
    }
}

void schema_draft_from(struct schema_draft *draft, const struct schema *schema)
{
    draft->column_count = schema->column_count;
    draft->is_scattered = schema->is_scattered;
    uint32_t default_at = 0;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        draft->columns[i] = (struct draft_column){
            .name = schema_column_name(schema, i),
            .form = column_form(column),
            .index = column->index,
            .is_routing = i == schema->routing_column,
            .is_not_null = column->is_not_null,
            .is_unique = column->is_unique,
            .is_primary = column->is_primary,
            .is_auto = column->is_auto,
            .slot = column->slot,
            .index_at = column->index_at,
            .default_value = {.is_null = true},
        };
        if (column->has_default) {
            draft->columns[i].default_value = schema_defaults(schema)[default_at++];
        }
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
    changed->is_unique = changed->is_unique && kind != INDEX_NONE;
    changed->is_primary = changed->is_primary && kind != INDEX_NONE;
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

enum table_result schema_draft_rename(struct schema_draft *draft, uint32_t column, struct bytes name)
{
    assert(column < draft->column_count);
    if (!is_column_name(name) || memchr(name.data, ':', name.len) != NULL) {
        return TABLE_BAD_COLUMN_NAME;
    }
    for (uint32_t i = 0; i < draft->column_count; i++) {
        if (i != column && bytes_equal(draft->columns[i].name, name)) {
            return TABLE_COLUMN_TWICE;
        }
    }
    draft->columns[column].name = name;
    return TABLE_OK;
}

/* --- schemas --- */

/* A default's bytes that lie outside of its value. */
static struct bytes outer_text(const struct draft_column *column)
{
    const struct typed_value *value = &column->default_value;
    const bool has_text = !value->is_null && column_type_is_text((enum column_type)column->form.type) && !value->is_uuid_read;
    return has_text ? value->text : (struct bytes){NULL, 0};
}

/* The counts and lengths of a schema from the draft. */
static void head_of(const struct schema_draft *draft, struct schema *head)
{
    *head = (struct schema){.column_count = draft->column_count,
                            .index_count = draft_index_count(draft),
                            .routing_column = COLUMN_NONE,
                            .is_scattered = draft->is_scattered};
    for (uint32_t i = 0; i < draft->column_count; i++) {
        const struct draft_column *column = &draft->columns[i];
        head->texts_len += (uint32_t)(column->name.len + outer_text(column).len);
        head->default_count = (uint16_t)(head->default_count + (column->default_value.is_null ? 0 : 1));
        head->has_rules = head->has_rules || column->is_not_null || !column->default_value.is_null;
        head->has_unique = head->has_unique || column->is_unique;
        head->slot_count = column->slot >= head->slot_count ? (uint16_t)(column->slot + 1) : head->slot_count;
        head->routing_column = column->is_routing ? (uint16_t)i : head->routing_column;
        head->has_auto = head->has_auto || column->is_auto;
        head->auto_at = column->is_auto ? (uint8_t)i : head->auto_at;
    }
}

static void append(char *texts, uint32_t *at, struct bytes text)
{
    if (text.len > 0) {
        memcpy(texts + *at, text.data, text.len);
    }
    *at += (uint32_t)text.len;
}

struct schema *schema_create(struct heap *heap, const struct schema_draft *draft)
{
    assert(draft->column_count > 0);
    struct schema head;
    head_of(draft, &head);
    struct schema *schema = heap_alloc(heap, MEM_CATALOGUE, schema_size(&head));
    if (schema == NULL) {
        return NULL;
    }
    *schema = head;
    char *texts = schema_texts(schema);
    uint32_t at = 0;
    uint32_t default_at = 0;
    for (uint32_t i = 0; i < draft->column_count; i++) { /* all names first: name_at has 16 bits */
        const struct draft_column *column = &draft->columns[i];
        schema->columns[i] = (struct column){.name_at = (uint16_t)at,
                                             .name_len = (uint8_t)column->name.len,
                                             .type = column->form.type,
                                             .index = column->index,
                                             .digits = column->form.digits,
                                             .scale = column->form.scale,
                                             .is_not_null = column->is_not_null,
                                             .is_unique = column->is_unique,
                                             .is_primary = column->is_primary,
                                             .is_auto = column->is_auto,
                                             .slot = column->slot,
                                             .index_at = column->index_at,
                                             .has_default = !column->default_value.is_null};
        append(texts, &at, column->name);
    }
    for (uint32_t i = 0; i < draft->column_count; i++) {
        const struct draft_column *column = &draft->columns[i];
        if (column->default_value.is_null) {
            continue;
        }
        struct typed_value *kept = &schema_defaults(schema)[default_at++];
        *kept = column->default_value;
        if (column_type_is_text((enum column_type)column->form.type) && !kept->is_uuid_read) {
            kept->text.data = texts + at;
            append(texts, &at, column->default_value.text);
        }
    }
    assert(at == schema->texts_len);
    return schema;
}

void schema_destroy(struct heap *heap, struct schema *schema)
{
    if (schema != NULL) {
        heap_free(heap, MEM_CATALOGUE, schema, schema_size(schema));
    }
}

uint64_t schema_bytes(const struct schema *schema)
{
    return heap_block_bytes(schema_size(schema));
}

struct bytes schema_column_name(const struct schema *schema, uint32_t column)
{
    assert(column < schema->column_count);
    return (struct bytes){schema_texts(schema) + schema->columns[column].name_at, schema->columns[column].name_len};
}

const struct typed_value *schema_default(const struct schema *schema, uint32_t column)
{
    assert(column < schema->column_count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < column; i++) {
        at += schema->columns[i].has_default ? 1 : 0;
    }
    return schema->columns[column].has_default ? &schema_defaults(schema)[at] : NULL;
}

uint32_t schema_complete_row(const struct schema *schema, struct typed_value *values)
{
    const struct typed_value *next = schema_defaults(schema);
    for (uint32_t i = 0; schema->has_rules && i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        const struct typed_value *value = column->has_default ? next++ : NULL;
        if (!values[i].is_null) {
            continue;
        }
        if (value != NULL) {
            values[i] = *value;
        } else if (column->is_not_null && !column->is_auto) {
            return i;
        }
    }
    return COLUMN_NONE;
}

bool schema_give_number(const struct schema *schema, uint64_t id, struct typed_value *values)
{
    if (!schema_needs_number(schema, values)) {
        return true;
    }
    if (id > (uint64_t)COLUMN_AUTO_MAX) {
        return false;
    }
    values[schema->auto_at] = (struct typed_value){.integer = (int64_t)id};
    return true;
}

uint32_t schema_find_column(const struct schema *schema, struct bytes name)
{
    const char *names = schema_texts(schema);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        if (column->name_len == name.len && memcmp(names + column->name_at, name.data, name.len) == 0) {
            return i;
        }
    }
    return COLUMN_NONE;
}
