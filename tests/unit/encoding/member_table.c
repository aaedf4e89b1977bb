/* member_table.c - sets and hashes against a naive model: exact bytes, refused memory, the scan's guarantee, bytes a member.  */
#include "base/random.h"
#include "encoding/member_table.h"

#include "encoding/packed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAMES = 3000, TEXT_MAX = 700 };

static struct heap *heap;
static struct hash_secret secret;
static uint64_t random_state;

static uint64_t random_u64(void)
{
    return random_next(&random_state);
}

static void start(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
    heap = heap_create();
    cr_assert(heap != NULL && hash_secret_draw(&secret));
}

static void stop(void)
{
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

TestSuite(member_table, .init = start, .fini = stop, .timeout = 240);

/* The member with this number: integers of all widths, short and long and binary texts; the same again for the same number. */
static struct item member_of(unsigned number, char text[TEXT_MAX])
{
    if (number % 3 == 0) {
        static const int64_t edges[] = {0, -1, 127, -128, 128, -129, 32767, -32769, 8388607, -8388609, INT64_MAX, INT64_MIN};
        return item_of_integer(number < 36 ? edges[number / 3] : (int64_t)number * (number % 2 == 0 ? 1 : -99991));
    }
    size_t len = (size_t)snprintf(text, TEXT_MAX, "m%u\n", number);
    const size_t wanted = number % 50 == 1 ? 200 + number % 400 : number % 7 == 1 ? 60 + number % 9 : len;
    for (; len < wanted; len++) {
        text[len] = (char)(number >> len % 16);
    }
    return number == 1 ? item_of_text(BYTES("")) : item_of_text((struct bytes){text, len});
}

/* Value number `version` of a member. */
static struct item value_of(unsigned version, char text[TEXT_MAX])
{
    if (version % 2 == 0) {
        return item_of_integer((int64_t)version * version * 7919 - 5000);
    }
    const size_t len = version % 11 == 1 ? 240 + version % 300 : version % 20;
    memset(text, (int)('a' + version % 26), len);
    return item_of_text((struct bytes){text, len});
}

static bool items_equal(const struct item *a, const struct item *b)
{
    if (item_is_integer(a) != item_is_integer(b)) {
        return false;
    }
    return item_is_integer(a) ? a->integer == b->integer : a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

struct model {
    struct member_table *table;
    bool has_values;
    uint64_t count;
    unsigned versions[NAMES]; /* 0: not there */
};

static struct collection *collection_of(const struct model *model)
{
    return member_table_collection(model->table);
}

static void check_whole(const struct model *model)
{
    const char *fault = collection_of(model)->type->fault(collection_of(model));
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq(member_table_count(model->table), model->count);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), (int64_t)collection_of(model)->bytes);
}

static void check_member(const struct model *model, unsigned number)
{
    char text[TEXT_MAX];
    char value_text[TEXT_MAX];
    const struct item member = member_of(number, text);
    struct item value;
    const bool is_there = member_table_find(model->table, &member, model->has_values ? &value : NULL);
    cr_assert_eq(is_there, model->versions[number] != 0, "member %u", number);
    if (is_there && model->has_values) {
        const struct item wanted = value_of(model->versions[number], value_text);
        cr_assert(items_equal(&value, &wanted), "value %u of member %u", model->versions[number], number);
    }
}

static enum result put(struct model *model, unsigned number, unsigned version)
{
    char text[TEXT_MAX];
    char value_text[TEXT_MAX];
    const struct item member = member_of(number, text);
    const struct item value = value_of(version, value_text);
    bool is_new;
    const enum result result = member_table_put(model->table, &member, model->has_values ? &value : NULL, &is_new);
    if (result == RESULT_OK) {
        cr_assert_eq(is_new, model->versions[number] == 0);
        model->count += is_new;
        model->versions[number] = version;
    }
    return result;
}

static void drop(struct model *model, unsigned number)
{
    char text[TEXT_MAX];
    const struct item member = member_of(number, text);
    const bool was_there = member_table_remove(model->table, &member);
    cr_assert_eq(was_there, model->versions[number] != 0);
    model->count -= was_there;
    model->versions[number] = 0;
}

static void open_model(struct model *model, bool has_values)
{
    *model = (struct model){.has_values = has_values};
    model->table = member_table_create(heap, &secret, has_values ? &member_hash_type : &member_set_type, ENCODING_HASHTABLE);
    cr_assert_not_null(model->table);
}

/* Random puts and removals over the first `names` members; of a hundred so many are puts. */
static void churn(struct model *model, unsigned steps, unsigned names, unsigned puts)
{
    for (unsigned i = 0; i < steps; i++) {
        const unsigned number = (unsigned)(random_u64() % names);
        if (random_u64() % 100 < puts) {
            cr_assert_eq(put(model, number, 1 + (unsigned)(random_u64() % 5000)), RESULT_OK);
        } else {
            drop(model, number);
        }
        check_member(model, number);
        if (i % 101 == 0) {
            check_whole(model);
        }
    }
    for (unsigned i = 0; i < NAMES; i++) {
        check_member(model, i);
    }
    check_whole(model);
}

static void test_churn(bool has_values)
{
    struct model model;
    open_model(&model, has_values);
    churn(&model, 300, 20, 50);
    churn(&model, 6000, NAMES, 90);
    churn(&model, 6000, NAMES, 50);
    churn(&model, 12000, NAMES, 10);
    for (unsigned i = 0; i < NAMES; i++) {
        drop(&model, i);
    }
    check_whole(&model);
    cr_assert_eq(model.table->depth, 0, "an empty table is one leaf again");
    cr_assert_leq(collection_of(&model)->bytes, 400);
    churn(&model, 1000, NAMES, 70);
    collection_destroy(collection_of(&model));
}

Test(member_table, a_set_is_what_the_model_is)
{
    test_churn(false);
}

Test(member_table, a_hash_is_what_the_model_is)
{
    test_churn(true);
}

static void test_refusals(bool has_values)
{
    struct model model;
    open_model(&model, has_values);
    unsigned refused = 0;
    for (unsigned i = 0; i < 6000; i++) {
        const unsigned number = (unsigned)(random_u64() % NAMES);
        heap_fail_after(heap, (int64_t)(random_u64() % 4));
        if (random_u64() % 100 < 75) {
            refused += put(&model, number, 1 + (unsigned)(random_u64() % 5000)) != RESULT_OK;
        } else {
            drop(&model, number);
        }
        heap_fail_after(heap, -1);
        check_member(&model, number);
        if (i % 37 == 0) {
            check_whole(&model);
        }
    }
    cr_assert_gt(refused, 10);
    struct collection *copy = NULL;
    unsigned refused_copies = 0;
    while (copy == NULL) { /* one block more each time, until there are enough */
        check_whole(&model);
        heap_fail_after(heap, (int64_t)refused_copies++);
        copy = collection_of(&model)->type->copy(collection_of(&model), heap);
        heap_fail_after(heap, -1);
    }
    cr_assert_gt(refused_copies, 5);
    collection_destroy(copy);
    check_whole(&model);
    for (unsigned i = 0; i < NAMES; i++) {
        check_member(&model, i);
    }
    collection_destroy(collection_of(&model));
}

Test(member_table, a_set_is_as_before_when_memory_is_refused)
{
    test_refusals(false);
}

Test(member_table, a_hash_is_as_before_when_memory_is_refused)
{
    test_refusals(true);
}

Test(member_table, cannot_be_made_without_memory)
{
    for (int64_t after = 0; after < 2; after++) {
        heap_fail_after(heap, after);
        cr_assert_null(member_table_create(heap, &secret, &member_set_type, ENCODING_HASHTABLE));
        heap_fail_after(heap, -1);
    }
}

Test(member_table, copies_share_nothing_and_walks_see_all)
{
    struct model model;
    open_model(&model, true);
    churn(&model, 5000, NAMES, 80);
    struct collection *copy = collection_of(&model)->type->copy(collection_of(&model), heap);
    cr_assert_not_null(copy);
    cr_assert_null(copy->type->fault(copy));
    collection_destroy(collection_of(&model));
    model.table = member_table_of(copy);
    for (unsigned i = 0; i < NAMES; i++) {
        check_member(&model, i);
    }
    struct member_walk walk;
    struct item member;
    struct item value;
    struct item found;
    uint64_t seen = 0;
    for (member_walk_begin(&walk, model.table); member_walk_next(&walk, &member, &value); seen++) {
        cr_assert(member_table_find(model.table, &member, &found) && items_equal(&value, &found));
    }
    cr_assert(!member_walk_next(&walk, &member, &value));
    cr_assert_eq(seen, model.count);
    size_t limit = 100;
    unsigned steps = 1;
    for (; !copy->type->free_step(copy, &limit); steps++) {
        limit = 100;
    }
    cr_assert_geq(steps, model.count / 200);
}

/* --- scan --- */

struct sighting {
    unsigned seen[NAMES];
};

static void note_number(const struct item *member, const struct item *value, void *arg)
{
    struct sighting *sighting = arg;
    cr_assert_null(value);
    sighting->seen[member->integer]++;
}

Test(member_table, scans_return_what_is_there_throughout)
{
    static struct sighting sighting;
    for (unsigned round = 0; round < 60; round++) {
        struct member_table *table = member_table_create(heap, &secret, &member_set_type, ENCODING_HASHTABLE);
        bool is_new;
        memset(&sighting, 0, sizeof sighting);
        const unsigned stay = (unsigned)(random_u64() % 500);
        const unsigned peak = stay + (unsigned)(random_u64() % (NAMES - stay));
        const bool shrinks = round % 2 == 0;
        for (unsigned i = 0; i < (shrinks ? peak : stay); i++) {
            const struct item member = item_of_integer(i);
            cr_assert_eq(member_table_put(table, &member, NULL, &is_new), RESULT_OK);
        }
        unsigned at = shrinks ? peak : stay;
        uint64_t cursor = 0;
        do {
            cursor = member_table_scan(table, cursor, 1 + random_u64() % 30, note_number, &sighting);
            cr_assert_eq(cursor >> MEMBER_CURSOR_BITS, 0);
            for (unsigned i = 0; i < 60; i++) {
                if (shrinks ? at > stay : at < peak) {
                    const struct item member = item_of_integer(shrinks ? --at : at++);
                    cr_assert_eq(shrinks ? member_table_remove(table, &member) == false
                                         : member_table_put(table, &member, NULL, &is_new) != RESULT_OK, false);
                }
            }
        } while (cursor != 0);
        for (unsigned i = 0; i < stay; i++) {
            cr_assert_geq(sighting.seen[i], 1);
        }
        cr_assert_eq(member_table_scan(table, UINT64_MAX, 10, note_number, &sighting), 0);
        collection_destroy(member_table_collection(table));
    }
}

/* --- random --- */

Test(member_table, picks_each_member_as_often_as_any_other)
{
    enum { MEMBERS = 1000, PICKS_EACH = 400 };
    static unsigned picked[MEMBERS];
    struct member_table *table = member_table_create(heap, &secret, &member_set_type, ENCODING_HASHTABLE);
    bool is_new;
    for (unsigned i = 0; i < MEMBERS; i++) {
        const struct item member = item_of_integer(i);
        cr_assert_eq(member_table_put(table, &member, NULL, &is_new), RESULT_OK);
    }
    uint64_t state = random_u64();
    for (unsigned i = 0; i < MEMBERS * PICKS_EACH; i++) {
        struct item member;
        member_table_at(table, member_table_random(table, &state), &member, NULL);
        picked[member.integer]++;
    }
    double chi_square = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        const double off = (double)picked[i] - PICKS_EACH;
        chi_square += off * off / PICKS_EACH;
    }
    cr_assert_lt(chi_square, MEMBERS + 6 * 45, "%f; 999 degrees of freedom, six standard deviations of 45", chi_square);
    collection_destroy(member_table_collection(table));
}

/* --- figures --- */

enum { MANY = 100000 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct item random_text(char *text, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < len; i++) {
        text[i] = letters[random_u64() % 36];
    }
    text[0] = 'x';
    return item_of_text((struct bytes){text, len});
}

static void report(const struct member_table *table, const char *what, double bytes_max, double seconds)
{
    const double bytes = (double)table->collection.bytes / (double)table->count;
    printf("%s: %.2f bytes each, inserted in %.0f ns\n", what, bytes, seconds * 1e9 / (double)table->count);
    cr_assert_leq(bytes, bytes_max, "%s: %.2f", what, bytes);
    const char *fault = table->collection.type->fault(&table->collection);
    cr_assert_null(fault, "%s", fault);
}

Test(member_table, costs_few_bytes_a_member)
{
    static const struct { const char *what; size_t member_len, value_len; double bytes_max; } rows[] = {
        {"14-byte members", 14, 0, 21},
        {"integers below a million", 0, 0, 9},
        {"fields of 10 with values of 11 bytes", 10, 11, 29},
    };
    for (unsigned row = 0; row < 3; row++) {
        const bool has_values = rows[row].value_len > 0;
        struct member_table *table = member_table_create(heap, &secret, has_values ? &member_hash_type : &member_set_type,
                                                         ENCODING_HASHTABLE);
        char texts[2][TEXT_MAX];
        bool is_new;
        const double begin = seconds_now();
        for (unsigned i = 0; i < MANY; i++) {
            const struct item member = rows[row].member_len > 0 ? random_text(texts[0], rows[row].member_len)
                                                                : item_of_integer((int64_t)(random_u64() % 1000000));
            const struct item value = random_text(texts[1], has_values ? rows[row].value_len : 1);
            cr_assert_eq(member_table_put(table, &member, has_values ? &value : NULL, &is_new), RESULT_OK);
        }
        report(table, rows[row].what, rows[row].bytes_max, seconds_now() - begin);
        collection_destroy(member_table_collection(table));
    }
}
