/* command_keys.c - key positions: as Redis finds them, and all that are possible.  */
#include "exec/command_keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64 };

static const struct command_key_spec sintercard[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_COUNTED, .first = 1}, {0}};
static const struct command_key_spec msetex[] = {
    {.flags = "OW update", .index = 1, .search = KEYS_COUNTED, .first = 1, .step = 2}, {0}};
static const struct command_key_spec zunionstore[] = {
    {.flags = "OW update", .index = 1}, {.flags = "RO access", .index = 2, .search = KEYS_COUNTED, .first = 1}, {0}};
static const struct command_key_spec xread[] = {
    {.flags = "RO access", .keyword = "STREAMS", .index = 1, .last = -1, .limit = 2, .step = 1}, {0}};
static const struct command_key_spec georadius[] = {
    {.flags = "RO access", .index = 1},
    {.flags = "OW update", .keyword = "STORE", .index = 6},
    {.flags = "OW update", .keyword = "STOREDIST", .index = 6},
    {0},
};
static const struct command_key_spec sort[] = {
    {.flags = "RO access", .index = 1},
    {.flags = "RO access", .is_unknown = true},
    {.flags = "OW update", .keyword = "STORE", .index = 2, .is_unknown = true},
    {0},
};
static const struct command_key_spec pfmerge[] = {
    {.flags = "RW access insert", .index = 1}, {.flags = "RO access", .index = 2, .last = -1, .step = 1}, {0}};
static const struct command_key_spec migrate[] = {
    {.flags = "RW access delete", .index = 3},
    {.flags = "RW access delete incomplete", .keyword = "KEYS", .index = -2, .last = -1},
    {0},
};

static const struct command_spec commands[] = {
    {.name = "get", .keys = {1, 1, 1}},
    {.name = "mset", .keys = {1, -1, 2}},
    {.name = "ping"},
    {.name = "sintercard", .key_specs = sintercard},
    {.name = "msetex", .key_specs = msetex},
    {.name = "zunionstore", .keys = {1, 1, 1}, .key_specs = zunionstore},
    {.name = "xread", .key_specs = xread},
    {.name = "georadius", .keys = {1, 1, 1}, .key_specs = georadius},
    {.name = "sort", .keys = {1, 1, 1}, .key_specs = sort},
    {.name = "pfmerge", .keys = {1, -1, 1}, .key_specs = pfmerge},
    {.name = "migrate", .keys = {3, 3, 1}, .key_specs = migrate},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command_spec *find(struct bytes name)
{
    size_t i = 0;
    while (!bytes_equal(name, bytes_of_string(commands[i].name))) {
        i++;
        cr_assert_lt(i, COMMAND_COUNT);
    }
    return &commands[i];
}

static uint32_t split(const char *text, struct bytes words[WORDS_MAX])
{
    uint32_t count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        words[count++] = (struct bytes){text, len};
        text += len + (text[len] == ' ');
    }
    return count;
}

/* " 1 3": the indexes that the walk gives. */
static void walk_text(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, char *out)
{
    struct key_walk walk;
    uint32_t index;
    out[0] = '\0';
    key_walk_begin(&walk, spec, argv, argc);
    while (key_walk_next(&walk, &index)) {
        out += sprintf(out, " %u", index);
    }
}

static void found_text(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, char *out)
{
    char *start = out;
    out[0] = '\0';
    for (const struct command_key_spec *row = spec->key_specs; row->flags != NULL; row++) {
        struct key_range range;
        enum key_find find = command_keys_find(row, argv, argc, &range);
        if (find == KEYS_INVALID) {
            strcpy(start, " invalid");
            return;
        }
        for (uint32_t i = range.first; find == KEYS_FOUND && i <= range.last; i += range.step) {
            out += sprintf(out, " %u", i);
        }
    }
}

static const struct {
    const char *call, *found, *possible; /* found NULL: the row has no specifications */
} calls[] = {
    {"get a", NULL, " 1"},
    {"get", NULL, ""},
    {"mset a 1 b 2", NULL, " 1 3"},
    {"mset a 1 b", NULL, " 1 3"},
    {"ping a", NULL, ""},
    {"sintercard 2 a b LIMIT 1", " 2 3", " 2 3"},
    {"sintercard 4294967298 a b", " invalid", " 2 3"},
    {"sintercard 3 a b", " invalid", " 2 3"},
    {"sintercard 0 a b", " invalid", ""},
    {"sintercard -1 a b", " invalid", ""},
    {"sintercard x a b", " invalid", ""},
    {"sintercard 9223372036854775807 a b", " invalid", " 2 3"},
    {"sintercard 9223372036854775808 a b", " invalid", ""},
    {"sintercard", " invalid", ""},
    {"msetex 2 a 1 b 2 EX 5", " 2 4", " 2 4"},
    {"msetex 1 a 1 b 2", " 2", " 2"},
    {"msetex 3 a 1 b 2", " invalid", " 2 4"},
    {"msetex 2147483647 a 1", " invalid", " 2"},
    {"msetex 0 a 1", " invalid", ""},
    {"zunionstore d 2 a b WEIGHTS 1 2", " 1 3 4", " 1 3 4"},
    {"zunionstore d 3 a b", " invalid", " 1 3 4"},
    {"zunionstore d x a", " invalid", " 1"},
    {"xread COUNT 2 STREAMS a b 1 2", " 4 5", " 4 5"},
    {"xread streams a b 1", " 2", " 2"},
    {"xread STREAMS STREAMS a 0 0", " 2 3", " 2 3"},
    {"xread COUNT STREAMS STREAMS a 0", " 3", " 3 4"},
    {"xread STREAMS", " invalid", ""},
    {"xread a b c", "", ""},
    {"georadius k 1 2 3 m STORE a STOREDIST b STORE c", " 1 7 9", " 1 7 11 9"},
    {"georadius k 1 2 3 m STORE", " 1", " 1"},
    {"georadius k 1 2 3 m STORE STORE STORE", " 1 7", " 1 7 8"},
    {"sort a", " 1", " 1"},
    {"sort a BY store STORE c", " 1 5", " 1 4 5"},
    {"sort a STORE b STORE c LIMIT store 1 GET store", " 1 5", " 1 3 5 8"},
    {"sort a STORE", " 1", " 1"},
    {"pfmerge a", " invalid", " 1"},
    {"pfmerge a b c", " 1 2 3", " 1 2 3"},
    {"migrate host port k 0 1 KEYS a b", " 3 7 8", " 3 7 8"},
};

Test(command_keys, finds_what_redis_finds_and_walks_over_all_that_is_possible)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct bytes words[WORDS_MAX];
        char text[1024];
        uint32_t count = split(calls[i].call, words);
        const struct command_spec *spec = find(words[0]);
        if (calls[i].found != NULL) {
            found_text(spec, words, count, text);
            cr_assert_str_eq(text, calls[i].found, "%s", calls[i].call);
        }
        walk_text(spec, words, count, text);
        cr_assert_str_eq(text, calls[i].possible, "%s", calls[i].call);
    }
}

static void set_keys(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, bool keys[WORDS_MAX])
{
    for (const struct command_key_spec *row = spec->key_specs; row->flags != NULL; row++) {
        struct key_range range;
        if (command_keys_find(row, argv, argc, &range) == KEYS_FOUND) {
            for (uint32_t at = range.first; at <= range.last; at += range.step) {
                keys[at] = true;
            }
        }
    }
}

/* Whatever the words are: the walk ends, stays within the call, and has all that command_keys_find has. */
Test(command_keys, walks_over_all_that_is_found_in_random_calls)
{
    static const char *const pool[] = {"STREAMS", "store", "STOREDIST", "0", "1", "2", "3", "-1", "70000", "x",
                                       "KEYS",    "BY",    "GET",       "LIMIT", "", "9223372036854775807"};
    const unsigned seed = 20240501;
    printf("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 200000; round++) {
        const struct command_spec *spec = &commands[rand() % COMMAND_COUNT];
        struct bytes words[WORDS_MAX];
        uint32_t count = 1 + (uint32_t)rand() % 14;
        words[0] = bytes_of_string(spec->name);
        for (uint32_t i = 1; i < count; i++) {
            words[i] = bytes_of_string(pool[(size_t)rand() % (sizeof pool / sizeof pool[0])]);
        }
        bool found[WORDS_MAX] = {false}, walked[WORDS_MAX] = {false};
        if (spec->key_specs != NULL) {
            set_keys(spec, words, count, found);
        }
        struct key_walk walk;
        uint32_t index, steps = 0;
        key_walk_begin(&walk, spec, words, count);
        while (key_walk_next(&walk, &index)) {
            cr_assert(index >= 1 && index < count);
            cr_assert_lt(++steps, 4 * count);
            walked[index] = true;
        }
        for (uint32_t i = 0; i < count; i++) {
            cr_assert(!found[i] || walked[i], "round %d: %s, word %u", round, spec->name, i);
        }
    }
}

/* A keyword in every place costs no more than one pass. */
Test(command_keys, gives_each_word_of_a_keyword_range_once)
{
    enum { COUNT = 100000 };
    struct bytes *words = malloc(COUNT * sizeof *words);
    for (uint32_t i = 0; i < COUNT; i++) {
        words[i] = BYTES("STREAMS");
    }
    struct key_walk walk;
    uint32_t index, before = 0, steps = 0;
    key_walk_begin(&walk, find(BYTES("xread")), words, COUNT);
    while (key_walk_next(&walk, &index)) {
        cr_assert_gt(index, before);
        before = index;
        steps++;
    }
    cr_assert_lt(steps, COUNT);
    free(words);
}
