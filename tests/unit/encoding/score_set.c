/* score_set.c - large sorted sets against a sorted array: order, ranks, walks, scans, exact memory, refused memory.  */
#include "encoding/score_set.h"

#include "base/number.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t random_state = 1;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void seed_random(void)
{
    random_state = (uint64_t)time(NULL) * 2654435761u + 1;
    printf("seed %llu\n", (unsigned long long)random_state);
}

/* --- the model: an array in order --- */

struct model_item {
    struct bytes member; /* its own copy */
    double score;
};

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct score_set *set;
    struct model_item *items;
    size_t count, capacity;
};

static struct fixture fixture_make(size_t capacity)
{
    struct fixture f = {.heap = heap_create(), .capacity = capacity};
    cr_assert_not_null(f.heap);
    for (size_t i = 0; i < sizeof f.secret.bytes; i++) {
        f.secret.bytes[i] = (unsigned char)random_u64();
    }
    f.items = calloc(capacity, sizeof *f.items);
    return f;
}

/* The set keeps the secret's address, so it is made when the fixture stands where it stays. */
static void fixture_start(struct fixture *f)
{
    f->set = score_set_create(f->heap, &f->secret);
    cr_assert_not_null(f->set);
}

static void fixture_unmake(struct fixture *f)
{
    size_t limit = 7;
    while (!score_set_collection(f->set)->type->free_step(score_set_collection(f->set), &limit)) {
        limit = 1 + random_u64() % 300;
    }
    cr_assert_eq(heap_counters(f->heap)->class_bytes[MEM_ZSET], 0);
    cr_assert_eq(heap_counters(f->heap)->class_blocks[MEM_ZSET], 0);
    heap_destroy(f->heap);
    for (size_t i = 0; i < f->count; i++) {
        free((void *)(uintptr_t)f->items[i].member.data);
    }
    free(f->items);
}

static int model_order(const struct model_item *item, double score, struct bytes member)
{
    if (item->score != score) {
        return item->score < score ? -1 : 1;
    }
    return bytes_compare(item->member, member);
}

static size_t model_place(const struct fixture *f, double score, struct bytes member)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (model_order(&f->items[middle], score, member) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t model_find(const struct fixture *f, struct bytes member)
{
    for (size_t i = 0; i < f->count; i++) {
        if (bytes_equal(f->items[i].member, member)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void model_insert(struct fixture *f, struct bytes member, double score)
{
    const size_t at = model_place(f, score, member);
    cr_assert_lt(f->count, f->capacity);
    memmove(&f->items[at + 1], &f->items[at], (f->count - at) * sizeof *f->items);
    f->items[at] = (struct model_item){member, score};
    f->count++;
}

static struct bytes model_take(struct fixture *f, size_t at)
{
    const struct bytes member = f->items[at].member;
    f->count--;
    memmove(&f->items[at], &f->items[at + 1], (f->count - at) * sizeof *f->items);
    return member;
}

static void model_put(struct fixture *f, struct bytes member, double score)
{
    const size_t at = model_find(f, member);
    if (at != SIZE_MAX) {
        const struct bytes kept = model_take(f, at);
        model_insert(f, kept, score);
        return;
    }
    char *copy = malloc(member.len + 1);
    memcpy(copy, member.data, member.len);
    model_insert(f, (struct bytes){copy, member.len}, score);
}

static void model_remove(struct fixture *f, size_t at)
{
    free((void *)(uintptr_t)model_take(f, at).data);
}

/* --- checks --- */

static void check_structure(const struct fixture *f)
{
    const char *fault = score_set_fault(f->set);
    cr_assert_null(fault, "%s", fault);
    cr_assert_eq((int64_t)score_set_collection(f->set)->bytes, heap_counters(f->heap)->class_bytes[MEM_ZSET]);
    cr_assert_eq(score_set_count(f->set), f->count);
}

static void check_equal(const struct fixture *f)
{
    check_structure(f);
    struct score_walk walk;
    struct score_item item;
    score_walk_begin(&walk, f->set, 0);
    for (size_t i = 0; i < f->count; i++) {
        cr_assert(score_walk_next(&walk, &item));
        cr_assert(bytes_equal(item.member, f->items[i].member) && item.score == f->items[i].score, "at %zu", i);
    }
    cr_assert_not(score_walk_next(&walk, &item));
    for (size_t i = f->count; i-- > 0;) {
        cr_assert(score_walk_previous(&walk, &item));
        cr_assert(bytes_equal(item.member, f->items[i].member));
    }
    cr_assert_not(score_walk_previous(&walk, &item));
}

/* Ranks of one member, of one score and of one pair that need not be there. */
static void check_ranks(const struct fixture *f, struct bytes member, double score)
{
    struct score_place place;
    const size_t at = model_find(f, member);
    cr_assert_eq(score_set_find(f->set, member, &place), at != SIZE_MAX);
    if (at != SIZE_MAX) {
        cr_assert_eq(place.score, f->items[at].score);
        cr_assert_eq(score_place_rank(f->set, &place), at);
        const struct score_item item = score_set_at(f->set, at);
        cr_assert(bytes_equal(item.member, member));
    }
    uint64_t below = 0, not_above = 0;
    for (size_t i = 0; i < f->count; i++) {
        below += f->items[i].score < score;
        not_above += f->items[i].score <= score;
    }
    cr_assert_eq(score_set_rank_of_score(f->set, score, false), below);
    cr_assert_eq(score_set_rank_of_score(f->set, score, true), not_above);
    const size_t place_of_pair = model_place(f, score, member);
    const bool is_there = place_of_pair < f->count && model_order(&f->items[place_of_pair], score, member) == 0;
    cr_assert_eq(score_set_rank_of(f->set, score, member, false), place_of_pair);
    cr_assert_eq(score_set_rank_of(f->set, score, member, true), place_of_pair + is_there);
    struct score_walk walk;
    struct score_item item;
    score_walk_begin(&walk, f->set, place_of_pair);
    cr_assert_eq(score_walk_next(&walk, &item), place_of_pair < f->count);
}

/* --- kinds of members and scores --- */

struct recipe {
    const char *name;
    unsigned members, scores; /* so many different ones */
    unsigned long_members;    /* of 16 */
    bool is_shared_prefix;
};

static const struct recipe recipes[] = {
    {"all scores different", 3000, 0, 0, false},
    {"few scores", 3000, 5, 0, true},
    {"one score", 2000, 1, 0, true},
    {"long members", 1200, 40, 8, false},
    {"few members", 60, 10, 2, false},
};

static struct bytes make_member(const struct recipe *recipe, unsigned number, char room[2048])
{
    static const unsigned lengths[] = {0, 255, 256, 257, 1000, 2000, 64, 5, 100, 200};
    if (number % 16 < recipe->long_members) {
        const unsigned len = lengths[(number / 16) % 10] + 8;
        memset(room, 'a' + (int)(number % 26), len);
        memcpy(room + len - sizeof number, &number, sizeof number);
        return (struct bytes){room, len > 8 ? len - (number % 3) * 0 : 8};
    }
    const int len = snprintf(room, 2048, recipe->is_shared_prefix ? "member:%06u" : "%u", number);
    return (struct bytes){room, (size_t)len};
}

static double make_score(const struct recipe *recipe)
{
    static const double special[] = {-INFINITY, INFINITY, 0.0, -0.0, 1e300, -1e-300};
    if (recipe->scores == 0) {
        return random_u64() % 50 == 0 ? special[random_u64() % 6] : (double)(int64_t)random_u64() / 1e6;
    }
    return (double)(random_u64() % recipe->scores);
}

static void put(struct fixture *f, struct bytes member, double score)
{
    const size_t at = model_find(f, member);
    cr_assert_eq(score_set_put(f->set, member, score), RESULT_OK);
    if (at == SIZE_MAX || f->items[at].score != score) {
        model_put(f, member, score);
    }
}

static void take(struct fixture *f, struct bytes member)
{
    struct score_place place;
    const size_t at = model_find(f, member);
    cr_assert_eq(score_set_find(f->set, member, &place), at != SIZE_MAX);
    if (at != SIZE_MAX) {
        score_set_remove(f->set, &place);
        model_remove(f, at);
    }
}

static void random_step(struct fixture *f, const struct recipe *recipe, unsigned removals_of_16)
{
    char room[2048];
    const struct bytes member = make_member(recipe, (unsigned)(random_u64() % recipe->members), room);
    const double score = make_score(recipe);
    if (random_u64() % 16 >= removals_of_16) {
        put(f, member, score);
    } else {
        take(f, member);
    }
    if (random_u64() % 8 == 0) {
        check_ranks(f, member, score);
    }
}

Test(score_set, equals_a_sorted_array_after_random_steps)
{
    seed_random();
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct fixture f = fixture_make(recipes[i].members);
        fixture_start(&f);
        for (unsigned phase = 0; phase < 6; phase++) {
            for (unsigned step = 0; step < recipes[i].members * 2; step++) {
                random_step(&f, &recipes[i], phase % 2 == 0 ? 3 : 13);
                if (step % 211 == 0) {
                    check_structure(&f);
                }
            }
            check_equal(&f);
        }
        while (f.count > 0) {
            take(&f, f.items[random_u64() % f.count].member);
            if (f.count % 97 == 0) {
                check_equal(&f);
            }
        }
        check_equal(&f);
        fixture_unmake(&f);
    }
}

Test(score_set, removes_ranges_of_ranks)
{
    seed_random();
    for (unsigned round = 0; round < 30; round++) {
        const struct recipe *recipe = &recipes[round % 5];
        struct fixture f = fixture_make(recipe->members);
        fixture_start(&f);
        for (unsigned i = 0; i < recipe->members; i++) {
            char room[2048];
            put(&f, make_member(recipe, i, room), make_score(recipe));
        }
        while (f.count > 0) {
            const size_t first = random_u64() % f.count;
            size_t count = 1 + random_u64() % (random_u64() % 2 == 0 ? 10 : f.count);
            count = count < f.count - first ? count : f.count - first;
            score_set_remove_range(f.set, first, count);
            for (size_t i = 0; i < count; i++) {
                model_remove(&f, first);
            }
            check_equal(&f);
        }
        fixture_unmake(&f);
    }
}

/* Cuts ranks out of set and model, and cleans or not. */
static void cut(struct fixture *f, uint64_t rank, uint64_t count)
{
    cr_assert(score_set_cut(f->set, rank, count));
    for (uint64_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)f->items[rank + i].member.data);
    }
    f->count -= count;
    memmove(&f->items[rank], &f->items[rank + count], (f->count - rank) * sizeof *f->items);
    check_structure(f);
}

Test(score_set, cuts_out_ranks_and_cleans_up_in_steps)
{
    seed_random();
    for (unsigned round = 0; round < 20; round++) {
        const struct recipe *recipe = &recipes[round % (sizeof recipes / sizeof *recipes)];
        const unsigned members = round % 2 == 0 ? recipe->members : 12000;
        struct fixture f = fixture_make(members + 100);
        fixture_start(&f);
        for (unsigned i = 0; i < members; i++) {
            char room[2048];
            const struct bytes member = make_member(recipe, i, room);
            const double score = recipe->scores == 1 ? 1 : i / 3;
            struct score_place place;
            if (!score_set_find(f.set, member, &place)) {
                cr_assert_eq(score_set_put(f.set, member, score), RESULT_OK);
                char *copy = malloc(member.len + 1);
                memcpy(copy, member.data, member.len);
                model_insert(&f, (struct bytes){copy, member.len}, score);
            }
        }
        for (unsigned step = 0; step < 8 && f.count > 1; step++) {
            const uint64_t rank = random_u64() % 4 == 0 ? 0 : random_u64() % f.count;
            const uint64_t most = f.count - rank - (rank == 0);
            cut(&f, rank, random_u64() % 4 == 0 ? most : 1 + random_u64() % (most == 0 ? 1 : most));
            check_equal(&f);
            /* While something is left of it the set is used: members come again with the same score or another. */
            for (unsigned i = 0; i < 50 && f.count + 1 < f.capacity; i++) {
                char room[2048];
                put(&f, make_member(recipe, (unsigned)(random_u64() % members), room), (double)(random_u64() % members / 3));
                take(&f, make_member(recipe, (unsigned)(random_u64() % members), room));
            }
            check_structure(&f);
            size_t limit = random_u64() % 4 == 0 ? 0 : 500;
            while (limit > 0 && !score_set_clean(f.set, &limit)) {
                check_structure(&f);
                limit = 1 + random_u64() % 2000;
            }
            if (limit == 0) {
                if (round % 3 == 0) {
                    break; /* freed with its remains */
                }
                limit = SIZE_MAX;
                cr_assert(score_set_clean(f.set, &limit));
            }
            check_equal(&f);
        }
        fixture_unmake(&f);
    }
}

Test(score_set, a_cut_that_is_refused_changes_nothing)
{
    struct fixture f = fixture_make(5000);
    fixture_start(&f);
    for (unsigned i = 0; i < 4000; i++) {
        char room[2048];
        const struct bytes member = make_member(&recipes[0], i, room);
        cr_assert_eq(score_set_append(f.set, member, i), RESULT_OK);
        model_put(&f, member, i);
    }
    heap_fail_after(f.heap, 0);
    cr_assert_not(score_set_cut(f.set, 100, 3000));
    heap_fail_after(f.heap, -1);
    check_equal(&f);
    cut(&f, 100, 3000);
    size_t limit = SIZE_MAX;
    cr_assert(score_set_clean(f.set, &limit));
    check_equal(&f);
    fixture_unmake(&f);
}

Test(score_set, appends_fill_leaves_and_copies_are_equal)
{
    struct fixture f = fixture_make(20000);
    fixture_start(&f);
    for (unsigned i = 0; i < 20000; i++) {
        char room[32];
        const size_t len = (size_t)snprintf(room, sizeof room, "member:%07u", i);
        cr_assert_eq(score_set_append(f.set, (struct bytes){room, len}, i), RESULT_OK);
        char *copy = malloc(len);
        memcpy(copy, room, len);
        f.items[f.count++] = (struct model_item){{copy, len}, i};
    }
    check_equal(&f);
    printf("appended in order: %.2f bytes a member\n", (double)score_set_collection(f.set)->bytes / 20000);
    struct heap *other = heap_create();
    struct score_set *copy = score_set_copy(f.set, other);
    cr_assert_not_null(copy);
    cr_assert_null(score_set_fault(copy));
    cr_assert_eq(score_set_count(copy), f.count);
    for (size_t i = 0; i < f.count; i += 7) {
        cr_assert(bytes_equal(score_set_at(copy, i).member, f.items[i].member));
    }
    collection_destroy(score_set_collection(copy));
    cr_assert_eq(heap_counters(other)->class_bytes[MEM_ZSET], 0);
    for (int64_t i = 0; i < 300; i++) {
        heap_fail_after(other, i);
        cr_assert_null(score_set_copy(f.set, other));
        cr_assert_eq(heap_counters(other)->class_bytes[MEM_ZSET], 0);
    }
    heap_destroy(other);
    fixture_unmake(&f);
}

Test(score_set, changes_nothing_when_memory_is_refused)
{
    seed_random();
    for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++) {
        const struct recipe *recipe = &recipes[r];
        struct fixture f = fixture_make(recipe->members);
        fixture_start(&f);
        for (unsigned step = 0; step < recipe->members * 3; step++) {
            char room[2048];
            const struct bytes member = make_member(recipe, (unsigned)(random_u64() % recipe->members), room);
            const double score = make_score(recipe);
            const bool is_checked = step % 31 == 0;
            enum result result = RESULT_NO_MEMORY;
            for (int64_t allowed = 0; result != RESULT_OK; allowed++) {
                heap_fail_after(f.heap, allowed);
                result = score_set_put(f.set, member, score);
                heap_fail_after(f.heap, -1);
                if (result != RESULT_OK && is_checked) {
                    check_equal(&f);
                }
            }
            const size_t at = model_find(&f, member);
            if (at == SIZE_MAX || f.items[at].score != score) {
                model_put(&f, member, score);
            }
            heap_fail_after(f.heap, 0);
            if (step % 3 == 0) {
                take(&f, member);
            }
            heap_fail_after(f.heap, -1);
        }
        check_equal(&f);
        fixture_unmake(&f);
    }
}

/* --- scans --- */

struct seen {
    unsigned char *marks;
    size_t visits;
};

static void mark(const struct score_item *item, void *arg)
{
    struct seen *seen = arg;
    int64_t number;
    cr_assert(int64_parse((struct bytes){item->member.data + 1, item->member.len - 1}, &number));
    seen->marks[number] = 1;
    seen->visits++;
}

/* Members 0 .. stay-1 are there throughout; the others come and go, and all scores move, between the calls. */
static void scan_while_changing(unsigned scores, unsigned stay, unsigned others)
{
    struct fixture f = fixture_make(1);
    fixture_start(&f);
    struct seen seen = {calloc(stay + others, 1), 0};
    const struct recipe recipe = {.scores = scores};
    char room[32];
    for (unsigned i = 0; i < stay; i++) {
        const struct bytes member = {room, (size_t)snprintf(room, sizeof room, "m%u", i)};
        cr_assert_eq(score_set_put(f.set, member, make_score(&recipe)), RESULT_OK);
    }
    uint64_t cursor = 0;
    unsigned calls = 0;
    do {
        struct score_scan scan;
        score_scan_begin(&scan, f.set, cursor, 10);
        while (score_scan_step(&scan, 100, mark, &seen)) {
        }
        cursor = scan.cursor;
        cr_assert_eq(cursor >> SCORE_CURSOR_BITS, 0);
        calls++;
        const unsigned growing = (calls / 16) % 2;
        for (unsigned i = 0; i < 40; i++) {
            const unsigned number = (unsigned)(random_u64() % (stay + others));
            const struct bytes member = {room, (size_t)snprintf(room, sizeof room, "m%u", number)};
            struct score_place place;
            if (number < stay || growing != 0) {
                cr_assert_eq(score_set_put(f.set, member, make_score(&recipe)), RESULT_OK);
            } else if (score_set_find(f.set, member, &place)) {
                score_set_remove(f.set, &place);
            }
        }
        cr_assert_lt(calls, stay + others + 1000);
    } while (cursor != 0);
    for (unsigned i = 0; i < stay; i++) {
        cr_assert(seen.marks[i], "member %u of %u was not visited", i, stay);
    }
    printf("%u scores: %u members, %zu visits in %u calls\n", scores, stay, seen.visits, calls);
    free(seen.marks);
    f.count = score_set_count(f.set);
    check_structure(&f);
    f.count = 0;
    fixture_unmake(&f);
}

Test(score_set, scans_visit_what_is_there_throughout)
{
    seed_random();
    scan_while_changing(0, 5000, 3000);
    scan_while_changing(1, 5000, 3000);
    scan_while_changing(100, 5000, 3000);
    scan_while_changing(1, 20, 100);
    scan_while_changing(0, 1, 0);
}

/* --- figures --- */

Test(score_set, a_member_of_14_bytes_costs_at_most_45)
{
    seed_random();
    static const unsigned counts[] = {1000, 10000, 50000, 70000, 100000, 140000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct fixture f = fixture_make(1);
        fixture_start(&f);
        for (unsigned i = 0; i < counts[c]; i++) {
            char room[32];
            const struct bytes member = {room, (size_t)snprintf(room, sizeof room, "member:%07u", i)};
            cr_assert_eq(score_set_put(f.set, member, (double)random_u64() / 3e15), RESULT_OK);
        }
        const double each = (double)score_set_collection(f.set)->bytes / counts[c];
        printf("%u members with random scores: %.2f bytes each\n", counts[c], each);
        cr_assert_leq(each, 45);
        fixture_unmake(&f);
    }
}
