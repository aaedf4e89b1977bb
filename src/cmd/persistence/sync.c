/* sync.c - SYNC PSYNC REPLCONF, as far as `redis-cli --rdb` needs them: the data of one moment as a file over the connection, and no stream behind it.
 *
 * With `REPLCONF rdb-filter-only functions` the file has libraries of functions only (redis-cli --functions-rdb), with an empty list of filters nothing.
 *
 *   WAITING for the copy (snapshot/snapshot_copy.h), a newline each second -> SENDING: an errand reads a piece, the connection takes it, and so on -> closed
 *
 * Redis's answer: newlines meanwhile, then `$<bytes>` and the bytes, without a newline behind them. Redis closes behind a file that was asked for
 * with `REPLCONF rdb-only 1`; here it is always so.
 *
 * Memory     A piece that is read, and SYNC_UNSENT_BYTES that wait to be sent: fewer than what makes a connection's commands wait (exec/pending.h).
 * Limits     Who takes nothing for repl-timeout is closed. While all errands are out (exec/errand.h), it is tried again.  */
#include "base/number.h"
#include "client/sessions.h"
#include "cmd/core/answers.h"
#include "cmd/persistence/persistence_rows.h"
#include "exec/errand.h"
#include "exec/pending.h"
#include "mem/heap.h"
#include "shard/log.h"
#include "shard/server.h"
#include "snapshot/copy_wishes.h"
#include "snapshot/file_head.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_copy.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SYNC_PIECE_BYTES = 1 << 19,
    SYNC_UNSENT_BYTES = 1 << 18,
    WAIT_PAUSE_MS = 5,
    PLACE_PAUSE_MS = 5,    /* until an errand more may go */
    NEWLINE_MS = 1000,
};
_Static_assert((int)SYNC_PIECE_BYTES + (int)SYNC_UNSENT_BYTES < (int)OUTPUT_SOFT, "the connection does not seem to be stuck");

/* An errand for the next bytes of the file. */
struct piece {
    struct errand errand;         /* first */
    struct snapshot_copy *copy;   /* held */
    uint64_t at;
    size_t wanted;
    struct buffer bytes;
    int error;
};

struct sync_job {
    struct job job;
    struct snapshot_copy *copy;   /* held; NULL: it is filtered */
    enum copy_wish wish;
    struct piece *piece;          /* one is out, or is back; NULL: none */
    uint64_t size, read;
    uint64_t taken;               /* what the connection had sent in all at the last look */
    int64_t taken_ms, newline_ms;
};

/* --- pieces --- */

static void piece_run(struct errand *errand)
{
    struct piece *piece = (struct piece *)errand;
    while (piece->bytes.len < piece->wanted) {
        const size_t left = piece->wanted - piece->bytes.len;
        const ssize_t got = pread(snapshot_copy_fd(piece->copy), piece->bytes.data + piece->bytes.len, left, (off_t)(piece->at + piece->bytes.len));
        if (got > 0) {
            piece->bytes.len += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            piece->error = got == 0 ? EIO : errno;
            return;
        }
    }
}

static void piece_cancel(struct errand *errand)
{
    (void)errand; /* it waits for nothing but the disk */
}

static void piece_free(struct piece *piece)
{
    buffer_release(&piece->bytes);
    snapshot_copy_release(piece->copy);
    thread_free(MEM_CLIENT, piece, sizeof *piece);
}

static void piece_destroy(struct errand *errand)
{
    piece_free((struct piece *)errand);
}

/* NULL: no memory. */
static struct piece *piece_create(const struct sync_job *sync)
{
    const uint64_t left = sync->size - sync->read;
    struct piece *piece = thread_alloc_zeroed(MEM_CLIENT, sizeof *piece);
    if (piece == NULL) {
        return NULL;
    }
    piece->bytes = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    piece->errand.run = piece_run;
    piece->errand.cancel = piece_cancel;
    piece->errand.destroy = piece_destroy;
    piece->copy = sync->copy;
    piece->at = sync->read;
    piece->wanted = left < SYNC_PIECE_BYTES ? (size_t)left : SYNC_PIECE_BYTES;
    snapshot_copy_hold(piece->copy);
    if (!buffer_reserve_exactly(&piece->bytes, piece->wanted)) {
        piece_free(piece);
        return NULL;
    }
    return piece;
}

/* --- steps --- */

static struct sync_job *sync_of(struct job *job)
{
    return (struct sync_job *)job;
}

static enum job_status close_without_reply(struct exec *exec)
{
    exec_reply_nothing(exec);
    exec_close_after_reply(exec);
    return JOB_DONE;
}

/* It is told in the log: behind the length no error can be sent. */
static enum job_status break_off(struct exec *exec, const char *why)
{
    log_write(exec->server->config, LOG_LEVEL_WARNING, "SYNC to client id=%llu broken off: %s", (unsigned long long)exec->session->id, why);
    session_close(exec->session);
    return close_without_reply(exec);
}

/* Messages to its cache would stand in the middle of the file: with RESP2 they are sent to subscribers only. */
static bool is_told_of_keys(const struct session *session)
{
    return session->protocol > 2 && session->cache != NULL;
}

static bool is_stuck(struct sync_job *sync, const struct exec *exec)
{
    const int64_t patience_ms = atomic_load_explicit(&exec->server->config->repl_timeout, memory_order_relaxed) * 1000;
    if (sync->taken != exec->session->output_bytes_total) {
        sync->taken = exec->session->output_bytes_total;
        sync->taken_ms = exec->now_ms;
    }
    return exec->now_ms - sync->taken_ms > patience_ms;
}

static enum job_status send_errand(struct sync_job *sync, struct exec *exec)
{
    sync->piece = piece_create(sync);
    if (sync->piece == NULL) {
        return break_off(exec, "out of memory");
    }
    const enum result result = errand_open(exec, &sync->piece->errand);
    if (result == RESULT_OK) {
        exec_send_errand(exec, &sync->piece->errand);
        return JOB_AWAY;
    }
    piece_free(sync->piece);
    sync->piece = NULL;
    if (result != RESULT_NOT_FOUND) {
        return break_off(exec, "no descriptor is left");
    }
    exec->pause_ms = PLACE_PAUSE_MS;
    return JOB_PAUSE;
}

/* A piece is back. False: without its bytes. */
static bool take_piece(struct sync_job *sync, struct exec *exec)
{
    struct piece *piece = sync->piece;
    const bool is_good = !piece->errand.has_failed && piece->error == 0;
    if (is_good) {
        sync->read += piece->bytes.len;
        sync->taken_ms = exec->now_ms;
        session_push_buffer(exec->session, &piece->bytes);
    }
    sync->piece = NULL;
    errand_release(&piece->errand);
    return is_good;
}

static enum job_status send_step(struct job *job, struct exec *exec)
{
    struct sync_job *sync = sync_of(job);
    if (sync->piece != NULL && !take_piece(sync, exec)) {
        return break_off(exec, "the file could not be read");
    }
    if (is_told_of_keys(exec->session)) {
        return break_off(exec, "another client's invalidations are sent to it");
    }
    const size_t unsent = session_unsent_bytes(exec->session);
    if (sync->read == sync->size && unsent == 0) {
        return close_without_reply(exec);
    }
    if (sync->read < sync->size && unsent <= SYNC_UNSENT_BYTES) {
        return send_errand(sync, exec);
    }
    return is_stuck(sync, exec) ? break_off(exec, "it takes nothing") : JOB_PAUSE;
}

static enum job_status begin_sending(struct sync_job *sync, struct exec *exec, uint64_t size)
{
    char text[32];
    sync->size = size;
    const int len = snprintf(text, sizeof text, "$%llu\r\n", (unsigned long long)size);
    session_push(exec->session, (struct bytes){text, (size_t)len});
    sync->taken = exec->session->output_bytes_total;
    sync->taken_ms = exec->now_ms;
    sync->job.step = send_step;
    return JOB_MORE;
}

static enum job_status wait_step(struct job *job, struct exec *exec)
{
    struct sync_job *sync = sync_of(job);
    switch (snapshot_copy_state(sync->copy)) {
    case COPY_DONE:
        return begin_sending(sync, exec, snapshot_copy_figures(sync->copy).bytes);
    case COPY_FAILED:
        reply_errorf(exec->reply, "ERR the data could not be written: %s", snapshot_copy_error(sync->copy));
        exec_close_after_reply(exec);
        return JOB_DONE;
    default:
        break;
    }
    if (exec->now_ms - sync->newline_ms >= NEWLINE_MS && session_unsent_bytes(exec->session) == 0) {
        sync->newline_ms = exec->now_ms;
        session_push(exec->session, BYTES("\n"));
    }
    exec->pause_ms = WAIT_PAUSE_MS;
    return JOB_PAUSE;
}

/* All of the file at once: it is as long as the libraries. */
static enum job_status filtered_step(struct job *job, struct exec *exec)
{
    struct sync_job *sync = sync_of(job);
    struct server *server = exec->server;
    struct buffer file = BUFFER_EMPTY(MEM_OUTPUT_BUFFER), functions = BUFFER_EMPTY(MEM_SNAPSHOT);
    const bool is_written = (sync->wish != COPY_OF_FUNCTIONS || snapshots_hooks(server->snapshots)->write_functions(server, &functions)) &&
                            file_without_data_write(server, buffer_bytes(&functions), &file);
    buffer_release(&functions);
    if (!is_written) {
        buffer_release(&file);
        return break_off(exec, "out of memory");
    }
    const enum job_status status = begin_sending(sync, exec, file.len);
    sync->read = sync->size;
    session_push_buffer(exec->session, &file);
    return status;
}

static void destroy(struct job *job, struct exec *exec)
{
    struct sync_job *sync = sync_of(job);
    (void)exec;
    if (sync->piece != NULL) {
        errand_release(&sync->piece->errand);
    }
    if (sync->copy != NULL) {
        snapshot_copy_cancel(sync->copy);
        snapshot_copy_release(sync->copy);
    }
    thread_free(MEM_CLIENT, sync, sizeof *sync);
}

/* --- the commands --- */

static const char *why_not(const struct session *session)
{
    return session_is_fed(session) || is_told_of_keys(session) ? "ERR SYNC needs a connection of its own" : NULL;
}

/* A job that sends this copy, or none yet. NULL: no memory, and the copy was let go. */
static struct sync_job *make_job(const struct exec *exec, struct snapshot_copy *copy,
                                 enum job_status (*step)(struct job *job, struct exec *exec))
{
    struct sync_job *sync = thread_alloc_zeroed(MEM_CLIENT, sizeof *sync);
    if (sync == NULL) {
        snapshot_copy_release(copy);
        return NULL;
    }
    *sync = (struct sync_job){.job = {.step = step, .destroy = destroy, .shard = JOB_NO_SHARD}, .copy = copy, .newline_ms = exec->now_ms};
    return sync;
}

static struct sync_job *begin_filtered(const struct exec *exec, enum copy_wish wish)
{
    struct sync_job *sync = make_job(exec, NULL, filtered_step);
    if (sync != NULL) {
        sync->wish = wish;
    }
    return sync;
}

static struct sync_job *begin_whole(const struct exec *exec)
{
    struct snapshot_copy *copy = snapshot_copy_create(NULL, "sync.rdb");
    struct sync_job *sync = copy == NULL ? NULL : make_job(exec, copy, wait_step);
    if (sync != NULL) {
        snapshots_ask(exec->server->snapshots, copy);
    }
    return sync;
}

static void command_sync(struct exec *exec)
{
    const char *error = why_not(exec->session);
    if (error != NULL) {
        reply_error(exec->reply, error);
        return;
    }
    const enum copy_wish wish = copy_wish_take(snapshots_wishes(exec->server->snapshots), exec->session->id);
    struct sync_job *sync = wish == COPY_OF_ALL ? begin_whole(exec) : begin_filtered(exec, wish);
    if (sync == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    exec->session->is_copying = true;
    exec_start_job(exec, &sync->job);
}

/* With any other error a replica would go on to SYNC, be cut off behind the file, and begin again, for ever. */
static void command_psync(struct exec *exec)
{
    reply_error(exec->reply, "NOMASTERLINK there is no replication yet: SYNC sends the data of one moment, and closes");
}

/* True: it is done, or replied why not. */
static bool take_rdb_only(struct exec *exec, struct bytes value)
{
    int64_t number;
    if (!int64_parse(value, &number)) {
        reply_error(exec->reply, ERROR_NOT_INTEGER);
        return false;
    }
    if (number != 0 && number != 1) {
        reply_error(exec->reply, "ERR value is out of range, value must between 0 and 1");
        return false;
    }
    return true;
}

/* A list of what the file is to have; all that this can name are functions. True: it is noted, or replied why not. */
static bool take_filter(struct exec *exec, struct bytes value)
{
    enum copy_wish wish = COPY_OF_NOTHING;
    for (size_t at = 0, end; at < value.len; at = end + 1) {
        for (end = at; end < value.len && value.data[end] != ' '; end++) {
        }
        const struct bytes word = {value.data + at, end - at};
        if (word.len > 0 && !bytes_equal_ignore_case(word, BYTES("functions"))) {
            reply_errorf(exec->reply, "ERR Unsupported rdb-filter-only option: %.*s", (int)(word.len < 64 ? word.len : 64), word.data);
            return false;
        }
        wish = word.len > 0 ? COPY_OF_FUNCTIONS : wish;
    }
    copy_wish_say(snapshots_wishes(exec->server->snapshots), exec->session->id, wish);
    return true;
}

static void command_replconf(struct exec *exec)
{
    if (exec->argc % 2 == 0) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    for (uint32_t i = 1; i < exec->argc; i += 2) {
        const struct bytes name = exec->argv[i];
        if (bytes_equal_ignore_case(name, BYTES("capa"))) {
            continue; /* what is sent can be read by everybody */
        }
        const bool is_filter = bytes_equal_ignore_case(name, BYTES("rdb-filter-only"));
        if (!is_filter && !bytes_equal_ignore_case(name, BYTES("rdb-only"))) {
            reply_errorf(exec->reply, "ERR Unrecognized REPLCONF option: %.*s", (int)(name.len < 64 ? name.len : 64), name.data);
            return;
        }
        if (!(is_filter ? take_filter(exec, exec->argv[i + 1]) : take_rdb_only(exec, exec->argv[i + 1]))) {
            return;
        }
    }
    reply_ok(exec->reply);
}

#define FOR_COPIES .scope = SCOPE_SESSION, .group = "server", .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_NO_MULTI

const struct command_spec sync_commands[] = {
    {.name = "psync", .run = command_psync, .arity = -3, FOR_COPIES, .since = "2.8.0", .complexity = "O(1)",
     .summary = "An error: there is no replication yet.", .syntax = "replicationid offset"},
    {.name = "replconf", .run = command_replconf, .arity = -1, .scope = SCOPE_INSTANT, .group = "server",
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_ALLOW_BUSY, .since = "3.0.0", .complexity = "O(1)",
     .summary = "What `redis-cli --rdb` says before SYNC."},
    {.name = "sync", .run = command_sync, .arity = 1, FOR_COPIES, .since = "1.0.0", .complexity = "O(N), N the number of keys and rows",
     .summary = "Sends a snapshot of all data as an RDB file, and closes the connection.", .syntax = ""},
    {0},
};
