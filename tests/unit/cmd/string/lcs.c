/* lcs.c - the longest common subsequence, against the whole table of lengths.  */
#include "cmd/string/lcs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

enum { TEXT_MAX = 40 };

/* Lengths by definition: model[i][j] for the first i bytes of a and the first j of b. */
static uint32_t model[TEXT_MAX + 1][TEXT_MAX + 1];

static void fill_model(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i <= a.len; i++) {
        for (size_t j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                model[i][j] = 0;
            } else if (a.data[i - 1] == b.data[j - 1]) {
                model[i][j] = model[i - 1][j - 1] + 1;
            } else {
                model[i][j] = model[i - 1][j] > model[i][j - 1] ? model[i - 1][j] : model[i][j - 1];
            }
        }
    }
}

/* Walks the model's table back, marking in `is_common` the places of a that match, and compares them with the ranges. */
static void check_path(struct lcs *lcs, struct bytes a, struct bytes b, size_t limit)
{
    bool expected[TEXT_MAX] = {false};
    bool found[TEXT_MAX] = {false};
    for (size_t i = a.len, j = b.len; i > 0 && j > 0;) {
        if (a.data[i - 1] == b.data[j - 1]) {
            expected[i - 1] = true;
            i--;
            j--;
        } else if (model[i - 1][j] > model[i][j - 1]) {
            i--;
        } else {
            j--;
        }
    }
    struct lcs_range range;
    size_t total = 0;
    size_t before = SIZE_MAX;
    for (;;) {
        size_t steps = limit;
        enum lcs_walk walk = lcs_walk_back(lcs, &steps, &range);
        if (walk == LCS_END) {
            break;
        }
        if (walk == LCS_PAUSED) {
            continue;
        }
        cr_assert(range.a_last < before && range.a_first <= range.a_last && range.b_first <= range.b_last);
        cr_assert_eq(range.a_last - range.a_first, range.b_last - range.b_first);
        before = range.a_first;
        for (size_t i = range.a_first; i <= range.a_last; i++, total++) {
            cr_assert_eq(a.data[i], b.data[range.b_first + i - range.a_first]);
            found[i] = true;
        }
    }
    cr_assert_eq(total, model[a.len][b.len]);
    cr_assert_arr_eq(found, expected, sizeof found);
}

Test(lcs, agrees_with_the_whole_table_in_steps_of_any_size)
{
    unsigned seed = (unsigned)time(NULL);
    srandom(seed);
    cr_log_info("seed %u", seed);
    for (int round = 0; round < 20000; round++) {
        char a_text[TEXT_MAX], b_text[TEXT_MAX];
        struct bytes a = {a_text, (size_t)random() % (TEXT_MAX + 1)};
        struct bytes b = {b_text, (size_t)random() % (TEXT_MAX + 1)};
        long letters = 1 + random() % 5;
        for (size_t i = 0; i < TEXT_MAX; i++) {
            a_text[i] = (char)('a' + random() % letters);
            b_text[i] = (char)('a' + random() % letters);
        }
        size_t limit = 1 + (size_t)random() % 70;
        bool has_path = random() % 4 != 0;
        size_t size = lcs_memory_bytes(a.len, b.len, has_path);
        void *memory = malloc(size);
        memset(memory, 0xa5, size);
        struct lcs lcs;
        lcs_init(&lcs, a, b, has_path, memory);
        while (!lcs_run(&lcs, limit)) {
        }
        fill_model(a, b);
        cr_assert_eq(lcs_length(&lcs), model[a.len][b.len], "seed %u, round %d", seed, round);
        if (has_path) {
            check_path(&lcs, a, b, limit);
        }
        free(memory);
    }
}
