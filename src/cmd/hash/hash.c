/* hash.c - commands on single fields of hashes.
 *
 * Threads    The holder of the key's baton.
 * Read on    hash_number.c (counters), hash_all.c (whole hashes), hash_scan.c, hash_random.c; data/hash_value.h.  */
#include "cmd/core/limits.h"
#include "cmd/core/words.h"
#include "cmd/hash/hash_private.h"
#include "cmd/hash/hash_rows.h"

/* --- writing --- */

/* Puts the pairs from argv[from] up to `end`, and closes the hash. Counts the fields that were not there. */
static void put_pairs(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally)
{
    const struct encoding_limits limits = exec_limits(exec);
    enum result result = RESULT_OK;
    for (tally->end = from; tally->end < end && result == RESULT_OK;) {
        bool is_new;
        result = hash_put(value, &limits, exec->argv[tally->end], exec->argv[tally->end + 1], &is_new);
        if (LIKELY(result == RESULT_OK)) {
            tally->count += is_new;
            tally->end += 2;
        }
    }
    const enum result closed = value_close(value);
    tally->end = closed == RESULT_OK ? tally->end : from;
    tally->result = result == RESULT_OK ? closed : result;
}

/* Each field that was put is a change. */
static void report_put(struct exec *exec, const struct word_tally *tally)
{
    report_tally(exec, tally, EVENT_HSET, (tally->end - 2) / 2);
}

static bool begin_write(struct words *words, struct exec *exec)
{
    (void)words;
    return check_hash(exec, exec_find_write(exec, exec_key(exec, 1)));
}

static bool put_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    if (!open_hash(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    put_pairs(exec, &value, words->at, end, &words->tally);
    words->at = end;
    return words->tally.result == RESULT_OK;
}

static void finish_hset(struct words *words, struct exec *exec)
{
    report_put(exec, &words->tally);
    reply_tally(exec, &words->tally);
}

static void finish_hmset(struct words *words, struct exec *exec)
{
    report_put(exec, &words->tally);
    if (words->tally.result != RESULT_OK) {
        reply_result_error(exec->reply, words->tally.result);
    } else {
        reply_ok(exec->reply);
    }
}

static const struct words_kind hset_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = put_words, .finish = finish_hset};
static const struct words_kind hmset_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = put_words, .finish = finish_hmset};
static const struct words pairs = {.first = 2, .step = 2};
static const struct words fields = {.first = 2, .step = 1};

/* Puts the pairs from argv[2] on; false: refused, which was replied, or a job does it. *created: fields that were not there. */
static bool put_fields(struct exec *exec, const struct words_kind *kind, int64_t *created)
{
    if (UNLIKELY(exec->argc % 2 == 1)) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    if (words_are_many(exec)) {
        words_start(exec, kind, &pairs);
        return false;
    }
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return false;
    }
    struct word_tally tally = {0};
    put_pairs(exec, &value, 2, exec->argc, &tally);
    report_put(exec, &tally);
    *created = tally.count;
    if (UNLIKELY(tally.result != RESULT_OK)) {
        reply_result_error(exec->reply, tally.result);
    }
    return tally.result == RESULT_OK;
}

static void command_hset(struct exec *exec)
{
    int64_t created;
    if (LIKELY(put_fields(exec, &hset_kind, &created))) {
        reply_integer(exec->reply, created);
    }
}

static void command_hmset(struct exec *exec)
{
    int64_t created;
    if (put_fields(exec, &hmset_kind, &created)) {
        reply_ok(exec->reply);
    }
}

static void command_hsetnx(struct exec *exec)
{
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    if (value.entry != NULL && hash_get(value.entry, exec->argv[2], NULL)) {
        reply_integer(exec->reply, 0);
        return;
    }
    const struct encoding_limits limits = exec_limits(exec);
    bool is_new;
    enum result result = hash_put(&value, &limits, exec->argv[2], exec->argv[3], &is_new);
    if (close_hash(exec, &value, result)) {
        exec_changed(exec, key, EVENT_HSET);
        reply_integer(exec->reply, 1);
    }
}

/* Takes argv[from] up to `end` out of the hash, until nothing is left in it: true. */
static bool take_fields(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally)
{
    bool is_empty = value->entry == NULL;
    for (uint32_t i = from; i < end && !is_empty && tally->result == RESULT_OK; i++) {
        bool was_there;
        tally->result = hash_remove(value, exec->argv[i], &was_there, &is_empty);
        tally->count += tally->result == RESULT_OK && was_there;
        tally->end = i;
    }
    return is_empty;
}

static bool take_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    if (!open_hash(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    const bool is_empty = take_fields(exec, &value, words->at, end, &words->tally);
    words->at = end;
    if (is_empty && value.entry != NULL) {
        value_remove(&value);
    } else if (!is_empty) {
        const enum result closed = value_close(&value);
        words->tally.result = words->tally.result == RESULT_OK ? closed : words->tally.result;
    }
    return !is_empty && words->tally.result == RESULT_OK;
}

static void finish_take_words(struct words *words, struct exec *exec)
{
    words_finish_removal(words, exec, EVENT_HDEL);
}

static const struct words_kind hdel_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = take_words, .finish = finish_take_words};

static void command_hdel(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &hdel_kind, &fields);
        return;
    }
    struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_hash(exec, key, &value)) {
        return;
    }
    struct word_tally tally = {0};
    const bool is_empty = take_fields(exec, &value, 2, exec->argc, &tally);
    const bool is_last = is_empty && value.entry != NULL;
    const enum result closed = is_last ? RESULT_OK : value_close(&value);
    tally.result = tally.result == RESULT_OK ? closed : tally.result;
    if (is_last) {
        value_remove(&value);
    }
    report_tally(exec, &tally, EVENT_HDEL, (uint64_t)tally.count);
    if (is_last) {
        exec_event(exec, key, EVENT_DEL);
    }
    reply_tally(exec, &tally);
}

/* --- reading --- */

static void command_hget(struct exec *exec)
{
    struct entry *entry;
    if (UNLIKELY(!find_hash(exec, &entry))) {
        return;
    }
    struct item text;
    if (entry != NULL && hash_get(entry, exec->argv[2], &text)) {
        reply_item(exec->reply, &text);
    } else {
        reply_null(exec->reply);
    }
}

void reply_hash_fields(struct exec *exec, const struct entry *entry, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        struct item text;
        if (entry != NULL && hash_get(entry, exec->argv[i], &text)) {
            reply_item(exec->reply, &text);
        } else {
            reply_null(exec->reply);
        }
    }
}

static bool begin_hmget(struct words *words, struct exec *exec)
{
    struct entry *entry;
    (void)words;
    if (!find_hash(exec, &entry)) {
        return false;
    }
    reply_array(exec->reply, exec->argc - 2);
    return true;
}

static bool get_words(struct words *words, struct exec *exec, uint32_t end)
{
    reply_hash_fields(exec, expire_fields(exec, exec_key(exec, 1), words_entry(exec)), words->at, end);
    words->at = end;
    return true;
}

static const struct words_kind hmget_kind = {.mode = KEY_LOCK_SHARED, .begin = begin_hmget, .run = get_words};

static void command_hmget(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &hmget_kind, &fields);
        return;
    }
    struct entry *entry;
    if (!find_hash(exec, &entry)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    reply_hash_fields(exec, entry, 2, exec->argc);
}

static void command_hexists(struct exec *exec)
{
    struct entry *entry;
    if (find_hash(exec, &entry)) {
        reply_integer(exec->reply, entry != NULL && hash_get(entry, exec->argv[2], NULL));
    }
}

static void command_hlen(struct exec *exec)
{
    struct entry *entry;
    if (find_hash(exec, &entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)hash_count(entry));
    }
}

static void command_hstrlen(struct exec *exec)
{
    struct entry *entry;
    if (!find_hash(exec, &entry)) {
        return;
    }
    struct item text;
    char scratch[ITEM_SCRATCH];
    bool is_there = entry != NULL && hash_get(entry, exec->argv[2], &text);
    reply_integer(exec->reply, is_there ? (int64_t)item_text(&text, scratch).len : 0);
}

/* --- HGETDEL: key FIELDS numfields field ... --- */

static const struct words fields_of_getdel = {.first = 4, .step = 1};

bool hash_check_fields(struct exec *exec, uint32_t at, const char *count_error)
{
    int64_t count;
    if (at >= exec->argc || !bytes_equal_ignore_case(exec->argv[at], BYTES("FIELDS"))) {
        reply_error(exec->reply, "ERR Mandatory argument FIELDS is missing or not at the right position");
        return false;
    }
    if (at + 1 == exec->argc || !int64_parse(exec->argv[at + 1], &count) || count < 1) {
        reply_error(exec->reply, count_error);
        return false;
    }
    if (count != (int64_t)exec->argc - at - 2) {
        reply_error(exec->reply, "ERR The `numfields` parameter must match the number of arguments");
        return false;
    }
    return true;
}

static bool check_getdel_words(struct exec *exec)
{
    return hash_check_fields(exec, 2, HASH_BAD_COUNT);
}

/* Replies the fields argv[from] up to `end`, takes each out as soon as it is replied, and closes the hash, or removes it: *is_gone. */
static void get_and_take_fields(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally, bool *is_gone)
{
    bool is_empty = value->entry == NULL;
    *is_gone = false;
    if (is_empty) {
        reply_hash_fields(exec, NULL, from, end);
        return;
    }
    for (uint32_t i = from; i < end && tally->result == RESULT_OK; i++) {
        reply_hash_fields(exec, is_empty ? NULL : value->entry, i, i + 1);
        is_empty = is_empty || take_fields(exec, value, i, i + 1, tally);
    }
    if (is_empty) {
        value_remove(value);
        *is_gone = true;
        return;
    }
    const enum result closed = value_close(value);
    tally->result = tally->result == RESULT_OK ? closed : tally->result;
}

/* Reports what went. HDEL repeats it, of the fields before the one for which memory was refused. */
static void report_getdel(struct exec *exec, const struct word_tally *tally, bool is_gone)
{
    const struct key key = exec_key(exec, 1);
    const uint32_t end = tally->result == RESULT_OK ? exec->argc : tally->end;
    if (tally->count == 0) {
        return;
    }
    exec_changed_by(exec, key, EVENT_HDEL, (uint64_t)tally->count);
    if (is_gone) {
        exec_event(exec, key, EVENT_DEL);
    }
    struct bytes *words = exec_scratch(exec, (end - 2) * sizeof *words);
    if (words == NULL) {
        exec_effect_lost(exec);
        return;
    }
    words[0] = BYTES("HDEL");
    words[1] = key.name;
    memcpy(words + 2, exec->argv + 4, (end - 4) * sizeof *words);
    exec_effect(exec, key, words, end - 2);
}

static bool begin_getdel(struct words *words, struct exec *exec)
{
    if (!begin_write(words, exec)) {
        return false;
    }
    reply_array(exec->reply, exec->argc - 4);
    return true;
}

static bool getdel_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    bool is_gone;
    if (!open_hash(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    get_and_take_fields(exec, &value, words->at, end, &words->tally, &is_gone);
    words->at = end;
    return words->tally.result == RESULT_OK;
}

static void finish_getdel(struct words *words, struct exec *exec)
{
    report_getdel(exec, &words->tally, words_entry(exec) == NULL);
    if (words->tally.result != RESULT_OK) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, words->tally.result);
    }
}

static const struct words_kind getdel_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_getdel, .run = getdel_words, .finish = finish_getdel};

static void command_hgetdel(struct exec *exec)
{
    if (words_are_many(exec)) {
        if (check_getdel_words(exec)) {
            words_start(exec, &getdel_kind, &fields_of_getdel);
        }
        return;
    }
    struct value value;
    if (!open_hash(exec, exec_key(exec, 1), &value) || !check_getdel_words(exec)) {
        return;
    }
    struct word_tally tally = {0};
    bool is_gone;
    reply_array(exec->reply, exec->argc - 4);
    get_and_take_fields(exec, &value, 4, exec->argc, &tally, &is_gone);
    report_getdel(exec, &tally, is_gone);
    if (tally.result != RESULT_OK) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, tally.result);
    }
}

#define HASH_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .group = "hash"
#define WRITE_FLAGS .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST
#define READ_FLAGS .flags = COMMAND_READONLY | COMMAND_FAST

const struct command_spec hash_commands[] = {
    {.name = "hdel", .run = command_hdel, .arity = -3, HASH_ROW, .flags = COMMAND_WRITE | COMMAND_FAST, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Removes fields from a hash and returns how many there were.",
     .syntax = "key field [field ...]", .key_flags = "RW delete", .locks_when_long = true},
    {.name = "hexists", .run = command_hexists, .arity = 3, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.", .syntax = "key field", .key_flags = "RO"},
    {.name = "hget", .run = command_hget, .arity = 3, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Returns the value of a field of a hash.", .syntax = "key field"},
    {.name = "hgetdel", .run = command_hgetdel, .arity = -5, HASH_ROW, .flags = COMMAND_WRITE | COMMAND_FAST, .since = "8.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Returns the values of fields of a hash and removes them.",
     .syntax = "key FIELDS numfields field [field ...]", .key_flags = "RW access delete", .locks_when_long = true},
    {.name = "hlen", .run = command_hlen, .arity = 2, HASH_ROW, READ_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Returns the number of fields of a hash.", .syntax = "key", .key_flags = "RO"},
    {.name = "hmget", .run = command_hmget, .arity = -3, HASH_ROW, READ_FLAGS, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Returns the values of several fields of a hash.",
     .syntax = "key field [field ...]", .locks_when_long = true},
    {.name = "hmset", .run = command_hmset, .arity = -4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0",
     .complexity = "O(N), N the number of fields", .summary = "Sets fields of a hash, as HSET does.",
     .syntax = "key field value [field value ...]", .key_flags = "RW update", .locks_when_long = true},
    {.name = "hset", .run = command_hset, .arity = -4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0",
     .complexity = "O(1) a field", .summary = "Sets fields of a hash and returns how many of them are new.",
     .syntax = "key field value [field value ...]", .key_flags = "RW update", .locks_when_long = true},
    {.name = "hsetnx", .run = command_hsetnx, .arity = 4, HASH_ROW, WRITE_FLAGS, .since = "2.0.0", .complexity = "O(1)",
     .summary = "Sets a field of a hash unless it is there.", .syntax = "key field value", .key_flags = "RW insert"},
    {.name = "hstrlen", .run = command_hstrlen, .arity = 3, HASH_ROW, READ_FLAGS, .since = "3.2.0", .complexity = "O(1)",
     .summary = "Returns the length of the value of a field.", .syntax = "key field", .key_flags = "RO"},
    {0},
};
