/* migrate.c - MIGRATE: keys go to another server.
 *
 *   PLACE   until one of the errands that a server may have is free
 *   KEYS    the keys are put into a lock
 *   LOCK    until it is granted: nobody else reads or changes the keys from here on
 *   LOOK    which keys there are
 *   PACK    one key after the other is dumped, until a batch is full        <--.
 *   BACK    the batch has been away (migrate_trip.h)  --there are more keys, --'
 *   REMOVE  the keys that the target has are deleted here, unless COPY
 *
 * A batch is BATCH_BYTES and one payload at most, so that the memory needed does not grow with the number of keys.
 *
 * Threads    The connection's thread; PACK under the baton of the key's shard, LOCK, LOOK and REMOVE under those of all keys.
 * Invariant  A key is deleted only if the target has said OK to it, and from its DUMP to its end nobody has seen it here.
 * Limits     A line of the target's reply: PEER_LINE_MAX. ERRANDS_MAX at a time, the others wait.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/key/key_rows.h"
#include "cmd/key/migrate_trip.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "persist/rdb_value.h"
#include "shard/server.h"

#include <assert.h>
#include <stdlib.h>

enum {
    AT_HOST = 1, AT_PORT = 2, AT_KEY = 3, AT_DATABASE = 4, AT_TIMEOUT = 5, AT_OPTIONS = 6,
    KEYS_PER_LOOK = 32,           /* between two looks at the clock */
    ITEMS_PER_LOOK = 32,
    AT_ONCE_BYTES = 65536,        /* values up to this size are dumped in one step, payloads copied into the batch */
    BATCH_BYTES = 256 * 1024,
    PLACE_PAUSE_MS = 2,
    DEFAULT_TIMEOUT_MS = 1000,
};

enum migrate_flag { MIGRATE_COPY = 1 << 0, MIGRATE_REPLACE = 1 << 1 };

struct migrate_request {
    uint32_t flags;
    uint32_t first_key, key_count; /* in argv */
    uint32_t user, password;       /* argv index; 0: none */
    int64_t database, timeout_ms;
};

struct migrate_job {
    struct job job;
    enum job_status (*phase)(struct migrate_job *migrate, struct exec *exec);
    struct migrate_request request;
    struct trip *trip;
    bool is_placed;             /* the trip is open as an errand */
    struct key_lock lock;
    int32_t shard;              /* that has all keys, or JOB_ALL_SHARDS */
    uint32_t at;                /* the next key, counted from 0 */
    bool has_any;
    struct pin pin;             /* of a large value that is being dumped */
    struct rdb_writer *writer;  /* the same */
    bool is_refused;            /* memory was, in the middle */
};

/* --- the words --- */

/* Reads argv[6...]; replies the error. */
static bool read_options(struct exec *exec, struct migrate_request *request)
{
    uint32_t at = AT_OPTIONS;
    request->first_key = AT_KEY;
    request->key_count = 1;
    while (at < exec->argc) {
        const struct bytes word = exec->argv[at];
        const uint32_t more = exec->argc - at - 1;
        if (bytes_equal_ignore_case(word, BYTES("COPY"))) {
            request->flags |= MIGRATE_COPY;
        } else if (bytes_equal_ignore_case(word, BYTES("REPLACE"))) {
            request->flags |= MIGRATE_REPLACE;
        } else if (bytes_equal_ignore_case(word, BYTES("AUTH")) && more >= 1) {
            request->user = 0;
            request->password = ++at;
        } else if (bytes_equal_ignore_case(word, BYTES("AUTH2")) && more >= 2) {
            request->user = ++at;
            request->password = ++at;
        } else if (bytes_equal_ignore_case(word, BYTES("KEYS"))) {
            if (exec->argv[AT_KEY].len != 0) {
                reply_error(exec->reply, "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
                return false;
            }
            request->first_key = at + 1;
            request->key_count = more;
            return true;
        } else {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        at++;
    }
    return true;
}

static bool read_request(struct exec *exec, struct migrate_request *request)
{
    if (!read_options(exec, request) || !exec_int64_argument(exec, AT_TIMEOUT, &request->timeout_ms) ||
        !exec_int64_argument(exec, AT_DATABASE, &request->database)) {
        return false;
    }
    if (request->timeout_ms <= 0) {
        request->timeout_ms = DEFAULT_TIMEOUT_MS;
    }
    return true;
}

/* As atoi: what is no number is 0. */
static int64_t read_port(struct bytes word)
{
    char digits[INT64_TEXT_MAX] = {0};
    memcpy(digits, word.data, word.len < sizeof digits ? word.len : sizeof digits - 1);
    return strtoll(digits, NULL, 10);
}

/* --- requests to the target --- */

static bool append_word(struct buffer *out, struct bytes word)
{
    return buffer_append_format(out, "$%zu\r\n", word.len) && buffer_append(out, word) && buffer_append(out, BYTES("\r\n"));
}

static bool append_number(struct buffer *out, int64_t number)
{
    char digits[INT64_TEXT_MAX];
    return append_word(out, (struct bytes){digits, int64_format(number, digits)});
}

/* Host, AUTH and SELECT. False: no memory. */
static bool prepare_trip(const struct migrate_request *request, const struct exec *exec, struct trip *trip)
{
    struct buffer *greeting = &trip->greeting;
    bool is_ready = buffer_append(&trip->host, exec->argv[AT_HOST]) && buffer_append(&trip->host, (struct bytes){"", 1});
    trip->port = read_port(exec->argv[AT_PORT]);
    trip->timeout_ms = request->timeout_ms;
    if (request->password != 0) {
        is_ready = is_ready && buffer_append_format(greeting, "*%d\r\n$4\r\nAUTH\r\n", request->user != 0 ? 3 : 2) &&
                   (request->user == 0 || append_word(greeting, exec->argv[request->user])) &&
                   append_word(greeting, exec->argv[request->password]);
        trip->greeting_count++;
    }
    trip->greeting_count++;
    return is_ready && buffer_append(greeting, BYTES("*2\r\n$6\r\nSELECT\r\n")) && append_number(greeting, request->database);
}

/* RESTORE with the payload in trip->payload: in the batch then, or stays apart if it is long. False: no memory. */
static bool append_restore(const struct migrate_job *migrate, struct bytes name, int64_t ttl_ms)
{
    struct trip *trip = migrate->trip;
    const bool replaces = (migrate->request.flags & MIGRATE_REPLACE) != 0;
    const struct bytes tail = replaces ? BYTES("\r\n$7\r\nREPLACE\r\n") : BYTES("\r\n");
    if (!buffer_append_format(&trip->text, "*%d\r\n$7\r\nRESTORE\r\n", replaces ? 5 : 4) || !append_word(&trip->text, name) ||
        !append_number(&trip->text, ttl_ms) || !buffer_append_format(&trip->text, "$%zu\r\n", trip->payload.len)) {
        return false;
    }
    if (trip->payload.len > AT_ONCE_BYTES) {
        trip->tail = tail;
        return true;
    }
    const bool is_appended = buffer_append(&trip->text, buffer_bytes(&trip->payload)) && buffer_append(&trip->text, tail);
    trip->payload.len = 0;
    return is_appended;
}

/* --- the end --- */

/* The batons of the lock are what the end needs. */
static enum job_status finish(struct migrate_job *migrate)
{
    migrate->job.shard = migrate->lock.shard_count > 0 ? migrate->shard : JOB_NO_SHARD;
    return JOB_DONE;
}

static enum job_status finish_with_error(struct migrate_job *migrate, struct exec *exec, const char *text)
{
    reply_error(exec->reply, text);
    return finish(migrate);
}

static void reply_outcome(const struct migrate_job *migrate, struct exec *exec)
{
    static const char *const failures[] = {
        [TRIP_FINE] = NULL,
        [TRIP_NOT_CONNECTED] = "IOERR error or timeout connecting to the client",
        [TRIP_NOT_WRITTEN] = "IOERR error or timeout writing to target instance",
        [TRIP_NOT_READ] = "IOERR error or timeout reading to target instance",
    };
    const struct trip *trip = migrate->trip;
    if (trip->error_len > 0) {
        reply_errorf(exec->reply, "ERR Target instance replied with error: %.*s", (int)trip->error_len, trip->error);
    } else if (trip->errand.has_failed) {
        reply_error(exec->reply, "ERR no thread could be made for MIGRATE");
    } else if (migrate->is_refused) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else if (failures[trip->ended] != NULL) {
        reply_error(exec->reply, failures[trip->ended]);
    } else {
        reply_ok(exec->reply);
    }
}

static struct key key_at(const struct migrate_job *migrate, const struct exec *exec, uint32_t number)
{
    return exec_key_of(exec, exec->argv[migrate->request.first_key + number]);
}

static enum job_status step_remove(struct migrate_job *migrate, struct exec *exec)
{
    exec->now_ms = migrate->lock.granted_ms;
    migrate->lock.is_calm = false;
    for (uint32_t looks = 1; migrate->at < migrate->request.key_count; migrate->at++, looks++) {
        if (looks % KEYS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
        if (migrate->trip->fates[migrate->at] != FATE_DONE) {
            continue;
        }
        const struct key key = key_at(migrate, exec, migrate->at);
        if (keyspace_find(exec_keyspace(exec, key), key, exec->now_ms) != NULL) { /* not named twice */
            delete_found(exec, key);
        }
    }
    reply_outcome(migrate, exec);
    return finish(migrate);
}

static enum job_status begin_removal(struct migrate_job *migrate, struct exec *exec)
{
    if ((migrate->request.flags & MIGRATE_COPY) != 0) {
        reply_outcome(migrate, exec);
        return finish(migrate);
    }
    migrate->at = 0;
    migrate->phase = step_remove;
    migrate->job.shard = migrate->shard;
    return JOB_MORE;
}

/* --- packing --- */

static enum job_status step_pack(struct migrate_job *migrate, struct exec *exec);

static enum job_status begin_pack(struct migrate_job *migrate, const struct exec *exec)
{
    migrate->phase = step_pack;
    migrate->job.shard = migrate->shard;
    if (migrate->shard == JOB_ALL_SHARDS && migrate->at < migrate->request.key_count) {
        const struct bytes name = exec->argv[migrate->request.first_key + migrate->at];
        migrate->job.shard = (int32_t)server_shard_of_key(exec->server, name)->number;
    }
    return JOB_MORE;
}

/* The batch has been away. */
static enum job_status step_back(struct migrate_job *migrate, struct exec *exec)
{
    struct trip *trip = migrate->trip;
    trip->text.len = 0;
    trip->tail = (struct bytes){0};
    if (trip->payload.capacity > AT_ONCE_BYTES) {
        buffer_release(&trip->payload);
    }
    trip->payload.len = 0;
    if (!trip_goes_on(trip) || migrate->is_refused || migrate->at == migrate->request.key_count) {
        return begin_removal(migrate, exec);
    }
    trip->first = migrate->at;
    return begin_pack(migrate, exec);
}

static enum job_status send_batch(struct migrate_job *migrate, struct exec *exec)
{
    migrate->trip->end = migrate->at;
    migrate->phase = step_back;
    migrate->job.shard = JOB_NO_SHARD;
    exec->must_finish = true; /* what the target has is deleted here, whether or not the client is still there */
    exec_send_errand(exec, &migrate->trip->errand);
    return JOB_AWAY;
}

/* What is left of a key's time, at least 1; 0: it has none, negative: it is over. */
static int64_t ttl_of(const struct keyspace *ks, const struct entry *entry, int64_t now_ms)
{
    const int64_t expiry_ms = keyspace_expiry_ms(ks, entry);
    if (expiry_ms == KEYSPACE_NO_EXPIRY) {
        return 0;
    }
    return expiry_ms < now_ms ? -1 : expiry_ms > now_ms ? expiry_ms - now_ms : 1;
}

/* No memory for a key's payload: the key stays, and so do those behind it. */
static enum job_status refuse(struct migrate_job *migrate, struct exec *exec)
{
    rdb_writer_destroy(migrate->writer);
    migrate->writer = NULL;
    exec_unpin(exec, &migrate->pin);
    migrate->is_refused = true;
    return begin_removal(migrate, exec);
}

/* The value of `entry` is going to be written into the payload: in steps if it is large, and stays where it is then. False: no memory. */
static bool open_writer(struct migrate_job *migrate, struct exec *exec, struct key key, struct entry *entry)
{
    const struct encoding_limits limits = exec_limits(exec);
    const bool is_large = entry_value_apart(entry) != NULL && entry_memory_bytes(entry) > AT_ONCE_BYTES;
    migrate->writer = rdb_writer_create(entry, &limits);
    return migrate->writer != NULL && (!is_large || exec_pin_locked(exec, key, entry, &migrate->pin));
}

/* RDB_DONE: the payload is complete. */
static enum rdb_status write_payload(struct migrate_job *migrate, const struct exec *exec)
{
    enum rdb_status status;
    if (migrate->pin.shard == NULL) {
        return rdb_writer_step(migrate->writer, &migrate->trip->payload, SIZE_MAX);
    }
    do {
        status = rdb_writer_step(migrate->writer, &migrate->trip->payload, ITEMS_PER_LOOK);
    } while (status == RDB_MORE && !exec_step_is_over(exec));
    return status;
}

/* Goes on with the key at `at`, which is there. JOB_DONE: it is in the batch, or its time is over; JOB_WAIT: no memory. */
static enum job_status pack_key(struct migrate_job *migrate, struct exec *exec, int64_t now_ms)
{
    const struct key key = key_at(migrate, exec, migrate->at);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *entry = keyspace_find(ks, key, exec->now_ms);
    const int64_t ttl_ms = entry == NULL ? -1 : ttl_of(ks, entry, now_ms);
    if (migrate->writer == NULL) {
        if (ttl_ms < 0) {
            return JOB_DONE;
        }
        if (!open_writer(migrate, exec, key, entry)) {
            return JOB_WAIT;
        }
    }
    const enum rdb_status status = write_payload(migrate, exec);
    if (status != RDB_DONE) {
        return status == RDB_MORE ? JOB_MORE : JOB_WAIT;
    }
    rdb_writer_destroy(migrate->writer);
    migrate->writer = NULL;
    exec_unpin(exec, &migrate->pin);
    if (ttl_ms < 0) {
        migrate->trip->payload.len = 0; /* meanwhile */
        return JOB_DONE;
    }
    if (!append_restore(migrate, key.name, ttl_ms)) {
        return JOB_WAIT;
    }
    migrate->trip->fates[migrate->at] = FATE_SENT;
    return JOB_DONE;
}

static bool batch_is_full(const struct trip *trip)
{
    return trip->text.len >= BATCH_BYTES || trip->tail.len > 0;
}

static enum job_status step_pack(struct migrate_job *migrate, struct exec *exec)
{
    const int64_t now_ms = exec->now_ms;
    struct trip *trip = migrate->trip;
    exec->now_ms = migrate->lock.granted_ms;
    while (migrate->at < migrate->request.key_count && !batch_is_full(trip)) {
        const struct bytes name = exec->argv[migrate->request.first_key + migrate->at];
        if (trip->fates[migrate->at] == FATE_THERE) {
            if (exec->shard != server_shard_of_key(exec->server, name)) {
                return begin_pack(migrate, exec);
            }
            const enum job_status status = pack_key(migrate, exec, now_ms);
            if (status != JOB_DONE) {
                return status == JOB_MORE ? JOB_MORE : refuse(migrate, exec);
            }
        }
        migrate->at++;
        if (exec_step_is_over(exec)) {
            break;
        }
    }
    if (migrate->at < migrate->request.key_count && !batch_is_full(trip)) {
        return begin_pack(migrate, exec);
    }
    if (trip->text.len == 0 && trip->is_greeted) {
        return begin_removal(migrate, exec); /* the rest has expired */
    }
    return send_batch(migrate, exec);
}

/* --- until the keys are locked --- */

static enum job_status step_look(struct migrate_job *migrate, struct exec *exec)
{
    exec->now_ms = migrate->lock.granted_ms;
    for (uint32_t looks = 1; migrate->at < migrate->request.key_count; migrate->at++, looks++) {
        if (looks % KEYS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
        if (exec_find_read(exec, key_at(migrate, exec, migrate->at)) != NULL) {
            migrate->trip->fates[migrate->at] = FATE_THERE;
            migrate->has_any = true;
        }
    }
    if (!migrate->has_any) {
        reply_simple(exec->reply, BYTES("NOKEY"));
        return finish(migrate);
    }
    migrate->at = 0;
    return begin_pack(migrate, exec);
}

static enum job_status step_lock(struct migrate_job *migrate, struct exec *exec)
{
    if (!exec_lock(exec, &migrate->lock)) {
        return JOB_WAIT;
    }
    migrate->at = 0;
    migrate->phase = step_look;
    return JOB_MORE;
}

static enum job_status step_keys(struct migrate_job *migrate, struct exec *exec)
{
    for (uint32_t looks = 1; migrate->at < migrate->request.key_count; migrate->at++, looks++) {
        if (looks % KEYS_PER_LOOK == 0 && exec_step_is_over(exec)) {
            return JOB_MORE;
        }
        const struct key key = key_at(migrate, exec, migrate->at);
        const int32_t shard = (int32_t)server_shard_of_key(exec->server, key.name)->number;
        migrate->shard = migrate->at == 0 || migrate->shard == shard ? shard : JOB_ALL_SHARDS;
        key_lock_add(&migrate->lock, key);
    }
    migrate->phase = step_lock;
    migrate->job.shard = migrate->shard;
    return JOB_MORE;
}

static enum job_status step_place(struct migrate_job *migrate, struct exec *exec)
{
    const enum result result = errand_open(exec, &migrate->trip->errand);
    if (result == RESULT_NOT_FOUND) {
        exec->pause_ms = PLACE_PAUSE_MS;
        return JOB_PAUSE;
    }
    if (result != RESULT_OK) {
        return finish_with_error(migrate, exec, "ERR no descriptor is left for MIGRATE");
    }
    migrate->is_placed = true;
    if (!key_lock_open(&migrate->lock, migrate->request.key_count, KEY_LOCK_EXCLUSIVE) ||
        !prepare_trip(&migrate->request, exec, migrate->trip)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return finish(migrate);
    }
    migrate->lock.is_calm = true;
    migrate->phase = step_keys;
    return JOB_MORE;
}

/* --- the command --- */

static enum job_status migrate_step(struct job *job, struct exec *exec)
{
    struct migrate_job *migrate = (struct migrate_job *)job;
    return migrate->phase(migrate, exec);
}

static void migrate_destroy(struct job *job, struct exec *exec)
{
    struct migrate_job *migrate = (struct migrate_job *)job;
    rdb_writer_destroy(migrate->writer);
    exec_unpin(exec, &migrate->pin);
    exec_unlock(exec, &migrate->lock);
    key_lock_close(&migrate->lock);
    if (migrate->is_placed) {
        errand_release(&migrate->trip->errand);
    } else {
        trip_destroy(migrate->trip);
    }
    thread_free(MEM_CLIENT, migrate, sizeof *migrate);
}

static void command_migrate(struct exec *exec)
{
    struct migrate_request request = {0};
    if (!read_request(exec, &request)) {
        return;
    }
    if (exec->depth > 0) {
        reply_error(exec->reply, "ERR MIGRATE cannot be run inside a transaction or a script: it waits for another server");
        return;
    }
    if (request.key_count == 0) {
        reply_simple(exec->reply, BYTES("NOKEY"));
        return;
    }
    struct migrate_job *migrate = thread_alloc_zeroed(MEM_CLIENT, sizeof *migrate);
    struct trip *trip = migrate == NULL ? NULL : trip_create(request.key_count);
    if (trip == NULL) {
        if (migrate != NULL) {
            thread_free(MEM_CLIENT, migrate, sizeof *migrate);
        }
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    migrate->job = (struct job){migrate_step, migrate_destroy, JOB_NO_SHARD};
    migrate->phase = step_place;
    migrate->request = request;
    migrate->trip = trip;
    exec_start_job(exec, &migrate->job);
}

static const struct command_key_spec migrate_keys[] = {
    {.flags = "RW access delete", .index = AT_KEY, .search = KEYS_RANGE},
    {.flags = "RW access delete incomplete", .keyword = "KEYS", .index = -2, .search = KEYS_RANGE, .last = -1},
    {0},
};

const struct command_spec migrate_commands[] = {
    {.name = "migrate", .run = command_migrate, .arity = -6, .scope = SCOPE_SESSION, .flags = COMMAND_WRITE | COMMAND_MOVABLE_KEYS,
     .keys = {AT_KEY, AT_KEY, 1}, .since = "2.6.0", .group = "generic", .acl = "dangerous",
     .complexity = "O(N), N the size of the values, which are dumped here and restored there",
     .summary = "Moves keys to another server: each is deleted here when it is there.",
     .syntax = "host port (key|\"\") destination-db timeout [COPY] [REPLACE] [AUTH password|AUTH2 username password] [KEYS key [key ...]]",
     .tips = "nondeterministic_output", .key_specs = migrate_keys},
    {0},
};
