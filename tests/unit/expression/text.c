/* Typed values from text and back; LIKE. */
#include "expression/scalar_text.h"

#include "expression/like.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, MEM_CLIENT, 64 << 20);
}

static void end(void)
{
    arena_release(&arena);
}

TestSuite(text, .init = begin, .fini = end);

static const struct {
    enum scalar_type type;
    const char *text, *shown; /* NULL: refused */
} texts[] = {
    {SCALAR_BOOLEAN, "true", "true"},
    {SCALAR_BOOLEAN, "FALSE", "false"},
    {SCALAR_BOOLEAN, "1", "true"},
    {SCALAR_BOOLEAN, "yes", NULL},
    {SCALAR_INTEGER, "-9223372036854775808", "-9223372036854775808"},
    {SCALAR_INTEGER, "+007", "7"},
    {SCALAR_INTEGER, "9223372036854775808", NULL},
    {SCALAR_INTEGER, "1.0", NULL},
    {SCALAR_INTEGER, "", NULL},
    {SCALAR_FLOAT, "1e3", "1000"},
    {SCALAR_FLOAT, "nan", NULL},
    {SCALAR_NUMBER, "29", "29"},
    {SCALAR_NUMBER, "29.5", "29.5"},
    {SCALAR_NUMBER, "x", NULL},
    {SCALAR_DECIMAL, "1.10", "1.10"},
    {SCALAR_STRING, "any thing", "any thing"},
    {SCALAR_BLOB, "", ""},
    {SCALAR_DATE, "2024-02-29", "2024-02-29"},
    {SCALAR_DATE, "2023-02-29", NULL},
    {SCALAR_DATE, "2024-02-29T00:00:00", NULL},
    {SCALAR_DATETIME, "2024-02-29", "2024-02-29T00:00:00Z"},
    {SCALAR_DATETIME, "2024-02-29 12:30", "2024-02-29T12:30:00Z"},
    {SCALAR_DATETIME, "2024-02-29T12:30:59.250000Z", "2024-02-29T12:30:59.25Z"},
    {SCALAR_DATETIME, "2024-02-29T12:30:00.000001+02:00", "2024-02-29T10:30:00.000001Z"},
    {SCALAR_DATETIME, "2024-03-01T00:00:00+0130", "2024-02-29T22:30:00Z"},
    {SCALAR_DATETIME, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
    {SCALAR_DATETIME, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
    {SCALAR_DATETIME, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
    {SCALAR_DATETIME, "0001-01-01T00:00:00+01:00", NULL},
    {SCALAR_DATETIME, "9999-12-31T23:59:59-01:00", NULL},
    {SCALAR_DATETIME, "2024-02-29T24:00:00", NULL},
    {SCALAR_DATETIME, "2024-02-29T12:60", NULL},
    {SCALAR_DATETIME, "2024-02-29T12:30:00.", NULL},
    {SCALAR_DATETIME, "2024-02-29T12:30:00.1234567", NULL},
    {SCALAR_DATETIME, "2024-02-29T12:30:00+24:00", NULL},
    {SCALAR_DATETIME, "2024-02-29x", NULL},
    {SCALAR_UUID, "550E8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {SCALAR_UUID, "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {SCALAR_UUID, "550e8400-e29b-41d4-a716-44665544000", NULL},
    {SCALAR_UUID, "550e8400-e29b-41d4-a716_446655440000", NULL},
    {SCALAR_UUID, "g50e8400e29b41d4a716446655440000", NULL},
    {SCALAR_JSON, " {\"a\": [1, 2.5e-3, null, true, \"\\u00e4\"]} ", " {\"a\": [1, 2.5e-3, null, true, \"\\u00e4\"]} "},
    {SCALAR_JSON, "{a: 1}", NULL},
};

Test(text, is_read_strictly_and_written_back)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char scratch[SCALAR_TEXT_MAX];
        struct scalar value;
        const enum expression_result result = scalar_parse(texts[i].type, bytes_of_string(texts[i].text), &arena, &value);
        cr_assert_eq(result, texts[i].shown == NULL ? EXPRESSION_BAD_TEXT : EXPRESSION_OK, "%s", texts[i].text);
        if (texts[i].shown != NULL) {
            const struct bytes shown = scalar_format(&value, scratch);
            cr_assert(bytes_equal(shown, bytes_of_string(texts[i].shown)), "%.*s", (int)shown.len, shown.data);
            struct scalar again;
            cr_assert_eq(scalar_parse(texts[i].type, shown, &arena, &again), EXPRESSION_OK);
        }
    }
}

/* A naive LIKE: one step a character, by recursion. */
static bool naive(const char *pattern, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '%') {
        return naive(pattern + 1, text) || (*text != '\0' && naive(pattern, text + 1));
    }
    return *text != '\0' && (*pattern == '_' || *pattern == *text) && naive(pattern + 1, text + 1);
}

Test(text, like_agrees_with_a_naive_one)
{
    for (int i = 0; i < 300000; i++) {
        char pattern[10];
        char text[14];
        const size_t pattern_len = (size_t)random() % 9;
        const size_t text_len = (size_t)random() % 13;
        for (size_t at = 0; at < pattern_len; at++) {
            pattern[at] = "ab%_"[random() % 4];
        }
        for (size_t at = 0; at < text_len; at++) {
            text[at] = "ab"[random() % 2];
        }
        pattern[pattern_len] = text[text_len] = '\0';
        struct like like;
        cr_assert_eq(like_read(bytes_of_string(pattern), -1, &arena, &like), EXPRESSION_OK);
        cr_assert_eq(like_matches(&like, bytes_of_string(text)), naive(pattern, text), "%s LIKE %s", text, pattern);
        bool is_all;
        bool is_exact;
        const struct bytes prefix = like_prefix(&like, &is_all, &is_exact);
        if (naive(pattern, text)) {
            cr_assert(text_len >= prefix.len && memcmp(text, prefix.data, prefix.len) == 0);
        } else if (is_all) {
            cr_assert(text_len < prefix.len || memcmp(text, prefix.data, prefix.len) != 0);
        }
        if (is_exact) {
            cr_assert_eq(naive(pattern, text), bytes_equal(prefix, bytes_of_string(text)));
        }
        if (i % 1000 == 0) {
            arena_empty(&arena);
        }
    }
}

Test(text, like_takes_characters_and_escapes)
{
    static const struct {
        const char *text, *pattern;
        bool matches;
    } rows[] = {
        {"\303\244", "_", true},   {"\303\244b", "_b", true},   {"\346\227\245\346\234\254", "__", true}, {"\346\227\245", "__", false},
        {"a%b", "a!%b", true},     {"axb", "a!%b", false},      {"a_b", "a!_b", true},                    {"a!b", "a!!b", true},
        {"x\303\244", "%_", true}, {"\303\244", "%\303\244%", true}, {"A", "a", false},                   {"", "%", true},
    };
    struct like like;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(like_read(bytes_of_string(rows[i].pattern), '!', &arena, &like), EXPRESSION_OK);
        cr_assert_eq(like_matches(&like, bytes_of_string(rows[i].text)), rows[i].matches, "%s LIKE %s", rows[i].text, rows[i].pattern);
    }
    cr_assert_eq(like_read(BYTES("ab!"), '!', &arena, &like), EXPRESSION_BAD_ARGUMENT);
}

Test(text, like_does_not_explode, .timeout = 60)
{
    enum { TEXT = 1 << 20, PIECES = 20000 };
    char *text = malloc(TEXT);
    char *pattern = malloc(2 * PIECES + 2);
    memset(text, 'a', TEXT);
    for (size_t i = 0; i < PIECES; i++) {
        pattern[2 * i] = '%';
        pattern[2 * i + 1] = 'a';
    }
    pattern[2 * PIECES] = '%';
    pattern[2 * PIECES + 1] = 'b';
    struct like like;
    cr_assert_eq(like_read((struct bytes){pattern, 2 * PIECES + 2}, -1, &arena, &like), EXPRESSION_OK);
    cr_assert(!like_matches(&like, (struct bytes){text, TEXT}));
    cr_assert_eq(like_read((struct bytes){pattern, 2 * PIECES}, -1, &arena, &like), EXPRESSION_OK);
    cr_assert(like_matches(&like, (struct bytes){text, TEXT}));
    free(text);
    free(pattern);
}
