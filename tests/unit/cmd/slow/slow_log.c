/* The log of slow commands: what an entry shows, and how many are kept.  */
#include "cmd/slow/secret.h"
#include "cmd/slow/slow_log.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command_spec get_row = {.name = "get"};

static void add(struct slow_log *log, const struct command_spec *spec, const char *const *words, uint32_t count, uint64_t limit)
{
    struct bytes argv[64];
    for (uint32_t i = 0; i < count; i++) {
        argv[i] = bytes_of_string(words[i]);
    }
    struct slow_command command = {.spec = spec, .argv = argv, .argc = count, .duration_us = count, .now_ms = 5000};
    slow_log_add(log, &command, limit);
}

struct seen {
    uint64_t ids[64];
    size_t count;
    char first[4096];
};

static void see(const struct slow_log_entry *entry, void *arg)
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

static struct seen look(struct slow_log *log, uint64_t limit)
{
    struct seen seen = {.count = 0};
    slow_log_visit(log, limit, see, &seen);
    return seen;
}

Test(slow_log, keeps_the_newest_entries)
{
    struct slow_log *log = slow_log_create();
    const char *const words[] = {"GET", "a"};
    for (int i = 0; i < 10; i++) {
        add(log, &get_row, words, 2, 4);
    }
    cr_assert_eq(slow_log_count(log), 4);
    struct seen seen = look(log, UINT64_MAX);
    cr_assert_eq(seen.count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(seen.ids[i], 9 - i);
    }
    cr_assert_eq(look(log, 2).count, 2);
    add(log, &get_row, words, 2, 0);
    cr_assert_eq(slow_log_count(log), 0);
    add(log, &get_row, words, 2, 8);
    cr_assert_eq(look(log, 8).ids[0], 11, "ids go on");
    slow_log_clear(log);
    cr_assert_eq(slow_log_count(log), 0);
    slow_log_destroy(log);
}

Test(slow_log, cuts_long_commands_as_redis_does)
{
    struct slow_log *log = slow_log_create();
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
    cr_assert_eq(strlen(seen.first), 4 + SLOW_LOG_WORD_BYTES_MAX + strlen("... (71 more bytes)"));
    cr_assert_str_eq(seen.first + strlen(seen.first) - strlen(tail), tail);
    slow_log_destroy(log);
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

Test(slow_log, hides_passwords)
{
    struct slow_log *log = slow_log_create();
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        uint32_t count = 0;
        while (count < 8 && secrets[i].words[count] != NULL) {
            count++;
        }
        add(log, secrets[i].spec, secrets[i].words, count, 8);
        cr_assert_str_eq(look(log, 1).first, secrets[i].shown);
    }
    slow_log_destroy(log);
}

Test(slow_log, gives_all_memory_back)
{
    struct mem_counters before = {0}, after = {0};
    thread_heaps_total(&before);
    struct slow_log *log = slow_log_create();
    unsigned seed = 42;
    srand(seed);
    for (int i = 0; i < 500; i++) {
        const char *const words[] = {"GET", "some key", "something that is a bit longer"};
        add(log, &get_row, words, 1 + (uint32_t)rand() % 3, (uint64_t)rand() % 20);
    }
    slow_log_destroy(log);
    thread_heaps_total(&after);
    cr_assert_eq(after.class_bytes[MEM_SERVER], before.class_bytes[MEM_SERVER]);
}
