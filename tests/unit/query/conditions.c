/* The forms of conditions: what each means, by examples and against a naive evaluation in three-valued logic, with every kind of index; how they
 * are looked up; which word is wrong.  */
#include "query/gather.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1500, WORDS_MAX = 12000, COLUMNS = 6 };

static struct heap *heap;
static struct hash_secret secret;
static struct schema *schema;
static struct table_slice *slice;
static struct typed_value values[ROWS_MAX][COLUMNS];
static uint32_t row_count;

static const char *const columns[COLUMNS] = {"n:integer", "m:integer", "f:float", "s:string", "t:string", "d:date"};
static const char *const indexes[] = {"none", "hash", "btree"};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

static void make_slice(const char *index)
{
    static char words[COLUMNS][64];
    struct schema_draft draft = {0};
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(words[i], sizeof words[i], "%s:%s", columns[i], index);
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(words[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    schema = schema_create(heap, &draft);
    slice = slice_create(heap, &secret, schema);
    cr_assert_not_null(slice);
    row_count = 0;
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
}

static void teardown(void)
{
    drop_slice();
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

TestSuite(conditions, .init = setup, .fini = teardown);

/* Texts by column; NULL: null. */
static void add_row(const char *const texts[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        values[row_count][c] = (struct typed_value){.is_null = true};
        if (texts[c] != NULL) {
            cr_assert(typed_value_parse(column_form(&schema->columns[c]), bytes_of_string(texts[c]), &values[row_count][c]), "%s", texts[c]);
        }
    }
    cr_assert_eq(slice_insert(slice, schema, row_count + 1, values[row_count]), TABLE_OK);
    row_count++;
}

static const char *const few_rows[][COLUMNS] = {
    {"1", "1", "1", "Ada", "Ada", "2024-01-01"},
    {"29", "30", "29.5", "Bob", "bob", "2024-01-02"},
    {"30", "29", "30", "a%b", "axb", "2023-12-31"},
    {"9223372036854775807", "-9223372036854775808", "9223372036854775808", "", "", "9999-12-31"},
    {"-9223372036854775808", "9223372036854775807", "-9223372036854775808", "and", "AND", "0001-01-01"},
    {NULL, "5", NULL, NULL, "x", NULL},
    {"5", NULL, "5", "x", NULL, "2024-02-01"},
};

/* --- words --- */

struct words {
    struct bytes list[WORDS_MAX];
    uint32_t count;
    char space[1 << 17];
    size_t used;
};

static struct words words;

static void put_word(const char *text)
{
    const size_t len = strlen(text);
    cr_assert(words.count < WORDS_MAX && words.used + len < sizeof words.space);
    memcpy(words.space + words.used, text, len);
    words.list[words.count++] = (struct bytes){words.space + words.used, len};
    words.used += len;
}

static void put_words(const char *line)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " ")) {
        put_word(strcmp(at, "''") == 0 ? "" : at);
    }
}

static void clear_words(void)
{
    words.count = 0;
    words.used = 0;
}

static void *memory;

static enum table_result parse(struct where *where, uint32_t *used, struct table_fault *fault)
{
    static const struct bytes ends[] = {BYTES("SET"), BYTES("LIMIT")};
    const struct where_source source = {.schema = schema, .words = words.list, .count = words.count, .ends = ends, .end_count = 2};
    free(memory);
    memory = malloc(where_bytes(words.list, words.count));
    return where_parse(where, &source, memory, used, fault);
}

/* --- rows that are found --- */

static bool is_found[ROWS_MAX];

/* By the plan; a scan must find the same, and each row by itself. */
static uint32_t find(const struct where *where, struct gather *gather)
{
    uint32_t rows[GATHER_ROWS];
    uint32_t count = 0;
    memset(is_found, 0, sizeof is_found);
    gather_begin(gather, slice, schema, where);
    while (!gather->is_done) {
        const uint32_t got = gather_step(gather, rows);
        for (uint32_t i = 0; i < got; i++) {
            const uint64_t id = slice_row_id(slice, rows[i]);
            cr_assert_not(is_found[id - 1], "row %lu twice", id);
            is_found[id - 1] = true;
        }
        count += got;
    }
    for (uint32_t number = slice->first; number != PAGE_NONE; number = slice->pages[number]->next) {
        const struct page *page = slice->pages[number];
        struct page_bits bits;
        filter_page(where, page, &bits);
        for (uint32_t slot = 0; slot < PAGE_WORDS * 64; slot++) {
            const bool matches = (bits.words[slot / 64] >> (slot % 64) & 1) != 0;
            cr_assert(slot < page->used || !matches, "no row is there");
            if (slot < page->used) {
                cr_assert_eq(matches, is_found[slice_row_id(slice, row_number(number, slot)) - 1]);
                cr_assert_eq(filter_row(where, page, slot), matches);
            }
        }
    }
    return count;
}

/* --- examples --- */

static const struct {
    const char *line;
    const char *rows; /* ids, of few_rows */
} examples[] = {
    {"n BETWEEN 1 AND 30", "1 2 3 7"},
    {"n between 30 and 1", ""},
    {"n NOT BETWEEN 1 AND 29", "3 4 5"},
    {"n BETWEEN 1 AND 29 AND m=1", "1"},
    {"s BETWEEN AND AND z", "1 2 3 5 7"},
    {"s BETWEEN and AND z", "5 7"},
    {"n BETWEEN 0.5 AND 29.9", "1 2 7"},
    {"n IN ( 1 30 77 )", "1 3"},
    {"n IN ( 1 , 30 , 1 )", "1 3"},
    {"n IN ( 29 )", "2"},
    {"n IN ( 29.5 )", ""},
    {"n NOT IN ( 29.5 )", "1 2 3 4 5 7"},
    {"n NOT IN ( 1 30 )", "2 4 5 7"},
    {"n IN ( 1.0 3e1 )", "1 3"},
    {"s IN ( Ada AND ( '' )", "1 4"},
    {"d IN ( 2024-01-01 2023-12-31 )", "1 3"},
    {"f IN ( 29.5 -9223372036854775808 )", "2 5"},
    {"s LIKE A%", "1"},
    {"s LIKE a%", "3 5"},
    {"s NOT LIKE a%", "1 2 4 7"},
    {"s LIKE a\\%b", "3"},
    {"s NOT LIKE a\\%b", "1 2 4 5 7"},
    {"t LIKE a_b", "3"},
    {"s LIKE %", "1 2 3 4 5 7"},
    {"s NOT LIKE %", ""},
    {"s LIKE ''", "4"},
    {"s LIKE LIKE", ""},
    {"n IS NULL", "6"},
    {"n is not null", "1 2 3 4 5 7"},
    {"n IS NULL OR m IS NULL", "6 7"},
    {"NOT n IS NULL AND NOT m IS NULL", "1 2 3 4 5"},
    {"NOT n < 5", "2 3 4 7"},
    {"NOT n=5", "1 2 3 4 5"},
    {"NOT NOT n=5", "7"},
    {"NOT ( n=5 OR m=1 )", "2 3 4 5"},
    {"NOT ( n=5 AND m=1 )", "1 2 3 4 5 6"},
    {"NOT ( n>1 AND NOT ( s=Bob OR s=x ) )", "1 2 5 7"},
    {"NOT n=5 OR n=5", "1 2 3 4 5 7"},
    {"n < COLUMN m", "2 5"},
    {"n = column m", "1"},
    {"n != COLUMN m", "2 3 4 5"},
    {"n>= COLUMN m", "1 3 4"},
    {"NOT n < COLUMN m", "1 3 4"},
    {"n = COLUMN f", "1 3 5 7"},
    {"n < COLUMN f", "2 4"},
    {"f > COLUMN n", "2 4"},
    {"s = COLUMN t", "1 4"},
    {"s < COLUMN t", "2 3"},
    {"s = COLUMN", ""},
    {"s = COLUMN OR s=Ada", "1"},
    {"( t = COLUMN )", ""},
    {"n = COLUMN _id", "1"},
    {"n>29.5", "3 4"},
    {"n>=29.5", "3 4"},
    {"n<29.5", "1 2 5 7"},
    {"n<=29.5", "1 2 5 7"},
    {"n=29.5", ""},
    {"n!=29.5", "1 2 3 4 5 7"},
    {"n>1e1", "2 3 4"},
    {"n<=2.9e1", "1 2 5 7"},
    {"n=290e-1", "2"},
    {"n>-0.5", "1 2 3 4 7"},
    {"n<-.5", "5"},
    {"n>=9223372036854775807", "4"},
    {"n>=9223372036854775807.5", ""},
    {"n>1e400", ""},
    {"n<1e999999999999", "1 2 3 4 5 7"},
    {"n>-1e19", "1 2 3 4 5 7"},
    {"n<-9223372036854775808.5", ""},
    {"n>=-9223372036854775808.5", "1 2 3 4 5 7"},
    {"n=0e99999999999", ""},
    {"n!=1e30", "1 2 3 4 5 7"},
    {"d>2024-01", "2 4 7"},
    {"d>=2024", "1 2 4 7"},
    {"d<2024", "3 5"},
    {"d<= 2024-01", "1 3 5"},
    {"n> 29", "3 4"},
    {"n >29", "3 4"},
    {"n =29", "2"},
    {"n <>29", "1 3 4 5 7"},
    {"s= Ada", "1"},
    {"s= AND n=9223372036854775807", "4"},
    {"( s= )", "4"},
    {"s=", "4"},
    {"_id=3", "3"},
    {"_id = 3 AND s=Ada", ""},
    {"_id=0", ""},
    {"_id=-1", ""},
    {"_id IN ( 2 4 99 -5 )", "2 4"},
    {"_id>5", "6 7"},
    {"_id IS NULL", ""},
    {"_id BETWEEN 2 AND 3", "2 3"},
    {"NOT _id=3 AND _id<5", "1 2 4"},
    {"n=1 LIMIT 7", "1"},
    {"s= LIMIT 7", "4"},
};

static void check_examples(const char *index)
{
    make_slice(index);
    for (size_t i = 0; i < sizeof few_rows / sizeof few_rows[0]; i++) {
        add_row(few_rows[i]);
    }
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct where where;
        struct table_fault fault;
        struct gather gather;
        uint32_t used;
        char found[64] = "";
        clear_words();
        put_words(examples[i].line);
        const enum table_result result = parse(&where, &used, &fault);
        cr_assert_eq(result, TABLE_OK, "%s: %d", examples[i].line, (int)result);
        find(&where, &gather);
        for (uint32_t id = 1; id <= row_count; id++) {
            if (is_found[id - 1]) {
                snprintf(found + strlen(found), sizeof found - strlen(found), "%s%u", *found == '\0' ? "" : " ", id);
            }
        }
        cr_expect_str_eq(found, examples[i].rows, "%s (%s): %s", examples[i].line, index, found);
    }
}

Test(conditions, mean_the_same_without_indexes)
{
    check_examples("none");
}

Test(conditions, mean_the_same_with_hash_indexes)
{
    check_examples("hash");
}

Test(conditions, mean_the_same_with_ordered_indexes)
{
    check_examples("btree");
}

/* --- what is wrong --- */

static const struct {
    const char *line;
    enum table_result result;
    enum fault_expected expected;
    const char *word;   /* NULL: the end */
    const char *beside;
} faults[] = {
    {"agee>3", TABLE_UNKNOWN_COLUMN, EXPECTED_NOTHING, "agee", "agee>3"},
    {"agee > 3", TABLE_UNKNOWN_COLUMN, EXPECTED_NOTHING, "agee", "agee"},
    {"n = COLUMN x", TABLE_UNKNOWN_COLUMN, EXPECTED_NOTHING, "x", "x"},
    {"n=abc", TABLE_BAD_VALUE, EXPECTED_NOTHING, "abc", "n"},
    {"n=1.5.5", TABLE_BAD_VALUE, EXPECTED_NOTHING, "1.5.5", "n"},
    {"n=1e", TABLE_BAD_VALUE, EXPECTED_NOTHING, "1e", "n"},
    {"n=.", TABLE_BAD_VALUE, EXPECTED_NOTHING, ".", "n"},
    {"n=inf", TABLE_BAD_VALUE, EXPECTED_NOTHING, "inf", "n"},
    {"d=2024", TABLE_BAD_VALUE, EXPECTED_NOTHING, "2024", "d"},
    {"d BETWEEN 2024 AND 2025-01-01", TABLE_BAD_VALUE, EXPECTED_NOTHING, "2024", "d"},
    {"d>2024-13", TABLE_BAD_VALUE, EXPECTED_NOTHING, "2024-13", "d"},
    {"d>2024-1", TABLE_BAD_VALUE, EXPECTED_NOTHING, "2024-1", "d"},
    {"n IN ( 1 x )", TABLE_BAD_VALUE, EXPECTED_NOTHING, "x", "n"},
    {"_id=x", TABLE_BAD_VALUE, EXPECTED_NOTHING, "x", "_id"},
    {"( s=Ada", TABLE_UNBALANCED, EXPECTED_CLOSE, NULL, "s=Ada"},
    {"( s=Ada SET n=1", TABLE_UNBALANCED, EXPECTED_CLOSE, "SET", "s=Ada"},
    {"s=Ada )", TABLE_UNBALANCED, EXPECTED_AND_OR, ")", "s=Ada"},
    {"n IN ( 1 2", TABLE_UNBALANCED, EXPECTED_CLOSE, NULL, "2"},
    {"n=1 foo", TABLE_EXPECTED_OPERATOR, EXPECTED_AND_OR, "foo", "n=1"},
    {"n= 1 foo", TABLE_EXPECTED_OPERATOR, EXPECTED_AND_OR, "foo", "1"},
    {"n=1 AND", TABLE_DANGLING_OPERATOR, EXPECTED_CONDITION, NULL, "AND"},
    {"n=1 AND NOT", TABLE_DANGLING_OPERATOR, EXPECTED_CONDITION, NULL, "NOT"},
    {"NOT", TABLE_BAD_CONDITION, EXPECTED_CONDITION, NULL, "NOT"},
    {"", TABLE_BAD_CONDITION, EXPECTED_CONDITION, NULL, "WHERE"},
    {"( )", TABLE_BAD_CONDITION, EXPECTED_CONDITION, ")", "("},
    {"=1", TABLE_BAD_CONDITION, EXPECTED_CONDITION, "=1", "WHERE"},
    {"n", TABLE_BAD_CONDITION, EXPECTED_OPERATOR, NULL, "n"},
    {"n AND m=1", TABLE_BAD_CONDITION, EXPECTED_OPERATOR, "AND", "n"},
    {"n =<5", TABLE_BAD_CONDITION, EXPECTED_OPERATOR, "=<5", "n"},
    {"n =", TABLE_BAD_CONDITION, EXPECTED_VALUE, NULL, "="},
    {"n NOT", TABLE_BAD_CONDITION, EXPECTED_OPERATOR, NULL, "NOT"},
    {"n NOT IS NULL", TABLE_BAD_CONDITION, EXPECTED_OPERATOR, "IS", "NOT"},
    {"n IS 5", TABLE_BAD_CONDITION, EXPECTED_NULL, "5", "IS"},
    {"n IS NOT", TABLE_BAD_CONDITION, EXPECTED_NULL, NULL, "NOT"},
    {"n BETWEEN", TABLE_BAD_CONDITION, EXPECTED_VALUE, NULL, "BETWEEN"},
    {"n BETWEEN 1", TABLE_BAD_CONDITION, EXPECTED_AND, NULL, "1"},
    {"n BETWEEN 1 OR 2", TABLE_BAD_CONDITION, EXPECTED_AND, "OR", "1"},
    {"n BETWEEN 1 AND", TABLE_BAD_CONDITION, EXPECTED_VALUE, NULL, "AND"},
    {"n IN 1", TABLE_BAD_CONDITION, EXPECTED_OPEN, "1", "IN"},
    {"n IN ( )", TABLE_BAD_CONDITION, EXPECTED_VALUE, ")", "("},
    {"n IN ( , )", TABLE_BAD_CONDITION, EXPECTED_VALUE, ")", ","},
    {"s LIKE", TABLE_BAD_CONDITION, EXPECTED_VALUE, NULL, "LIKE"},
    {"s LIKE a\\", TABLE_BAD_PATTERN, EXPECTED_NOTHING, "a\\", "s"},
    {"n LIKE 1%", TABLE_NOT_STRINGS, EXPECTED_NOTHING, "1%", "n"},
    {"n = COLUMN s", TABLE_TYPES_DIFFER, EXPECTED_NOTHING, "s", "n"},
    {"n = COLUMN d", TABLE_TYPES_DIFFER, EXPECTED_NOTHING, "d", "n"},
};

Test(conditions, name_the_word_that_is_wrong)
{
    make_slice("none");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct where where;
        struct table_fault fault;
        uint32_t used;
        clear_words();
        put_words(faults[i].line);
        const enum table_result result = parse(&where, &used, &fault);
        cr_expect_eq(result, faults[i].result, "%s: %d", faults[i].line, (int)result);
        cr_assert(fault.is_known, "%s", faults[i].line);
        cr_expect_eq(fault.expected, faults[i].expected, "%s", faults[i].line);
        cr_expect_eq(fault.is_end, faults[i].word == NULL, "%s", faults[i].line);
        cr_expect(bytes_equal(fault.word, bytes_of_string(faults[i].word == NULL ? "" : faults[i].word)), "%s: %.*s", faults[i].line,
                  (int)fault.word.len, fault.word.data);
        cr_expect(bytes_equal(fault.beside, bytes_of_string(faults[i].beside)), "%s: %.*s", faults[i].line, (int)fault.beside.len,
                  fault.beside.data);
    }
}

/* --- limits --- */

static enum table_result parse_list(uint32_t count)
{
    struct where where;
    struct table_fault fault;
    struct gather gather;
    uint32_t used;
    clear_words();
    put_words("n IN (");
    for (uint32_t i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i * 3);
        put_word(number);
    }
    put_word(")");
    const enum table_result result = parse(&where, &used, &fault);
    cr_assert(result != TABLE_OK || find(&where, &gather) == 1, "30 is one of few_rows");
    return result;
}

Test(conditions, have_limits)
{
    make_slice("btree");
    add_row(few_rows[1]);
    add_row(few_rows[2]);
    cr_assert_eq(parse_list(ACCESS_VALUES_MAX), TABLE_OK);
    cr_assert_eq(parse_list(CONDITION_VALUES_MAX), TABLE_OK);
    cr_assert_eq(parse_list(CONDITION_VALUES_MAX + 1), TABLE_TOO_MANY_VALUES);
    for (uint32_t count = WHERE_CONDITIONS_MAX / 2; count <= WHERE_CONDITIONS_MAX / 2 + 1; count++) {
        struct where where;
        struct table_fault fault;
        uint32_t used;
        clear_words();
        for (uint32_t i = 0; i < count; i++) {
            put_words(i == 0 ? "n BETWEEN 1 AND 2" : "OR NOT n BETWEEN 1 AND 2");
        }
        cr_assert_eq(parse(&where, &used, &fault), count == WHERE_CONDITIONS_MAX / 2 ? TABLE_OK : TABLE_TOO_MANY_CONDITIONS);
    }
    clear_words();
    for (uint32_t i = 0; i < WHERE_DEPTH_MAX; i++) {
        put_words("n=1 AND n=1 OR NOT (");
    }
    put_words("n BETWEEN 1 AND 2");
    for (uint32_t i = 0; i < WHERE_DEPTH_MAX; i++) {
        put_word(")");
    }
    struct where where;
    struct table_fault fault;
    struct gather gather;
    uint32_t used;
    cr_assert_eq(parse(&where, &used, &fault), TABLE_OK);
    find(&where, &gather);
}

/* --- random trees --- */

enum truth { TRUTH_FALSE, TRUTH_NULL, TRUTH_TRUE };
enum form { FORM_COMPARE, FORM_BETWEEN, FORM_IN, FORM_LIKE, FORM_NULL, FORM_COLUMN, FORM_ID, FORM_COUNT, FORM_NOT, FORM_AND, FORM_OR };
enum { LIST_MAX = 90 };

struct tree {
    enum form form;
    struct tree *left, *right;
    int column, other, operator;
    bool is_not;
    struct typed_value list[LIST_MAX]; /* what is compared with */
    int count;
    const char *pattern;
};

static const char *const operators[] = {"=", "!=", "<", "<=", ">", ">="};
static const char *const patterns[] = {"a%", "%a", "%", "aa%b%", "_", "a_%", "b", "ab%", "%ab%"};

static struct typed_value any_value(uint64_t *state, int column)
{
    struct typed_value value = values[next_random(state) % row_count][column];
    value.is_null = false;
    return value;
}

static void put_value(int column, const struct typed_value *value)
{
    char scratch[TYPED_VALUE_TEXT_MAX];
    char text[TYPED_VALUE_TEXT_MAX + 1];
    const struct bytes printed = typed_value_format(column_form(&schema->columns[column]), value, scratch);
    snprintf(text, sizeof text, "%.*s", (int)printed.len, printed.len == 0 ? "" : printed.data);
    put_word(text);
}

static void put_column(int column)
{
    char name[2] = {columns[column][0], '\0'};
    put_word(name);
}

static void make_compared(uint64_t *state, struct tree *tree)
{
    const int pairs[][2] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {3, 4}, {4, 3}, {2, 2}, {5, 5}};
    const int *pair = pairs[next_random(state) % 8];
    tree->column = tree->form == FORM_COLUMN ? pair[0] : tree->form == FORM_LIKE ? 3 : (int)(next_random(state) % COLUMNS);
    tree->other = pair[1];
    tree->operator= (int)(next_random(state) % 6);
    tree->count = tree->form == FORM_IN ? 1 + (int)(next_random(state) % (next_random(state) % 3 == 0 ? LIST_MAX : 9)) : 2;
    for (int i = 0; i < tree->count; i++) {
        tree->list[i] = tree->form == FORM_ID ? (struct typed_value){.integer = (int64_t)(next_random(state) % (row_count + 5))}
                                                : any_value(state, tree->column);
    }
    tree->pattern = patterns[next_random(state) % (sizeof patterns / sizeof patterns[0])];
    tree->is_not = next_random(state) % 3 == 0;
}

static struct tree *make_condition(uint64_t *state)
{
    struct tree *tree = calloc(1, sizeof *tree);
    tree->form = (enum form)(next_random(state) % FORM_COUNT);
    make_compared(state, tree);
    const bool is_not_word = tree->is_not && (tree->form == FORM_BETWEEN || tree->form == FORM_IN || tree->form == FORM_LIKE);
    if (tree->form == FORM_ID) {
        put_word("_id");
    } else {
        put_column(tree->column);
    }
    if (is_not_word) {
        put_word("NOT");
    }
    switch (tree->form) {
    case FORM_BETWEEN:
        put_word("BETWEEN");
        put_value(tree->column, &tree->list[0]);
        put_word("AND");
        put_value(tree->column, &tree->list[1]);
        break;
    case FORM_IN:
        put_words("IN (");
        for (int i = 0; i < tree->count; i++) {
            put_value(tree->column, &tree->list[i]);
        }
        put_word(")");
        break;
    case FORM_LIKE:
        put_word("LIKE");
        put_word(tree->pattern);
        break;
    case FORM_NULL:
        put_words(tree->is_not ? "IS NOT NULL" : "IS NULL");
        break;
    case FORM_COLUMN:
        put_word(operators[tree->operator]);
        put_word("COLUMN");
        put_column(tree->other);
        break;
    default:
        put_word(operators[tree->operator]);
        put_value(tree->form == FORM_ID ? 0 : tree->column, &tree->list[0]);
        break;
    }
    return tree;
}

static struct tree *make_tree(uint64_t *state, int depth)
{
    if (depth == 0 || next_random(state) % 3 == 0) {
        return make_condition(state);
    }
    struct tree *tree = calloc(1, sizeof *tree);
    if (next_random(state) % 4 == 0) {
        tree->form = FORM_NOT;
        put_word("NOT");
        put_word("(");
        tree->left = make_tree(state, depth - 1);
        put_word(")");
        return tree;
    }
    tree->form = next_random(state) % 2 == 0 ? FORM_AND : FORM_OR;
    put_word("(");
    tree->left = make_tree(state, depth - 1);
    put_words(tree->form == FORM_AND ? ") and (" : ") or (");
    tree->right = make_tree(state, depth - 1);
    put_word(")");
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

/* As SQLite's LIKE, on single bytes. */
static bool is_like(const char *pattern, struct bytes text)
{
    if (*pattern == '\0') {
        return text.len == 0;
    }
    if (*pattern == '%') {
        for (size_t i = 0; i <= text.len; i++) {
            if (is_like(pattern + 1, (struct bytes){text.data + i, text.len - i})) {
                return true;
            }
        }
        return false;
    }
    return text.len > 0 && (*pattern == '_' || *pattern == *text.data) &&
           is_like(pattern + 1, (struct bytes){text.data + 1, text.len - 1});
}

static bool is_in_order(int operator, int order)
{
    const bool results[] = {order == 0, order != 0, order < 0, order <= 0, order > 0, order >= 0};
    return results[operator];
}

static int order_of(int column, const struct typed_value *a, int other, const struct typed_value *b)
{
    const bool is_float[] = {schema->columns[column].type == COLUMN_FLOAT, schema->columns[other].type == COLUMN_FLOAT};
    if (is_float[0] != is_float[1]) { /* 64 bits of mantissa hold both */
        const long double left = is_float[0] ? (long double)a->number : (long double)a->integer;
        const long double right = is_float[1] ? (long double)b->number : (long double)b->integer;
        return (left > right) - (left < right);
    }
    return typed_value_compare((enum column_type)schema->columns[column].type, a, b);
}

static enum truth evaluate_condition(const struct tree *tree, const struct typed_value *row, uint32_t id)
{
    const struct typed_value row_id = {.integer = id};
    const int column = tree->form == FORM_ID ? 0 : tree->column;
    const struct typed_value *value = tree->form == FORM_ID ? &row_id : &row[column];
    bool is_true = false;
    if (tree->form == FORM_NULL) {
        return value->is_null != tree->is_not ? TRUTH_TRUE : TRUTH_FALSE;
    }
    if (value->is_null || (tree->form == FORM_COLUMN && row[tree->other].is_null)) {
        return TRUTH_NULL;
    }
    switch (tree->form) {
    case FORM_BETWEEN:
        is_true = order_of(column, value, column, &tree->list[0]) >= 0 && order_of(column, value, column, &tree->list[1]) <= 0;
        break;
    case FORM_IN:
        for (int i = 0; i < tree->count; i++) {
            is_true = is_true || order_of(column, value, column, &tree->list[i]) == 0;
        }
        break;
    case FORM_LIKE:
        is_true = is_like(tree->pattern, value->text);
        break;
    case FORM_COLUMN:
        return is_in_order(tree->operator, order_of(column, value, tree->other, &row[tree->other])) ? TRUTH_TRUE : TRUTH_FALSE;
    default:
        return is_in_order(tree->operator, order_of(column, value, column, &tree->list[0])) ? TRUTH_TRUE : TRUTH_FALSE;
    }
    return is_true != tree->is_not ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth evaluate(const struct tree *tree, const struct typed_value *row, uint32_t id)
{
    if (tree->form < FORM_COUNT) {
        return evaluate_condition(tree, row, id);
    }
    const enum truth left = evaluate(tree->left, row, id);
    if (tree->form == FORM_NOT) {
        return (enum truth)(TRUTH_TRUE - left);
    }
    const enum truth right = evaluate(tree->right, row, id);
    const bool is_less = left < right;
    return (tree->form == FORM_AND) == is_less ? left : right;
}

static void fill(uint64_t seed)
{
    static char texts[ROWS_MAX][2][8];
    uint64_t state = seed;
    for (row_count = 0; row_count < ROWS_MAX; row_count++) {
        struct typed_value *row = values[row_count];
        const int64_t extremes[] = {INT64_MAX, INT64_MIN, INT64_C(1) << 53, (INT64_C(1) << 53) + 1};
        for (int c = 0; c < COLUMNS; c++) {
            row[c] = (struct typed_value){.integer = (int64_t)(next_random(&state) % 60) - 20};
            if (c < 2 && next_random(&state) % 20 == 0) {
                row[c].integer = extremes[next_random(&state) % 4];
            }
        }
        row[2].number = next_random(&state) % 20 == 0 ? (double)extremes[next_random(&state) % 4] : (double)(next_random(&state) % 80) / 2 - 20;
        for (int c = 3; c < 5; c++) {
            char *text = texts[row_count][c - 3];
            const size_t len = next_random(&state) % 5;
            for (size_t i = 0; i < len; i++) {
                text[i] = (char)('a' + next_random(&state) % 2);
            }
            row[c].text = (struct bytes){text, len};
        }
        for (int c = 0; c < COLUMNS; c++) {
            row[c].is_null = next_random(&state) % 6 == 0;
        }
        cr_assert_eq(slice_insert(slice, schema, row_count + 1, row), TABLE_OK);
    }
}

Test(conditions, find_what_a_naive_evaluation_finds)
{
    for (size_t index = 0; index < sizeof indexes / sizeof indexes[0]; index++) {
        uint64_t state = 11 + index;
        if (index > 0) {
            drop_slice();
        }
        make_slice(indexes[index]);
        fill(5);
        for (int round = 0; round < 500; round++) {
            struct where where;
            struct table_fault fault;
            struct gather gather;
            uint32_t used;
            clear_words();
            struct tree *tree = make_tree(&state, round % 4);
            const enum table_result result = parse(&where, &used, &fault);
            cr_assert_eq(result, TABLE_OK, "%s, round %d: %d", indexes[index], round, (int)result);
            cr_assert_eq(used, words.count);
            find(&where, &gather);
            for (uint32_t i = 0; i < row_count; i++) {
                cr_assert_eq(is_found[i], evaluate(tree, values[i], i + 1) == TRUTH_TRUE, "%s, round %d, row %u", indexes[index], round,
                             i + 1);
            }
            free_tree(tree);
        }
    }
}

/* --- plans --- */

static struct gather plan(const char *line, uint32_t *count)
{
    struct where where;
    struct table_fault fault;
    struct gather gather;
    uint32_t used;
    clear_words();
    put_words(line);
    cr_assert_eq(parse(&where, &used, &fault), TABLE_OK, "%s", line);
    *count = find(&where, &gather);
    return gather;
}

Test(conditions, are_looked_up_where_an_index_has_them)
{
    uint32_t count;
    make_slice("btree");
    fill(5);
    struct gather gather = plan("n BETWEEN 3 AND 4", &count);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    cr_assert(gather.access.is_exact);
    cr_assert_eq(gather.examined, count);
    gather = plan("t LIKE abab%", &count);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    cr_assert(gather.access.is_exact);
    cr_assert_eq(gather.examined, count);
    gather = plan("t LIKE abb%a", &count);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    cr_assert_not(gather.access.is_exact);
    cr_assert_gt(gather.examined, count);
    gather = plan("t LIKE %ab", &count);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
    gather = plan("n IN ( 3 5 99 7 )", &count);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    cr_assert_not_null(gather.access.list);
    cr_assert_eq(gather.examined, count);
    gather = plan("n NOT IN ( 3 5 )", &count);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
    gather = plan("n IN ( 3 5 7 ) AND _id=4", &count);
    cr_assert_eq(gather.access.kind, ACCESS_ROW);
    cr_assert_leq(gather.examined, 1);
    gather = plan("NOT ( n<3 OR n>4 )", &count);
    cr_assert_eq(gather.access.kind, ACCESS_RANGE);
    drop_slice();
    make_slice("hash");
    fill(5);
    gather = plan("n IN ( 3 5 99 7 )", &count);
    cr_assert_eq(gather.access.kind, ACCESS_HASH);
    cr_assert_eq(gather.examined, count);
    gather = plan("_id IN ( 3 5 99999 7 )", &count);
    cr_assert_eq(gather.access.kind, ACCESS_ROW);
    cr_assert_eq(count, 3);
    gather = plan("s LIKE abab", &count);
    cr_assert_eq(gather.access.kind, ACCESS_HASH, "it is an equality");
    gather = plan("n BETWEEN 3 AND 4", &count);
    cr_assert_eq(gather.access.kind, ACCESS_SCAN);
}
