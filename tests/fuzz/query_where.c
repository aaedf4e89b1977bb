/* Any words behind WHERE, one a line: they are read or refused, and a refusal names one of the words; what is read finds the same rows by page,
 * by row and through the indexes.
 *
 * The first byte chooses the order of AND and OR, and whether SET and ORDER end the conditions.  */
#include "query/found.h"
#include "query/gather.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 700, ROWS = 300, COLUMNS = 6 };

struct world {
    struct heap *heap;
    struct hash_secret secret;
    struct schema *schema;
    struct table_slice *slice;
};

static void add_row(struct world *world, uint32_t i)
{
    static const char *const texts[] = {"", "a", "b", "AND", "a=b", "(", "aa"};
    struct bytes text = bytes_of_string(texts[i % 7]);
    const int64_t wide[] = {INT64_MIN, INT64_MAX, 0, 29};
    struct typed_value values[COLUMNS] = {
        {.is_null = i % 11 == 0, .integer = (int64_t)(i % 20) - 10},
        {.is_null = i % 5 == 0, .text = text},
        {.is_null = i % 3 == 0, .number = (double)(i % 9) / 2},
        {.is_null = i % 2 == 0, .integer = (int64_t)(i * 37 % 20000)},
        {.is_null = i % 13 == 0, .integer = wide[i % 4]},
        {.is_null = i % 4 == 0, .text = bytes_of_string(texts[i % 5])},
    };
    enum table_result result = slice_insert(world->slice, world->schema, i + 1, values);
    assert(result == TABLE_OK);
}

static struct world *make_world(void)
{
    static const struct bytes columns[] = {BYTES("n:integer:hash"), BYTES("s:string:hash"), BYTES("f:float"), BYTES("d:date"),
                                           BYTES("b:integer:btree"), BYTES("t:string:btree")};
    static struct schema_draft draft;
    struct world *world = calloc(1, sizeof *world);
    world->heap = heap_create();
    bool is_drawn = hash_secret_draw(&world->secret);
    assert(is_drawn);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        enum table_result result = schema_draft_add(&draft, columns[i], NULL);
        assert(result == TABLE_OK);
    }
    world->schema = schema_create(world->heap, &draft);
    world->slice = slice_create(world->heap, &world->secret, world->schema);
    for (uint32_t i = 0; i < ROWS; i++) {
        add_row(world, i);
    }
    return world;
}

static void check_rows(const struct world *world, const struct where *where)
{
    struct gather gather;
    uint32_t rows[GATHER_ROWS];
    uint64_t gathered = 0;
    uint64_t filtered = 0;
    gather_begin(&gather, world->slice, world->schema, where);
    while (!gather.is_done) {
        uint32_t count = gather_step(&gather, rows);
        gathered += count;
        for (uint32_t i = 0; i < count; i++) {
            assert(filter_row(where, slice_page_of(world->slice, rows[i]), row_slot(rows[i])));
        }
    }
    for (uint32_t id = world->slice->first; id != PAGE_NONE; id = world->slice->pages[id]->next) {
        const struct page *page = world->slice->pages[id];
        struct page_bits bits;
        filter_page(where, page, &bits);
        for (uint32_t slot = 0; slot < page->used; slot++) {
            bool matches = filter_row(where, page, slot);
            assert(matches == (bits.words[slot / 64] >> (slot % 64) & 1));
            filtered += matches;
        }
    }
    assert(gathered == filtered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *world;
    struct bytes words[WORDS_MAX];
    uint32_t count = 0;
    if (size == 0) {
        return 0;
    }
    if (world == NULL) {
        world = make_world();
    }
    const char *const text_begin = (const char *)data + 1;
    const char *text = text_begin;
    const char *end = (const char *)data + size;
    while (text < end && count < WORDS_MAX) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop == NULL ? end : stop;
        words[count++] = (struct bytes){text, (size_t)(stop - text)};
        text = stop + 1;
    }
    static const struct bytes ends[] = {BYTES("SET"), BYTES("ORDER")};
    struct where_source source = {.schema = world->schema,
                                  .words = words,
                                  .count = count,
                                  .is_left_to_right = (data[0] & 1) != 0,
                                  .ends = ends,
                                  .end_count = (data[0] & 2) != 0 ? 2 : 0};
    struct where where;
    struct table_fault fault;
    uint32_t used = 0;
    void *memory = malloc(where_bytes(words, count));
    const enum table_result result = where_parse(&where, &source, memory, &used, &fault);
    if (result == TABLE_OK) {
        assert(used <= count && where.condition_count > 0 && where.node_count == 2 * where.condition_count - 1);
        check_rows(world, &where);
    } else {
        assert(result != TABLE_NO_MEMORY && fault.expected < EXPECTED_COUNT);
        assert(!fault.is_known || fault.is_end || fault.word.len == 0 || (fault.word.data >= text_begin && fault.word.data + fault.word.len <= end));
    }
    free(memory);
    return 0;
}
