/* set.c - sets in their three forms against a sorted array of texts: encodings by Redis's rules, exact bytes, refused memory.  */
#include "data/set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAMES = 900 };

static struct heap *heap;
static struct hash_secret secret;
static struct keyspace ks;
static struct key key;
static uint64_t random_state;
static const int64_t now_ms = INT64_C(1700000000000);

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void start(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
    heap = heap_create();
    cr_assert(heap != NULL && hash_secret_draw(&secret));
    keyspace_init(&ks, heap, &secret);
    key.name = BYTES("a set");
    key.hash = hash_bytes(&secret, key.name);
}

static void stop(void)
{
    keyspace_clear(&ks);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

TestSuite(set, .init = start, .fini = stop, .timeout = 240);

/* --- the model --- */

enum kind { KIND_INTEGERS, KIND_TEXTS, KIND_LONG };

struct model {
    bool is_there[3][NAMES];
    uint64_t count;
    bool is_intset;
    int64_t limit;
};

static struct item member_of(enum kind kind, unsigned number, char text[100])
{
    size_t len;
    switch (kind) {
    case KIND_INTEGERS:
        return item_of_integer(number < 500 ? (int64_t)number - 250 : (int64_t)number * number * number * number);
    case KIND_TEXTS:
        len = (size_t)snprintf(text, 100, "%u.", number);
        return item_of_text((struct bytes){text, len});
    default:
        len = (size_t)snprintf(text, 100, "%080u", number);
        return item_of_text((struct bytes){text, len});
    }
}

static struct entry *find(void)
{
    return keyspace_find(&ks, key, now_ms);
}

static void check(const struct model *model)
{
    static bool seen[3][NAMES];
    const struct entry *entry = find();
    cr_assert_eq(entry != NULL, model->count > 0);
    struct keyspace_tally tally = {0};
    char finding[200];
    cr_assert(keyspace_audit(&ks, &tally, finding), "%s", finding);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_SET], (int64_t)ks.entry_bytes);
    if (entry == NULL) {
        return;
    }
    cr_assert_eq(entry_type(entry), VALUE_SET);
    cr_assert_eq(set_count(entry), model->count);
    cr_assert_eq(set_encoding(entry), model->is_intset ? ENCODING_INTSET : ENCODING_HASHTABLE);
    memset(seen, 0, sizeof seen);
    for (unsigned kind = 0; kind < 3; kind++) {
        for (unsigned i = 0; i < NAMES; i++) {
            char text[100];
            const struct item member = member_of((enum kind)kind, i, text);
            cr_assert_eq(set_contains(entry, &member), model->is_there[kind][i]);
        }
    }
    struct set_walk walk;
    struct item member;
    uint64_t walked = 0;
    int64_t previous = INT64_MIN;
    for (set_walk_begin(&walk, entry); set_walk_next(&walk, &member); walked++) {
        cr_assert(set_contains(entry, &member));
        if (entry_form(entry) == VALUE_FORM_SET_INTSET) {
            cr_assert(walked == 0 || member.integer > previous);
            previous = member.integer;
        }
    }
    cr_assert_eq(walked, model->count);
}

static enum result put(struct model *model, enum kind kind, unsigned number)
{
    char text[100];
    const struct encoding_limits limits = {.set_max_intset_entries = model->limit};
    const struct item member = member_of(kind, number, text);
    struct value value;
    bool is_new = false;
    value_open(&value, &ks, key, find());
    enum result result = set_add(&value, &limits, &member, &is_new);
    const enum result closed = value_close(&value);
    result = result == RESULT_OK ? closed : result;
    if (result == RESULT_OK) {
        cr_assert_eq(is_new, !model->is_there[kind][number]);
        model->is_intset = (model->count == 0 || model->is_intset) && kind == KIND_INTEGERS &&
                           model->count + is_new <= (uint64_t)model->limit;
        model->count += is_new;
        model->is_there[kind][number] = true;
    }
    return result;
}

static enum result drop(struct model *model, enum kind kind, unsigned number)
{
    char text[100];
    const struct item member = member_of(kind, number, text);
    struct value value;
    bool was_there;
    value_open(&value, &ks, key, find());
    const enum result result = set_remove(&value, &member, &was_there);
    if (result == RESULT_OK) {
        cr_assert_eq(was_there, model->is_there[kind][number]);
        model->is_there[kind][number] = false;
        model->count -= was_there;
    }
    if (set_value_count(&value) == 0) {
        value_remove(&value);
    } else {
        cr_assert_eq(value_close(&value), RESULT_OK);
    }
    return result;
}

/* The kinds of members that come, most often integers or only them. */
static enum kind random_kind(unsigned texts, unsigned longs)
{
    const unsigned chance = (unsigned)(random_u64() % 1000);
    return chance < longs ? KIND_LONG : chance < texts ? KIND_TEXTS : KIND_INTEGERS;
}

static void churn(int64_t limit, unsigned texts, unsigned longs, int64_t fail_after)
{
    static struct model model;
    model = (struct model){.limit = limit};
    for (unsigned i = 0; i < 4000; i++) {
        const enum kind kind = random_kind(texts, longs);
        const unsigned number = (unsigned)(random_u64() % NAMES);
        const bool is_put = random_u64() % 100 < (i / 400 % 2 == 0 ? 80 : 20);
        if (fail_after >= 0) {
            heap_fail_after(heap, (int64_t)(random_u64() % (uint64_t)(fail_after + 1)));
        }
        const enum result result = is_put ? put(&model, kind, number) : drop(&model, kind, number);
        heap_fail_after(heap, -1);
        cr_assert(result == RESULT_OK || fail_after >= 0);
        if (i % 53 == 0) {
            check(&model);
        }
    }
    check(&model);
    keyspace_delete(&ks, key, now_ms);
}

Test(set, is_what_the_model_is)
{
    static const struct { int64_t limit; unsigned texts, longs; } rows[] = {
        {512, 0, 0}, {512, 2, 0}, {512, 300, 5}, {10, 0, 0}, {0, 0, 0}, {100000, 0, 0}, {100000, 1, 0}, {200, 500, 0},
        {600, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        churn(rows[i].limit, rows[i].texts, rows[i].longs, -1);
    }
}

Test(set, is_as_before_when_memory_is_refused)
{
    for (int64_t fail_after = 0; fail_after < 4; fail_after++) {
        churn(512, 2, 1, fail_after);
        churn(20, 300, 2, fail_after);
    }
}

Test(set, keeps_the_name_intset_when_it_is_too_long_for_an_entry)
{
    static struct model model;
    enum { MANY = 10000 };
    const struct encoding_limits limits = {.set_max_intset_entries = MANY};
    struct value value;
    bool is_new;
    value_open(&value, &ks, key, NULL);
    for (int64_t i = 0; i < MANY; i++) {
        const struct item member = item_of_integer(i << 40);
        cr_assert_eq(set_add(&value, &limits, &member, &is_new), RESULT_OK);
    }
    cr_assert_eq(value_close(&value), RESULT_OK);
    cr_assert_eq(set_encoding(find()), ENCODING_INTSET);
    cr_assert(set_is_large(find()));
    value_open(&value, &ks, key, find());
    const struct item one_more = item_of_integer(-1);
    cr_assert_eq(set_add(&value, &limits, &one_more, &is_new), RESULT_OK);
    cr_assert_eq(value_close(&value), RESULT_OK);
    cr_assert_eq(set_encoding(find()), ENCODING_HASHTABLE);
    keyspace_delete(&ks, key, now_ms);
    check(&model);
}

Test(set, can_be_told_that_it_is_no_intset)
{
    static const unsigned counts[] = {1, 128, 129, 500};
    for (unsigned row = 0; row < 4; row++) {
        static struct model model;
        model = (struct model){.limit = 512};
        for (unsigned i = 0; i < counts[row]; i++) {
            cr_assert_eq(put(&model, KIND_INTEGERS, i), RESULT_OK);
        }
        struct value value;
        value_open(&value, &ks, key, find());
        heap_fail_after(heap, 0);
        const enum result result = set_make_hashtable(&value);
        heap_fail_after(heap, -1);
        model.is_intset = result != RESULT_OK;
        cr_assert_eq(value_close(&value), RESULT_OK);
        check(&model);
        value_open(&value, &ks, key, find());
        cr_assert_eq(set_make_hashtable(&value), RESULT_OK);
        cr_assert_eq(value_close(&value), RESULT_OK);
        model.is_intset = false;
        check(&model);
        keyspace_delete(&ks, key, now_ms);
    }
}

Test(set, picks_each_member_as_often_as_any_other)
{
    enum { MEMBERS = 100, PICKS = 40000 };
    static const int64_t limits_of[] = {512, 0};
    for (unsigned row = 0; row < 2; row++) {
        unsigned picked[MEMBERS] = {0};
        const struct encoding_limits limits = {.set_max_intset_entries = limits_of[row]};
        struct value value;
        bool is_new;
        value_open(&value, &ks, key, NULL);
        for (int64_t i = 0; i < MEMBERS; i++) {
            const struct item member = item_of_integer(i);
            cr_assert_eq(set_add(&value, &limits, &member, &is_new), RESULT_OK);
        }
        cr_assert_eq(value_close(&value), RESULT_OK);
        const struct set_view view = set_view(find());
        uint64_t state = random_u64();
        for (unsigned i = 0; i < PICKS; i++) {
            picked[set_view_at(&view, set_view_random(&view, &state)).integer]++;
        }
        double chi_square = 0;
        for (unsigned i = 0; i < MEMBERS; i++) {
            const double off = (double)picked[i] - PICKS / MEMBERS;
            chi_square += off * off / (PICKS / MEMBERS);
        }
        cr_assert_lt(chi_square, MEMBERS + 6 * 14.1, "%f; 99 degrees of freedom, six standard deviations of 14.1", chi_square);
        keyspace_delete(&ks, key, now_ms);
    }
}
