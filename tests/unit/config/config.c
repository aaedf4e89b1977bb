/* The configuration in a running server: defaults, CONFIG SET, CONFIG GET, the password.  */
#include "config/config_private.h"
#include "config/file_limit.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct found {
    char name[64];
    char value[256];
    size_t count;
};

static void note(struct bytes name, struct bytes value, void *arg)
{
    struct found *found = arg;
    snprintf(found->name, sizeof found->name, "%.*s", (int)name.len, name.data);
    snprintf(found->value, sizeof found->value, "%.*s", (int)value.len, value.len == 0 ? "" : value.data);
    found->count++;
}

static struct found get(struct config *config, const char *pattern)
{
    struct found found = {.count = 0};
    struct bytes patterns[] = {bytes_of_string(pattern)};
    cr_assert(config_visit(config, patterns, 1, note, &found));
    return found;
}

static enum result set(struct config *config, const char *name, const char *value, char reason[256])
{
    struct bytes pair[] = {bytes_of_string(name), bytes_of_string(value)};
    struct bytes culprit;
    return config_set(config, &(struct config_change){.pairs = pair, .count = 1}, &culprit, reason);
}

Test(config, rows_are_sorted_and_well_formed)
{
    for (size_t i = 0; i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        cr_assert(i == 0 || strcmp(config_params[i - 1].name, param->name) < 0, "%s", param->name);
        cr_assert((param->kind == PARAM_ENUM) == (param->words != NULL), "%s", param->name);
        cr_assert((param->kind == PARAM_TEXT) == (param->initial_text != NULL), "%s", param->name);
        cr_assert_leq(param->min, param->max, "%s", param->name);
        cr_assert_eq(param_find(bytes_of_string(param->name)), param);
        const struct param *primary = param_primary(param);
        cr_assert_eq(primary == param, (param->flags & PARAM_ALIAS) == 0, "%s", param->name);
        cr_assert(primary->offset == param->offset && primary->kind == param->kind && primary->initial == param->initial &&
                      primary->min == param->min && primary->max == param->max,
                  "%s", param->name);
    }
}

static const struct {
    const char *name, *value;
} defaults[] = {
    {"port", "6379"},
    {"bind", "* -::*"},
    {"save", "3600 1 300 100 60 10000"},
    {"appendonly", "no"},
    {"appendfilename", "appendonly.aof"},
    {"appenddirname", "appendonlydir"},
    {"aof-use-rdb-preamble", "yes"},
    {"aof-timestamp-enabled", "no"},
    {"databases", "16"},
    {"maxclients", "10000"},
    {"maxmemory", "0"},
    {"maxmemory-policy", "noeviction"},
    {"proto-max-bulk-len", "536870912"},
    {"client-query-buffer-limit", "1073741824"},
    {"client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
    {"protected-mode", "yes"},
    {"bind-retry-ms", "2000"},
    {"metrics-port", "0"},
    {"metrics-bind", "127.0.0.1 -::1"},
    {"metrics-hosts", ""},
    {"tcp-backlog", "511"},
    {"tcp-keepalive", "300"},
    {"timeout", "0"},
    {"hz", "10"},
    {"slowlog-log-slower-than", "10000"},
    {"slowlog-max-len", "128"},
    {"commandlog-execution-slower-than", "10000"},
    {"commandlog-slow-execution-max-len", "128"},
    {"commandlog-request-larger-than", "1048576"},
    {"commandlog-large-request-max-len", "128"},
    {"commandlog-reply-larger-than", "1048576"},
    {"commandlog-large-reply-max-len", "128"},
    {"latency-monitor-threshold", "0"},
    {"unixsocketperm", "0"},
    {"loglevel", "notice"},
    {"requirepass", ""},
    {"hash-max-listpack-entries", "512"},
    {"hash-max-ziplist-value", "64"},
    {"set-max-intset-entries", "512"},
    {"zset-max-listpack-entries", "128"},
    {"zset-max-ziplist-value", "64"},
    {"list-max-listpack-size", "-2"},
    {"list-compress-depth", "0"},
    {"stream-node-max-bytes", "4096"},
    {"stream-node-max-entries", "100"},
    {"hll-sparse-max-bytes", "3000"},
    {"table-where-precedence", "and-before-or"},
    {"table-require-index", "no"},
    {"table-max-scan-rows", "0"},
    {"table-join-memory", "268435456"},
};

Test(config, starts_with_redis_defaults)
{
    struct config *config = config_create();
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        struct found found = get(config, defaults[i].name);
        cr_assert_eq(found.count, 1, "%s", defaults[i].name);
        cr_assert_str_eq(found.value, defaults[i].value, "%s", defaults[i].name);
    }
    char folder[4096];
    cr_assert_str_eq(get(config, "dir").value, getcwd(folder, sizeof folder));
    cr_assert_eq(get(config, "*").count, config_param_count);
    cr_assert_eq(get(config, "MAXMEMORY-EV*").count, 1);
    cr_assert_eq(get(config, "maxmem*").count, 5);
    cr_assert_eq(get(config, "nothing").count, 0);
    config_destroy(config);
}

static const struct {
    const char *name, *value, *printed;
} settings[] = {
    {"maxmemory", "1gb", "1073741824"},
    {"MaxMemory", "1mb", "1048576"},
    {"timeout", "17", "17"},
    {"hz", "0", "1"},
    {"hz", "1000", "500"},
    {"loglevel", "DEBUG", "debug"},
    {"protected-mode", "No", "no"},
    {"requirepass", "secret", "secret"},
    {"slowlog-log-slower-than", "-1", "-1"},
    {"save", "", ""},
    {"save", "60 1 900 0", "60 1 900 0"},
    {"appendonly", "no", "no"},
    {"aof-use-rdb-preamble", "no", "no"},
    {"aof-timestamp-enabled", "YES", "yes"},
    {"maxmemory-policy", "noeviction", "noeviction"},
    {"maxmemory-policy", "allkeys-lru", "allkeys-lru"},
    {"maxmemory-clients", "5%", "5%"},
    {"hash-max-listpack-value", "4kb", "4096"},
    {"list-max-listpack-size", "-2147483648", "-2147483648"},
    {"table-where-precedence", "left-to-right", "left-to-right"},
    {"client-output-buffer-limit", "pubsub 1kb 2kb 3 replica 0 0 0", "normal 0 0 0 slave 0 0 0 pubsub 1024 2048 3"},
};

Test(config, takes_values_as_redis_writes_them)
{
    struct config *config = config_create();
    char reason[256];
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        cr_assert_eq(set(config, settings[i].name, settings[i].value, reason), RESULT_OK, "%s", settings[i].name);
        cr_assert_str_eq(get(config, settings[i].name).value, settings[i].printed, "%s", settings[i].name);
    }
    config_destroy(config);
}

static const struct {
    const char *name, *value;
    enum result result;
    const char *reason;
} refusals[] = {
    {"nonsense", "1", RESULT_NOT_FOUND, NULL},
    {"port", "70000", RESULT_SYNTAX, "can't set immutable config"},
    {"dir", "/", RESULT_SYNTAX, "can't set protected config"},
    {"maxclients", "0", RESULT_SYNTAX, "argument must be between 1 and 4294967295 inclusive"},
    {"maxclients", "many", RESULT_SYNTAX, "argument couldn't be parsed into an integer"},
    {"timeout", "1 2", RESULT_SYNTAX, "argument couldn't be parsed into an integer"},
    {"maxmemory", "1x", RESULT_SYNTAX, "argument must be a memory value"},
    {"maxmemory", "99999999999gb", RESULT_SYNTAX, "argument must be a memory value"},
    {"proto-max-bulk-len", "1", RESULT_SYNTAX, "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"proto-max-bulk-len", "9223372036854775808", RESULT_SYNTAX,
     "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"hash-max-ziplist-entries", "-1", RESULT_SYNTAX, "argument must be between 0 and 9223372036854775807 inclusive"},
    {"hash-max-listpack-entries", "4kb", RESULT_SYNTAX, "argument couldn't be parsed into an integer"},
    {"list-max-listpack-size", "2147483648", RESULT_SYNTAX, "argument must be between -2147483648 and 2147483647 inclusive"},
    {"protected-mode", "maybe", RESULT_SYNTAX, "argument must be 'yes' or 'no'"},
    {"loglevel", "loud", RESULT_SYNTAX, "argument(s) must be one of the following: debug, verbose, notice, warning"},
    {"maxmemory-policy", "allkeys", RESULT_SYNTAX,
     "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, "
     "allkeys-lfu, allkeys-random, noeviction"},
    {"maxmemory-samples", "0", RESULT_SYNTAX, "argument must be between 1 and 2147483647 inclusive"},
    {"maxmemory-clients", "101%", RESULT_SYNTAX, NULL},
    {"appendonly", "maybe", RESULT_SYNTAX, "argument must be 'yes' or 'no'"},
    {"aof-use-rdb-preamble", "maybe", RESULT_SYNTAX, "argument must be 'yes' or 'no'"},
    {"aof-timestamp-enabled", "1", RESULT_SYNTAX, "argument must be 'yes' or 'no'"},
    {"appendfilename", "x", RESULT_SYNTAX, "can't set immutable config"},
    {"appenddirname", "x", RESULT_SYNTAX, "can't set immutable config"},
    {"save", "60", RESULT_SYNTAX, "Invalid save parameters"},
    {"save", "0 1", RESULT_SYNTAX, "Invalid save parameters"},
    {"save", "60 -1", RESULT_SYNTAX, "Invalid save parameters"},
    {"save", "60 x", RESULT_SYNTAX, "Invalid save parameters"},
    {"dbfilename", "x.rdb", RESULT_SYNTAX, "can't set protected config"},
    {"client-output-buffer-limit", "", RESULT_SYNTAX, "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "normal 0 0", RESULT_SYNTAX, "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "norm 0 0 0", RESULT_SYNTAX,
     "Invalid client class specified in buffer limit configuration."},
    {"client-output-buffer-limit", "normal 0 0 -1", RESULT_SYNTAX,
     "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
};

Test(config, refuses_with_redis_words)
{
    struct config *config = config_create();
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char reason[256] = "";
        cr_assert_eq(set(config, refusals[i].name, refusals[i].value, reason), refusals[i].result, "%s", refusals[i].name);
        if (refusals[i].reason != NULL) {
            cr_assert_str_eq(reason, refusals[i].reason, "%s %s", refusals[i].name, refusals[i].value);
        }
    }
    config_destroy(config);
}

Test(config, sets_all_pairs_or_none)
{
    struct config *config = config_create();
    struct bytes pairs[] = {BYTES("timeout"), BYTES("5"), BYTES("requirepass"), BYTES("x"), BYTES("hz"), BYTES("ten")};
    struct bytes culprit;
    char reason[256];
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = pairs, .count = 3}, &culprit, reason), RESULT_SYNTAX);
    cr_assert(bytes_equal(culprit, BYTES("hz")));
    cr_assert_str_eq(get(config, "timeout").value, "0");
    cr_assert_str_eq(get(config, "requirepass").value, "");
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = pairs, .count = 2}, &culprit, reason), RESULT_OK);
    cr_assert_str_eq(get(config, "timeout").value, "5");
    struct bytes twice[] = {BYTES("hz"), BYTES("1"), BYTES("HZ"), BYTES("2")};
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = twice, .count = 2}, &culprit, reason), RESULT_SYNTAX);
    cr_assert_str_eq(reason, "duplicate parameter");
    config_destroy(config);
}

Test(config, shows_a_renamed_parameter_under_both_names)
{
    struct config *config = config_create();
    char reason[256];
    cr_assert_eq(set(config, "hash-max-ziplist-entries", "7", reason), RESULT_OK);
    cr_assert_str_eq(get(config, "hash-max-listpack-entries").value, "7");
    cr_assert_str_eq(get(config, "hash-max-ziplist-entries").value, "7");
    cr_assert_eq(get(config, "hash-max-*-entries").count, 2);
    /* Redis does not see that both are the same: the later one wins. */
    struct bytes both[] = {BYTES("zset-max-listpack-value"), BYTES("5"), BYTES("zset-max-ziplist-value"), BYTES("6")};
    struct bytes culprit;
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = both, .count = 2}, &culprit, reason), RESULT_OK);
    cr_assert_str_eq(get(config, "zset-max-listpack-value").value, "6");
    config_destroy(config);
}

Test(config, keeps_the_password_that_was_set_last)
{
    struct config *config = config_create();
    char reason[256];
    cr_assert_eq(set(config, "requirepass", "secret", reason), RESULT_OK);
    struct bytes pair[] = {BYTES("requirepass"), BYTES("a\0b")};
    struct bytes culprit;
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = pair, .count = 1}, &culprit, reason), RESULT_SYNTAX);
    cr_assert_str_eq(config->requirepass, "secret");
    cr_assert_eq(set(config, "requirepass", "", reason), RESULT_OK);
    cr_assert_str_eq(config->requirepass, "");
    config_destroy(config);
}

Test(config, says_how_many_clients_the_system_allows)
{
    enum { NOBODY = 65534 };
    struct rlimit limit = {200, 200};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (getuid() == 0) { /* the superuser raises every limit */
        cr_assert_eq(setuid(NOBODY), 0);
    }
    cr_assert_eq(file_limit_raise(10), 10);
    cr_assert_eq(file_limit_raise(1000), 200 - FILE_LIMIT_RESERVED);
    struct config *config = config_create();
    char reason[256] = "";
    cr_assert_eq(set(config, "maxclients", "1000", reason), RESULT_SYNTAX);
    cr_assert_str_eq(reason, "The operating system is not able to handle the specified number of clients, try with 104");
    cr_assert_eq(set(config, "maxclients", "100", reason), RESULT_OK);
    config_destroy(config);
}

Test(config, gives_all_memory_back)
{
    struct mem_counters before = {0}, after = {0};
    thread_heaps_total(&before);
    struct config *config = config_create();
    char reason[256];
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(set(config, "requirepass", i % 2 ? "short" : "a much longer password than the other one", reason), RESULT_OK);
    }
    config_destroy(config);
    thread_heaps_total(&after);
    cr_assert_eq(after.class_bytes[MEM_SERVER], before.class_bytes[MEM_SERVER]);
}
