/* saved_tables_read.c - see saved_tables_read.h.  */
#include "snapshot/saved_tables_read.h"

#include "snapshot/saved_tables.h"
#include "table/catalogue.h"

#include <string.h>

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

static bool read_database(struct rdb_input *input, uint32_t databases, uint32_t *out)
{
    uint64_t db;
    if (!rdb_read_length(input, &db) || db >= databases) {
        return false;
    }
    *out = (uint32_t)db;
    return true;
}

bool saved_namespace_read(struct bytes field, uint32_t databases, struct buffer *room, struct saved_namespace *out)
{
    struct rdb_input input = {.bytes = field};
    return read_database(&input, databases, &out->db) && read_text(&input, room, &out->name) && rdb_left(&input) == 0 &&
           namespace_name_check(out->name) == TABLE_OK;
}

/* --- a table --- */

/* Names are copied to `names`, which must not move: room for all of them was made. A type from a later version is noted. */
static bool read_column(struct rdb_input *input, struct schema_draft *draft, struct buffer *room, struct buffer *names, uint16_t *next_index,
                        const char **unknown)
{
    struct bytes name;
    uint8_t type, index, is_routing;
    if (!read_text(input, room, &name) || name.len == 0 || name.len > COLUMN_NAME_MAX || !rdb_read_byte(input, &type) ||
        !rdb_read_byte(input, &index) || !rdb_read_byte(input, &is_routing) || is_routing > 1 ||
        draft->column_count == TABLE_COLUMNS_MAX) {
        return false;
    }
    if (type >= COLUMN_TYPE_COUNT || index >= INDEX_KIND_COUNT) {
        *unknown = type >= COLUMN_TYPE_COUNT ? "a table has a column of a type that this version does not know"
                                             : "a table has an index of a kind that this version does not know";
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
                                               .form = {.type = type},
                                               .index = index,
                                               .is_routing = is_routing != 0,
                                               .slot = at,
                                               .index_at = index == INDEX_NONE ? COLUMN_NONE : (*next_index)++,
                                               .default_value = {.is_null = true}};
    return true;
}

/* A text is lent from the input. It may be longer than the one that was given: a number is written as it is shown. */
static bool read_default(struct rdb_input *input, struct draft_column *column)
{
    uint64_t len;
    struct bytes text;
    return rdb_read_length(input, &len) && len <= COLUMN_DEFAULT_MAX && rdb_read_raw(input, (size_t)len, &text) &&
           typed_value_parse(column->form, text, &column->default_value);
}

/* S6 and S7 of table/schema.h, but that there is one primary and one auto column at most. */
static bool options_are_possible(const struct draft_column *column)
{
    return (!column->is_unique || column->index != INDEX_NONE) && (!column->is_primary || (column->is_unique && column->is_not_null)) &&
           (!column->is_auto || (column->form.type == COLUMN_INTEGER && column->default_value.is_null));
}

static bool read_options_of(struct rdb_input *input, struct draft_column *column, const char **unknown)
{
    uint8_t options;
    if (!rdb_read_byte(input, &options)) {
        return false;
    }
    if ((options & ~SAVED_OPTION_BITS) != 0) {
        *unknown = "a table has a column with an option that this version does not know";
        return false;
    }
    if ((options & SAVED_DIGITS) != 0 && !(rdb_read_byte(input, &column->form.digits) && rdb_read_byte(input, &column->form.scale))) {
        return false;
    }
    column->is_not_null = (options & SAVED_NOT_NULL) != 0;
    column->is_unique = (options & SAVED_UNIQUE) != 0;
    column->is_primary = (options & SAVED_PRIMARY) != 0;
    column->is_auto = (options & SAVED_AUTO) != 0;
    return column_form_is_valid(column->form) && ((options & SAVED_DEFAULT) == 0 || read_default(input, column)) && options_are_possible(column);
}

/* Older versions wrote none, and so does this one when there is nothing to say. */
static bool read_options(struct rdb_input *input, struct schema_draft *draft, const char **unknown)
{
    uint8_t version = SAVED_OPTIONS_VERSION;
    const bool has_options = rdb_left(input) > 0;
    if (has_options && !rdb_read_byte(input, &version)) {
        return false;
    }
    if (version != SAVED_OPTIONS_VERSION) {
        *unknown = "a table has columns with options of a version that this version does not know";
        return false;
    }
    unsigned primary = 0;
    unsigned automatic = 0;
    for (uint32_t i = 0; i < draft->column_count; i++) {
        struct draft_column *column = &draft->columns[i];
        if (has_options ? !read_options_of(input, column, unknown) : !column_form_is_valid(column->form)) {
            return false;
        }
        primary += column->is_primary;
        automatic += column->is_auto;
    }
    return primary <= 1 && automatic <= 1;
}

static bool read_columns(struct rdb_input *input, struct schema_draft *draft, struct buffer *room, struct buffer *names, const char **unknown)
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
        if (!read_column(input, draft, room, names, &next_index, unknown)) {
            return false;
        }
        routing += draft->columns[i].is_routing;
    }
    return routing <= 1 && read_options(input, draft, unknown) && rdb_left(input) == 0;
}

void saved_definition_init(struct saved_definition *definition)
{
    for (unsigned i = 0; i < 3; i++) {
        definition->rooms[i] = BUFFER_EMPTY(MEM_SNAPSHOT);
    }
}

void saved_definition_release(struct saved_definition *definition)
{
    for (unsigned i = 0; i < 3; i++) {
        buffer_release(&definition->rooms[i]);
    }
}

bool saved_definition_read(struct bytes field, uint32_t databases, struct saved_definition *out)
{
    struct rdb_input input = {.bytes = field};
    struct bytes rest;
    out->unknown = NULL;
    return read_database(&input, databases, &out->db) && read_text(&input, &out->rooms[0], &out->name) &&
           table_name_split(out->name, &out->name_space, &rest) == TABLE_OK && rdb_read_length(&input, &out->last_id) &&
           out->last_id != UINT64_MAX && read_columns(&input, &out->draft, &out->rooms[1], &out->rooms[2], &out->unknown);
}

/* --- rows --- */

bool saved_rows_read(struct bytes field, uint64_t tables, struct saved_rows *out)
{
    out->input = (struct rdb_input){.bytes = field};
    return rdb_read_length(&out->input, &out->table) && rdb_read_length(&out->input, &out->count) && out->table < tables &&
           out->count <= rdb_left(&out->input);
}

static bool read_value(struct rdb_input *input, struct column_form form, struct typed_value *out)
{
    const enum column_type type = (enum column_type)form.type;
    uint64_t number;
    out->is_null = false;
    if (type == COLUMN_FLOAT) {
        if (!rdb_read_word(input, &number)) {
            return false;
        }
        memcpy(&out->number, &number, sizeof number);
        return typed_value_is_valid(form, out);
    }
    if (!rdb_read_length(input, &number)) {
        return false;
    }
    if (!column_type_is_text(type)) {
        out->integer = (int64_t)(number >> 1 ^ (~(number & 1) + 1));
    } else if (number > TABLE_TEXT_MAX || !rdb_read_raw(input, (size_t)number, &out->text)) {
        return false;
    }
    return typed_value_is_valid(form, out);
}

bool saved_row_read(struct rdb_input *input, const struct schema *schema, struct saved_row *out)
{
    struct bytes bits;
    if (!rdb_read_length(input, &out->id) || out->id == 0 || out->id == UINT64_MAX ||
        !rdb_read_raw(input, (schema->column_count + 7u) / 8, &bits)) {
        return false;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        out->values[i] = (struct typed_value){.is_null = true};
        if (((unsigned char)bits.data[i / 8] >> (i % 8) & 1) != 0 && !read_value(input, column_form(&schema->columns[i]), &out->values[i])) {
            return false;
        }
    }
    return true;
}
