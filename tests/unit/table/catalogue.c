/* Schemas, tables and the catalogue: names, words, edits, memory. */
#include "table/catalogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 4, DATABASES = 4, NAMES = 12, LINE_MAX_BYTES = 160 };

static struct heap *heaps[SHARDS];
static struct hash_secret secret;
static struct table_place place;

static void setup(void)
{
    cr_assert(hash_secret_draw(&secret));
    for (int i = 0; i < SHARDS; i++) {
        heaps[i] = heap_create();
        cr_assert_not_null(heaps[i]);
    }
    place = (struct table_place){heaps, SHARDS, &secret, NULL};
}

static void teardown(void)
{
    for (int i = 0; i < SHARDS; i++) {
        cr_expect_eq(mem_counters_total(heap_counters(heaps[i])), 0);
        heap_destroy(heaps[i]);
    }
}

TestSuite(catalogue, .init = setup, .fini = teardown);

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

/* --- words --- */

static const struct {
    const char *words; /* of columns, separated by blanks */
    enum table_result result;
} schemas[] = {
    {"a:string", TABLE_OK},
    {"a:STRING:Hash b:Integer:btree c:float:none d:date:true e:date:FALSE", TABLE_OK},
    {"a", TABLE_BAD_COLUMN_WORD},
    {"a:", TABLE_BAD_COLUMN_WORD},
    {":string", TABLE_BAD_COLUMN_WORD},
    {"a:text", TABLE_BAD_TYPE},
    {"a:string:tree", TABLE_BAD_OPTION},
    {"a:string:", TABLE_BAD_OPTION},
    {"a:string:hash:x", TABLE_BAD_OPTION},
    {"a:string:notnull:hash:default=x b:integer:default=5:btree:notnull c:uuid:NotNull", TABLE_OK},
    {"a:boolean b:datetime:btree c:decimal(10,2):hash d:blob e:uuid f:json", TABLE_OK},
    {"a:decimal(19,2)", TABLE_BAD_DIGITS},
    {"a:decimal(4,5)", TABLE_BAD_DIGITS},
    {"a:integer(4)", TABLE_BAD_TYPE},
    {"a:string:hash:btree", TABLE_OPTION_TWICE},
    {"a:string:true:none", TABLE_OPTION_TWICE},
    {"a:string:notnull:notnull", TABLE_OPTION_TWICE},
    {"a:string:default", TABLE_BAD_OPTION},
    {"a:string:unique b:integer:btree:Unique c:integer:primary:notnull", TABLE_OK},
    {"a:string:unique:none", TABLE_UNIQUE_NEEDS_INDEX},
    {"a:string:none:primary", TABLE_UNIQUE_NEEDS_INDEX},
    {"a:string:primary b:integer:primary", TABLE_PRIMARY_TWICE},
    {"a:string:unique:hash:unique", TABLE_OPTION_TWICE},
    {"a:string:hash:ref(b.c)", TABLE_LATER_OPTION},
    {"a:string:check", TABLE_LATER_OPTION},
    {"a:integer:auto:primary", TABLE_OK},
    {"a:string:auto", TABLE_BAD_AUTO},
    {"a:integer:default=5:auto", TABLE_BAD_AUTO},
    {"a:integer:auto b:integer:auto", TABLE_BAD_AUTO},
    {"a:string:uniquely", TABLE_BAD_OPTION},
    {"a:integer:default=x", TABLE_BAD_DEFAULT},
    {"a:integer:default=", TABLE_BAD_DEFAULT},
    {"a:integer:default=5:x", TABLE_BAD_DEFAULT},
    {"a:decimal(4,2):default=1.234", TABLE_BAD_DEFAULT},
    {"a:datetime:default=2023-02-29T00:00:00Z", TABLE_BAD_DEFAULT},
    {"a:string b:integer a:date", TABLE_COLUMN_TWICE},
    {"a=b:string", TABLE_BAD_COLUMN_NAME},
    {"(:string", TABLE_BAD_COLUMN_NAME},
};

static enum table_result draft_of(const char *words, struct schema_draft *draft, char copy[LINE_MAX_BYTES])
{
    enum table_result result = TABLE_OK;
    draft->column_count = 0;
    snprintf(copy, LINE_MAX_BYTES, "%s", words);
    for (char *at = strtok(copy, " "); at != NULL && result == TABLE_OK; at = strtok(NULL, " ")) {
        result = schema_draft_add(draft, bytes_of_string(at), NULL);
    }
    return result;
}

Test(catalogue, schema_says_what_is_wrong_with_a_column)
{
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        static struct schema_draft draft;
        char copy[LINE_MAX_BYTES];
        enum table_result result = draft_of(schemas[i].words, &draft, copy);
        cr_expect_eq(result, schemas[i].result, "%s: %d", schemas[i].words, (int)result);
    }
}

Test(catalogue, schema_has_limits)
{
    static struct schema_draft draft;
    static char words[TABLE_COLUMNS_MAX + 1][100];
    char name[COLUMN_NAME_MAX + 2];
    for (int i = 0; i <= TABLE_COLUMNS_MAX; i++) {
        struct bytes word = {words[i], (size_t)snprintf(words[i], sizeof words[i], "c%d:string", i)};
        cr_assert_eq(schema_draft_add(&draft, word, NULL), i < TABLE_COLUMNS_MAX ? TABLE_OK : TABLE_TOO_MANY_COLUMNS);
    }
    draft.column_count = 0;
    memset(name, 'n', sizeof name);
    for (int len = COLUMN_NAME_MAX; len <= COLUMN_NAME_MAX + 1; len++) {
        struct bytes word = {words[0], (size_t)snprintf(words[0], sizeof words[0], "%.*s:date", len, name)};
        cr_assert_eq(schema_draft_add(&draft, word, NULL), len == COLUMN_NAME_MAX ? TABLE_OK : TABLE_BAD_COLUMN_NAME);
    }
}

static const struct {
    const char *name;
    enum table_result result;
} names[] = {
    {"a.b", TABLE_OK},
    {"a.b.c", TABLE_OK},
    {"ab", TABLE_BAD_NAME},
    {"", TABLE_BAD_NAME},
    {".b", TABLE_BAD_NAME},
    {"a.", TABLE_BAD_NAME},
    {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.b", TABLE_OK},
    {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.b", TABLE_NAMESPACE_TOO_LONG},
    {"a.nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", TABLE_NAME_TOO_LONG},
};

Test(catalogue, names_are_namespace_dot_table)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bytes name_space;
        struct bytes table;
        cr_expect_eq(table_name_split(bytes_of_string(names[i].name), &name_space, &table), names[i].result, "%s", names[i].name);
    }
    cr_assert_eq(namespace_name_check(BYTES("")), TABLE_NAMESPACE_BAD);
    cr_assert_eq(namespace_name_check(BYTES("a.b")), TABLE_NAMESPACE_BAD);
    cr_assert_eq(namespace_name_check(BYTES("a b")), TABLE_OK);
}

Test(catalogue, draft_keeps_slots_and_index_numbers_apart)
{
    static struct schema_draft draft;
    char copy[LINE_MAX_BYTES];
    cr_assert_eq(draft_of("a:string:hash b:integer c:float:btree d:date:hash", &draft, copy), TABLE_OK);
    schema_draft_choose_routing(&draft);
    schema_draft_remove(&draft, 2);
    struct schema *schema = schema_create(heaps[0], &draft);
    cr_assert_eq(schema->index_count, 2);
    cr_assert_eq(schema->columns[2].slot, 3);
    cr_assert_eq(schema->columns[2].index_at, 1);
    cr_assert_eq(schema->routing_column, 0);
    uint64_t busy[TABLE_COLUMNS_MAX / 64] = {UINT64_C(1) << 2};
    schema_draft_from(&draft, schema);
    cr_assert_eq(schema_draft_add(&draft, BYTES("e:string:hash"), busy), TABLE_OK);
    cr_assert_eq(draft.columns[3].slot, 4, "slot 2 is busy");
    cr_assert_eq(draft.columns[3].index_at, 2);
    schema_draft_set_index(&draft, 0, INDEX_NONE);
    cr_assert_eq(draft.columns[2].index_at, 0);
    cr_assert_eq(draft.columns[3].index_at, 1);
    struct schema *altered = schema_create(heaps[0], &draft);
    cr_assert_eq(altered->routing_column, 0, "rows stay where they are");
    schema_destroy(heaps[0], altered);
    schema_destroy(heaps[0], schema);
}

static void expect_default(const struct schema *schema, uint32_t column, const char *expected)
{
    char scratch[TYPED_VALUE_TEXT_MAX];
    const struct typed_value *value = schema_default(schema, column);
    if (expected == NULL) {
        cr_assert_null(value);
        return;
    }
    cr_assert_not_null(value);
    const struct bytes text = typed_value_format(column_form(&schema->columns[column]), value, scratch);
    cr_assert(bytes_equal(text, bytes_of_string(expected)), "%.*s instead of %s", (int)text.len, text.data, expected);
}

static const struct {
    const char *word, *value;
    enum index_kind index;
    bool is_not_null;
} defaults[] = {
    {"a:string:default=", "", INDEX_NONE, false},
    {"a:string:default=a:b:c", "a:b:c", INDEX_NONE, false},
    {"a:string:default=a:b:HASH", "a:b", INDEX_HASH, false},
    {"a:string:default=:notnull:btree", "", INDEX_BTREE, true},
    {"a:string:btree:notnull:Default=x", "x", INDEX_BTREE, true},
    {"a:datetime:default=2024-05-01T12:30:00Z:notnull", "2024-05-01T12:30:00Z", INDEX_NONE, true},
    {"a:json:default={\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}", INDEX_NONE, false},
    {"a:boolean:default=false:true", "false", INDEX_HASH, false},
    {"a:decimal(6,2):default=1.5", "1.50", INDEX_NONE, false},
    {"a:uuid:hash:default=00112233445566778899AABBCCDDEEFF", "00112233-4455-6677-8899-aabbccddeeff", INDEX_HASH, false},
    {"a:integer:notnull", NULL, INDEX_NONE, true},
};

Test(catalogue, options_stand_in_any_order_and_outlive_their_words)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        static struct schema_draft draft;
        char word[LINE_MAX_BYTES];
        draft.column_count = 0;
        snprintf(word, sizeof word, "%s", defaults[i].word);
        cr_assert_eq(schema_draft_add(&draft, BYTES("first:integer:default=7"), NULL), TABLE_OK);
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(word), NULL), TABLE_OK, "%s", word);
        struct schema *schema = schema_create(heaps[0], &draft);
        memset(word, 'z', sizeof word);
        schema_draft_from(&draft, schema);
        struct schema *again = schema_create(heaps[0], &draft);
        schema_destroy(heaps[0], schema);
        expect_default(again, 0, "7");
        expect_default(again, 1, defaults[i].value);
        cr_assert_eq(again->columns[1].index, defaults[i].index);
        cr_assert_eq(again->columns[1].is_not_null, defaults[i].is_not_null);
        cr_assert(bytes_equal(schema_column_name(again, 1), BYTES("a")));
        schema_destroy(heaps[0], again);
    }
}

Test(catalogue, rows_are_completed_by_defaults)
{
    static struct schema_draft draft;
    char copy[LINE_MAX_BYTES];
    cr_assert_eq(draft_of("a:integer b:integer:default=5 c:string:notnull d:string:notnull:default=x", &draft, copy), TABLE_OK);
    struct schema *schema = schema_create(heaps[0], &draft);
    struct typed_value values[4] = {{.is_null = true}, {.is_null = true}, {.is_null = true}, {.is_null = true}};
    cr_assert_eq(schema_complete_row(schema, values), 2);
    values[2] = (struct typed_value){.text = BYTES("given")};
    cr_assert_eq(schema_complete_row(schema, values), COLUMN_NONE);
    cr_assert(values[0].is_null);
    cr_assert_eq(values[1].integer, 5);
    cr_assert(bytes_equal(values[2].text, BYTES("given")));
    cr_assert(bytes_equal(values[3].text, BYTES("x")));
    values[1].integer = 6;
    cr_assert_eq(schema_complete_row(schema, values), COLUMN_NONE);
    cr_assert_eq(values[1].integer, 6);
    schema_destroy(heaps[0], schema);
}

/* --- edits against a model --- */

struct model {
    bool has_namespace[DATABASES][NAMES];
    struct table *tables[DATABASES][NAMES][NAMES];
};

static void name_of(int name_space, int table, char out[32])
{
    snprintf(out, 32, table < 0 ? "ns%d" : "ns%d.t%d", name_space, table);
}

static struct table *new_table(const char *name)
{
    static struct schema_draft draft;
    draft.column_count = 0;
    cr_assert_eq(schema_draft_add(&draft, BYTES("id:integer:hash"), NULL), TABLE_OK);
    cr_assert_eq(schema_draft_add(&draft, BYTES("name:string"), NULL), TABLE_OK);
    schema_draft_choose_routing(&draft);
    return table_create(&place, bytes_of_string(name), &draft);
}

static void end_table(struct table *table)
{
    table_free_slices(table);
    table_destroy(heaps[0], table);
}

struct order {
    uint32_t db;
    struct bytes name;
    uint32_t count;
    bool is_ascending;
};

static void check_order(uint32_t db, const struct table *table, void *arg)
{
    struct order *order = arg;
    bool is_after = db > order->db || (db == order->db && bytes_compare(table_name(table), order->name) > 0);
    order->is_ascending = order->is_ascending && (order->count == 0 || is_after);
    order->db = db;
    order->name = table_name(table);
    order->count++;
}

static void compare(const struct model *model, const struct catalogue *catalogue)
{
    uint32_t namespaces = 0;
    uint32_t tables = 0;
    char name[32];
    for (uint32_t db = 0; db < DATABASES; db++) {
        for (int ns = 0; ns < NAMES; ns++) {
            name_of(ns, -1, name);
            cr_assert_eq(catalogue_has_namespace(catalogue, db, bytes_of_string(name)), model->has_namespace[db][ns]);
            namespaces += model->has_namespace[db][ns];
            for (int t = 0; t < NAMES; t++) {
                name_of(ns, t, name);
                cr_assert_eq(catalogue_find(catalogue, db, bytes_of_string(name)), model->tables[db][ns][t]);
                tables += model->tables[db][ns][t] != NULL;
            }
        }
    }
    struct order order = {.is_ascending = true};
    catalogue_visit(catalogue, check_order, &order);
    cr_assert(order.is_ascending);
    cr_assert_eq(order.count, tables);
    cr_assert_eq(catalogue_table_count(catalogue), tables);
    cr_assert_eq(catalogue_namespace_count(catalogue), namespaces);
    cr_assert_eq((int64_t)catalogue_bytes(catalogue), heap_counters(heaps[0])->class_bytes[MEM_CATALOGUE]);
}

/* What the model says the edit does, and doing it. */
static enum table_result model_edit(struct model *model, const struct catalogue_edit *edit, int ns, int t)
{
    uint32_t db = edit->db;
    switch (edit->what) {
    case EDIT_ADD_NAMESPACE:
        if (model->has_namespace[db][ns]) {
            return TABLE_NAMESPACE_EXISTS;
        }
        model->has_namespace[db][ns] = true;
        return TABLE_OK;
    case EDIT_ADD_TABLE:
        if (!model->has_namespace[db][ns]) {
            return TABLE_NAMESPACE_MISSING;
        }
        if (model->tables[db][ns][t] != NULL) {
            return TABLE_EXISTS;
        }
        model->tables[db][ns][t] = edit->table;
        return TABLE_OK;
    case EDIT_DROP_NAMESPACE:
        if (!model->has_namespace[db][ns]) {
            return TABLE_NAMESPACE_MISSING;
        }
        model->has_namespace[db][ns] = false;
        break;
    case EDIT_DROP_DATABASE:
        memset(model->has_namespace[db], 0, sizeof model->has_namespace[db]);
        break;
    case EDIT_DROP_ALL:
        memset(model->has_namespace, 0, sizeof model->has_namespace);
        break;
    case EDIT_SWAP_DATABASES: {
        static struct model copy;
        copy = *model;
        memcpy(model->has_namespace[db], copy.has_namespace[edit->other_db], sizeof copy.has_namespace[0]);
        memcpy(model->has_namespace[edit->other_db], copy.has_namespace[db], sizeof copy.has_namespace[0]);
        memcpy(model->tables[db], copy.tables[edit->other_db], sizeof copy.tables[0]);
        memcpy(model->tables[edit->other_db], copy.tables[db], sizeof copy.tables[0]);
        return TABLE_OK;
    }
    default:
        break;
    }
    for (uint32_t d = 0; d < DATABASES; d++) {
        for (int n = 0; n < NAMES; n++) {
            for (int i = 0; i < NAMES; i++) {
                struct table *table = model->tables[d][n][i];
                bool is_dropped = edit->what == EDIT_DROP_TABLE ? table == edit->table : !model->has_namespace[d][n];
                if (table != NULL && is_dropped) {
                    cr_assert(catalogue_edit_drops(edit, d, table));
                    end_table(table);
                    model->tables[d][n][i] = NULL;
                }
            }
        }
    }
    return TABLE_OK;
}

static void random_edit(uint64_t *state, struct model *model, struct catalogue **catalogue)
{
    static const uint8_t kinds[] = {EDIT_ADD_NAMESPACE, EDIT_ADD_NAMESPACE, EDIT_ADD_TABLE, EDIT_ADD_TABLE, EDIT_ADD_TABLE,
                                    EDIT_ADD_TABLE, EDIT_ADD_TABLE, EDIT_ADD_TABLE, EDIT_DROP_TABLE, EDIT_SWAP_DATABASES,
                                    EDIT_DROP_NAMESPACE};
    char space[32];
    char name[32];
    int ns = (int)(next_random(state) % NAMES);
    int t = (int)(next_random(state) % NAMES);
    struct catalogue_edit edit = {.what = (enum catalogue_edit_kind)kinds[next_random(state) % sizeof kinds],
                                  .db = (uint32_t)(next_random(state) % DATABASES)};
    if (next_random(state) % 100 == 0) {
        edit.what = next_random(state) % 4 == 0 ? EDIT_DROP_ALL : EDIT_DROP_DATABASE;
    }
    edit.other_db = (edit.db + 1) % DATABASES;
    name_of(ns, -1, space);
    name_of(ns, t, name);
    edit.name = bytes_of_string(space);
    if (edit.what == EDIT_ADD_TABLE) {
        edit.table = new_table(name);
    } else if (edit.what == EDIT_DROP_TABLE) {
        edit.table = model->tables[edit.db][ns][t];
        if (edit.table == NULL) {
            return;
        }
    }
    struct catalogue *copy = NULL;
    bool refuses = next_random(state) % 10 == 0;
    heap_fail_after(heaps[0], refuses ? 0 : -1);
    enum table_result result = catalogue_copy(*catalogue, heaps[0], &secret, &edit, &copy);
    heap_fail_after(heaps[0], -1);
    if (result == TABLE_OK) {
        catalogue_destroy(heaps[0], *catalogue);
        *catalogue = copy;
        cr_assert_eq(model_edit(model, &edit, ns, t), TABLE_OK);
        return;
    }
    cr_assert(refuses || model_edit(model, &edit, ns, t) == result);
    if (edit.what == EDIT_ADD_TABLE) {
        end_table(edit.table);
    }
}

Test(catalogue, agrees_with_a_model_after_random_edits)
{
    static struct model model;
    struct catalogue *catalogue = NULL;
    uint64_t state = 23;
    cr_log_info("seed %lu", state);
    for (int step = 0; step < 4000; step++) {
        random_edit(&state, &model, &catalogue);
        if (step % 20 == 0) {
            compare(&model, catalogue);
        }
    }
    compare(&model, catalogue);
    catalogue_free_with_tables(heaps[0], catalogue);
}

/* --- tables --- */

Test(catalogue, table_costs_little_when_empty_and_is_whole_or_not_there)
{
    struct table *table = new_table("shop.orders");
    struct table_memory memory;
    table_memory(table, &memory);
    uint64_t bytes = memory.row_bytes + memory.index_bytes + memory.catalogue_bytes;
    cr_log_info("an empty table over %d shards: %lu bytes", SHARDS, bytes);
    cr_assert_leq(bytes, 1664); /* 128 more a shard and index since indexes of both kinds have one structure, 32 a shard for compaction */
    int64_t counted = 0;
    for (int i = 0; i < SHARDS; i++) {
        counted += mem_counters_total(heap_counters(heaps[i]));
    }
    cr_assert_eq((int64_t)bytes, counted);
    end_table(table);
    for (int shard = 0; shard < SHARDS; shard++) {
        for (int after = 0; after < 4; after++) {
            heap_fail_after(heaps[shard], after);
            table = new_table("shop.orders");
            heap_fail_after(heaps[shard], -1);
            if (table != NULL) {
                end_table(table);
            }
        }
    }
}

Test(catalogue, table_spreads_rows_by_their_routing_value)
{
    struct table *table = new_table("shop.orders");
    uint32_t rows[SHARDS] = {0};
    for (int64_t id = 0; id < 40000; id++) {
        struct typed_value value = {.integer = id};
        uint32_t shard = table_route(table, &secret, &value, (uint64_t)id);
        cr_assert_eq(shard, table_route(table, &secret, &value, 0));
        rows[shard]++;
    }
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_geq(rows[i], 9000);
        cr_assert_leq(rows[i], 11000);
    }
    struct typed_value null = {.is_null = true};
    for (uint64_t id = 0; id < 3 * SHARDS; id++) {
        cr_assert_eq(table_route(table, &secret, &null, id), id % SHARDS);
        cr_assert_eq(table_route(table, &secret, NULL, id), id % SHARDS);
    }
    end_table(table);
}
