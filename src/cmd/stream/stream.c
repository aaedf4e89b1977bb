/* stream.c - adding to streams, and taking away: XADD XDEL XLEN XSETID XTRIM.
 *
 * Threads    The holder of the key's baton.  */
#include "cmd/core/limits.h"
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "exec/exec.h"
#include "shard/server.h"

enum { TRIM_NODES_DEFAULT = 100, TRIM_LIMIT_DEFAULT = 10000, TRIM_LIMIT_MAX = 1000000, TRIM_WORDS = 3 };

/* --- the words of XADD and XTRIM --- */

struct add_words {
    bool has_trim;
    bool is_limit_given;
    bool is_no_mkstream;
    bool is_auto;        /* "*" */
    struct stream_trim trim;
    struct stream_id_word id;
    uint32_t at;         /* XADD: argv index of the id; argc: there is none */
};

static bool is_char(struct bytes word, char c)
{
    return word.len > 0 && word.data[0] == c && (word.len == 1 || word.data[1] == '\0');
}

static bool refuse(struct exec *exec, const char *error)
{
    reply_error(exec->reply, error);
    return false;
}

/* MAXLEN or MINID at argv[*at], with more words behind it. *at becomes its last word. */
static bool read_strategy(struct exec *exec, uint32_t *at, bool by_id, struct add_words *out)
{
    struct stream_trim *trim = &out->trim;
    if (out->has_trim) {
        return refuse(exec, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    }
    uint32_t value = *at + 1;
    const bool may_be_mark = value + 1 < exec->argc;
    trim->is_approximate = may_be_mark && is_char(exec->argv[value], '~');
    if (trim->is_approximate || (may_be_mark && is_char(exec->argv[value], '='))) {
        value++;
    }
    if (by_id) {
        if (!exec_stream_id(exec, value, &trim->min_id)) {
            return false;
        }
    } else {
        int64_t length;
        if (!exec_int64_argument(exec, value, &length)) {
            return false;
        }
        if (length < 0) {
            return refuse(exec, "ERR The MAXLEN argument must be >= 0.");
        }
        trim->max_length = (uint64_t)length;
    }
    trim->by_id = by_id;
    out->has_trim = true;
    *at = value;
    return true;
}

static bool read_limit(struct exec *exec, uint32_t index, struct add_words *out)
{
    int64_t limit;
    if (!exec_int64_argument(exec, index, &limit)) {
        return false;
    }
    if (limit < 0) {
        return refuse(exec, "ERR The LIMIT argument must be >= 0.");
    }
    out->trim.limit = (uint64_t)limit;
    out->is_limit_given = true;
    return true;
}

/* What fits no option: XADD's id, where its options end. */
static bool read_id(struct exec *exec, uint32_t index, struct add_words *out)
{
    if (!stream_id_parse(exec->argv[index], STREAM_ID_AUTO_SEQ, 0, &out->id)) {
        return refuse(exec, ERROR_BAD_STREAM_ID);
    }
    return true;
}

static bool read_options(struct exec *exec, bool is_add, struct add_words *out)
{
    uint32_t at = 2;
    for (; at < exec->argc; at++) {
        const struct bytes word = exec->argv[at];
        const bool has_more = at + 1 < exec->argc;
        out->is_auto = is_add && is_char(word, '*');
        const bool by_length = has_more && !out->is_auto && bytes_equal_ignore_case(word, BYTES("MAXLEN"));
        const bool by_id = has_more && !out->is_auto && bytes_equal_ignore_case(word, BYTES("MINID"));
        if (out->is_auto) {
            break;
        }
        if (by_length || by_id) {
            if (!read_strategy(exec, &at, by_id, out)) {
                return false;
            }
        } else if (has_more && bytes_equal_ignore_case(word, BYTES("LIMIT"))) {
            if (!read_limit(exec, ++at, out)) {
                return false;
            }
        } else if (is_add && bytes_equal_ignore_case(word, BYTES("NOMKSTREAM"))) {
            out->is_no_mkstream = true;
        } else if (is_add) {
            if (!read_id(exec, at, out)) {
                return false;
            }
            break;
        } else {
            return refuse(exec, ERROR_SYNTAX);
        }
    }
    out->at = at;
    return true;
}

/* The limit of approximate trimming that nobody gave. */
static uint64_t default_limit(const struct exec *exec)
{
    const int64_t entries = exec_limits(exec).stream_node_max_entries;
    int64_t limit;
    if (__builtin_mul_overflow(entries, TRIM_NODES_DEFAULT, &limit) || limit > TRIM_LIMIT_MAX) {
        return TRIM_LIMIT_MAX;
    }
    return limit <= 0 ? TRIM_LIMIT_DEFAULT : (uint64_t)limit;
}

/* Reads argv[2...] up to XADD's id; replies the error. */
static bool read_words(struct exec *exec, bool is_add, struct add_words *out)
{
    *out = (struct add_words){.id.has_seq = true};
    if (!read_options(exec, is_add, out)) {
        return false;
    }
    if (out->trim.limit > 0 && !out->has_trim) {
        return refuse(exec, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    }
    if (!is_add && !out->has_trim) {
        return refuse(exec, "ERR syntax error, XTRIM must be called with a trimming strategy");
    }
    if (out->is_limit_given && !out->trim.is_approximate) {
        return refuse(exec, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    }
    if (!out->is_limit_given && out->trim.is_approximate) {
        out->trim.limit = default_limit(exec);
    }
    return true;
}

/* --- XADD --- */

/* The id that the new entry gets; false: there is none above the last one. */
static bool choose_id(const struct exec *exec, const struct stream *stream, const struct add_words *words,
                      struct stream_id *out)
{
    const struct stream_id last = stream->last_id;
    *out = words->id.id;
    if (words->is_auto) {
        *out = (struct stream_id){(uint64_t)exec->now_ms, 0};
        if (out->ms <= last.ms) {
            *out = last;
            return stream_id_increment(out);
        }
    } else if (!words->id.has_seq && out->ms == last.ms) {
        *out = last;
        out->seq++;
        return last.seq != UINT64_MAX;
    }
    return stream_id_compare(*out, last) > 0;
}

/* --- effects: the words with what the clock and the nodes decided --- */

/* Room for the words with two more, before anything is changed. False: no memory, replied. *out NULL: nobody listens, or the words
 * repeat it as they are.  */
static bool reserve_words(struct exec *exec, const struct add_words *words, struct bytes **out)
{
    *out = NULL;
    const bool is_exact = !words->is_auto && words->id.has_seq && !words->has_trim;
    if (is_exact || !exec_wants_effects(exec)) {
        return true;
    }
    *out = exec_scratch(exec, (exec->argc + TRIM_WORDS) * sizeof **out);
    if (*out == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    return *out != NULL;
}

/* "MAXLEN = n": what was cut off, by however rough a rule, is what is over the length that is left. */
static uint32_t put_trim(struct bytes *out, const struct stream *stream, char text[INT64_TEXT_MAX])
{
    out[0] = BYTES("MAXLEN");
    out[1] = BYTES("=");
    out[2] = (struct bytes){text, uint64_format(stream->length, text)};
    return TRIM_WORDS;
}

static void report_added(struct exec *exec, struct key key, const struct stream *stream, const struct add_words *words,
                         struct stream_id id, struct bytes *out)
{
    char id_text[STREAM_ID_TEXT_MAX];
    char length_text[INT64_TEXT_MAX];
    uint32_t count = 0;
    out[count++] = exec->argv[0];
    out[count++] = key.name;
    count += words->has_trim ? put_trim(out + count, stream, length_text) : 0;
    out[count++] = (struct bytes){id_text, stream_id_format(id, id_text)};
    const uint32_t behind = exec->argc - words->at - 1;
    memcpy(out + count, exec->argv + words->at + 1, behind * sizeof *out);
    exec_effect(exec, key, out, count + behind);
}

static void report_trimmed(struct exec *exec, struct key key, const struct stream *stream)
{
    struct bytes out[2 + TRIM_WORDS];
    char text[INT64_TEXT_MAX];
    out[0] = exec->argv[0];
    out[1] = key.name;
    exec_effect(exec, key, out, 2 + put_trim(out + 2, stream, text));
}

static uint64_t trim_stream(struct value *value, struct stream *stream, const struct stream_trim *trim)
{
    struct stream *remains;
    const uint64_t count = stream_trim(stream, trim, &remains);
    stream_value_lazy_free(value->ks, remains);
    return count;
}

/* Ends a change that was refused: a new key is not kept. */
static void give_up(struct value *value)
{
    if (value->is_new) {
        value_remove(value);
    } else {
        stream_value_close(value);
    }
}

static const char *add_error(enum result result)
{
    return result == RESULT_TOO_LONG ? "ERR Elements are too large to be stored" : result_error_text(result);
}

static void add_entry(struct exec *exec, struct value *value, struct stream *stream, const struct add_words *words,
                      struct bytes *effect)
{
    const struct encoding_limits limits = exec_limits(exec);
    const struct stream_words pairs = {exec->argv + words->at + 1, (exec->argc - words->at - 1) / 2};
    struct stream_id id;
    if (stream_id_compare(stream->last_id, STREAM_ID_MAX) == 0) {
        give_up(value);
        reply_error(exec->reply, "ERR The stream has exhausted the last possible ID, unable to add more items");
        return;
    }
    if (!choose_id(exec, stream, words, &id)) {
        give_up(value);
        reply_error(exec->reply, "ERR The ID specified in XADD is equal or smaller than the target stream top item");
        return;
    }
    enum result result = stream_append(stream, id, pairs, &limits);
    if (UNLIKELY(result != RESULT_OK)) {
        give_up(value);
        reply_error(exec->reply, add_error(result));
        return;
    }
    const uint64_t trimmed = words->has_trim ? trim_stream(value, stream, &words->trim) : 0;
    result = value_close(value);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    exec_changed(exec, value->key, EVENT_XADD);
    if (trimmed > 0) {
        exec_changed(exec, value->key, EVENT_XTRIM);
    }
    if (effect != NULL) {
        report_added(exec, value->key, stream, words, id, effect);
    }
    reply_stream_id(exec->reply, id);
}

static void command_xadd(struct exec *exec)
{
    struct add_words words;
    if (!read_words(exec, true, &words)) {
        return;
    }
    const uint32_t behind = exec->argc - (words.at < exec->argc ? words.at + 1 : exec->argc);
    if (behind < 2 || behind % 2 != 0) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (!words.is_auto && words.id.has_seq && stream_id_is_zero(words.id.id)) {
        reply_error(exec->reply, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry)) {
        return;
    }
    if (entry == NULL && words.is_no_mkstream) {
        reply_null(exec->reply);
        return;
    }
    struct value value;
    struct stream *stream;
    struct bytes *effect;
    if (!reserve_words(exec, &words, &effect)) {
        return;
    }
    const enum result result = stream_value_open(&value, exec_keyspace(exec, key), key, entry, &stream);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    add_entry(exec, &value, stream, &words, effect);
}

/* --- the others --- */

/* Opens the stream at argv[1] for a change. False: replied, with `absent` when there is no such key (NULL: 0). */
static bool open_existing(struct exec *exec, const char *absent, struct value *value, struct stream **out)
{
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry)) {
        return false;
    }
    if (entry == NULL) {
        if (absent == NULL) {
            reply_integer(exec->reply, 0);
        } else {
            reply_error(exec->reply, absent);
        }
        return false;
    }
    value_open(value, exec_keyspace(exec, key), key, entry);
    *out = entry_stream(entry);
    return true;
}

static void command_xtrim(struct exec *exec)
{
    struct add_words words;
    struct value value;
    struct stream *stream;
    if (!read_words(exec, false, &words) || !open_existing(exec, NULL, &value, &stream)) {
        return;
    }
    const uint64_t count = trim_stream(&value, stream, &words.trim);
    stream_value_close(&value);
    if (count > 0) {
        exec_changed(exec, value.key, EVENT_XTRIM);
        exec_count_changes(exec, count - 1);
        report_trimmed(exec, value.key, stream);
    }
    reply_integer(exec->reply, (int64_t)count);
}

static void command_xlen(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (check_stream(exec, entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)entry_stream(entry)->length);
    }
}

static void command_xdel(struct exec *exec)
{
    struct value value;
    struct stream *stream;
    if (!open_existing(exec, NULL, &value, &stream)) {
        return;
    }
    const uint32_t id_count = exec->argc - 2;
    const struct stream_id *ids = exec_stream_ids(exec, 2, exec->argc);
    if (ids == NULL) {
        return;
    }
    int64_t deleted = 0;
    uint32_t done = 0;
    while (done < id_count) {
        const enum result result = stream_delete(stream, ids[done]);
        if (result == RESULT_NO_MEMORY) {
            break;
        }
        deleted += result == RESULT_OK;
        done++;
    }
    if (deleted > 0) {
        exec_changed(exec, value.key, EVENT_XDEL);
        exec_count_changes(exec, (uint64_t)deleted - 1);
        exec_effect(exec, value.key, exec->argv, 2 + done);
    }
    stream_value_close(&value);
    reply_integer(exec->reply, deleted);
}

/* ENTRIESADDED and MAXDELETEDID. */
struct set_id_words {
    int64_t entries_added; /* -1: not given */
    struct stream_id id, max_deleted_id;
};

static bool read_set_id_option(struct exec *exec, uint32_t at, struct set_id_words *out)
{
    const bool has_more = at + 1 < exec->argc;
    if (has_more && bytes_equal_ignore_case(exec->argv[at], BYTES("ENTRIESADDED"))) {
        if (!exec_int64_argument(exec, at + 1, &out->entries_added)) {
            return false;
        }
        return out->entries_added >= 0 || refuse(exec, "ERR entries_added must be positive");
    }
    if (has_more && bytes_equal_ignore_case(exec->argv[at], BYTES("MAXDELETEDID"))) {
        if (!exec_stream_id(exec, at + 1, &out->max_deleted_id)) {
            return false;
        }
        return stream_id_compare(out->id, out->max_deleted_id) >= 0 ||
               refuse(exec, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    }
    return refuse(exec, ERROR_SYNTAX);
}

/* Why the stream cannot have that last id; NULL: it can. */
static const char *set_id_error(const struct stream *stream, const struct set_id_words *words)
{
    struct stream_id top;
    if (!stream_edge_id(stream, true, &top)) {
        return NULL;
    }
    if (stream_id_compare(words->id, top) < 0) {
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    }
    if (words->entries_added != -1 && stream->length > (uint64_t)words->entries_added) {
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    }
    return NULL;
}

static void command_xsetid(struct exec *exec)
{
    struct set_id_words words = {.entries_added = -1};
    struct value value;
    struct stream *stream;
    if (!exec_stream_id(exec, 2, &words.id)) {
        return;
    }
    for (uint32_t at = 3; at < exec->argc; at += 2) {
        if (!read_set_id_option(exec, at, &words)) {
            return;
        }
    }
    if (!open_existing(exec, ERROR_NO_KEY, &value, &stream)) {
        return;
    }
    const char *error = set_id_error(stream, &words);
    if (error != NULL) {
        reply_error(exec->reply, error);
        return;
    }
    stream_set_last_id(stream, words.id);
    if (words.entries_added != -1) {
        stream->entries_added = (uint64_t)words.entries_added;
    }
    if (!stream_id_is_zero(words.max_deleted_id)) {
        stream->max_deleted_id = words.max_deleted_id;
    }
    stream_value_close(&value);
    exec_changed(exec, value.key, EVENT_XSETID);
    reply_ok(exec->reply);
}

#define STREAM_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream"

const struct command_spec stream_commands[] = {
    {.name = "xadd", .run = command_xadd, STREAM_ROW, .arity = -5, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .complexity = "O(1); with trimming O(N), N the nodes and entries cut off",
     .summary = "Adds an entry to the end of a stream, which is made when there is none; may trim it.",
     .syntax = "key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] (*|id) field value [field value ...]",
     .tips = "nondeterministic_output", .key_flags = "RW update"},
    {.name = "xdel", .run = command_xdel, STREAM_ROW, .arity = -3, .flags = COMMAND_WRITE | COMMAND_FAST,
     .complexity = "O(log N) for each id", .summary = "Deletes entries and returns how many there were.",
     .syntax = "key id [id ...]", .key_flags = "RW delete"},
    {.name = "xlen", .run = command_xlen, STREAM_ROW, .arity = 2, .flags = COMMAND_READONLY | COMMAND_FAST,
     .complexity = "O(1)", .summary = "Returns how many entries a stream has.", .syntax = "key", .key_flags = "RO"},
    {.name = "xsetid", .run = command_xsetid, STREAM_ROW, .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .complexity = "O(1)",
     .summary = "Sets the last id and the counters of a stream.",
     .syntax = "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]", .key_flags = "RW update"},
    {.name = "xtrim", .run = command_xtrim, STREAM_ROW, .arity = -4, .flags = COMMAND_WRITE,
     .complexity = "O(N), N the nodes and entries cut off",
     .summary = "Cuts off the oldest entries of a stream and returns how many.",
     .syntax = "key (MAXLEN|MINID [=|~] threshold [LIMIT count])", .tips = "nondeterministic_output",
     .key_flags = "RW delete"},
    {0},
};
