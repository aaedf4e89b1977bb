/* hyperloglog.c - PFADD, PFCOUNT, PFMERGE: strings that count distinct elements.
 *
 * A dense string is changed where it is. A sparse one is changed in a copy and written back, so that a mistake in it, or refused
 * memory, leaves it as it was.
 *
 * Threads    The holder of the keys' batons.
 * Read on    encoding/hyperloglog.h.  */
#include "encoding/hyperloglog.h"

#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/string/string_rows.h"
#include "exec/exec.h"

#include <math.h>

#define ERROR_NOT_HLL "WRONGTYPE Key is not a valid HyperLogLog string value."
#define ERROR_CORRUPT_HLL "INVALIDOBJ Corrupted HLL object detected"

/* The string of `entry`; an entry that is there must be a HyperLogLog. Replies the error. */
static bool hll_text(struct exec *exec, const struct entry *entry, char scratch[STRING_SCRATCH], struct bytes *out)
{
    if (!check_string(exec, entry)) {
        return false;
    }
    *out = entry_string(entry, scratch);
    if (!hll_is_valid(*out)) {
        reply_error(exec->reply, ERROR_NOT_HLL);
        return false;
    }
    return true;
}

/* A copy of `text` (an empty HyperLogLog when that is empty) with room for `growth` bytes more, or to become dense. Replies the
 * error.  */
static bool copy_hll(struct exec *exec, struct bytes text, size_t growth, struct hll *out)
{
    const int64_t limit = exec_hll_sparse_max(exec);
    size_t room = (text.len == 0 ? HLL_EMPTY_BYTES : text.len) + growth;
    room = room < HLL_DENSE_BYTES ? HLL_DENSE_BYTES : room;
    char *memory = exec_scratch(exec, room);
    if (memory == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    *out = (struct hll){.data = memory, .room = room, .sparse_max = limit < 0 ? 0 : (size_t)limit};
    if (text.len == 0) {
        out->len = hll_write_empty(memory);
    } else {
        memcpy(memory, text.data, text.len);
        out->len = text.len;
    }
    return true;
}

/* Makes `hll` the key's string, which keeps its expiry. Replies the error. */
static bool store_hll(struct exec *exec, struct key key, struct entry *existing, const struct hll *hll)
{
    struct open_string string;
    const enum result result = keyspace_string_open(exec_keyspace(exec, key), key, existing, hll->len, &string);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return false;
    }
    memcpy(string.data, hll->data, hll->len);
    keyspace_string_set_len(&string, hll->len);
    return true;
}

/* Opens an existing HyperLogLog for changes in place; as with Redis it is a raw string from now on. Replies the error. */
static bool open_hll(struct exec *exec, struct key key, struct entry *existing, struct open_string *out)
{
    const enum result result = keyspace_string_open(exec_keyspace(exec, key), key, existing, 0, out);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
    }
    return result == RESULT_OK;
}

/* --- PFADD --- */

/* Adds argv[2...], and how many changed it to *changes. Replies the error; then the copy is of no use. */
static bool add_elements(struct exec *exec, struct hll *hll, uint64_t *changes)
{
    for (uint32_t i = 2; i < exec->argc; i++) {
        const enum hll_change change = hll_add(hll, exec->argv[i]);
        if (change == HLL_CORRUPT) {
            reply_error(exec->reply, ERROR_CORRUPT_HLL);
            return false;
        }
        *changes += change == HLL_CHANGED;
    }
    return true;
}

/* Ends PFADD. */
static void reply_added(struct exec *exec, struct key key, uint64_t changes)
{
    if (changes > 0) {
        exec_changed(exec, key, EVENT_PFADD);
        exec_count_changes(exec, changes - 1);
    }
    reply_integer(exec->reply, changes > 0);
}

static void add_in_place(struct exec *exec, struct key key, struct entry *existing)
{
    struct open_string string;
    if (!open_hll(exec, key, existing, &string)) {
        return;
    }
    struct hll hll = {.data = string.data, .len = string.len, .room = string.len};
    uint64_t changes = 0;
    if (!add_elements(exec, &hll, &changes)) {
        return;
    }
    if (changes > 0) {
        hll_forget_cached_count(hll.data);
    }
    reply_added(exec, key, changes);
}

static void command_pfadd(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    char scratch[STRING_SCRATCH];
    struct bytes text = BYTES("");
    if (existing != NULL && !hll_text(exec, existing, scratch, &text)) {
        return;
    }
    if (existing != NULL && hll_is_dense(text)) {
        add_in_place(exec, key, existing);
        return;
    }
    const size_t growth = (size_t)(exec->argc - 2) * HLL_GROWTH_MAX;
    struct hll hll;
    if (!copy_hll(exec, text, growth < HLL_SPARSE_BYTES_MAX ? growth : HLL_SPARSE_BYTES_MAX, &hll)) {
        return;
    }
    uint64_t changes = existing == NULL;
    if (!add_elements(exec, &hll, &changes)) {
        return;
    }
    if (changes > 0) {
        hll_forget_cached_count(hll.data);
    }
    if (store_hll(exec, key, existing, &hll)) {
        reply_added(exec, key, changes);
    }
}

/* --- PFCOUNT --- */

/* One key: the count is cached in the string, which is no change that anybody is told of. */
static void count_one(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_read(exec, key);
    char scratch[STRING_SCRATCH];
    struct bytes text;
    uint64_t count = 0;
    if (entry == NULL) {
        reply_integer(exec->reply, 0);
        return;
    }
    if (!hll_text(exec, entry, scratch, &text)) {
        return;
    }
    const bool may_write = entry_pins(entry) == 0; /* otherwise the count is not kept */
    struct open_string string = {0};
    if (may_write && !open_hll(exec, key, entry, &string)) {
        return;
    }
    text = may_write ? (struct bytes){string.data, string.len} : text;
    if (!hll_cached_count(text, &count)) {
        if (!hll_count(text, &count)) {
            reply_error(exec->reply, ERROR_CORRUPT_HLL);
            return;
        }
        if (may_write) {
            hll_set_cached_count(string.data, count);
            exec_count_changes(exec, 1);
        }
    }
    reply_integer(exec->reply, (int64_t)count);
}

/* Adds what argv[1...] hold to `registers`. *has_dense: at least one is dense. Replies the error. */
static bool merge_keys(struct exec *exec, uint8_t registers[HLL_REGISTERS], bool *has_dense)
{
    for (uint32_t i = 1; i < exec->argc; i++) {
        const struct entry *entry = exec_find_read(exec, exec_key(exec, i));
        char scratch[STRING_SCRATCH];
        struct bytes text;
        if (entry == NULL) {
            continue;
        }
        if (!hll_text(exec, entry, scratch, &text)) {
            return false;
        }
        *has_dense = *has_dense || hll_is_dense(text);
        if (!hll_merge(text, registers)) {
            reply_error(exec->reply, ERROR_CORRUPT_HLL);
            return false;
        }
    }
    return true;
}

static void command_pfcount(struct exec *exec)
{
    if (exec->argc == 2) {
        count_one(exec);
        return;
    }
    uint8_t registers[HLL_REGISTERS] = {0};
    bool has_dense = false;
    if (merge_keys(exec, registers, &has_dense)) {
        reply_integer(exec->reply, (int64_t)hll_count_registers(registers));
    }
}

/* --- PFMERGE --- */

static void command_pfmerge(struct exec *exec)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    bool has_dense = false;
    if (!merge_keys(exec, registers, &has_dense)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    struct entry *existing = exec_find_write(exec, key);
    char scratch[STRING_SCRATCH];
    struct hll hll;
    if (!copy_hll(exec, existing == NULL ? BYTES("") : entry_string(existing, scratch), HLL_SPARSE_BYTES_MAX, &hll)) {
        return;
    }
    if ((has_dense && !hll_make_dense(&hll)) || !hll_raise(&hll, registers)) {
        reply_error(exec->reply, ERROR_CORRUPT_HLL);
        return;
    }
    hll_forget_cached_count(hll.data);
    if (store_hll(exec, key, existing, &hll)) {
        exec_changed(exec, key, EVENT_PFADD);
        if (exec->is_spread) {
            exec_effect_value(exec, exec->db, key);
        }
        reply_ok(exec->reply);
    }
}

/* --- PFDEBUG --- */

/* Makes the key's string dense; replies the error. */
static bool make_dense(struct exec *exec, struct key key, struct entry *entry, struct bytes text, struct hll *hll)
{
    if (!copy_hll(exec, text, 0, hll)) {
        return false;
    }
    if (!hll_make_dense(hll)) {
        reply_error(exec->reply, ERROR_CORRUPT_HLL);
        return false;
    }
    if (!store_hll(exec, key, entry, hll)) {
        return false;
    }
    exec_count_changes(exec, 1);
    return true;
}

static void debug_getreg(struct exec *exec, struct key key, struct entry *entry, struct bytes text)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    struct hll hll;
    if (!hll_is_dense(text)) {
        if (!make_dense(exec, key, entry, text, &hll)) {
            return;
        }
        text = (struct bytes){hll.data, hll.len};
    }
    const bool is_merged = hll_merge(text, registers);
    if (!is_merged) {
        reply_error(exec->reply, ERROR_CORRUPT_HLL);
        return;
    }
    reply_array(exec->reply, HLL_REGISTERS);
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        reply_integer(exec->reply, registers[i]);
    }
}

static void debug_decode(struct exec *exec, struct key key, struct entry *entry, struct bytes text)
{
    enum { RUN_TEXT_MAX = 2 * INT64_TEXT_MAX + 4 };
    (void)key;
    (void)entry;
    if (hll_is_dense(text)) {
        reply_error(exec->reply, "ERR HLL encoding is not sparse");
        return;
    }
    /* "v:5,1 ", at most eight characters a byte: "Z:16384 " */
    char *memory = exec_scratch(exec, 8 * text.len + RUN_TEXT_MAX);
    if (memory == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    char *end = memory;
    size_t at = HLL_HEADER_BYTES;
    struct hll_run run;
    while (hll_next_run(text, &at, &run)) {
        *end++ = run.value > 0 ? 'v' : run.bytes == 2 ? 'Z' : 'z';
        *end++ = ':';
        if (run.value > 0) {
            end += int64_format(run.value, end);
            *end++ = ',';
        }
        end += int64_format(run.len, end);
        *end++ = ' ';
    }
    reply_bulk(exec->reply, (struct bytes){memory, end == memory ? 0 : (size_t)(end - memory) - 1});
}

static void debug_encoding(struct exec *exec, struct key key, struct entry *entry, struct bytes text)
{
    (void)key;
    (void)entry;
    reply_simple(exec->reply, hll_is_dense(text) ? BYTES("dense") : BYTES("sparse"));
}

static void debug_todense(struct exec *exec, struct key key, struct entry *entry, struct bytes text)
{
    const bool was_dense = hll_is_dense(text);
    struct hll hll;
    if (was_dense || make_dense(exec, key, entry, text, &hll)) {
        reply_integer(exec->reply, !was_dense);
    }
}

static const struct {
    struct bytes name;
    void (*run)(struct exec *exec, struct key key, struct entry *entry, struct bytes text);
} debug_actions[] = {{BYTES("GETREG"), debug_getreg},
                     {BYTES("DECODE"), debug_decode},
                     {BYTES("ENCODING"), debug_encoding},
                     {BYTES("TODENSE"), debug_todense}};

static void command_pfdebug(struct exec *exec)
{
    struct key key = exec_key(exec, 2);
    struct entry *entry = exec_find_write(exec, key);
    char scratch[STRING_SCRATCH];
    struct bytes text;
    if (entry == NULL) {
        reply_error(exec->reply, "ERR The specified key does not exist");
        return;
    }
    struct open_string string;
    if (!hll_text(exec, entry, scratch, &text) || !open_hll(exec, key, entry, &string)) {
        return;
    }
    entry = exec_find_write(exec, key); /* it may have moved */
    text = (struct bytes){string.data, string.len};
    for (size_t i = 0; i < sizeof debug_actions / sizeof debug_actions[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[1], debug_actions[i].name)) {
            debug_actions[i].run(exec, key, entry, text);
            return;
        }
    }
    const struct bytes name = exec->argv[1];
    const int shown = name.len > INT32_MAX ? INT32_MAX : (int)name.len;
    reply_errorf(exec->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", shown, name.data);
}

/* --- PFSELFTEST --- */

/* Adds numbers to a sparse string until it is dense and beyond, beside plain registers: both must agree, and the estimate must be
 * near to what was added: within five times the standard error 1.04 / sqrt(16384).  */
static const char *self_test(struct hll *hll)
{
    enum { ADDED = 10000, CHECKED_EACH = 1000 };
    uint8_t plain[HLL_REGISTERS] = {0};
    for (int64_t i = 1; i <= ADDED; i++) {
        char digits[INT64_TEXT_MAX];
        const struct bytes element = {digits, int64_format(i, digits)};
        const struct hll_mark mark = hll_mark_of(element);
        const bool must_change = plain[mark.index] < mark.value;
        plain[mark.index] = must_change ? mark.value : plain[mark.index];
        if (hll_add(hll, element) != (must_change ? HLL_CHANGED : HLL_SAME)) {
            return "TESTFAILED A register was not raised as it should be";
        }
        if (i % CHECKED_EACH != 0) {
            continue;
        }
        uint64_t count;
        if (!hll_count((struct bytes){hll->data, hll->len}, &count) || count != hll_count_registers(plain)) {
            return "TESTFAILED The string and plain registers disagree";
        }
        if (fabs((double)count - (double)i) > 5 * 0.008125 * (double)i) {
            return "TESTFAILED The estimate is too far away";
        }
    }
    return NULL;
}

static void command_pfselftest(struct exec *exec)
{
    struct hll hll;
    if (!copy_hll(exec, BYTES(""), HLL_SPARSE_BYTES_MAX, &hll)) {
        return;
    }
    const char *error = self_test(&hll);
    if (error != NULL) {
        reply_error(exec->reply, error);
    } else {
        reply_ok(exec->reply);
    }
}

const struct command_spec hyperloglog_commands[] = {
    {.name = "pfadd", .run = command_pfadd, .arity = -2, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "2.8.9", .group = "hyperloglog",
     .complexity = "O(1) an element", .summary = "Adds elements to a HyperLogLog, which is made when there is none.",
     .syntax = "key [element ...]", .key_flags = "RW insert"},
    {.name = "pfcount", .run = command_pfcount, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_MAY_REPLICATE,
     .keys = {1, -1, 1}, .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N), N the keys; fast for one of them",
     .summary = "Estimates how many distinct elements HyperLogLogs have seen together.", .syntax = "key [key ...]",
     .key_flags = "RW access"},
    {.name = "pfdebug", .run = command_pfdebug, .arity = 3, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_ADMIN, .keys = {2, 2, 1}, .since = "2.8.9", .group = "hyperloglog",
     .complexity = "O(1)", .summary = "Shows or changes what a HyperLogLog has inside.", .syntax = "subcommand key",
     .key_flags = "RW access"},
    {.name = "pfmerge", .run = command_pfmerge, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, -1, 1}, .since = "2.8.9", .group = "hyperloglog", .complexity = "O(N), N the keys",
     .summary = "Adds all that HyperLogLogs have seen to one of them.", .syntax = "destkey [sourcekey ...]",
     .key_flags = "RW access insert|RO access"},
    {.name = "pfselftest", .run = command_pfselftest, .arity = 1, .scope = SCOPE_INSTANT, .flags = COMMAND_ADMIN,
     .since = "2.8.9", .group = "hyperloglog", .complexity = "O(1)", .summary = "Checks the counting of HyperLogLogs.",
     .syntax = ""},
    {0},
};
