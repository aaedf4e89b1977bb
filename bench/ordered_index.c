/* ordered_index.c - what an ordered index costs by itself, beside the hash index: bytes a row, nanoseconds of CPU an operation. One
 * column, one thread, no network.
 *
 *     build/release/bench/bench-ordered-index [rows ...]        (default: 100000 1000000)  */
#include "table/index_builder.h"
#include "table/ordered_index.h"
#include "table/slice.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64, REPEATS = 1, RANGE = 100 };

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double cpu_seconds(void)
{
    return (double)cpu_ns() / 1e9;
}

/* --- columns --- */

typedef void value_fn(uint64_t i, char *text, struct typed_value *out);

static void mail_address(uint64_t i, char *text, struct typed_value *out)
{
    *out = (struct typed_value){.text = {text, (size_t)snprintf(text, TEXT_MAX, "user%07llu@mail.io", (unsigned long long)i)}};
}

static void name(uint64_t i, char *text, struct typed_value *out)
{
    *out = (struct typed_value){.text = {text, (size_t)snprintf(text, TEXT_MAX, "name%04llu", (unsigned long long)(i % 10000))}};
}

static void random_hex(uint64_t i, char *text, struct typed_value *out)
{
    const uint64_t mixed = i * UINT64_C(0x9e3779b97f4a7c15);
    *out = (struct typed_value){
        .text = {text, (size_t)snprintf(text, TEXT_MAX, "%016llx%016llx", (unsigned long long)(mixed ^ mixed >> 29), (unsigned long long)i)}};
}

static void address(uint64_t i, char *text, struct typed_value *out)
{
    static const char *const hosts[] = {"alpha", "beta", "gamma", "delta"};
    const size_t len = (size_t)snprintf(text, TEXT_MAX, "https://www.example.com/%s/%03llu/articles/%05llu", hosts[i % 4],
                                        (unsigned long long)(i / 4 % 100), (unsigned long long)(i / 400));
    *out = (struct typed_value){.text = {text, len}};
}

static void id(uint64_t i, char *text, struct typed_value *out)
{
    (void)text;
    *out = (struct typed_value){.integer = (int64_t)i};
}

static void age(uint64_t i, char *text, struct typed_value *out)
{
    (void)text;
    *out = (struct typed_value){.integer = (int64_t)(i * 7919 % 100)};
}

static const struct {
    const char *name;
    enum column_type type;
    value_fn *value;
} columns[] = {
    {"id integer", COLUMN_INTEGER, id},        {"age 0-99", COLUMN_INTEGER, age}, {"user%07d@mail.io", COLUMN_STRING, mail_address},
    {"name%04d", COLUMN_STRING, name},         {"32 hex digits", COLUMN_STRING, random_hex},
    {"address of 45", COLUMN_STRING, address},
};

/* --- one column --- */

struct bench {
    struct heap *heap;
    struct hash_secret secret;
    struct table_slice *slice;
    struct schema *schema;
    uint32_t *rows;    /* by the number of the value */
    uint32_t *order;   /* in which keys come and go */
    uint32_t count;
    enum column_type type;
    value_fn *value;
};

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void make_rows(struct bench *bench)
{
    char form[COLUMN_FORM_TEXT_MAX];
    const struct bytes type = column_form_text((struct column_form){.type = (uint8_t)bench->type}, form);
    struct schema_draft draft = {0};
    char word[TEXT_MAX];
    char text[TEXT_MAX];
    struct typed_value value;
    snprintf(word, sizeof word, "c:%.*s", (int)type.len, type.data);
    if (schema_draft_add(&draft, bytes_of_string(word), NULL) != TABLE_OK) {
        fail("schema");
    }
    bench->schema = schema_create(bench->heap, &draft);
    bench->slice = slice_create(bench->heap, &bench->secret, bench->schema);
    for (uint32_t i = 0; i < bench->count; i++) {
        bench->order[i] = i;
    }
    for (uint32_t i = bench->count - 1; i > 0; i--) {
        const uint32_t other = (uint32_t)(next_random() % (i + 1));
        const uint32_t kept = bench->order[i];
        bench->order[i] = bench->order[other];
        bench->order[other] = kept;
    }
    for (uint32_t i = 0; i < bench->count; i++) { /* rows stand in another order than values */
        bench->value(bench->order[i], text, &value);
        if (slice_insert(bench->slice, bench->schema, i + 1, &value) != TABLE_OK) {
            fail("no memory");
        }
        bench->rows[bench->order[i]] = row_number(bench->slice->last, bench->slice->pages[bench->slice->last]->used - 1u);
    }
}

static void drop_rows(struct bench *bench)
{
    if (!slice_free(bench->slice, SIZE_MAX)) {
        fail("slice");
    }
    schema_destroy(bench->heap, bench->schema);
}

static uint64_t hash_entry_of(const struct bench *bench, const struct typed_value *value, uint32_t row)
{
    return hash_index_entry((uint32_t)typed_value_hash(&bench->secret, bench->type, value), row);
}

static void run_hash(struct bench *bench)
{
    struct hash_index index = {0};
    char text[TEXT_MAX];
    struct typed_value value;
    double start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count; i++) {
        bench->value(bench->order[i], text, &value);
        if (!hash_index_insert(&index, bench->heap, hash_entry_of(bench, &value, bench->rows[bench->order[i]]))) {
            fail("no memory");
        }
    }
    const double insert = cpu_seconds() - start;
    const double bytes = (double)index.bytes / bench->count;
    uint64_t found = 0;
    start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count; i++) {
        uint32_t row;
        bool is_end;
        bench->value(bench->order[i], text, &value);
        found += hash_index_rows(&index, hash_entry_of(bench, &value, 0), &row, 1, &is_end);
    }
    const double find = cpu_seconds() - start;
    start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count; i++) {
        bench->value(bench->order[i], text, &value);
        hash_index_remove(&index, bench->heap, hash_entry_of(bench, &value, bench->rows[bench->order[i]]));
    }
    const double remove = cpu_seconds() - start;
    const double scale = 1e9 / bench->count;
    printf("   hash     %6.2f   %6.0f   %6.0f   %6.0f\n", bytes, insert * scale, find * scale, remove * scale);
    if (found != bench->count || index.count != 0) {
        fail("the hash index is wrong");
    }
}

static void insert_all(const struct bench *bench, struct ordered_index *index, const struct index_host *host, const uint32_t *order)
{
    char text[TEXT_MAX];
    struct typed_value value;
    for (uint32_t i = 0; i < bench->count; i++) {
        const uint32_t at = order == NULL ? i : order[i];
        bench->value(at, text, &value);
        if (!ordered_index_prepare(index, host, &value, bench->rows[at])) {
            fail("no memory");
        }
        ordered_index_put(index, host, &value, bench->rows[at]);
    }
}

static void run_ordered(struct bench *bench)
{
    struct ordered_index index;
    const struct index_host host = {.heap = bench->heap, .pages = bench->slice->pages};
    char text[TEXT_MAX];
    struct typed_value value;
    ordered_index_init(&index, bench->type, 0);
    double start = cpu_seconds();
    insert_all(bench, &index, &host, NULL);
    const double ascending = cpu_seconds() - start;
    const double ascending_bytes = (double)index.bytes / bench->count;
    if (!ordered_index_free(&index, bench->heap, SIZE_MAX)) {
        fail("free");
    }
    start = cpu_seconds();
    insert_all(bench, &index, &host, bench->order);
    const double insert = cpu_seconds() - start;
    const double bytes = (double)index.bytes / bench->count;
    uint64_t found = 0;
    start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count; i++) {
        uint32_t row;
        bench->value(bench->order[i], text, &value);
        const struct ordered_bound bound = {&value, true};
        const struct ordered_range range = ordered_index_range(&index, host.pages, bound, bound);
        found += range.end > range.first ? ordered_index_rows(&index, range.first, ORDERED_UP, &row, 1) : 0;
    }
    const double find = cpu_seconds() - start;
    uint64_t rows = 0;
    start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count / 10; i++) {
        uint32_t numbers[RANGE];
        bench->value(bench->order[i], text, &value);
        uint64_t rank = ordered_index_rank(&index, host.pages, &value, 0);
        const uint64_t end = rank + RANGE < index.count ? rank + RANGE : index.count;
        while (rank < end) {
            const size_t count = ordered_index_rows(&index, rank, ORDERED_UP, numbers, end - rank);
            rows += numbers[count - 1] != 0;
            rank += count;
        }
    }
    const double range = cpu_seconds() - start;
    start = cpu_seconds();
    for (uint32_t i = 0; i < bench->count; i++) {
        bench->value(bench->order[i], text, &value);
        ordered_index_remove(&index, &host, &value, bench->rows[bench->order[i]]);
    }
    const double remove = cpu_seconds() - start;
    const double scale = 1e9 / bench->count;
    printf("   ordered  %6.2f   %6.0f   %6.0f   %6.0f   ascending %.2f bytes, %.0f ns; %d rows of a range %.0f ns\n", bytes, insert * scale,
           find * scale, remove * scale, ascending_bytes, ascending * scale, RANGE, range * scale * 10);
    if (found != bench->count || rows == 0 || index.root != NULL) {
        fail("the ordered index is wrong");
    }
}

/* As ADD INDEX does it, but in one go. */
static void run_build(struct bench *bench, enum index_kind kind)
{
    const struct column *column = &bench->schema->columns[0];
    const double start = cpu_seconds();
    if (!slice_add_index(bench->slice, kind, column)) {
        fail("no memory");
    }
    struct index_builder *builder = index_builder_create(bench->slice, column, index_builder_run_rows(bench->slice));
    enum build_status status = builder == NULL ? BUILD_NO_MEMORY : BUILD_MORE;
    double longest = 0;
    while (status == BUILD_MORE) {
        const double before = cpu_seconds();
        status = index_builder_step(builder);
        const double step = cpu_seconds() - before;
        longest = step > longest ? step : longest;
    }
    const double all = cpu_seconds() - start;
    index_builder_destroy(builder);
    struct column_index index = slice_take_index(bench->slice, 0);
    printf("   %-8s %6.2f   built: %.0f ms, %.0f ns a row, longest step %.0f us\n", index_kind_name(kind),
           (double)column_index_bytes(&index) / bench->count, all * 1e3, all * 1e9 / bench->count, longest * 1e6);
    if (status != BUILD_DONE || !column_index_free(&index, bench->heap, SIZE_MAX)) {
        fail("the index could not be built");
    }
}

int main(int argc, char **argv)
{
    static const char *const defaults[] = {"", "100000", "1000000"};
    const char *const *counts = argc > 1 ? (const char *const *)argv : defaults;
    const int end = argc > 1 ? argc : 3;
    for (int i = 1; i < end; i++) {
        struct bench bench = {.heap = heap_create(), .secret = {{1, 2}}, .count = (uint32_t)strtoul(counts[i], NULL, 10)};
        if (bench.heap == NULL || bench.count < 1000) {
            fail("bench-ordered-index [rows ...], 1000 or more each");
        }
        bench.rows = malloc(bench.count * sizeof *bench.rows);
        bench.order = malloc(bench.count * sizeof *bench.order);
        printf("%u rows       bytes   insert   find     remove (ns of CPU)\n", bench.count);
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
            bench.type = columns[c].type;
            bench.value = columns[c].value;
            printf(" %s\n", columns[c].name);
            for (int repeat = 0; repeat < REPEATS; repeat++) {
                make_rows(&bench);
                run_hash(&bench);
                run_ordered(&bench);
                run_build(&bench, INDEX_HASH);
                run_build(&bench, INDEX_BTREE);
                drop_rows(&bench);
            }
        }
        free(bench.rows);
        free(bench.order);
        heap_destroy(bench.heap);
    }
    return 0;
}
