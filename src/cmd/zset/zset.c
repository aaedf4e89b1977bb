/* zset.c - commands on single members of sorted sets.
 *
 * Threads    The holder of the key's baton.
 * Read on    zset_range.c (ranges), zset_store.c (ZRANGESTORE), zset_remove.c (removing ranges, popping), zset_random.c,
 *            zset_scan.c; data/zset.h.  */
#include "base/number.h"
#include "cmd/core/effects.h"
#include "cmd/core/limits.h"
#include "cmd/core/words.h"
#include "cmd/zset/zset_private.h"
#include "cmd/zset/zset_rows.h"

#include <assert.h>

/* --- ZADD --- */

enum add_flag { ADD_NX = 1 << 0, ADD_XX = 1 << 1, ADD_GT = 1 << 2, ADD_LT = 1 << 3, ADD_CH = 1 << 4, ADD_INCR = 1 << 5 };
enum { SCORES_AT_HAND = 16 };

static const struct {
    const char *name;
    enum add_flag flag;
} add_options[] = {{"NX", ADD_NX}, {"XX", ADD_XX}, {"GT", ADD_GT}, {"LT", ADD_LT}, {"CH", ADD_CH}, {"INCR", ADD_INCR}};

/* Pairs of score and member from argv[first] on, and what to do with them. */
struct addition {
    uint32_t first;
    uint32_t count;
    unsigned flags;
    const double *scores;
    uint64_t added, updated, processed;
    double last_score; /* of the last one that was processed */
};

static unsigned add_option(struct bytes word)
{
    for (size_t i = 0; word.len <= 4 && i < sizeof add_options / sizeof *add_options; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(add_options[i].name))) {
            return add_options[i].flag;
        }
    }
    return 0;
}

static const char *add_flags_error(unsigned flags, uint32_t count)
{
    if ((flags & ADD_NX) != 0 && (flags & ADD_XX) != 0) {
        return "ERR XX and NX options at the same time are not compatible";
    }
    const unsigned excluding = flags & (ADD_NX | ADD_GT | ADD_LT);
    if ((excluding & (excluding - 1)) != 0) {
        return "ERR GT, LT, and/or NX options at the same time are not compatible";
    }
    return (flags & ADD_INCR) != 0 && count > 1 ? "ERR INCR option supports a single increment-element pair" : NULL;
}

static bool read_score(struct bytes text, double *out)
{
    int64_t integer;
    if (LIKELY(int64_parse(text, &integer))) {
        *out = (double)integer;
        return true;
    }
    return double_parse(text, out);
}

/* Reads the scores into `few` or scratch memory; replies the error. */
static bool read_scores(struct exec *exec, struct addition *addition, double few[SCORES_AT_HAND])
{
    double *scores = few;
    if (addition->count > SCORES_AT_HAND) {
        scores = exec_scratch(exec, addition->count * sizeof *scores);
        if (scores == NULL) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return false;
        }
    }
    for (uint32_t i = 0; i < addition->count; i++) {
        if (UNLIKELY(!read_score(exec->argv[addition->first + 2 * i], &scores[i]))) {
            reply_error(exec->reply, ERROR_NOT_FLOAT);
            return false;
        }
    }
    addition->scores = scores;
    return true;
}

/* RESULT_NAN: an increment gives none. */
static enum result change_found(struct value *value, struct addition *addition, const struct zset_place *place, double score)
{
    if ((addition->flags & ADD_NX) != 0) {
        return RESULT_OK;
    }
    if ((addition->flags & ADD_INCR) != 0 && !zset_sum(place->score, score, &score)) {
        return RESULT_NAN;
    }
    if (((addition->flags & ADD_GT) != 0 && score <= place->score) ||
        ((addition->flags & ADD_LT) != 0 && score >= place->score)) {
        return RESULT_OK;
    }
    const bool is_other = score != place->score;
    const enum result result = is_other ? zset_move(value, place, score) : RESULT_OK;
    if (result == RESULT_OK) {
        addition->updated += is_other;
        addition->processed++;
        addition->last_score = score;
    }
    return result;
}

static enum result add_one(struct value *value, const struct encoding_limits *limits, struct addition *addition,
                           struct bytes member, double score)
{
    struct zset_place place;
    if (zset_find(value, member, &place)) {
        return change_found(value, addition, &place, score);
    }
    if ((addition->flags & ADD_XX) != 0) {
        return RESULT_OK;
    }
    const enum result result = zset_add(value, limits, &place, score);
    if (LIKELY(result == RESULT_OK)) {
        addition->added++;
        addition->processed++;
        addition->last_score = score;
    }
    return result;
}

static void add_reply(struct exec *exec, const struct addition *addition)
{
    if ((addition->flags & ADD_INCR) == 0) {
        const uint64_t count = addition->added + ((addition->flags & ADD_CH) != 0 ? addition->updated : 0);
        reply_integer(exec->reply, (int64_t)count);
    } else if (addition->processed > 0) {
        reply_double(exec->reply, addition->last_score);
    } else {
        reply_null(exec->reply);
    }
}

static void add(struct exec *exec, struct addition *addition)
{
    const struct key key = exec_key(exec, 1);
    struct value value;
    if (!open_zset(exec, key, &value)) {
        return;
    }
    const struct encoding_limits limits = exec_limits(exec);
    enum result result = RESULT_OK;
    uint32_t i = 0;
    for (; i < addition->count && result == RESULT_OK; i++) {
        const struct bytes member = exec->argv[addition->first + 2 * i + 1];
        result = add_one(&value, &limits, addition, member, addition->scores[i]);
    }
    const enum result closed = value_close(&value);
    if (closed == RESULT_OK && addition->added + addition->updated > 0) {
        const enum event event = (addition->flags & ADD_INCR) != 0 ? EVENT_ZINCR : EVENT_ZADD;
        exec_changed_by(exec, key, event, addition->added + addition->updated);
        if (UNLIKELY(result != RESULT_OK)) {
            exec_effect_begun(exec, key, addition->first + 2 * (i - 1));
        }
    }
    result = result == RESULT_OK ? closed : result;
    if (UNLIKELY(result == RESULT_NAN)) {
        reply_error(exec->reply, "ERR resulting score is not a number (NaN)");
    } else if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
    } else {
        add_reply(exec, addition);
    }
}

/* --- the same for very many words --- */

struct add_words {
    struct words words;
    struct addition addition;
};

static bool check_score_word(struct words *words, struct exec *exec, uint32_t at)
{
    double score;
    (void)words;
    if (UNLIKELY(!read_score(exec->argv[at], &score))) {
        reply_error(exec->reply, ERROR_NOT_FLOAT);
        return false;
    }
    return true;
}

static bool begin_write(struct words *words, struct exec *exec)
{
    (void)words;
    return check_zset(exec, exec_find_write(exec, exec_key(exec, 1)));
}

static bool add_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct addition *addition = &((struct add_words *)words)->addition;
    struct value value;
    if (!open_zset(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    const struct encoding_limits limits = exec_limits(exec);
    enum result result = RESULT_OK;
    for (; words->at < end && result == RESULT_OK; words->at += 2) {
        double score = 0;
        words->tally.end = words->at;
        const bool is_number = read_score(exec->argv[words->at], &score);
        assert(is_number); /* it was checked */
        result = add_one(&value, &limits, addition, exec->argv[words->at + 1], score);
    }
    const enum result closed = value_close(&value);
    words->tally.result = result == RESULT_OK ? closed : result;
    return words->tally.result == RESULT_OK;
}

static void finish_add_words(struct words *words, struct exec *exec)
{
    const struct addition *addition = &((struct add_words *)words)->addition;
    report_tally(exec, &words->tally, EVENT_ZADD, addition->added + addition->updated);
    if (words->tally.result != RESULT_OK) {
        reply_result_error(exec->reply, words->tally.result);
    } else {
        add_reply(exec, addition);
    }
}

static const struct words_kind add_kind = {.size = sizeof(struct add_words), .mode = KEY_LOCK_EXCLUSIVE, .check = check_score_word,
                                           .begin = begin_write, .run = add_words, .finish = finish_add_words};

/* ZINCRBY reads options, too, though with one there are not words enough. */
static void add_command(struct exec *exec, unsigned flags)
{
    struct addition addition = {.first = 2, .flags = flags};
    unsigned flag = 0;
    while (addition.first < exec->argc && (flag = add_option(exec->argv[addition.first])) != 0) {
        addition.flags |= flag;
        addition.first++;
    }
    const uint32_t words = exec->argc - addition.first;
    if (words == 0 || words % 2 != 0) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    addition.count = words / 2;
    const char *error = add_flags_error(addition.flags, addition.count);
    if (error != NULL) {
        reply_error(exec->reply, error);
        return;
    }
    if (words_are_many(exec)) {
        const struct add_words work = {.words = {.first = addition.first, .step = 2}, .addition = addition};
        words_start(exec, &add_kind, &work.words);
        return;
    }
    double few[SCORES_AT_HAND];
    if (read_scores(exec, &addition, few)) {
        add(exec, &addition);
    }
}

static void command_zadd(struct exec *exec)
{
    add_command(exec, 0);
}

static void command_zincrby(struct exec *exec)
{
    add_command(exec, ADD_INCR);
}

/* --- ZREM --- */

bool close_zset_removal(struct exec *exec, struct value *value, enum result result, enum event event, uint64_t count)
{
    const struct key key = value->key;
    const bool is_gone = value->entry != NULL && zset_is_empty(value);
    if (is_gone) {
        value_remove(value);
    } else {
        const enum result closed = value_close(value);
        result = result == RESULT_OK ? closed : result;
    }
    if (count > 0) {
        exec_changed_by(exec, key, event, count);
    }
    if (is_gone) {
        exec_event(exec, key, EVENT_DEL);
    }
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    return true;
}

/* Takes argv[from] up to `end` out of the sorted set, until nothing is left in it. */
static void take_members(struct exec *exec, struct value *value, uint32_t from, uint32_t end, struct word_tally *tally)
{
    for (uint32_t i = from; i < end && tally->result == RESULT_OK && !zset_is_empty(value); i++) {
        struct zset_place place;
        if (zset_find(value, exec->argv[i], &place)) {
            tally->result = zset_remove(value, &place);
            tally->count += tally->result == RESULT_OK;
            tally->end = i;
        }
    }
}

static bool take_words(struct words *words, struct exec *exec, uint32_t end)
{
    struct value value;
    if (!open_zset(exec, exec_key(exec, 1), &value) || value.entry == NULL) {
        return false;
    }
    take_members(exec, &value, words->at, end, &words->tally);
    words->at = end;
    const bool is_empty = zset_is_empty(&value);
    if (is_empty) {
        value_remove(&value);
    } else {
        const enum result closed = value_close(&value);
        words->tally.result = words->tally.result == RESULT_OK ? closed : words->tally.result;
    }
    return !is_empty && words->tally.result == RESULT_OK;
}

static void finish_take_words(struct words *words, struct exec *exec)
{
    words_finish_removal(words, exec, EVENT_ZREM);
}

static const struct words_kind take_kind = {
    .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_write, .run = take_words, .finish = finish_take_words};
static const struct words members = {.first = 2, .step = 1};

static void command_zrem(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &take_kind, &members);
        return;
    }
    struct value value;
    if (!open_zset(exec, exec_key(exec, 1), &value)) {
        return;
    }
    struct word_tally tally = {0};
    take_members(exec, &value, 2, exec->argc, &tally);
    if (close_zset_removal(exec, &value, tally.result, EVENT_ZREM, (uint64_t)tally.count)) {
        reply_integer(exec->reply, tally.count);
    } else if (tally.count > 0) {
        exec_effect_begun(exec, exec_key(exec, 1), tally.end);
    }
}

/* --- reading --- */

static void command_zcard(struct exec *exec)
{
    struct entry *entry;
    if (find_zset(exec, &entry)) {
        reply_integer(exec->reply, entry == NULL ? 0 : (int64_t)zset_count(entry));
    }
}

static void reply_score(struct exec *exec, const struct entry *entry, struct bytes member)
{
    double score;
    if (entry != NULL && zset_score(entry, member, &score)) {
        reply_double(exec->reply, score);
    } else {
        reply_null(exec->reply);
    }
}

static void command_zscore(struct exec *exec)
{
    struct entry *entry;
    if (find_zset(exec, &entry)) {
        reply_score(exec, entry, exec->argv[2]);
    }
}

static bool begin_zmscore(struct words *words, struct exec *exec)
{
    struct entry *entry;
    (void)words;
    if (!find_zset(exec, &entry)) {
        return false;
    }
    reply_array(exec->reply, exec->argc - 2);
    return true;
}

static bool score_words(struct words *words, struct exec *exec, uint32_t end)
{
    const struct entry *entry = words_entry(exec);
    for (; words->at < end; words->at++) {
        reply_score(exec, entry, exec->argv[words->at]);
    }
    return true;
}

static const struct words_kind score_kind = {.mode = KEY_LOCK_SHARED, .begin = begin_zmscore, .run = score_words};

static void command_zmscore(struct exec *exec)
{
    if (words_are_many(exec)) {
        words_start(exec, &score_kind, &members);
        return;
    }
    struct entry *entry;
    if (!find_zset(exec, &entry)) {
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        reply_score(exec, entry, exec->argv[i]);
    }
}

/* WITHSCORE, when there is a word behind the member; false: what is there was refused. */
static bool read_withscore(struct exec *exec, bool *has_score)
{
    *has_score = exec->argc > 3;
    if (exec->argc > 4) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    if (*has_score && !bytes_equal_ignore_case(exec->argv[3], BYTES("WITHSCORE"))) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

static void reply_rank(struct exec *exec, bool is_reverse)
{
    struct entry *entry;
    bool has_score;
    if (!read_withscore(exec, &has_score) || !find_zset(exec, &entry)) {
        return;
    }
    uint64_t rank;
    double score;
    if (entry == NULL || !zset_rank(entry, exec->argv[2], &rank, &score)) {
        if (has_score) {
            reply_null_array(exec->reply);
        } else {
            reply_null(exec->reply);
        }
        return;
    }
    if (has_score) {
        reply_array(exec->reply, 2);
    }
    reply_integer(exec->reply, (int64_t)(is_reverse ? zset_count(entry) - 1 - rank : rank));
    if (has_score) {
        reply_double(exec->reply, score);
    }
}

static void command_zrank(struct exec *exec)
{
    reply_rank(exec, false);
}

static void command_zrevrank(struct exec *exec)
{
    reply_rank(exec, true);
}

#define READ_ROW .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .group = "sorted-set"

const struct command_spec zset_commands[] = {
    {.name = "zadd", .run = command_zadd, .arity = -4, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.2.0", .group = "sorted-set",
     .complexity = "O(log(N)) for each member, N the members of the sorted set",
     .summary = "Adds members with scores to a sorted set, or changes their scores.",
     .syntax = "key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]", .key_flags = "RW update",
     .locks_when_long = true},
    {.name = "zincrby", .run = command_zincrby, .arity = 4, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .keys = {1, 1, 1}, .since = "1.2.0", .group = "sorted-set",
     .complexity = "O(log(N)), N the members of the sorted set", .summary = "Adds to the score of a member of a sorted set.",
     .syntax = "key increment member", .key_flags = "RW access update"},
    {.name = "zrem", .run = command_zrem, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.2.0", .group = "sorted-set",
     .complexity = "O(M*log(N)), M the members removed, N the members of the sorted set",
     .summary = "Removes members from a sorted set.", .syntax = "key member [member ...]", .key_flags = "RW delete",
     .locks_when_long = true},
    {.name = "zcard", .run = command_zcard, .arity = 2, READ_ROW, .since = "1.2.0", .complexity = "O(1)",
     .summary = "Returns how many members a sorted set has.", .syntax = "key", .key_flags = "RO"},
    {.name = "zscore", .run = command_zscore, .arity = 3, READ_ROW, .since = "1.2.0", .complexity = "O(log(N))",
     .summary = "Returns the score of a member of a sorted set.", .syntax = "key member"},
    {.name = "zmscore", .run = command_zmscore, .arity = -3, READ_ROW, .since = "6.2.0",
     .complexity = "O(M*log(N)), M the members asked for", .summary = "Returns the scores of members of a sorted set.",
     .syntax = "key member [member ...]", .locks_when_long = true},
    {.name = "zrank", .run = command_zrank, .arity = -3, READ_ROW, .since = "2.0.0", .complexity = "O(log(N))",
     .summary = "Returns how many members of a sorted set stand before a member.", .syntax = "key member [WITHSCORE]"},
    {.name = "zrevrank", .run = command_zrevrank, .arity = -3, READ_ROW, .since = "2.0.0", .complexity = "O(log(N))",
     .summary = "Returns how many members of a sorted set stand behind a member.", .syntax = "key member [WITHSCORE]"},
    {0},
};
