/* stream_add.c - adding to streams, and cutting off their ends: XADD XTRIM. Trims by DELREF or ACKED that are long go in steps, with the
 * stream pinned.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block.  */
#include "cmd/core/limits.h"
#include "cmd/stream/stream_private.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/stream/stream_trim.h"
#include "cmd/stream/stream_write.h"
#include "exec/exec.h"
#include "shard/server.h"

enum { TRIM_NODES_DEFAULT = 100, TRIM_LIMIT_DEFAULT = 10000, TRIM_LIMIT_MAX = 1000000, TRIM_WORDS = 3 };

/* --- the words of XADD and XTRIM --- */

struct add_words {
    bool has_trim;
    bool is_limit_given;
    bool is_no_mkstream;
    bool is_auto;        /* "*" */
    bool has_policy;
    enum stream_policy policy;
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
        } else if (!out->has_policy && stream_policy_parse(word, &out->policy)) {
            out->has_policy = true;
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

/* Room for the words with two more, before anything is changed. False: no memory. *out NULL: nobody listens, or the words
 * repeat it as they are.  */
static bool reserve_words(struct exec *exec, const struct add_words *words, struct bytes **out)
{
    *out = NULL;
    const bool is_exact = !words->is_auto && words->id.has_seq && !words->has_trim;
    if (is_exact || !exec_wants_effects(exec)) {
        return true;
    }
    *out = exec_scratch(exec, (exec->argc + TRIM_WORDS) * sizeof **out);
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

/* `trimmed`: the stream that was trimmed, too; NULL: none was. */
static void report_added(struct exec *exec, struct key key, const struct stream *trimmed, const struct add_words *words,
                         struct stream_id id, struct bytes *out)
{
    char id_text[STREAM_ID_TEXT_MAX];
    char length_text[INT64_TEXT_MAX];
    uint32_t count = 0;
    out[count++] = exec->argv[0];
    out[count++] = key.name;
    count += trimmed != NULL ? put_trim(out + count, trimmed, length_text) : 0;
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

/* Why the entry cannot be added, or its id. */
static const char *find_id(const struct exec *exec, const struct stream *stream, const struct add_words *words, struct stream_id *out)
{
    if (stream_id_compare(stream->last_id, STREAM_ID_MAX) == 0) {
        return "ERR The stream has exhausted the last possible ID, unable to add more items";
    }
    if (!choose_id(exec, stream, words, out)) {
        return "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    }
    return NULL;
}

/* Adds the entry, trims the stream when that minds no groups, and closes it. False: replied why not, all is as before. */
static bool add_entry(struct exec *exec, struct value *value, struct stream *stream, const struct add_words *words, struct stream_id *id)
{
    const struct encoding_limits limits = exec_limits(exec);
    const struct stream_words pairs = {exec->argv + words->at + 1, (exec->argc - words->at - 1) / 2};
    const bool trims_here = words->has_trim && !stream_has_references(stream, words->policy);
    struct bytes *effect = NULL;
    const char *error = find_id(exec, stream, words, id);
    if (error == NULL && !reserve_words(exec, words, &effect)) {
        error = result_error_text(RESULT_NO_MEMORY);
    }
    if (error == NULL) {
        const enum result result = stream_append(stream, *id, pairs, &limits);
        error = result == RESULT_OK ? NULL : add_error(result);
    }
    if (error != NULL) {
        give_up(value);
        reply_error(exec->reply, error);
        return false;
    }
    const uint64_t trimmed = trims_here ? trim_stream(value, stream, &words->trim) : 0;
    const enum result result = value_close(value);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    exec_changed(exec, value->key, EVENT_XADD);
    if (trimmed > 0) {
        exec_changed(exec, value->key, EVENT_XTRIM);
    }
    if (effect != NULL) {
        report_added(exec, value->key, trims_here ? stream : NULL, words, *id, effect);
    }
    return true;
}

/* --- trims that mind groups --- */

/* XADD or XTRIM in steps. */
struct trim_job {
    struct stream_job stream_job;
    struct add_words words;
    struct group_trim trim;
    struct stream_id id;      /* of the entry that XADD has added */
    bool is_add, is_added;
};

static struct group_trim plan_trim(const struct add_words *words)
{
    return (struct group_trim){.trim = words->trim, .policy = words->policy};
}

/* The event, behind the last change: its changes are counted with the entries. */
static void tell_trimmed(struct exec *exec, const struct group_trim *trim)
{
    if (trim->gone > 0) {
        exec_changed_by(exec, exec_key(exec, 1), EVENT_XTRIM, 0);
    }
}

/* Trims the stream at `key`, which is there, to the end. */
static void trim_at_once(struct exec *exec, struct key key, struct group_trim *trim)
{
    struct value value;
    struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    value_open(&value, exec_keyspace(exec, key), key, entry);
    group_trim_run(trim, exec, entry_stream(entry));
    stream_value_close(&value);
    tell_trimmed(exec, trim);
}

static void command_xadd(struct exec *exec);

static enum job_status end_trim(struct exec *exec, const struct trim_job *work)
{
    tell_trimmed(exec, &work->trim);
    if (work->is_add) {
        reply_stream_id(exec->reply, work->id);
    } else {
        reply_integer(exec->reply, (int64_t)work->trim.gone);
    }
    return JOB_DONE;
}

static enum job_status trim_step(struct job *job, struct exec *exec)
{
    struct trim_job *work = (struct trim_job *)job;
    struct stream_write write;
    const enum stream_write_state state = stream_job_open(&work->stream_job, exec, 0, &write);
    if (state == STREAM_WRITE_WAIT) {
        return JOB_WAIT;
    }
    if (state == STREAM_WRITE_GONE && work->is_add && !work->is_added) {
        exec_unpin(exec, &work->stream_job.pins[0]);
        command_xadd(exec); /* to a new stream, without groups */
        return JOB_DONE;
    }
    if (state == STREAM_WRITE_GONE) {
        return end_trim(exec, work);
    }
    if (work->is_add && !work->is_added) {
        if (!add_entry(exec, &write.value, write.stream, &work->words, &work->id)) {
            return JOB_DONE;
        }
        work->is_added = true;
        value_open(&write.value, write.value.ks, write.value.key, keyspace_find(write.value.ks, write.value.key, exec->now_ms));
    }
    exec->must_finish = true; /* the event comes with the last step */
    group_trim_run(&work->trim, exec, write.stream);
    stream_value_close(&write.value);
    return work->trim.is_done ? end_trim(exec, work) : JOB_MORE;
}

static void start_trim(struct exec *exec, const struct add_words *words, bool is_add)
{
    struct trim_job *work = stream_job_create(exec, sizeof *work, 1, 1);
    if (work != NULL) {
        work->stream_job.job.step = trim_step;
        work->words = *words;
        work->trim = plan_trim(words);
        work->is_add = is_add;
        exec_start_job(exec, &work->stream_job.job);
    }
}

/* Does the command trim the stream with an eye on its groups, and not in one step? */
static bool is_long_trim(const struct add_words *words, const struct stream *stream, uint64_t added)
{
    const struct group_trim trim = plan_trim(words);
    return words->has_trim && stream_has_references(stream, words->policy) && !group_trim_is_short(&trim, stream, added);
}

/* --- the commands --- */

static void add_at_once(struct exec *exec, const struct add_words *words, struct key key, struct entry *entry)
{
    struct value value;
    struct stream *stream;
    struct stream_id id;
    const enum result result = stream_value_open(&value, exec_keyspace(exec, key), key, entry, &stream);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return;
    }
    if (!add_entry(exec, &value, stream, words, &id)) {
        return;
    }
    if (words->has_trim && stream_has_references(stream, words->policy)) {
        struct group_trim trim = plan_trim(words);
        trim_at_once(exec, key, &trim);
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
    if (entry != NULL && is_long_trim(&words, entry_stream(entry), 1)) {
        start_trim(exec, &words, true);
        return;
    }
    add_at_once(exec, &words, key, entry);
}

/* XTRIM that minds no groups. */
static uint64_t trim_plainly(struct exec *exec, struct key key, struct entry *entry, const struct add_words *words)
{
    struct value value;
    struct stream *stream = entry_stream(entry);
    value_open(&value, exec_keyspace(exec, key), key, entry);
    const uint64_t count = trim_stream(&value, stream, &words->trim);
    stream_value_close(&value);
    if (count > 0) {
        exec_changed(exec, key, EVENT_XTRIM);
        exec_count_changes(exec, count - 1);
        report_trimmed(exec, key, stream);
    }
    return count;
}

static void command_xtrim(struct exec *exec)
{
    struct add_words words;
    if (!read_words(exec, false, &words)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry)) {
        return;
    }
    uint64_t count = 0;
    if (entry != NULL && is_long_trim(&words, entry_stream(entry), 0)) {
        start_trim(exec, &words, false);
        return;
    }
    if (entry != NULL && stream_has_references(entry_stream(entry), words.policy)) {
        struct group_trim trim = plan_trim(&words);
        trim_at_once(exec, key, &trim);
        count = trim.gone;
    } else if (entry != NULL) {
        count = trim_plainly(exec, key, entry, &words);
    }
    reply_integer(exec->reply, (int64_t)count);
}

#define STREAM_ADD_ROW .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .since = "5.0.0", .group = "stream"

const struct command_spec stream_add_commands[] = {
    {.name = "xadd", .run = command_xadd, STREAM_ADD_ROW, .arity = -5, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .complexity = "O(1); with trimming O(N), N the nodes and entries cut off, or looked at with ACKED",
     .summary = "Adds an entry to the end of a stream, which is made when there is none; may trim it.",
     .syntax = "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [MAXLEN|MINID [=|~] threshold [LIMIT count]] (*|id) field value [field value ...]",
     .tips = "nondeterministic_output", .key_flags = "RW update"},
    {.name = "xtrim", .run = command_xtrim, STREAM_ADD_ROW, .arity = -4, .flags = COMMAND_WRITE,
     .complexity = "O(N), N the nodes and entries cut off, or looked at with ACKED",
     .summary = "Cuts off the oldest entries of a stream and returns how many.",
     .syntax = "key (MAXLEN|MINID [=|~] threshold [LIMIT count]) [KEEPREF|DELREF|ACKED]", .tips = "nondeterministic_output",
     .key_flags = "RW delete"},
    {0},
};
