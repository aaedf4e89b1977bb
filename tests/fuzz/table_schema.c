/* Any words, one a line, as columns of a schema: what is taken makes a schema that says the same, and each further word
 * as a value of each type: what is read is written so that it reads as the same value.  */
#include "table/definition.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct bytes word)
{
    for (uint8_t type = 0; type < COLUMN_TYPE_COUNT; type++) {
        const struct column_form form = {type, type == COLUMN_DECIMAL ? 12 : 0, type == COLUMN_DECIMAL ? 3 : 0};
        struct typed_value value;
        struct typed_value again;
        char scratch[TYPED_VALUE_TEXT_MAX];
        if (typed_value_parse(form, word, &value)) {
            struct bytes text = typed_value_format(form, &value, scratch);
            bool is_read = typed_value_parse(form, text, &again);
            assert(is_read && typed_value_compare((enum column_type)type, &value, &again) == 0);
            assert(typed_value_is_valid(form, &value) && (column_type_is_text((enum column_type)type) || text.len <= sizeof scratch));
        }
    }
}

static void check_schema(struct heap *heap, const struct schema_draft *draft)
{
    struct schema *schema = schema_create(heap, draft);
    assert(schema->column_count == draft->column_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        assert(bytes_equal(schema_column_name(schema, i), draft->columns[i].name));
        assert(schema_find_column(schema, draft->columns[i].name) == i);
        assert((schema->columns[i].index_at == COLUMN_NONE) == (schema->columns[i].index == INDEX_NONE));
        assert(!schema->columns[i].is_unique || (schema->has_unique && schema->columns[i].index != INDEX_NONE));
        assert(!schema->columns[i].is_primary || (schema->columns[i].is_unique && schema->columns[i].is_not_null));
        const struct typed_value *value = schema_default(schema, i);
        assert((value == NULL) == draft->columns[i].default_value.is_null);
        if (value != NULL) {
            assert(typed_value_is_valid(draft->columns[i].form, value));
            assert(typed_value_compare((enum column_type)draft->columns[i].form.type, value, &draft->columns[i].default_value) == 0);
        }
    }
    schema_destroy(heap, schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heap *heap;
    static struct schema_draft draft;
    const char *text = (const char *)data;
    const char *end = text + size;
    heap = heap == NULL ? heap_create() : heap;
    draft.column_count = 0;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop == NULL ? end : stop;
        struct bytes word = {text, (size_t)(stop - text)};
        struct bytes name_space;
        struct bytes table;
        uint16_t before = draft.column_count;
        enum table_result result = schema_draft_add(&draft, word, NULL);
        assert(draft.column_count == before + (result == TABLE_OK ? 1 : 0));
        check_value(word);
        if (table_name_split(word, &name_space, &table) == TABLE_OK) {
            assert(namespace_name_check(name_space) == TABLE_OK && name_space.len + 1 + table.len == word.len);
        }
        text = stop + 1;
    }
    if (draft.column_count > 0) {
        check_schema(heap, &draft);
    }
    return 0;
}
