/* Lines cut into words, and words quoted so that they come back.  */
#include "config/config_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *line;
    size_t count;
    const char *words[4];
} lines[] = {
    {"", 0, {0}},
    {"   \t ", 0, {0}},
    {"port 6379", 2, {"port", "6379"}},
    {"  bind  127.0.0.1   ::1 ", 3, {"bind", "127.0.0.1", "::1"}},
    {"save \"\"", 2, {"save", ""}},
    {"save ''", 2, {"save", ""}},
    {"requirepass \"a b\"", 2, {"requirepass", "a b"}},
    {"requirepass 'it\\'s'", 2, {"requirepass", "it's"}},
    {"requirepass \"\\x41\\n\\\"q\\\\\"", 2, {"requirepass", "A\n\"q\\"}},
    {"requirepass \"\\xZZ\"", 2, {"requirepass", "xZZ"}},
    {"requirepass '\\x41'", 2, {"requirepass", "\\x41"}},
};

Test(words, cut_lines_as_redis_does)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct words words;
        cr_assert_eq(words_split(bytes_of_string(lines[i].line), &words), RESULT_OK, "%s", lines[i].line);
        cr_assert_eq(words.count, lines[i].count, "%s", lines[i].line);
        for (size_t k = 0; k < words.count; k++) {
            cr_assert(bytes_equal(words.items[k], bytes_of_string(lines[i].words[k])), "%s: word %zu", lines[i].line, k);
        }
        words_release(&words);
    }
}

Test(words, refuse_open_and_misplaced_quotes)
{
    const char *const bad[] = {"a \"b", "a 'b", "a \"b\"c", "a 'b'c", "a \"b\\", "\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct words words;
        cr_assert_eq(words_split(bytes_of_string(bad[i]), &words), RESULT_SYNTAX, "%s", bad[i]);
    }
}

Test(words, refuse_more_words_than_a_line_may_have)
{
    char line[2 * CONFIG_WORDS_MAX + 3];
    for (size_t i = 0; i < sizeof line; i++) {
        line[i] = i % 2 == 0 ? 'w' : ' ';
    }
    struct words words;
    cr_assert_eq(words_split((struct bytes){line, 2 * CONFIG_WORDS_MAX - 1}, &words), RESULT_OK);
    cr_assert_eq(words.count, CONFIG_WORDS_MAX);
    words_release(&words);
    cr_assert_eq(words_split((struct bytes){line, 2 * CONFIG_WORDS_MAX + 1}, &words), RESULT_TOO_LONG);
}

Test(words, come_back_from_quotes_whatever_they_hold)
{
    unsigned seed = 12345;
    srand(seed);
    for (int round = 0; round < 2000; round++) {
        char text[40];
        size_t len = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)rand();
        }
        struct buffer quoted = BUFFER_EMPTY(MEM_SERVER);
        cr_assert(words_append_quoted(&quoted, (struct bytes){text, len}));
        struct words words;
        cr_assert_eq(words_split(buffer_bytes(&quoted), &words), RESULT_OK, "seed %u round %d", seed, round);
        cr_assert_eq(words.count, 1, "seed %u round %d", seed, round);
        cr_assert(bytes_equal(words.items[0], (struct bytes){text, len}), "seed %u round %d", seed, round);
        words_release(&words);
        buffer_release(&quoted);
    }
}
