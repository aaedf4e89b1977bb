/* key_move.c - RENAME, COPY, MOVE: a key's value goes to another name, database or shard.
 *
 * Within a shard a value changes hands. What must be copied and is big is copied first, by a job in steps, while both keys
 * are pinned; then the command runs as always, with the finished copy: if the source is another one by then (its database was
 * flushed or swapped), the copy is thrown away and what is there now counts.
 *
 * Threads    The holder of the keys' batons; the keys may live in several shards.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/option.h"
#include "cmd/key/key_rows.h"
#include "data/value_copy.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#define ERROR_SAME_OBJECT "ERR source and destination objects are the same"

enum { ITEMS_PER_LOOK = 32 };

struct place {
    struct key key;
    uint32_t db;
    struct keyspace *ks;
};

static struct place place_of(const struct exec *exec, struct key key, uint32_t db)
{
    return (struct place){key, db, exec_keyspace_in(exec, key, db)};
}

static bool is_same_place(const struct place *a, const struct place *b)
{
    return a->db == b->db && bytes_equal(a->key.name, b->key.name);
}

/* --- big copies --- */

/* A copy of the source that was made before the command itself runs. */
struct made_copy {
    struct value_copy copy;
    struct effect_payload payload; /* of the same value */
};

static void run_copy(struct exec *exec, struct made_copy *made);

/* What a command does, with a copy that was made before, or without (NULL). It may use the copy up. */
typedef void move_fn(struct exec *exec, struct made_copy *made);

struct copy_job {
    struct job job;
    move_fn *run;
    struct pin from_pin, to_pin;
    struct made_copy made;
    const struct entry *source; /* stays while it is pinned */
    struct keyspace *to_ks;
    uint32_t to_db;
    int32_t shard;   /* that has both keys, or JOB_ALL_SHARDS */
    bool from_stays; /* COPY */
    bool is_copied;
};

/* Nobody must be reading any more what the command will replace or, unless it is COPY, take away. */
static bool claim_places(struct copy_job *work, struct exec *exec)
{
    const uint32_t db = exec->db;
    exec->db = work->to_db;
    const bool is_to_free = exec_claim(exec, exec_key(exec, 2), &work->from_pin);
    exec->db = db;
    return is_to_free && (work->from_stays || exec_claim(exec, exec_key(exec, 1), &work->from_pin));
}

static enum job_status copy_step(struct job *job, struct exec *exec)
{
    struct copy_job *work = (struct copy_job *)job;
    enum result result = RESULT_OK;
    while (result == RESULT_OK && !work->is_copied) {
        result = value_copy_step(&work->made.copy, ITEMS_PER_LOOK, &work->is_copied);
        if (result == RESULT_OK && !work->is_copied && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if (job->shard == JOB_NO_SHARD) {
        job->shard = work->shard;
        return JOB_MORE;
    }
    const bool is_string = work->made.copy.form == VALUE_FORM_STRING; /* told by what it has become */
    if (result == RESULT_OK && !is_string && !effect_payload_step(&work->made.payload, exec, work->source)) {
        return JOB_MORE;
    }
    if (result == RESULT_OK && !claim_places(work, exec)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &work->from_pin);
    exec_unpin(exec, &work->to_pin);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
    } else {
        work->run(exec, &work->made);
    }
    return JOB_DONE;
}

static void copy_destroy(struct job *job, struct exec *exec)
{
    struct copy_job *work = (struct copy_job *)job;
    value_copy_discard(&work->made.copy, work->to_ks);
    effect_payload_release(&work->made.payload);
    exec_unpin(exec, &work->from_pin);
    exec_unpin(exec, &work->to_pin);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

/* Pins both keys and begins the copy. False: waits, or memory was refused, which was replied. */
static bool copy_begin(struct exec *exec, struct copy_job *work, const struct place *from, const struct place *to,
                       struct entry *source)
{
    if (!exec_pin(exec, from->key, source, &work->from_pin)) {
        return false;
    }
    if (!exec_pin(exec, to->key, NULL, &work->to_pin)) {
        exec_unpin(exec, &work->from_pin);
        return false;
    }
    if (value_copy_begin(&work->made.copy, source, to->ks) != RESULT_OK) {
        exec_unpin(exec, &work->from_pin);
        exec_unpin(exec, &work->to_pin);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    return true;
}

/* Copies `source` in steps and then calls `run`. */
static void start_copy(struct exec *exec, const struct place *from, const struct place *to, struct entry *source, move_fn *run)
{
    struct copy_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    work->made.payload = EFFECT_PAYLOAD_EMPTY;
    if (!copy_begin(exec, work, from, to, source)) {
        thread_free(MEM_CLIENT, work, sizeof *work);
        return;
    }
    work->shard = exec->shard != NULL ? (int32_t)exec->shard->number : JOB_ALL_SHARDS;
    /* A string is pinned, and its copy nobody's: they need no baton. */
    work->job = (struct job){copy_step, copy_destroy, work->from_pin.raw != NULL ? JOB_NO_SHARD : work->shard};
    work->run = run;
    work->source = source;
    work->to_ks = to->ks;
    work->to_db = to->db;
    work->from_stays = run == run_copy;
    exec_start_job(exec, &work->job);
}

/* Puts a copy of `source`, which is at `from`, at `to`: the one that was made, if it is of this source; else that is of no use. */
static enum result put_copy(struct exec *exec, const struct place *from, const struct place *to, const struct entry *source,
                            struct made_copy *made)
{
    if (made != NULL && (entry_form(source) != made->copy.form || entry_value_apart(source) != made->copy.source)) {
        effect_payload_release(&made->payload);
        made = NULL;
    }
    if (made == NULL) {
        return keyspace_copy_from(to->ks, to->key, from->ks, source, exec->now_ms);
    }
    struct entry *existing = keyspace_find(to->ks, to->key, exec->now_ms);
    return value_copy_store(&made->copy, to->ks, to->key, existing, keyspace_expiry_ms(from->ks, source));
}

/* What is at `to` now, with keys on several shards: whoever repeats what is done on one does not know the other. */
static void tell_value(struct exec *exec, const struct place *to, const struct made_copy *made)
{
    if (exec->is_spread && made != NULL) {
        exec_effect_payload(exec, to->db, to->key, &made->payload);
    } else if (exec->is_spread) {
        exec_effect_value(exec, to->db, to->key);
    }
}

/* --- RENAME, RENAMENX, MOVE --- */

/* Moves `source`, which is at `from`, over whatever is at `to`. */
static enum result move_entry(struct exec *exec, const struct place *from, const struct place *to, const struct entry *source,
                              struct made_copy *made)
{
    if (made == NULL) {
        return keyspace_move_from(to->ks, to->key, from->ks, from->key, exec->now_ms);
    }
    enum result result = put_copy(exec, from, to, source, made);
    if (result == RESULT_OK) {
        keyspace_delete(from->ks, from->key, exec->now_ms);
    }
    return result;
}

/* A key that the command replaces counts as a new one, as in Redis, which deletes the old one silently. Asked before. */
static bool is_new_again(const struct exec *exec, const struct place *to)
{
    return exec_wants_notices(exec) && keyspace_find(to->ks, to->key, exec->now_ms) != NULL;
}

/* The same with its reports. False: refused, which was replied. */
static bool move_place(struct exec *exec, const struct place *from, const struct place *to, const struct entry *source,
                       struct made_copy *made)
{
    bool is_move = from->db != to->db;
    const bool is_new = is_new_again(exec, to);
    enum result result = move_entry(exec, from, to, source, made);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return false;
    }
    if (is_new) {
        exec_notice_in(exec, to->db, to->key, EVENT_NEW);
    }
    exec_changed_in(exec, from->db, from->key, is_move ? EVENT_MOVE_FROM : EVENT_RENAME_FROM);
    exec_event_in(exec, to->db, to->key, is_move ? EVENT_MOVE_TO : EVENT_RENAME_TO);
    tell_value(exec, to, made);
    if (exec->is_spread) {
        exec_effect_del(exec, from->db, from->key);
    }
    return true;
}

/* Renames argv[1] to argv[2], unless that exists and must not be replaced, and replies. */
static void rename_key(struct exec *exec, bool may_replace, struct made_copy *made, move_fn *again)
{
    struct place from = place_of(exec, exec_key(exec, 1), exec->db);
    struct place to = place_of(exec, exec_key(exec, 2), exec->db);
    struct entry *source = exec_find_write(exec, from.key);
    if (source == NULL) {
        reply_error(exec->reply, ERROR_NO_KEY);
        return;
    }
    bool is_to_stay = is_same_place(&from, &to) || (!may_replace && exec_find_write(exec, to.key) != NULL);
    if (!is_to_stay) {
        if (made == NULL && from.ks->heap != to.ks->heap && value_copy_takes_steps(source)) {
            start_copy(exec, &from, &to, source, again);
            return;
        }
        if (!move_place(exec, &from, &to, source, made)) {
            return;
        }
    }
    if (may_replace) {
        reply_ok(exec->reply);
    } else {
        reply_integer(exec->reply, !is_to_stay);
    }
}

static void run_rename(struct exec *exec, struct made_copy *made)
{
    rename_key(exec, true, made, run_rename);
}

static void run_renamenx(struct exec *exec, struct made_copy *made)
{
    rename_key(exec, false, made, run_renamenx);
}

static void command_rename(struct exec *exec)
{
    run_rename(exec, NULL);
}

static void command_renamenx(struct exec *exec)
{
    run_renamenx(exec, NULL);
}

static void command_move(struct exec *exec)
{
    uint32_t db;
    if (!exec_database_argument(exec, 2, NULL, &db)) {
        return;
    }
    if (db == exec->db) {
        reply_error(exec->reply, ERROR_SAME_OBJECT);
        return;
    }
    struct key key = exec_key(exec, 1);
    struct place from = place_of(exec, key, exec->db);
    struct place to = place_of(exec, key, db);
    struct entry *source = exec_find_write(exec, key);
    if (source == NULL || keyspace_find(to.ks, key, exec->now_ms) != NULL) {
        reply_integer(exec->reply, 0);
    } else if (move_place(exec, &from, &to, source, NULL)) {
        reply_integer(exec->reply, 1);
    }
}

/* --- COPY --- */

enum copy_flag { COPY_DB = 1 << 0, COPY_REPLACE = 1 << 1 };

static const struct option copy_options[] = {
    {"DB", .sets = COPY_DB, .has_value = true},
    {"REPLACE", .sets = COPY_REPLACE},
    {0},
};

/* Reads COPY's options; replies the error. */
static bool copy_read_options(struct exec *exec, uint32_t *db, bool *may_replace)
{
    struct option_walk walk = {.at = 3};
    *db = exec->db;
    while (option_next(exec, copy_options, &walk)) {
        if (walk.option->has_value && !exec_database_argument(exec, walk.value, NULL, db)) {
            return false;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    *may_replace = (walk.flags & COPY_REPLACE) != 0;
    return true;
}

static void run_copy(struct exec *exec, struct made_copy *made)
{
    uint32_t db;
    bool may_replace;
    if (!copy_read_options(exec, &db, &may_replace)) {
        return;
    }
    struct place from = place_of(exec, exec_key(exec, 1), exec->db);
    struct place to = place_of(exec, exec_key(exec, 2), db);
    if (is_same_place(&from, &to)) {
        reply_error(exec->reply, ERROR_SAME_OBJECT);
        return;
    }
    bool is_taken = !may_replace && keyspace_find(to.ks, to.key, exec->now_ms) != NULL;
    struct entry *source = made == NULL ? exec_find_read(exec, from.key) : keyspace_find(from.ks, from.key, exec->now_ms);
    if (source == NULL || is_taken) {
        reply_integer(exec->reply, 0);
        return;
    }
    if (made == NULL && value_copy_takes_steps(source)) {
        start_copy(exec, &from, &to, source, run_copy);
        return;
    }
    const bool is_new = is_new_again(exec, &to);
    enum result result = put_copy(exec, &from, &to, source, made);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    if (is_new) {
        exec_notice_in(exec, to.db, to.key, EVENT_NEW);
    }
    exec_changed_in(exec, to.db, to.key, EVENT_COPY_TO);
    tell_value(exec, &to, made);
    reply_integer(exec->reply, 1);
}

static void command_copy(struct exec *exec)
{
    run_copy(exec, NULL);
}

const struct command_spec key_move_commands[] = {
    {.name = "copy", .run = command_copy, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 2, 1}, .since = "6.2.0", .group = "generic", .complexity = "O(N), N the size of the value",
     .summary = "Copies a key with its value and expiry to another name or database.",
     .syntax = "source destination [DB destination-db] [REPLACE]", .key_flags = "RO access|OW update"},
    {.name = "move", .run = command_move, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "generic", .complexity = "O(1)",
     .summary = "Moves a key to another database unless it exists there.", .syntax = "key db",
     .key_flags = "RW access update"},
    {.name = "rename", .run = command_rename, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE, .keys = {1, 2, 1},
     .since = "1.0.0", .group = "generic", .complexity = "O(1) within a shard, else O(N), N the size of the value",
     .summary = "Gives a key another name, replacing a key of that name.", .syntax = "key newkey",
     .key_flags = "RW access delete|OW update"},
    {.name = "renamenx", .run = command_renamenx, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_FAST,
     .keys = {1, 2, 1}, .since = "1.0.0", .group = "generic",
     .complexity = "O(1) within a shard, else O(N), N the size of the value",
     .summary = "Gives a key another name unless a key of that name exists.", .syntax = "key newkey",
     .key_flags = "RW access delete|OW insert"},
    {0},
};
