/* The log of costly commands: what an entry shows, and how many are kept.  */
#include "cmd/slow/command_log.h"
#include "cmd/slow/secret.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_spec get_row = {.name = "get"};

static void add(struct command_log *log, const struct command_spec *spec, const char *const *words, uint32_t count, uint64_t limit)
{
    struct bytes argv[64];
    for (uint32_t i = 0; i < count; i++) {
        argv[i] = bytes_of_string(words[i]);
    }
    struct costly_command command = {.spec = spec, .argv = argv, .argc = count, .duration_us = count, .now_ms = 5000};
    command_log_add(log, COMMAND_LOG_SLOW, &command, limit);
}

struct seen {
    uint64_t ids[64];
    size_t count;
    char first[4096];
};

static void see(const struct command_log_entry *entry, void *arg)
{
    struct seen *seen = arg;
    if (seen->count == 0) {
        size_t len = 0;
        for (size_t i = 0; i < entry->word_count; i++) {
            len += (size_t)snprintf(seen->first + len, sizeof seen->first - len, "%s%.*s", i == 0 ? "" : " ",
                                    (int)entry->words[i].len, entry->words[i].data);
        }
        cr_assert_eq(entry->ended_seconds, 5);
    }
    seen->ids[seen->count++] = entry->id;
}

static struct seen look(struct command_log *log, uint64_t limit)
{
    struct seen seen = {.count = 0};
    command_log_visit(log, COMMAND_LOG_SLOW, limit, see, &seen);
    return seen;
}

Test(command_log, keeps_the_newest_entries)
{
    struct command_log *log = command_log_create();
    const char *const words[] = {"GET", "a"};
    for (int i = 0; i < 10; i++) {
        add(log, &get_row, words, 2, 4);
    }
    cr_assert_eq(command_log_count(log, COMMAND_LOG_SLOW), 4);
    struct seen seen = look(log, UINT64_MAX);
    cr_assert_eq(seen.count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(seen.ids[i], 9 - i);
    }
    cr_assert_eq(look(log, 2).count, 2);
    add(log, &get_row, words, 2, 0);
    cr_assert_eq(command_log_count(log, COMMAND_LOG_SLOW), 0);
    add(log, &get_row, words, 2, 8);
    cr_assert_eq(look(log, 8).ids[0], 11, "ids go on");
    command_log_clear(log, COMMAND_LOG_SLOW);
    cr_assert_eq(command_log_count(log, COMMAND_LOG_SLOW), 0);
    command_log_destroy(log);
}

Test(command_log, cuts_long_commands_as_redis_does)
{
    struct command_log *log = command_log_create();
    const char *words[40];
    for (int i = 0; i < 40; i++) {
        words[i] = "w";
    }
    add(log, &get_row, words, 32, 8);
    cr_assert_null(strstr(look(log, 1).first, "more"));
    add(log, &get_row, words, 40, 8);
    const char *tail = " ... (9 more arguments)";
    struct seen seen = look(log, 1);
    cr_assert_str_eq(seen.first + strlen(seen.first) - strlen(tail), tail);
    char word[200];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    const char *const two[] = {"GET", word};
    add(log, &get_row, two, 2, 8);
    tail = "x... (71 more bytes)";
    seen = look(log, 1);
    cr_assert_eq(strlen(seen.first), 4 + COMMAND_LOG_WORD_BYTES_MAX + strlen("... (71 more bytes)"));
    cr_assert_str_eq(seen.first + strlen(seen.first) - strlen(tail), tail);
    command_log_destroy(log);
}

static const struct command_spec config_row = {.name = "config"};
static const struct command_spec set_row = {.name = "set", .parent = &config_row};
static const struct command_spec plain_set_row = {.name = "set"};
static const struct command_spec acl_row = {.name = "acl"};
static const struct command_spec setuser_row = {.name = "setuser", .parent = &acl_row};
static const struct command_spec auth_row = {.name = "auth"};
static const struct command_spec hello_row = {.name = "hello"};

static const struct {
    const struct command_spec *spec;
    const char *words[8];
    const char *shown;
} secrets[] = {
    {&auth_row, {"AUTH", "pass"}, "AUTH (redacted)"},
    {&auth_row, {"AUTH", "user", "pass"}, "AUTH (redacted) (redacted)"},
    {&hello_row, {"HELLO", "3", "auth", "u", "p", "SETNAME", "n"}, "HELLO 3 auth (redacted) (redacted) SETNAME n"},
    {&hello_row, {"HELLO", "3", "SETNAME", "n"}, "HELLO 3 SETNAME n"},
    {&set_row, {"CONFIG", "SET", "hz", "9", "RequirePass", "p"}, "CONFIG SET hz 9 RequirePass (redacted)"},
    {&setuser_row, {"ACL", "SETUSER", "bob", ">p"}, "ACL SETUSER (redacted) (redacted)"},
    {&plain_set_row, {"SET", "x", "requirepass", "p"}, "SET x requirepass p"},
};

Test(command_log, hides_passwords)
{
    struct command_log *log = command_log_create();
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        uint32_t count = 0;
        while (count < 8 && secrets[i].words[count] != NULL) {
            count++;
        }
        add(log, secrets[i].spec, secrets[i].words, count, 8);
        cr_assert_str_eq(look(log, 1).first, secrets[i].shown);
    }
    command_log_destroy(log);
}

static void take_cost(const struct command_log_entry *entry, void *arg)
{
    *(uint64_t *)arg = entry->cost;
}

Test(command_log, keeps_the_lists_apart)
{
    static const uint64_t costs[COMMAND_LOG_LISTS] = {7, 80, 900};
    struct command_log *log = command_log_create();
    const struct bytes words[] = {BYTES("GET"), BYTES("a")};
    const struct costly_command command = {
        .spec = &get_row, .argv = words, .argc = 2, .duration_us = costs[0], .request_bytes = costs[1], .reply_bytes = costs[2]};
    for (int i = 0; i < COMMAND_LOG_LISTS; i++) {
        const enum command_log_list which = (enum command_log_list)i;
        uint64_t cost = 0;
        for (int j = 0; j <= i; j++) {
            command_log_add(log, which, &command, 8);
        }
        command_log_visit(log, which, 1, take_cost, &cost);
        cr_assert_eq(cost, costs[i]);
        cr_assert_eq(cost, command_log_cost(&command, which));
    }
    command_log_clear(log, COMMAND_LOG_LARGE_REQUEST);
    cr_assert_eq(command_log_count(log, COMMAND_LOG_SLOW), 1);
    cr_assert_eq(command_log_count(log, COMMAND_LOG_LARGE_REQUEST), 0);
    cr_assert_eq(command_log_count(log, COMMAND_LOG_LARGE_REPLY), 3);
    command_log_destroy(log);
}

Test(command_log, gives_all_memory_back)
{
    struct mem_counters before = {0}, after = {0};
    thread_heaps_total(&before);
    struct command_log *log = command_log_create();
    unsigned seed = 42;
    srand(seed);
    for (int i = 0; i < 500; i++) {
        const char *const words[] = {"GET", "some key", "something that is a bit longer"};
        add(log, &get_row, words, 1 + (uint32_t)rand() % 3, (uint64_t)rand() % 20);
    }
    command_log_destroy(log);
    thread_heaps_total(&after);
    cr_assert_eq(after.class_bytes[MEM_SERVER], before.class_bytes[MEM_SERVER]);
}
