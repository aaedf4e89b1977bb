/* glob.c - patterns, by example and against a naive recursive model.  */
#include "base/glob.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

Test(glob, matches_as_redis_does)
{
    static const struct {
        struct bytes pattern, text;
        bool is_match;
    } rows[] = {
        {BYTES("*"), BYTES("anything"), true},
        {BYTES("*"), BYTES(""), false},
        {BYTES("**"), BYTES(""), false},
        {BYTES(""), BYTES(""), true},
        {BYTES(""), BYTES("a"), false},
        {BYTES("a"), BYTES(""), false},
        {BYTES("h?llo"), BYTES("hello"), true},
        {BYTES("h?llo"), BYTES("hllo"), false},
        {BYTES("h*llo"), BYTES("hllo"), true},
        {BYTES("h*llo"), BYTES("heeeello"), true},
        {BYTES("h[ae]llo"), BYTES("hallo"), true},
        {BYTES("h[ae]llo"), BYTES("hillo"), false},
        {BYTES("h[^e]llo"), BYTES("hallo"), true},
        {BYTES("h[^e]llo"), BYTES("hello"), false},
        {BYTES("h[a-b]llo"), BYTES("hbllo"), true},
        {BYTES("h[b-a]llo"), BYTES("hallo"), true},
        {BYTES("h[a-b]llo"), BYTES("hcllo"), false},
        {BYTES("\\*"), BYTES("*"), true},
        {BYTES("\\*"), BYTES("a"), false},
        {BYTES("a\\"), BYTES("a\\"), true},
        {BYTES("[\\]]"), BYTES("]"), true},
        {BYTES("[]"), BYTES("a"), false},
        {BYTES("[]a]"), BYTES("a]"), false},
        {BYTES("[^]"), BYTES("a"), true},
        {BYTES("[^"), BYTES("a"), true},
        {BYTES("["), BYTES("["), false},
        {BYTES("[abc"), BYTES("c"), true},
        {BYTES("[a-"), BYTES("-"), true},
        {BYTES("[a-]"), BYTES("^"), true},
        {BYTES("a*b*c"), BYTES("a.b.b.c"), true},
        {BYTES("a*b*c"), BYTES("a.b.b.cd"), false},
        {BYTES("*a"), BYTES("bab"), false},
        {BYTES("**"), BYTES("x"), true},
        {BYTES("a**"), BYTES("a"), true},
        {BYTES("a\0b"), BYTES("a\0b"), true},
        {BYTES("a\0b"), BYTES("a\0c"), false},
        {BYTES("ABC"), BYTES("abc"), false},
        {BYTES("[\x80-\xff]"), BYTES("\xc3"), true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(glob_match(rows[i].pattern, rows[i].text, false), rows[i].is_match, "'%s' on '%s'",
                     rows[i].pattern.data, rows[i].text.data);
    }
}

Test(glob, can_ignore_case)
{
    cr_expect(glob_match(BYTES("MAX*"), BYTES("maxmemory"), true));
    cr_expect(glob_match(BYTES("[A-C]x"), BYTES("bX"), true));
    cr_expect(glob_match(BYTES("\\A"), BYTES("a"), true));
    cr_expect_not(glob_match(BYTES("MAX*"), BYTES("maxmemory"), false));
}

Test(glob, answers_soon_on_many_stars)
{
    static char text[20000];
    memset(text, 'a', sizeof(text));
    cr_expect_not(glob_match(BYTES("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), (struct bytes){text, sizeof(text)}, false));
}

/* Stars, '?' and letters only; tries every split. */
static bool naive_match(struct bytes pattern, struct bytes text)
{
    if (pattern.len == 0) {
        return text.len == 0;
    }
    struct bytes rest = {pattern.data + 1, pattern.len - 1};
    if (pattern.data[0] == '*') {
        for (size_t skip = 0; skip <= text.len; skip++) {
            if (naive_match(rest, (struct bytes){text.data + skip, text.len - skip})) {
                return true;
            }
        }
        return false;
    }
    if (text.len == 0 || (pattern.data[0] != '?' && pattern.data[0] != text.data[0])) {
        return false;
    }
    return naive_match(rest, (struct bytes){text.data + 1, text.len - 1});
}

Test(glob, agrees_with_a_naive_model)
{
    unsigned seed = (unsigned)time(NULL);
    srandom(seed);
    for (int round = 0; round < 100000; round++) {
        char pattern_text[8], text_text[10];
        struct bytes pattern = {pattern_text, (size_t)random() % sizeof(pattern_text)};
        struct bytes text = {text_text, 1 + (size_t)random() % sizeof(text_text)};
        for (size_t i = 0; i < pattern.len; i++) {
            pattern_text[i] = "ab*?*"[random() % 5];
        }
        for (size_t i = 0; i < text.len; i++) {
            text_text[i] = "ab"[random() % 2];
        }
        cr_assert_eq(glob_match(pattern, text, false), naive_match(pattern, text), "seed %u: '%.*s' on '%.*s'", seed,
                     (int)pattern.len, pattern.data, (int)text.len, text.data);
    }
}
