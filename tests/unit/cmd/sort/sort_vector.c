/* sort_vector.c - the stable merge sort against a plain one, in steps of any size.  */
#include "cmd/sort/sort_vector.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ELEMENTS_MAX = 700, ROUNDS = 200 };

static void seed_random(void)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
}

/* Short texts of few letters, a NUL among them, so that many are equal. */
static struct bytes random_text(char out[4])
{
    static const char letters[] = "ab\0z";
    const size_t len = (size_t)rand() % 4;
    for (size_t i = 0; i < len; i++) {
        out[i] = letters[rand() % 4];
    }
    return (struct bytes){out, len};
}

static int compare(const struct sort_element *a, const struct sort_element *b, enum sort_order order)
{
    const bool is_by_weight = order == SORT_BY_WEIGHT || order == SORT_BY_WEIGHT_EXACT;
    const struct bytes x = is_by_weight ? a->weight : a->text;
    const struct bytes y = is_by_weight ? b->weight : b->text;
    if (order == SORT_BY_SCORE) {
        return a->score < b->score ? -1 : a->score > b->score ? 1 : bytes_compare(x, y);
    }
    if (x.data == NULL || y.data == NULL) {
        return x.data == y.data ? 0 : x.data == NULL ? -1 : 1;
    }
    return order == SORT_BY_TEXT || order == SORT_BY_WEIGHT ? strcmp(x.data, y.data) : bytes_compare(x, y);
}

static void fill(struct sort_vector *vector, uint32_t count, enum sort_order order)
{
    cr_assert(sort_vector_reserve(vector, count));
    for (uint32_t i = 0; i < count; i++) {
        char text[4], weight[4];
        cr_assert(sort_vector_add(vector, random_text(text)));
        if (order == SORT_BY_SCORE) {
            vector->elements[i].score = rand() % 5 - 2;
        } else if (rand() % 3 != 0) {
            cr_assert(sort_vector_weigh(vector, i, random_text(weight)));
        }
    }
}

Test(sort_vector, puts_elements_in_order_and_leaves_equal_ones_as_they_came)
{
    seed_random();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct sort_vector vector = {0};
        const enum sort_order order = (enum sort_order)(round % 5);
        const bool is_descending = rand() % 2 == 0;
        const uint32_t count = (uint32_t)(rand() % (round % 10 == 0 ? ELEMENTS_MAX : 9));
        fill(&vector, count, order);
        cr_assert(sort_vector_begin(&vector));
        const size_t steps = 1 + (size_t)rand() % 50;
        while (!sort_vector_run(&vector, order, is_descending, steps)) {
        }
        uint8_t is_seen[ELEMENTS_MAX] = {0};
        for (uint32_t i = 0; i < count; i++) {
            const struct sort_element *here = sort_vector_at(&vector, i);
            is_seen[here - vector.elements]++;
            if (i == 0) {
                continue;
            }
            const struct sort_element *before = sort_vector_at(&vector, i - 1);
            const int difference = is_descending ? compare(here, before, order) : compare(before, here, order);
            cr_assert(difference < 0 || (difference == 0 && before < here));
        }
        for (uint32_t i = 0; i < count; i++) {
            cr_assert_eq(is_seen[i], 1);
        }
        while (!sort_vector_release(&vector, 1)) {
        }
        cr_assert_null(vector.elements);
    }
}

Test(sort_vector, keeps_long_texts_and_a_nul_behind_each)
{
    struct sort_vector vector = {0};
    static char text[1000000];
    memset(text, 'x', sizeof text);
    cr_assert(sort_vector_reserve(&vector, 50));
    for (size_t i = 0; i < 50; i++) {
        cr_assert(sort_vector_add(&vector, (struct bytes){text, i * i * 400}));
    }
    for (uint32_t i = 0; i < 50; i++) {
        const struct bytes kept = sort_vector_at(&vector, i)->text;
        cr_assert_eq(kept.len, (size_t)i * i * 400);
        cr_assert_eq(strlen(kept.data), kept.len);
    }
    cr_assert(sort_vector_release(&vector, SIZE_MAX));
}

Test(sort_vector, refuses_more_elements_than_it_can_count)
{
    struct sort_vector vector = {0};
    cr_assert_not(sort_vector_reserve(&vector, (uint64_t)SORT_ELEMENTS_MAX + 1));
    cr_assert(sort_vector_release(&vector, 1));
}

static const struct {
    struct bytes text;
    bool is_score;
    double score;
} scores[] = {
    {BYTES("1"), true, 1},     {BYTES("-7"), true, -7},      {BYTES("1.5"), true, 1.5},  {BYTES(""), true, 0},
    {BYTES(" 1"), true, 1},    {BYTES("1 "), false, 0},      {BYTES("0x10"), true, 16},  {BYTES("nan"), false, 0},
    {BYTES("1e400"), false, 0}, {BYTES("1e-400"), false, 0}, {BYTES("a"), false, 0},     {BYTES("2\0a"), true, 2},
    {BYTES("007"), true, 7},   {BYTES("9223372036854775808"), true, 9223372036854775808.0},
};

Test(sort_vector, reads_scores_as_strtod_does)
{
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        double score;
        cr_assert_eq(sort_score_parse(scores[i].text, &score), scores[i].is_score, "%s", scores[i].text.data);
        cr_assert(!scores[i].is_score || score == scores[i].score);
    }
}
