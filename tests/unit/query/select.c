/* What a SELECT with clauses is made of: the first rows of an order, merging, groups, and plans of words. */
#include "query/groups.h"
#include "query/merge.h"
#include "query/select_words.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 2, ROWS = 400 };

static uint64_t state = 1;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* --- order --- */

struct keyed {
    struct found_row row;
    struct scalar keys[KEYS];
};

static const struct found_key directions[KEYS] = {{.is_descending = true, .nulls_last = true}, {.is_descending = false, .nulls_last = false}};
static const struct found_order order = {.keys = directions, .count = KEYS};

static struct keyed random_row(uint64_t id)
{
    struct keyed row = {.row = {.id = id, .shard = (uint32_t)id, .row = (uint32_t)id * 2}};
    for (int i = 0; i < KEYS; i++) {
        row.keys[i] = next_random() % 5 == 0 ? scalar_null() : scalar_integer((int64_t)(next_random() % 6));
    }
    return row;
}

/* As the order above says. */
static int compare(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    const bool a_null = a->keys[0].type == SCALAR_NULL;
    const bool b_null = b->keys[0].type == SCALAR_NULL;
    if (a_null != b_null) {
        return a_null ? 1 : -1;
    }
    if (!a_null && a->keys[0].integer != b->keys[0].integer) {
        return a->keys[0].integer > b->keys[0].integer ? -1 : 1;
    }
    const int64_t x = a->keys[1].type == SCALAR_NULL ? -1 : a->keys[1].integer;
    const int64_t y = b->keys[1].type == SCALAR_NULL ? -1 : b->keys[1].integer;
    return x != y ? (x > y) - (x < y) : (a->row.id > b->row.id) - (a->row.id < b->row.id);
}

static void sort(struct found *found)
{
    enum found_status status = FOUND_MORE;
    while (status == FOUND_MORE) {
        status = found_sort(found, 1 + next_random() % 50);
    }
    cr_assert_eq(status, FOUND_SORTED);
}

Test(select, keeps_the_first_rows_of_an_order_and_merges_them)
{
    static const size_t limits[] = {1, 2, 7, 100, ROWS, ROWS * 2, SIZE_MAX};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        static struct keyed rows[ROWS];
        struct found parts[3];
        struct merge merge;
        for (int i = 0; i < 3; i++) {
            found_init(&parts[i], &order);
        }
        for (uint64_t id = 0; id < ROWS; id++) {
            struct found *part = &parts[next_random() % 2 * 2]; /* the one in the middle has none */
            rows[id] = random_row(id);
            if (found_wants(part, limits[l], &rows[id].row)) {
                cr_assert(found_keep(part, limits[l], &rows[id].row));
            }
            cr_assert_leq(part->count, limits[l]);
        }
        qsort(rows, ROWS, sizeof rows[0], compare);
        cr_assert(merge_create(&merge, 3, true));
        for (int i = 0; i < 3; i++) {
            sort(&parts[i]);
            merge_add(&merge, &parts[i]);
        }
        merge_start(&merge);
        for (size_t i = 0; i < ROWS && i < limits[l]; i++) {
            const struct found_row *row = merge_row(&merge);
            cr_assert_not_null(row);
            cr_assert_eq(row->id, rows[i].row.id, "limit %zu, row %zu", limits[l], i);
            cr_assert_eq(row->row, row->id * 2);
            merge_advance(&merge);
        }
        merge_release(&merge);
        for (int i = 0; i < 3; i++) {
            found_release(&parts[i]);
        }
    }
}

/* --- groups --- */

static const struct group_aggregate aggregates[] = {{.kind = AGGREGATE_COUNT}, {.kind = AGGREGATE_SUM}};
static const bool copies[] = {true, false};

static void take(struct groups *groups, int64_t number, bool is_null)
{
    char text[16];
    struct group *group;
    snprintf(text, sizeof text, "key%d", (int)(number % 7));
    const struct scalar keys[] = {is_null ? scalar_null() : scalar_bytes(SCALAR_STRING, bytes_of_string(text)), scalar_integer(number % 3)};
    const struct scalar one = scalar_integer(number);
    cr_assert_eq(groups_find(groups, keys, copies, &group), EXPRESSION_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(aggregate_add(&group->aggregates[i], &one), EXPRESSION_OK);
    }
}

Test(select, groups_have_what_was_put_into_any_of_their_parts)
{
    enum { PARTS = 3, NUMBERS = 2100 };
    struct hash_secret secret;
    struct arena arenas[PARTS];
    struct groups parts[PARTS];
    cr_assert(hash_secret_draw(&secret));
    const struct group_shape shape = {.key_count = 2, .aggregate_count = 2, .aggregates = aggregates, .secret = &secret};
    for (int i = 0; i < PARTS; i++) {
        arena_init(&arenas[i], MEM_CLIENT, 8 << 20);
        groups_begin(&parts[i], &shape, &arenas[i]);
    }
    for (int64_t number = 0; number < NUMBERS; number++) {
        take(&parts[next_random() % PARTS], number, false);
        take(&parts[next_random() % PARTS], number, true);
    }
    for (int i = 1; i < PARTS; i++) {
        struct group *group;
        uint64_t at = 0;
        while ((group = groups_next(&parts[i], &at)) != NULL) {
            cr_assert_eq(groups_merge(&parts[0], group), EXPRESSION_OK);
        }
    }
    cr_assert_eq(parts[0].count, 7 * 3 + 3); /* and three of null */
    uint64_t at = 0;
    uint64_t seen = 0;
    int64_t total = 0;
    const struct group *group;
    while ((group = groups_next(&parts[0], &at)) != NULL) {
        struct scalar count;
        struct scalar sum;
        cr_assert_eq(aggregate_finish(&group->aggregates[0], &count), EXPRESSION_OK);
        cr_assert_eq(aggregate_finish(&group->aggregates[1], &sum), EXPRESSION_OK);
        cr_assert_eq(count.integer, group->keys[0].type == SCALAR_NULL ? NUMBERS / 3 : NUMBERS / 21);
        total += sum.integer;
        seen++;
    }
    cr_assert_eq(seen, parts[0].count);
    cr_assert_eq(total, (int64_t)NUMBERS * (NUMBERS - 1));
    for (int i = 0; i < PARTS; i++) {
        arena_release(&arenas[i]);
    }
}

Test(select, groups_that_get_no_memory_stay_as_they_were)
{
    struct hash_secret secret;
    struct arena arena;
    struct groups groups;
    cr_assert(hash_secret_draw(&secret));
    const struct group_shape shape = {.key_count = 1, .secret = &secret};
    arena_init(&arena, MEM_CLIENT, 64 << 10);
    groups_begin(&groups, &shape, &arena);
    int64_t number = 0;
    struct group *group;
    struct scalar key = scalar_integer(0);
    while (groups_find(&groups, &key, copies + 1, &group) == EXPRESSION_OK) {
        key = scalar_integer(++number);
        cr_assert_lt(number, 100000);
    }
    cr_assert_eq(groups.count, (uint64_t)number);
    for (int64_t i = 0; i < number; i++) {
        key = scalar_integer(i);
        cr_assert_eq(groups_find(&groups, &key, copies + 1, &group), EXPRESSION_OK);
        cr_assert_eq(group->keys[0].integer, i);
    }
    arena_release(&arena);
}

/* --- plans --- */

static struct heap *heap;
static struct schema *schema;
static struct arena arena;
static struct hash_secret secret;

static void make_schema(void)
{
    static const struct bytes columns[] = {BYTES("id:integer"), BYTES("name:string"), BYTES("my-col:float")};
    static struct schema_draft draft;
    heap = heap_create();
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        cr_assert_eq(schema_draft_add(&draft, columns[i], NULL), TABLE_OK);
    }
    schema = schema_create(heap, &draft);
    cr_assert_not_null(schema);
    arena_init(&arena, MEM_CLIENT, 1 << 20);
    cr_assert(hash_secret_draw(&secret));
}

static void end_schema(void)
{
    arena_release(&arena);
    schema_destroy(heap, schema);
    heap_destroy(heap);
}

/* Words between blanks, behind the table's name. */
static enum sql_fault_kind plan(const char *text, struct select **out, struct sql_fault *fault)
{
    struct bytes words[32] = {BYTES("TABLE.SELECT"), BYTES("s.t")};
    static char copy[200];
    uint32_t count = 2;
    uint32_t at = 2;
    struct select_words clauses = {0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest = copy, *word; (word = strsep(&rest, " ")) != NULL && count < 32;) {
        words[count++] = bytes_of_string(word);
    }
    select_words_read_columns(&clauses, words, count, &at);
    select_words_read_rest(&clauses, words, count, &at);
    cr_assert_eq(at, count, "%s", text);
    return select_words_plan(&clauses, words, schema, &secret, &arena, out, fault);
}

Test(select, words_become_plans, .init = make_schema, .fini = end_schema)
{
    struct select *select;
    struct sql_fault fault;
    cr_assert_eq(plan("COLUMNS my-col name AS n id+1 ORDER BY n DESC my-col LIMIT 5 OFFSET 2", &select, &fault), SQL_FAULT_NONE, "%s", fault.text);
    cr_assert_eq(select->item_count, 3);
    cr_assert(bytes_equal(select->items[0].name, BYTES("my-col")));
    cr_assert(bytes_equal(select->items[1].name, BYTES("n")));
    cr_assert(bytes_equal(select->items[2].name, BYTES("id + 1")));
    cr_assert_eq(select->input_count, 3);
    cr_assert_not(select->is_grouped);
    cr_assert_eq(select->order.count, 2);
    cr_assert(select->order.keys[0].is_descending && select->order.keys[0].nulls_last && !select->order.keys[1].is_descending);
    cr_assert_eq(select_wanted(select), 7);

    cr_assert_eq(plan("COLUMNS name count(*) sum(id) GROUP BY name HAVING sum(id) > 3 ORDER BY count(*)", &select, &fault), SQL_FAULT_NONE, "%s", fault.text);
    cr_assert(select->is_grouped);
    cr_assert_eq(select->shape.key_count, 1);
    cr_assert_eq(select->shape.aggregate_count, 2); /* each once */
    cr_assert_eq(select->order.count, 2);           /* and the key */
    cr_assert_eq(select_wanted(select), UINT64_MAX);

    cr_assert_eq(plan("COLUMNS DISTINCT name, id", &select, &fault), SQL_FAULT_NONE, "%s", fault.text);
    cr_assert_eq(select->shape.key_count, 2);

    cr_assert_eq(plan("ORDER BY _id LIMIT 1", &select, &fault), SQL_FAULT_NONE, "%s", fault.text);
    cr_assert_eq(select->item_count, 0);
    cr_assert_eq(select->inputs[0].cells, ROW_ID);
}

Test(select, faults_show_what_was_read, .init = make_schema, .fini = end_schema)
{
    struct select *select;
    struct sql_fault fault;
    cr_assert_eq(plan("COLUMNS id nope", &select, &fault), SQL_FAULT_MEANING);
    cr_assert_str_eq(fault.text, "there is no column nope, at line 1, column 14 (byte 13) of: SELECT \"id\", nope FROM \"s\".\"t\"");
    cr_assert_eq(plan("COLUMNS id +", &select, &fault), SQL_FAULT_SYNTAX);
    arena_release(&arena);
    arena_init(&arena, MEM_CLIENT, 1 << 10);
    cr_assert_eq(plan("COLUMNS id", &select, &fault), SQL_FAULT_NO_MEMORY);
}
