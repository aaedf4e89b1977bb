/* WHERE against a naive evaluation: parsing, filters by page and by row, access paths, the order of what is found. */
#include "query/found.h"
#include "query/gather.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2000, WORDS_MAX = 512 };

static struct heap *heap;
static struct hash_secret secret;
static struct schema *schema;
static struct table_slice *slice;

static const char *const columns[] = {"n:integer:hash", "s:string:hash", "f:float", "d:date", "b:integer:btree", NULL};
static const char *const in_order[] = {"n:integer:btree", "s:string:btree", "f:float:btree", "d:date:btree", "b:integer:hash", NULL};
enum { COLUMNS = 5 };

/* What the slice holds, as values that the naive evaluation reads. */
static struct typed_value values[ROWS][COLUMNS];
static char texts[ROWS][160];

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

static void fill(uint64_t seed)
{
    uint64_t state = seed;
    for (uint32_t i = 0; i < ROWS; i++) {
        size_t len = next_random(&state) % 10 == 0 ? 140 : next_random(&state) % 6;
        memset(texts[i], (int)('a' + next_random(&state) % 3), len);
        int64_t wide = (int64_t)(next_random(&state) % 20) - 10;
        values[i][0] = (struct typed_value){.integer = i < ROWS / 2 ? wide : wide * 3000000000};
        values[i][1] = (struct typed_value){.text = {texts[i], len}};
        values[i][2] = (struct typed_value){.number = (double)(next_random(&state) % 40) / 4 - 5};
        values[i][3] = (struct typed_value){.integer = (int64_t)(next_random(&state) % 60)};
        values[i][4] = (struct typed_value){.integer = (int64_t)(next_random(&state) % 300)};
        for (int c = 0; c < COLUMNS; c++) {
            values[i][c].is_null = next_random(&state) % 7 == 0;
        }
        cr_assert_eq(slice_insert(slice, schema, i + 1, values[i]), TABLE_OK);
    }
}

static void make_slice(const char *const *words)
{
    struct schema_draft draft = {0};
    for (int i = 0; words[i] != NULL; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(words[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    schema = schema_create(heap, &draft);
    slice = slice_create(heap, &secret, schema);
    cr_assert_not_null(slice);
}

static void drop_slice(void)
{
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

static void setup(void)
{
    heap = heap_create();
    cr_assert(hash_secret_draw(&secret));
    make_slice(columns);
}

static void teardown(void)
{
    drop_slice();
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

TestSuite(query, .init = setup, .fini = teardown);

/* --- words --- */

struct words {
    struct bytes list[WORDS_MAX];
    uint32_t count;
    char space[1 << 16];
    size_t used;
};

static void put_word(struct words *words, const char *text)
{
    size_t len = strlen(text);
    cr_assert(words->count < WORDS_MAX && words->used + len < sizeof words->space);
    memcpy(words->space + words->used, text, len);
    words->list[words->count++] = (struct bytes){words->space + words->used, len};
    words->used += len;
}

static void split_words(struct words *words, const char *line)
{
    char copy[2048];
    snprintf(copy, sizeof copy, "%s", line);
    words->count = 0;
    words->used = 0;
    for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " ")) {
        put_word(words, at);
    }
}

static enum table_result parse(struct where *where, const struct words *words, bool is_left_to_right, void *memory,
                               uint32_t *used)
{
    static const struct bytes set = BYTES("SET");
    struct where_source source = {.schema = schema, .words = words->list, .count = words->count, .is_left_to_right = is_left_to_right,
                                  .ends = &set, .end_count = 1};
    struct table_fault fault;
    return where_parse(where, &source, memory, used, &fault);
}

static const struct {
    const char *line;
    enum table_result result;
} lines[] = {
    {"n=1", TABLE_OK},
    {"n = 1", TABLE_OK},
    {"n <> 1 and s != x OR f>=2.5", TABLE_OK},
    {"( n=1 )", TABLE_OK},
    {"( ( n=1 ) OR ( s=AND AND f<1 ) ) AND d>=2020-01-01", TABLE_OK},
    {"s = AND", TABLE_OK},
    {"s = (", TABLE_OK},
    {"s=a=b>=c", TABLE_OK},
    {"s=", TABLE_OK},
    {"s=x SET n=1", TABLE_OK},
    {"", TABLE_BAD_CONDITION},
    {"n", TABLE_BAD_CONDITION},
    {"=1", TABLE_BAD_CONDITION},
    {"n =", TABLE_BAD_CONDITION},
    {"n 1 2", TABLE_BAD_CONDITION},
    {"n == 1", TABLE_BAD_CONDITION},
    {"( )", TABLE_BAD_CONDITION},
    {"AND n=1", TABLE_BAD_CONDITION},
    {"SET n=1", TABLE_BAD_CONDITION},
    {"n!1", TABLE_BAD_CONDITION},
    {"x=1", TABLE_UNKNOWN_COLUMN},
    {"n=x", TABLE_BAD_VALUE},
    {"n=", TABLE_BAD_VALUE},
    {"f=nan", TABLE_BAD_VALUE},
    {"d=2021-02-30", TABLE_BAD_VALUE},
    {"n=1 AND", TABLE_DANGLING_OPERATOR},
    {"n=1 OR )", TABLE_DANGLING_OPERATOR},
    {"n=1 s=2", TABLE_EXPECTED_OPERATOR},
    {"n=1 NOT s=2", TABLE_EXPECTED_OPERATOR},
    {"( n=1", TABLE_UNBALANCED},
    {"n=1 )", TABLE_UNBALANCED},
};

Test(query, says_what_is_wrong_with_conditions)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        static struct words words;
        struct where where;
        uint32_t used;
        split_words(&words, lines[i].line);
        void *memory = malloc(where_bytes(words.list, words.count) + 1);
        enum table_result result = parse(&where, &words, false, memory, &used);
        cr_expect_eq(result, lines[i].result, "%s: %d", lines[i].line, (int)result);
        free(memory);
    }
}

static enum table_result parse_repeated(const char *before, const char *word, const char *between, uint32_t count)
{
    static struct words words;
    struct where where;
    uint32_t used;
    words.count = 0;
    words.used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && between != NULL) {
            put_word(&words, between);
        }
        put_word(&words, before);
    }
    if (word != NULL) {
        put_word(&words, word);
    }
    void *memory = malloc(where_bytes(words.list, words.count));
    enum table_result result = parse(&where, &words, false, memory, &used);
    free(memory);
    return result;
}

Test(query, has_limits)
{
    cr_assert_eq(parse_repeated("n=1", NULL, "AND", WHERE_CONDITIONS_MAX), TABLE_OK);
    cr_assert_eq(parse_repeated("n=1", "AND", "AND", WHERE_CONDITIONS_MAX), TABLE_DANGLING_OPERATOR);
    cr_assert_eq(parse_repeated("(", "n=1", NULL, WHERE_DEPTH_MAX), TABLE_UNBALANCED);
    cr_assert_eq(parse_repeated("(", "n=1", NULL, WHERE_DEPTH_MAX + 1), TABLE_TOO_DEEP);
    static struct words words;
    for (uint32_t i = 0; i <= WHERE_CONDITIONS_MAX; i++) {
        if (i > 0 && words.count < WORDS_MAX - 1) {
            put_word(&words, "OR");
        }
        if (words.count < WORDS_MAX) {
            put_word(&words, "n=1");
        }
    }
    cr_assert_leq(words.count, WORDS_MAX);
}

/* --- random trees --- */

struct tree {
    int kind; /* 0 condition, 1 AND, 2 OR */
    struct tree *left, *right;
    int column;
    enum comparison comparison;
    struct typed_value value;
};

static const char *const operators[] = {"=", "!=", "<", "<=", ">", ">="};

static struct tree *make_condition(uint64_t *state, struct words *words)
{
    struct tree *tree = calloc(1, sizeof *tree);
    char text[200] = "";
    char word[300];
    uint64_t row = next_random(state) % ROWS;
    tree->column = (int)(next_random(state) % COLUMNS);
    tree->comparison = next_random(state) % 2 == 0 ? COMPARE_EQUAL : (enum comparison)(next_random(state) % 6);
    tree->value = values[row][tree->column];
    tree->value.is_null = false;
    if (tree->column == 0 && next_random(state) % 10 == 0) {
        tree->value.integer = next_random(state) % 2 == 0 ? INT64_MAX : INT64_MIN;
    }
    char scratch[TYPED_VALUE_TEXT_MAX];
    struct bytes printed = typed_value_format(column_form(&schema->columns[tree->column]), &tree->value, scratch);
    snprintf(text, sizeof text, "%.*s", (int)printed.len, printed.data);
    struct bytes name = schema_column_name(schema, (uint32_t)tree->column);
    snprintf(word, sizeof word, "%.*s%s%s", (int)name.len, name.data, operators[tree->comparison], text);
    put_word(words, word);
    return tree;
}

static struct tree *join(int kind, struct tree *left, struct tree *right)
{
    struct tree *tree = calloc(1, sizeof *tree);
    *tree = (struct tree){.kind = kind, .left = left, .right = right};
    return tree;
}

static struct tree *make_or(uint64_t *state, struct words *words, int depth);

static struct tree *make_term(uint64_t *state, struct words *words, int depth)
{
    if (depth == 0 || next_random(state) % 3 != 0) {
        return make_condition(state, words);
    }
    put_word(words, "(");
    struct tree *tree = make_or(state, words, depth - 1);
    put_word(words, ")");
    return tree;
}

static struct tree *make_and(uint64_t *state, struct words *words, int depth)
{
    struct tree *tree = make_term(state, words, depth);
    while (next_random(state) % 5 < 2) {
        put_word(words, next_random(state) % 2 == 0 ? "AND" : "and");
        tree = join(1, tree, make_term(state, words, depth));
    }
    return tree;
}

static struct tree *make_or(uint64_t *state, struct words *words, int depth)
{
    struct tree *tree = make_and(state, words, depth);
    while (next_random(state) % 3 == 0) {
        put_word(words, "OR");
        tree = join(2, tree, make_and(state, words, depth));
    }
    return tree;
}

/* RedisTABLE's order: every operator joins all that stands before it. */
static struct tree *make_left_to_right(uint64_t *state, struct words *words, int depth)
{
    struct tree *tree = NULL;
    do {
        int kind = 1 + (int)(next_random(state) % 2);
        if (tree != NULL) {
            put_word(words, kind == 1 ? "AND" : "OR");
        }
        struct tree *term;
        if (depth > 0 && next_random(state) % 4 == 0) {
            put_word(words, "(");
            term = make_left_to_right(state, words, depth - 1);
            put_word(words, ")");
        } else {
            term = make_condition(state, words);
        }
        tree = tree == NULL ? term : join(kind, tree, term);
    } while (next_random(state) % 3 != 0);
    return tree;
}

static void free_tree(struct tree *tree)
{
    if (tree != NULL) {
        free_tree(tree->left);
        free_tree(tree->right);
        free(tree);
    }
}

static bool evaluate(const struct tree *tree, const struct typed_value *row)
{
    if (tree->kind == 1) {
        return evaluate(tree->left, row) && evaluate(tree->right, row);
    }
    if (tree->kind == 2) {
        return evaluate(tree->left, row) || evaluate(tree->right, row);
    }
    if (row[tree->column].is_null) {
        return false;
    }
    int order = typed_value_compare((enum column_type)schema->columns[tree->column].type, &row[tree->column], &tree->value);
    bool results[] = {order == 0, order != 0, order < 0, order <= 0, order > 0, order >= 0};
    return results[tree->comparison];
}

static void compare(const struct where *where, const struct tree *tree)
{
    static uint32_t rows[GATHER_ROWS];
    static bool is_found[ROWS];
    struct gather gather;
    memset(is_found, 0, sizeof is_found);
    gather_begin(&gather, slice, schema, where);
    while (!gather.is_done) {
        uint32_t count = gather_step(&gather, rows);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t id = slice_row_id(slice, rows[i]);
            cr_assert_not(is_found[id - 1], "row %lu twice", id);
            is_found[id - 1] = true;
        }
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        cr_assert_eq(is_found[i], evaluate(tree, values[i]), "row %u", i + 1);
    }
    for (uint32_t id = slice->first; id != PAGE_NONE; id = slice->pages[id]->next) {
        const struct page *page = slice->pages[id];
        for (uint32_t slot = 0; slot < page->used; slot++) {
            uint64_t row = slice_row_id(slice, row_number(id, slot));
            cr_assert_eq(filter_row(where, page, slot), is_found[row - 1]);
        }
    }
}

static void compare_random_conditions(uint64_t state)
{
    for (int round = 0; round < 1500; round++) {
        static struct words words;
        words.count = 0;
        words.used = 0;
        bool is_left_to_right = round % 4 == 3;
        struct tree *tree = is_left_to_right ? make_left_to_right(&state, &words, 3) : make_or(&state, &words, 3);
        struct where where;
        uint32_t used;
        void *memory = malloc(where_bytes(words.list, words.count));
        cr_assert_eq(parse(&where, &words, is_left_to_right, memory, &used), TABLE_OK, "round %d", round);
        cr_assert_eq(used, words.count);
        compare(&where, tree);
        free(memory);
        free_tree(tree);
    }
}

Test(query, finds_what_a_naive_evaluation_finds)
{
    fill(7);
    compare_random_conditions(4711);
}

Test(query, finds_the_same_with_ordered_indexes)
{
    drop_slice();
    make_slice(in_order);
    fill(7);
    compare_random_conditions(4711);
    compare_random_conditions(13);
}

/* --- access paths --- */

static void plan(const char *line, struct gather *gather)
{
    static struct words words;
    static char memory[1 << 16] __attribute__((aligned(16)));
    static struct where where;
    uint32_t used;
    split_words(&words, line);
    cr_assert_eq(parse(&where, &words, false, memory, &used), TABLE_OK);
    gather_begin(gather, slice, schema, &where);
}

Test(query, uses_the_index_with_the_fewest_rows)
{
    struct gather gather;
    fill(7);
    const struct column_index *n = &slice->indexes[0];
    const struct column_index *b = &slice->indexes[2];
    plan("n=1 AND f>0", &gather);
    cr_assert_eq(gather.access.index, n);
    plan("f>0 AND n=1", &gather);
    cr_assert_eq(gather.access.index, n);
    plan("n=1 AND b=5", &gather);
    cr_assert_eq(gather.access.index, b, "b has 300 values, n has 20");
    plan("( f>0 OR d=1970-01-01 ) AND ( b=5 AND s=a )", &gather);
    cr_assert_eq(gather.access.index, b);
    plan("n=1 OR b=5", &gather);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
    plan("n>1", &gather);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
    plan("b>5 AND b<7 AND n=1", &gather);
    cr_assert_eq(gather.access.index, b, "one value of b has fewer rows than one of n");
    plan("b>5 AND b<200 AND n=1", &gather);
    cr_assert_eq(gather.access.index, n);
}

static uint64_t range_of(const char *line, bool is_exact)
{
    struct gather gather;
    plan(line, &gather);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    cr_assert_eq(gather.access.is_exact, is_exact);
    return gather.access.range.end - gather.access.range.first;
}

Test(query, merges_the_bounds_of_a_column)
{
    fill(7);
    const uint64_t all = range_of("b>=10 AND b<=14", true);
    cr_assert_gt(all, 0);
    cr_assert_eq(range_of("b>9 AND b<15", true), all);
    cr_assert_eq(range_of("b>9 AND b<15 AND b>=10 AND b<=200 AND b>-7", true), all);
    cr_assert_eq(range_of("b>=10 AND f>0 AND b<=14", false), all);
    cr_assert_eq(range_of("b>=10 AND b<=14 AND b!=12", false), all);
    cr_assert_eq(range_of("b=10", true) + range_of("b>10 AND b<=14", true), all);
    cr_assert_eq(range_of("b>14 AND b<10", true), 0);
    cr_assert_eq(range_of("b=10 AND b=11", true), 0);
    cr_assert_eq(range_of("b>=10 AND b<10", true), 0);
}

Test(query, scans_when_a_range_holds_many_rows)
{
    struct gather gather;
    fill(7);
    uint32_t rows[GATHER_ROWS];
    plan("b>=0", &gather);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
    const uint64_t count = gather.access.rows;
    uint64_t found = 0;
    while (!gather.is_done) {
        found += gather_step(&gather, rows);
    }
    cr_assert_eq(found, count);
    cr_assert_eq(gather.examined, count, "what is examined is what the range holds, however it is read");
}

/* --- order --- */

Test(query, puts_rows_in_the_order_of_their_ids)
{
    uint64_t state = 3;
    for (int round = 0; round < 60; round++) {
        struct found found;
        found_init(&found, NULL);
        size_t count = next_random(&state) % 3000;
        uint64_t id = 0;
        for (size_t i = 0; i < count; i++) {
            id = next_random(&state) % (round % 3 == 0 ? 3 : 200) == 0 ? next_random(&state) % 100000 : id + 1;
            struct typed_value row[COLUMNS];
            for (int c = 0; c < COLUMNS; c++) {
                row[c] = (struct typed_value){.is_null = true};
            }
            cr_assert_eq(slice_insert(slice, schema, id, row), TABLE_OK);
            uint32_t number = row_number(slice->last, slice->pages[slice->last]->used - 1u);
            cr_assert(found_add(&found, slice, (uint32_t)round, &number, 1));
        }
        enum found_status status = FOUND_MORE;
        while (status == FOUND_MORE) {
            status = found_sort(&found, 1 + next_random(&state) % 500);
        }
        cr_assert_eq(status, FOUND_SORTED);
        cr_assert_eq(found.count, count);
        for (size_t i = 1; i < count; i++) {
            cr_assert_leq(found_at(&found, i - 1)->id, found_at(&found, i)->id);
        }
        found_release(&found);
    }
}
