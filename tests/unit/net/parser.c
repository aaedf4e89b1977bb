/* Unit tests of net/parser: whole commands, every split of them, limits and complaints. */
#include "net/parser.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct parse_limits open_limits = {.bulk_len_max = 512 << 20};

static enum parse_status parse_whole(const char *text, size_t len, const struct parse_limits *limits, struct parsed *out)
{
    static struct bytes words[64];
    struct parser parser = {0};
    enum parse_status status = parser_next(&parser, (struct bytes){text, len}, limits, words, 64, out);
    parser_reset(&parser);
    return status;
}

/* Words joined by '|', for comparison. */
static const char *joined(const struct parsed *parsed)
{
    static char text[4096];
    size_t used = 0;
    for (uint32_t i = 0; i < parsed->count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i == 0 ? "" : "|",
                                 (int)parsed->words[i].len, parsed->words[i].data);
    }
    text[used] = 0;
    return text;
}

static const struct {
    const char *text, *words;
} commands[] = {
    {"*1\r\n$4\r\nPING\r\n", "PING"},
    {"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nbc\r\n", "SET|a|bc"},
    {"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET|"},
    {"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n", "GET|a\r\nb"},
    {"PING\r\n", "PING"},
    {"PING\n", "PING"},
    {"  SET   a\tb  \r\n", "SET|a|b"},
    {"SET a \"b c\"\r\n", "SET|a|b c"},
    {"SET a 'it\\'s'\r\n", "SET|a|it's"},
    {"SET a \"\\x41\\n\\\\\"\r\n", "SET|a|A\n\\"},
    {"SET \"\" ''\r\n", "SET||"},
};

Test(parser, finds_the_words_of_a_command)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct parsed parsed;
        cr_assert_eq(parse_whole(commands[i].text, strlen(commands[i].text), &open_limits, &parsed), PARSE_COMMAND, "%s",
                     commands[i].text);
        cr_assert_str_eq(joined(&parsed), commands[i].words);
        cr_assert_eq(parsed.consumed, strlen(commands[i].text));
        parsed_words_free(parsed.own_words, parsed.own_capacity);
    }
}

Test(parser, asks_for_more_at_every_split_and_then_finds_the_same)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        size_t len = strlen(commands[i].text);
        struct parser parser = {0};
        struct bytes words[64];
        struct parsed parsed;
        for (size_t have = 0; have < len; have++) {
            char *copy = malloc(have + 1);
            memcpy(copy, commands[i].text, have);
            cr_assert_eq(parser_next(&parser, (struct bytes){copy, have}, &open_limits, words, 64, &parsed), PARSE_MORE,
                         "%s at %zu", commands[i].text, have);
            free(copy);
        }
        cr_assert_eq(parser_next(&parser, (struct bytes){commands[i].text, len}, &open_limits, words, 64, &parsed),
                     PARSE_COMMAND);
        cr_assert_str_eq(joined(&parsed), commands[i].words);
        parsed_words_free(parsed.own_words, parsed.own_capacity);
        cr_assert_null(parser.progress);
    }
}

static const struct {
    const char *text, *error;
    bool is_unauthenticated;
} mistakes[] = {
    {"*x\r\n", "Protocol error: invalid multibulk length", false},
    {"*2147483648\r\n", "Protocol error: invalid multibulk length", false},
    {"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'", false},
    {"*1\r\n$x\r\n", "Protocol error: invalid bulk length", false},
    {"*1\r\n$-1\r\n", "Protocol error: invalid bulk length", false},
    {"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length", false},
    {"SET \"a\r\n", "Protocol error: unbalanced quotes in request", false},
    {"SET \"a\"b\r\n", "Protocol error: unbalanced quotes in request", false},
    {"*11\r\n", "Protocol error: unauthenticated multibulk length", true},
    {"*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length", true},
};

Test(parser, names_what_is_wrong)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct parse_limits limits = open_limits;
        struct parsed parsed;
        limits.is_unauthenticated = mistakes[i].is_unauthenticated;
        cr_assert_eq(parse_whole(mistakes[i].text, strlen(mistakes[i].text), &limits, &parsed), PARSE_ERROR, "%s",
                     mistakes[i].text);
        cr_assert_str_eq(parsed.error, mistakes[i].error);
    }
}

/* Cut there, a value would be stored that nobody sent. */
Test(parser, refuses_a_line_with_a_nul_as_soon_as_it_is_seen)
{
    static const struct bytes lines[] = {
        BYTES("SET a x\0y\r\n"), BYTES("SET a \"x\0y\"\r\n"), BYTES("PING\0\r\n"), BYTES("PING\r\0\n"),
        BYTES("\0PING\n"),        BYTES("\0\n"),                BYTES("\x16\x03\x01\0"), BYTES("GET a\0"),
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct parsed parsed;
        cr_assert_eq(parse_whole(lines[i].data, lines[i].len, &open_limits, &parsed), PARSE_ERROR, "line %zu", i);
        cr_assert_str_eq(parsed.error, "Protocol error: NUL byte in inline request");
    }
    struct parsed parsed;
    static const char before[] = "PING\n\0";
    cr_assert_eq(parse_whole(before, sizeof before - 1, &open_limits, &parsed), PARSE_COMMAND);
    cr_assert_eq(parsed.consumed, 5);
    parsed_words_free(parsed.own_words, parsed.own_capacity);
}

Test(parser, ignores_empty_lines_and_empty_arrays)
{
    static const char *const empties[] = {"\r\n", "\n", "   \r\n", "*0\r\n", "*-1\r\n"};
    for (size_t i = 0; i < sizeof empties / sizeof empties[0]; i++) {
        struct parsed parsed;
        cr_assert_eq(parse_whole(empties[i], strlen(empties[i]), &open_limits, &parsed), PARSE_COMMAND);
        cr_assert_eq(parsed.count, 0);
        cr_assert_eq(parsed.consumed, strlen(empties[i]));
        parsed_words_free(parsed.own_words, parsed.own_capacity);
    }
}

Test(parser, complains_about_lines_without_an_end)
{
    size_t len = PARSER_INLINE_MAX + 10;
    char *text = malloc(len);
    struct parsed parsed;
    memset(text, 'a', len);
    cr_assert_eq(parse_whole(text, len, &open_limits, &parsed), PARSE_ERROR);
    cr_assert_str_eq(parsed.error, "Protocol error: too big inline request");
    text[0] = '*';
    cr_assert_eq(parse_whole(text, len, &open_limits, &parsed), PARSE_ERROR);
    cr_assert_str_eq(parsed.error, "Protocol error: too big mbulk count string");
    memcpy(text, "*1\r\n$", 5);
    cr_assert_eq(parse_whole(text, len, &open_limits, &parsed), PARSE_ERROR);
    cr_assert_str_eq(parsed.error, "Protocol error: too big bulk count string");
    free(text);
}

Test(parser, keeps_progress_on_many_words_and_allocates_only_for_those_that_came)
{
    enum { WORDS = 5000 };
    char *text = malloc(32 + WORDS * 16);
    size_t len = (size_t)sprintf(text, "*%d\r\n", WORDS);
    for (int i = 0; i < WORDS; i++) {
        len += (size_t)sprintf(text + len, "$4\r\n%04d\r\n", i);
    }
    struct parser parser = {0};
    struct bytes words[64];
    struct parsed parsed;
    for (size_t have = 0; have < len; have += 997) {
        cr_assert_eq(parser_next(&parser, (struct bytes){text, have}, &open_limits, words, 64, &parsed), PARSE_MORE);
        cr_assert_leq(parser_memory_bytes(&parser), 1024 + have * 5);
    }
    cr_assert_eq(parser_next(&parser, (struct bytes){text, len}, &open_limits, words, 64, &parsed), PARSE_COMMAND);
    cr_assert_eq(parsed.count, WORDS);
    for (int i = 0; i < WORDS; i++) {
        cr_assert_eq(atoi(parsed.words[i].data), i);
    }
    parsed_words_free(parsed.own_words, parsed.own_capacity);
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    cr_assert_eq(mem_counters_total(&total), 0);
    free(text);
}
