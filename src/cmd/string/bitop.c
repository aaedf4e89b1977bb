/* bitop.c - BITOP: strings combined bit by bit into a new one.
 *
 * The new string is made aside, in steps when there is much to do, and stored at the end, so that a source may be the
 * destination. Meanwhile all keys are pinned, so the long strings stay as they are, whatever becomes of their keys.
 *
 * Threads    The holder of the keys' batons; steps of a job: the connection's thread.
 * Limits     BITOP_STEP_BYTES of each source between two looks at the clock.  */
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/string/string_rows.h"
#include "data/value.h"
#include "encoding/bits.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum {
    BITOP_INLINE_BYTES = 512 * 1024, /* of all sources: combined without a job, about 50 us */
    BITOP_STEP_BYTES = 16 * 1024,   /* stays in the first cache while the sources go over it */
    BITOP_ONE_BYTES = 1024,          /* of ONE at a time, on the stack */
    BITOP_DESTINATION = 2,           /* argv */
    BITOP_SOURCES = 3,
};

enum bitop { BITOP_AND = BITS_AND, BITOP_OR = BITS_OR, BITOP_XOR = BITS_XOR, BITOP_NOT, BITOP_DIFF, BITOP_DIFF1, BITOP_ANDOR, BITOP_ONE };

static const struct {
    struct bytes name;
    enum bitop operation;
} operation_names[] = {
    {BYTES("AND"), BITOP_AND}, {BYTES("OR"), BITOP_OR}, {BYTES("XOR"), BITOP_XOR}, {BYTES("NOT"), BITOP_NOT},
    {BYTES("DIFF"), BITOP_DIFF}, {BYTES("DIFF1"), BITOP_DIFF1}, {BYTES("ANDOR"), BITOP_ANDOR}, {BYTES("ONE"), BITOP_ONE}};

/* Those that set the first source against all others. */
static bool is_against_first(enum bitop operation)
{
    return operation == BITOP_DIFF || operation == BITOP_DIFF1 || operation == BITOP_ANDOR;
}

/* The strings that are combined. */
struct source {
    struct bytes text;
    struct entry *entry; /* NULL: no key, an empty string */
    char scratch[STRING_SCRATCH];
};

struct sources {
    struct source *sources; /* scratch */
    uint32_t count;
    size_t len_max;
    size_t len_total;
};

static bool operation_argument(struct exec *exec, enum bitop *out)
{
    for (size_t i = 0; i < sizeof operation_names / sizeof operation_names[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[1], operation_names[i].name)) {
            *out = operation_names[i].operation;
            if (*out == BITOP_NOT && exec->argc != BITOP_SOURCES + 1) {
                reply_error(exec->reply, "ERR BITOP NOT must be called with a single source key.");
                return false;
            }
            if (is_against_first(*out) && exec->argc == BITOP_SOURCES + 1) {
                reply_errorf(exec->reply, "ERR BITOP %s must be called with at least two source keys.", operation_names[i].name.data);
                return false;
            }
            return true;
        }
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

/* Finds the sources; replies the error. */
static bool find_sources(struct exec *exec, struct sources *out)
{
    *out = (struct sources){.count = exec->argc - BITOP_SOURCES};
    out->sources = exec_scratch(exec, out->count * sizeof *out->sources);
    if (out->sources == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        struct source *source = &out->sources[i];
        struct key key = exec_key(exec, BITOP_SOURCES + i);
        source->entry = exec_find_read(exec, key);
        if (!check_string(exec, source->entry)) {
            return false;
        }
        source->text = source->entry == NULL ? BYTES("") : entry_string(source->entry, source->scratch);
        out->len_total += source->text.len;
        out->len_max = source->text.len > out->len_max ? source->text.len : out->len_max;
    }
    return true;
}

/* What a source has from `at` to `end`: perhaps less, or nothing. */
static struct bytes source_part(const struct sources *sources, uint32_t i, size_t at, size_t end)
{
    const struct bytes text = sources->sources[i].text;
    const size_t stop = text.len < end ? text.len : end;
    return stop > at ? (struct bytes){text.data + at, stop - at} : BYTES("");
}

/* The first source and what the others have together, which `result` becomes first. */
static void combine_against_first(enum bitop operation, const struct sources *sources, char *result, size_t at, size_t end)
{
    for (uint32_t i = 1; i < sources->count; i++) {
        const struct bytes part = source_part(sources, i, at, end);
        bits_combine(BITS_OR, result + at, part.data, part.len);
    }
    const struct bytes first = source_part(sources, 0, at, end);
    if (operation == BITOP_DIFF1) { /* others and not first: not (not others or first) */
        bits_invert(result + at, first.len);
        bits_combine(BITS_OR, result + at, first.data, first.len);
        bits_invert(result + at, first.len);
        return;
    }
    if (operation == BITOP_DIFF) {
        bits_invert(result + at, first.len);
    }
    bits_combine(BITS_AND, result + at, first.data, first.len);
    memset(result + at + first.len, 0, end - at - first.len);
}

/* The bits that one source alone has: those of an odd number of sources, without those that two have met in. */
static void combine_one(const struct sources *sources, char *result, size_t at, size_t end)
{
    char met[BITOP_ONE_BYTES], both[BITOP_ONE_BYTES];
    assert(end - at <= BITOP_ONE_BYTES);
    memset(met, 0, end - at);
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct bytes part = source_part(sources, i, at, end);
        memcpy(both, result + at, part.len);
        bits_combine(BITS_AND, both, part.data, part.len);
        bits_combine(BITS_OR, met, both, part.len);
        bits_combine(BITS_XOR, result + at, part.data, part.len);
    }
    bits_invert(met, end - at);
    bits_combine(BITS_AND, result + at, met, end - at);
}

/* Makes the bytes from `at` to `end` of the result, which are 0. Shorter sources go on with zero bytes. */
static void combine(enum bitop operation, const struct sources *sources, char *result, size_t at, size_t end)
{
    if (is_against_first(operation)) {
        combine_against_first(operation, sources, result, at, end);
        return;
    }
    for (size_t from = at; operation == BITOP_ONE && from < end; from += BITOP_ONE_BYTES) {
        combine_one(sources, result, from, end - from < BITOP_ONE_BYTES ? end : from + BITOP_ONE_BYTES);
    }
    for (uint32_t i = 0; operation != BITOP_ONE && i < sources->count; i++) {
        const struct bytes text = source_part(sources, i, at, end);
        const size_t len = text.len;
        if (len > 0 && i == 0) {
            memcpy(result + at, text.data, len);
        } else if (len > 0) {
            bits_combine((enum bits_operation)operation, result + at, text.data, len);
        }
        if (operation == BITOP_AND) {
            memset(result + at + len, 0, end - at - len);
        }
    }
    if (operation == BITOP_NOT) {
        bits_invert(result + at, end - at);
    }
}

/* Stores the result, which is complete, or frees it, and replies. `is_late`: the sources may not be what they were any more. */
static void store(struct exec *exec, struct open_string *result, size_t len, bool is_late)
{
    struct key key = exec_key(exec, BITOP_DESTINATION);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *existing = exec_find_write(exec, key);
    keyspace_string_set_len(result, len);
    const enum result stored = keyspace_string_store(ks, key, existing, result, EXPIRY_CLEAR, KEYSPACE_NO_EXPIRY);
    if (stored != RESULT_OK) {
        keyspace_string_discard(ks, result);
        reply_result_error(exec->reply, stored);
        return;
    }
    exec_changed(exec, key, EVENT_SET);
    if (exec->is_spread || is_late) {
        exec_effect_value(exec, exec->db, key);
    }
    reply_integer(exec->reply, (int64_t)len);
}

/* All sources are empty. */
static void store_nothing(struct exec *exec)
{
    struct key key = exec_key(exec, BITOP_DESTINATION);
    if (exec_find_write(exec, key) != NULL) {
        delete_found(exec, key);
    }
    reply_integer(exec->reply, 0);
}

/* Replies NULL's error. */
static bool create_result(struct exec *exec, size_t len, struct open_string *out)
{
    struct key key = exec_key(exec, BITOP_DESTINATION);
    const enum result result = keyspace_string_create(exec_keyspace(exec, key), len, out);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
    }
    return result == RESULT_OK;
}

static void combine_at_once(struct exec *exec, enum bitop operation, const struct sources *sources)
{
    struct open_string result;
    if (sources->len_max == 0) {
        store_nothing(exec);
        return;
    }
    if (!create_result(exec, sources->len_max, &result)) {
        return;
    }
    for (size_t at = 0; at < sources->len_max; at += BITOP_STEP_BYTES) {
        const size_t end = sources->len_max - at < BITOP_STEP_BYTES ? sources->len_max : at + BITOP_STEP_BYTES;
        combine(operation, sources, result.data, at, end);
    }
    store(exec, &result, sources->len_max, false);
}

/* --- in steps --- */

/*   COMBINE   the result is made, by who reads nothing but pinned strings and copies of short ones: without a baton
 *   STORE     when no other job reads what is at the destination, the result takes its place  */
struct bitop_job {
    struct job job;
    enum bitop operation;
    int32_t shard;             /* that has all keys, or JOB_ALL_SHARDS */
    struct keyspace *ks;       /* the destination's */
    struct open_string result;
    struct sources sources;    /* within this block, as are the short strings */
    size_t at;
    size_t bytes;              /* of this block */
    bool is_late;              /* the sources may not be any more what the result was made of: short ones may have expired */
    struct pin destination;
    struct pin pins[];         /* of the sources */
};

/* What short sources take: they stand in their entries, or are made of integers. */
static size_t short_bytes(const struct sources *sources)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct entry *entry = sources->sources[i].entry;
        bytes += entry != NULL && entry_long_string(entry) == NULL ? sources->sources[i].text.len : 0;
    }
    return bytes;
}

static void unpin_sources(struct bitop_job *run, struct exec *exec)
{
    for (uint32_t i = 0; i < run->sources.count; i++) {
        exec_unpin(exec, &run->pins[i]);
    }
}

static void bitop_destroy(struct job *job, struct exec *exec)
{
    struct bitop_job *run = (struct bitop_job *)job;
    exec_unpin(exec, &run->destination);
    unpin_sources(run, exec);
    keyspace_string_discard(run->ks, &run->result);
    thread_free(MEM_CLIENT, run, run->bytes);
}

static enum job_status store_step(struct job *job, struct exec *exec)
{
    struct bitop_job *run = (struct bitop_job *)job;
    unpin_sources(run, exec); /* the destination may be one of them */
    if (!exec_claim(exec, exec_key(exec, BITOP_DESTINATION), &run->destination)) {
        run->is_late = true;
        return JOB_WAIT;
    }
    exec_unpin(exec, &run->destination);
    store(exec, &run->result, run->sources.len_max, run->is_late);
    return JOB_DONE;
}

static enum job_status combine_step(struct job *job, struct exec *exec)
{
    struct bitop_job *run = (struct bitop_job *)job;
    const size_t len = run->sources.len_max;
    while (run->at < len) {
        const size_t end = len - run->at < BITOP_STEP_BYTES ? len : run->at + BITOP_STEP_BYTES;
        combine(run->operation, &run->sources, run->result.data, run->at, end);
        run->at = end;
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    job->step = store_step;
    job->shard = run->shard;
    return JOB_MORE;
}

/* Pins the keys, and takes the texts to where they stay. False: waits, or memory was refused, which was replied. */
static bool begin(struct bitop_job *run, struct exec *exec, const struct sources *sources)
{
    struct source *own = (struct source *)(run->pins + sources->count);
    char *text = (char *)(own + sources->count);
    struct key destination = exec_key(exec, BITOP_DESTINATION);
    run->ks = exec_keyspace(exec, destination);
    run->sources = *sources;
    run->sources.sources = own;
    if (!create_result(exec, sources->len_max, &run->result) || !exec_pin(exec, destination, NULL, &run->destination)) {
        return false;
    }
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->sources[i];
        own[i] = (struct source){.text = source->text};
        if (!exec_pin(exec, exec_key(exec, BITOP_SOURCES + i), source->entry, &run->pins[i])) {
            return false;
        }
        if (source->entry != NULL && run->pins[i].raw == NULL) {
            run->is_late = true;
            memcpy(text, source->text.data, source->text.len);
            own[i].text.data = text;
            text += source->text.len;
        }
    }
    return true;
}

static void start_job(struct exec *exec, enum bitop operation, const struct sources *sources)
{
    const size_t bytes = sizeof(struct bitop_job) + sources->count * (sizeof(struct pin) + sizeof(struct source)) +
                         short_bytes(sources);
    struct bitop_job *run = thread_alloc_zeroed(MEM_CLIENT, bytes);
    if (run == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    run->job = (struct job){combine_step, bitop_destroy, JOB_NO_SHARD};
    run->operation = operation;
    run->shard = exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number;
    run->bytes = bytes;
    if (begin(run, exec, sources)) {
        exec_start_job(exec, &run->job);
    } else {
        bitop_destroy(&run->job, exec);
    }
}

static void command_bitop(struct exec *exec)
{
    enum bitop operation;
    struct sources sources;
    if (!operation_argument(exec, &operation) || !find_sources(exec, &sources)) {
        return;
    }
    if (sources.len_total > BITOP_INLINE_BYTES) {
        start_job(exec, operation, &sources);
    } else {
        combine_at_once(exec, operation, &sources);
    }
}

const struct command_spec bitop_commands[] = {
    {.name = "bitop", .run = command_bitop, .arity = -4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {2, -1, 1}, .since = "2.6.0", .group = "bitmap", .complexity = "O(N), N the bytes of all sources",
     .summary = "Combines strings bit by bit, the shorter ones filled up with zero bytes, and stores what comes out.",
     .syntax = "AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE destkey key [key ...]", .key_flags = "OW update|RO access"},
    {0},
};
