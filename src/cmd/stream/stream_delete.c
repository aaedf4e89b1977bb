/* stream_delete.c - entries that leave a stream with an eye on its groups: XDELEX XACKDEL. Many go in steps, with the stream pinned.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block.  */
#include "cmd/stream/stream_policy.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/stream/stream_write.h"
#include "exec/exec.h"
#include "shard/server.h"

/* What is replied for an id. */
enum outcome { OUTCOME_NONE = -1, OUTCOME_DELETED = 1, OUTCOME_NEEDED = 2 };

/* --- words --- */

struct delete_words {
    enum stream_policy policy;
    bool has_policy;
    bool has_group;          /* XACKDEL */
    uint32_t ids_at, id_count;
};

static bool refuse(struct exec *exec, const char *error)
{
    reply_error(exec->reply, error);
    return false;
}

/* IDS at argv[*at], which becomes the last of the ids. */
static bool read_ids_block(struct exec *exec, uint32_t *at, struct delete_words *out)
{
    int64_t count;
    if (out->ids_at != 0 || *at + 1 >= exec->argc) {
        return refuse(exec, ERROR_SYNTAX);
    }
    if (!int64_parse(exec->argv[*at + 1], &count) || count < 1) {
        return refuse(exec, "ERR Number of IDs must be a positive integer");
    }
    out->ids_at = *at + 2;
    if (count > (int64_t)(exec->argc - out->ids_at)) {
        return refuse(exec, "ERR The `numids` parameter must match the number of arguments");
    }
    out->id_count = (uint32_t)count;
    *at = out->ids_at + out->id_count - 1;
    return true;
}

/* Reads argv[first...], all ids included. */
static bool read_words(struct exec *exec, uint32_t first, struct delete_words *out)
{
    *out = (struct delete_words){.has_group = first == 3};
    for (uint32_t at = first; at < exec->argc; at++) {
        if (bytes_equal_ignore_case(exec->argv[at], BYTES("IDS"))) {
            if (!read_ids_block(exec, &at, out)) {
                return false;
            }
        } else if (!out->has_policy && stream_policy_parse(exec->argv[at], &out->policy)) {
            out->has_policy = true;
        } else {
            return refuse(exec, ERROR_SYNTAX);
        }
    }
    if (out->ids_at == 0) {
        return refuse(exec, ERROR_SYNTAX);
    }
    struct stream_id id;
    for (uint32_t i = 0; i < out->id_count; i++) {
        if (!exec_stream_id(exec, out->ids_at + i, &id)) {
            return false;
        }
    }
    return true;
}

/* --- one piece --- */

/* Some ids, and what becomes of them. */
struct deletion {
    struct stream *stream;          /* open for a change */
    struct stream_group *group;     /* XACKDEL's; NULL: XDELEX */
    enum stream_policy policy;
    struct stream_piece piece;
    enum outcome outcomes[STREAM_PIECE_IDS];
    uint32_t deleted;               /* so many entries went */
};

/* The ids are not pending in XACKDEL's group any more; those that were not are left out. */
static void acknowledge(struct exec *exec, struct deletion *deletion)
{
    struct group_effect effect;
    group_effect_begin(&effect, exec, exec_key(exec, 1), deletion->group);
    for (uint32_t i = 0; i < deletion->piece.count; i++) {
        const bool was_pending = stream_remove_pending(deletion->stream, deletion->group, deletion->piece.ids[i]);
        if (was_pending) {
            group_effect_removed(&effect, deletion->piece.ids[i]);
            exec_count_changes(exec, 1);
        }
        deletion->outcomes[i] = was_pending ? OUTCOME_DELETED : OUTCOME_NONE;
    }
    group_effect_end(&effect);
}

/* DELREF: no other group has those ids pending that were not left out. */
static void forget_elsewhere(struct exec *exec, const struct deletion *deletion)
{
    struct stream_piece asked = {.count = 0};
    for (uint32_t i = 0; i < deletion->piece.count; i++) {
        if (deletion->group == NULL || deletion->outcomes[i] != OUTCOME_NONE) {
            asked.ids[asked.count++] = deletion->piece.ids[i];
        }
    }
    stream_forget_pending(exec, deletion->stream, deletion->group, &asked);
}

/* Deletes what may go. An entry that XACKDEL has acknowledged counts as deleted if it was so before. RESULT_NO_MEMORY: the rest is there still. */
static enum result delete_entries(struct exec *exec, struct deletion *deletion)
{
    struct stream_piece gone = {.count = 0};
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < deletion->piece.count && result != RESULT_NO_MEMORY; i++) {
        const struct stream_id id = deletion->piece.ids[i];
        const bool is_there = stream_has(deletion->stream, id);
        if (deletion->group == NULL) {
            deletion->outcomes[i] = is_there ? OUTCOME_DELETED : OUTCOME_NONE;
        }
        if (deletion->outcomes[i] == OUTCOME_NONE) {
            continue;
        }
        if (deletion->policy == STREAM_ACKED && stream_is_needed(deletion->stream, id)) {
            deletion->outcomes[i] = OUTCOME_NEEDED;
        } else if (is_there) {
            result = stream_delete(deletion->stream, id);
            if (result == RESULT_OK) {
                gone.ids[gone.count++] = id;
            }
        }
    }
    deletion->deleted = gone.count;
    stream_report_deleted(exec, &gone);
    return result;
}

/* Does what was asked with the next ids, from number `first` on, and replies. */
static enum result delete_piece(struct exec *exec, const struct delete_words *words, struct deletion *deletion, uint32_t first)
{
    for (uint32_t i = 0; i < deletion->piece.count; i++) {
        if (!exec_stream_id(exec, words->ids_at + first + i, &deletion->piece.ids[i])) {
            return RESULT_SYNTAX; /* read_words has seen them */
        }
    }
    if (deletion->group != NULL) {
        acknowledge(exec, deletion);
    }
    if (deletion->policy == STREAM_DELREF) {
        forget_elsewhere(exec, deletion);
    }
    const enum result result = delete_entries(exec, deletion);
    for (uint32_t i = 0; i < deletion->piece.count && result != RESULT_NO_MEMORY; i++) {
        reply_integer(exec->reply, deletion->outcomes[i]);
    }
    return result == RESULT_NO_MEMORY ? result : RESULT_OK;
}

/* --- all of them --- */

/* How far a command is. */
struct progress {
    uint32_t done;       /* ids */
    bool is_any_deleted; /* the event is owed */
};

/* What one id costs: looks at the stream and at its groups. */
static uint64_t looks_for_id(const struct stream *stream, const struct delete_words *words)
{
    return 1 + (words->policy == STREAM_KEEPREF ? words->has_group : (uint64_t)stream->group_count);
}

/* Goes on; a job until its step is over. All is done when progress->done is words->id_count. */
static enum result delete_some(struct exec *exec, struct stream *stream, const struct delete_words *words, struct progress *progress)
{
    const uint64_t fits = STREAM_PIECE_LOOKS / looks_for_id(stream, words);
    const uint32_t piece_max = fits == 0 ? 1 : fits > STREAM_PIECE_IDS ? STREAM_PIECE_IDS : (uint32_t)fits;
    do {
        const uint32_t left = words->id_count - progress->done;
        struct deletion deletion = {.stream = stream, .policy = words->policy};
        deletion.piece.count = left < piece_max ? left : piece_max;
        deletion.group = words->has_group ? stream_find_group(stream, exec->argv[2]) : NULL;
        const enum result result = delete_piece(exec, words, &deletion, progress->done);
        progress->is_any_deleted = progress->is_any_deleted || deletion.deleted > 0;
        if (result != RESULT_OK) {
            return result;
        }
        progress->done += deletion.piece.count;
    } while (progress->done < words->id_count && (exec->job == NULL || !exec_step_is_over(exec)));
    return RESULT_OK;
}

/* The event, once, behind the last change: its change is counted with the entries. */
static void end_deletion(struct exec *exec, const struct progress *progress, enum result result)
{
    if (progress->is_any_deleted) {
        exec_changed_by(exec, exec_key(exec, 1), EVENT_XDEL, 0);
    }
    if (result != RESULT_OK) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, result);
    }
}

static void reply_none(struct exec *exec, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        reply_integer(exec->reply, OUTCOME_NONE);
    }
}

struct delete_job {
    struct stream_job stream_job;
    struct delete_words words;
    struct progress progress;
};

static enum job_status delete_step(struct job *job, struct exec *exec)
{
    struct delete_job *work = (struct delete_job *)job;
    struct stream_write write;
    const enum stream_write_state state = stream_job_open(&work->stream_job, exec, 0, &write);
    if (state == STREAM_WRITE_WAIT) {
        return JOB_WAIT;
    }
    if (work->progress.done == 0) {
        reply_array(exec->reply, work->words.id_count);
    }
    if (state == STREAM_WRITE_GONE) {
        reply_none(exec, work->words.id_count - work->progress.done);
        return JOB_DONE;
    }
    exec->must_finish = true; /* the event comes with the last step */
    const enum result result = delete_some(exec, write.stream, &work->words, &work->progress);
    stream_value_close(&write.value);
    if (result == RESULT_OK && work->progress.done < work->words.id_count) {
        return JOB_MORE;
    }
    end_deletion(exec, &work->progress, result);
    return JOB_DONE;
}

static void start_job(struct exec *exec, const struct delete_words *words)
{
    struct delete_job *work = stream_job_create(exec, sizeof *work, 1, 1);
    if (work != NULL) {
        work->stream_job.job.step = delete_step;
        work->words = *words;
        exec_start_job(exec, &work->stream_job.job);
    }
}

static void run(struct exec *exec, uint32_t first)
{
    struct delete_words words;
    if (!read_words(exec, first, &words)) {
        return;
    }
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry)) {
        return;
    }
    struct stream *stream = entry == NULL ? NULL : entry_stream(entry);
    if (stream == NULL || (words.has_group && stream_find_group(stream, exec->argv[2]) == NULL)) {
        reply_array(exec->reply, words.id_count);
        reply_none(exec, words.id_count);
        return;
    }
    if (words.id_count > STREAM_LOOKS_AT_ONCE / looks_for_id(stream, &words)) {
        start_job(exec, &words);
        return;
    }
    struct value value;
    struct progress progress = {.done = 0};
    value_open(&value, exec_keyspace(exec, key), key, entry);
    reply_array(exec->reply, words.id_count);
    const enum result result = delete_some(exec, stream, &words, &progress);
    stream_value_close(&value);
    end_deletion(exec, &progress, result);
}

static void command_xdelex(struct exec *exec)
{
    run(exec, 2);
}

static void command_xackdel(struct exec *exec)
{
    run(exec, 3);
}

#define DELETE_ROW                                                                                                            \
    .scope = SCOPE_KEYS, .keys = {1, 1, 1}, .since = "8.2.0", .group = "stream", .flags = COMMAND_WRITE | COMMAND_FAST,           \
    .complexity = "O(log N) for each id; with DELREF and ACKED for each group, too"

const struct command_spec stream_delete_commands[] = {
    {.name = "xackdel", .run = command_xackdel, DELETE_ROW, .arity = -6,
     .summary = "Acknowledges entries of a group, and deletes them.", .syntax = "key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]",
     .key_flags = "RW update delete"},
    {.name = "xdelex", .run = command_xdelex, DELETE_ROW, .arity = -5,
     .summary = "Deletes entries, with their pending references, or only those that no group needs.",
     .syntax = "key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]", .key_flags = "RW delete"},
    {0},
};
