/* Any words behind the name of a table, one a line: as clauses of a SELECT they are read or refused; what is read is run over some rows, in two
 * parts, and tells at most as many rows as it says.  */
#include "query/select_run.h"
#include "query/select_words.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 300, ROWS = 40 };

struct world {
    struct heap *heap;
    struct hash_secret secret;
    struct schema *schema;
    struct table *table;
};

static struct world *make_world(void)
{
    static const struct bytes columns[] = {BYTES("n:integer:hash"), BYTES("s:string"), BYTES("f:float"), BYTES("d:date")};
    static const char *const texts[] = {"", "a", "AND", "GROUP", "aa"};
    static struct schema_draft draft;
    struct world *world = calloc(1, sizeof *world);
    world->heap = heap_create();
    const bool is_drawn = hash_secret_draw(&world->secret);
    assert(is_drawn);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const enum table_result result = schema_draft_add(&draft, columns[i], NULL);
        assert(result == TABLE_OK);
    }
    world->schema = schema_create(world->heap, &draft);
    world->table = calloc(1, sizeof *world->table + 2 * sizeof world->table->slices[0]);
    world->table->shard_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        world->table->slices[i] = slice_create(world->heap, &world->secret, world->schema);
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct typed_value values[4] = {
            {.is_null = i % 11 == 0, .integer = (int64_t)(i % 20) - 10},
            {.is_null = i % 5 == 0, .text = bytes_of_string(texts[i % 5])},
            {.is_null = i % 3 == 0, .number = (double)(i % 9) / 2},
            {.is_null = i % 2 == 0, .integer = (int64_t)(i * 37 % 20000)},
        };
        const enum table_result result = slice_insert(world->table->slices[i % 2], world->schema, i + 1, values);
        assert(result == TABLE_OK);
    }
    return world;
}

static bool take_rows(const struct world *world, struct select_run *run)
{
    bool is_good = true;
    for (uint32_t part = 0; part < 2 && is_good; part++) {
        const struct table_slice *slice = world->table->slices[part];
        for (uint32_t slot = 0; slot < slice->pages[slice->first]->used && is_good; slot++) {
            const uint32_t row = row_number(slice->first, slot);
            is_good = select_part_take(run, part, part, &row, 1);
        }
        while (is_good && select_part_settle(run, part, 3) == FOUND_MORE) {
        }
    }
    return is_good;
}

static void run_plan(const struct world *world, const struct select *select)
{
    struct select_run run;
    const struct found_row *found;
    const struct scalar *items;
    const bool is_there = select_run_create(&run, select, world->table, 2, 0);
    assert(is_there);
    (void)take_rows(world, &run);
    enum select_status status;
    while ((status = select_run_settle(&run, 3)) == SELECT_MORE) {
    }
    if (status == SELECT_DONE) {
        const uint64_t left = select_run_left(&run);
        uint64_t told = 0;
        assert(left <= select->limit);
        while ((status = select_run_next(&run, &found, &items)) == SELECT_MORE) {
            told++;
        }
        assert(status == SELECT_FAILED || told == left);
    }
    assert(status == SELECT_DONE || run.failed != EXPRESSION_OK);
    select_run_release(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *world;
    struct bytes words[WORDS_MAX] = {BYTES("TABLE.SELECT"), BYTES("s.t")};
    struct select_words clauses = {0};
    struct arena arena;
    struct select *select;
    struct sql_fault fault;
    uint32_t count = 2;
    uint32_t at = 2;
    world = world == NULL ? make_world() : world;
    for (size_t from = 0, i = 0; i <= size && count < WORDS_MAX; i++) {
        if (i == size || data[i] == '\n') {
            words[count++] = (struct bytes){(const char *)data + from, i - from};
            from = i + 1;
        }
    }
    arena_init(&arena, MEM_CLIENT, 4 << 20);
    select_words_read_columns(&clauses, words, count, &at);
    select_words_read_rest(&clauses, words, count, &at);
    if (select_words_are_any(&clauses) &&
        select_words_plan(&clauses, words, world->schema, &world->secret, &arena, &select, &fault) == SQL_FAULT_NONE) {
        run_plan(world, select);
    }
    arena_release(&arena);
    return 0;
}
