/* option.c - optional words by a table.  */
#include "cmd/core/option.h"

#include <criterion/criterion.h>

enum { ONE = 1, TWO = 2, VALUE = 4 };

static const struct option rows[] = {
    {"ONE", .sets = ONE, .excludes = TWO},
    {"TWO", .sets = TWO, .excludes = ONE},
    {"VALUE", .sets = VALUE, .has_value = true},
    {0},
};

enum { WORDS_MAX = 5 };

Test(option, walks_words_until_one_does_not_fit)
{
    static const struct {
        const char *words[WORDS_MAX];
        uint32_t flags, stopped_at, value;
    } examples[] = {
        {{NULL}, 0, 0, 0},
        {{"one"}, ONE, 1, 0},
        {{"One", "ONE"}, ONE, 2, 0},
        {{"one", "two"}, ONE, 1, 0},
        {{"value", "one", "two"}, VALUE | TWO, 3, 1},
        {{"value"}, 0, 0, 0},
        {{"value", "1", "VALUE", "2"}, VALUE, 4, 3},
        {{"on"}, 0, 0, 0},
        {{"three"}, 0, 0, 0},
        {{""}, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct bytes argv[WORDS_MAX];
        uint32_t argc = 0;
        while (argc < WORDS_MAX && examples[i].words[argc] != NULL) {
            argv[argc] = bytes_of_string(examples[i].words[argc]);
            argc++;
        }
        struct exec exec = {.argv = argv, .argc = argc};
        struct option_walk walk = {0};
        uint32_t value = 0;
        while (option_next(&exec, rows, &walk)) {
            value = walk.option->has_value ? walk.value : value;
        }
        cr_expect_eq(walk.flags, examples[i].flags, "example %zu", i);
        cr_expect_eq(walk.at, examples[i].stopped_at, "example %zu", i);
        cr_expect_eq(value, examples[i].value, "example %zu", i);
    }
}
