/* history.c - a server of a few lines around the log: it appends, writes, syncs, rewrites, fails, and comes back.
 *
 * What is asked of the disk ends some steps later. Bases have the operations that they hold, by number and shards.  */
#include "history.h"

#include "aof/replay.h"
#include "aof/run.h"
#include "aof/unit.h"
#include "base/number.h"
#include "base/random.h"
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIVES_MAX = 4, STEPS_MAX = 160, STEPS_LONG = 700, TEXT_MAX = 1400, GENERATIONS_KEPT = 64 };

/* A log that is written, and its file. */
struct pen {
    struct aof_writer writer;
    uint32_t file;
    bool has_write;         /* under way, with that result */
    bool is_told;           /* FAULT_EARLY_COMPLETION: the writer has been told already */
    int64_t result;
    bool has_zeros;
    int zeros_result;
};

struct generation {
    uint64_t number;
    struct aof_header headers[MODEL_SHARDS_MAX];
    struct pen pens[MODEL_SHARDS_MAX];
    uint64_t first[MODEL_SHARDS_MAX]; /* frames */
    bool counts; /* the manifest names it: what is durable there is safe */
};

enum base_state { BASE_NONE, BASE_IN_THE_MAKING, BASE_IS_WRITTEN };

struct history {
    uint64_t random;
    enum fault fault;
    bool is_loud;
    struct disk *disk;
    struct aof_files files;
    struct model *model;
    struct history_counts *counts;
    /* A life: */
    uint32_t shard_count;
    struct aof_manifest manifest;
    struct aof_cut *cut;
    struct generation *generations[GENERATIONS_KEPT]; /* of this life; the last one is written */
    uint32_t generation_count;
    uint64_t number;              /* the last one tried */
    uint64_t unit;
    uint8_t paused_shards;        /* a bit each: a unit has them locked, between its first records and its end; */
    uint32_t paused_operation;    /* this one, */
    uint64_t paused_unit;
    enum base_state base;
    unsigned base_steps;          /* until it is done */
    struct aof_base written_base; /* if BASE_IS_WRITTEN: perhaps a manifest on disk names it */
    uint32_t base_operations;     /* of those up to there the base has what is alive */
};

static uint64_t below(struct history *history, uint64_t limit)
{
    return random_below(&history->random, limit);
}

static bool chance(struct history *history, uint64_t of_thousand)
{
    return below(history, 1000) < of_thousand;
}

static void say(const struct history *history, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(const struct history *history, const char *format, ...)
{
    if (history->is_loud) {
        va_list arguments;
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
    }
}

static struct generation *current(struct history *history)
{
    return history->generations[history->generation_count - 1];
}

/* --- acknowledgements --- */

static bool is_safe(struct history *history, const struct operation *operation)
{
    for (uint32_t i = 0; i < history->shard_count; i++) {
        if ((operation->shards >> i & 1) == 0) {
            continue;
        }
        uint64_t safe = aof_cut_committed(history->cut, i);
        if (history->fault == FAULT_ACK_DURABLE && current(history)->counts) {
            safe = current(history)->pens[i].writer.synced;
        }
        if (operation->frames[i] > safe) {
            return false;
        }
    }
    return true;
}

static void acknowledge(struct history *history)
{
    for (uint32_t i = history->model->settled; i < history->model->count; i++) {
        struct operation *operation = &history->model->operations[i];
        if (!operation->is_acknowledged && is_safe(history, operation)) {
            operation->is_acknowledged = true;
            history->counts->acknowledged++;
            say(history, "  operation %u is acknowledged", i);
        }
    }
}

static void tell_cut(struct history *history, const struct generation *generation, uint32_t shard)
{
    uint32_t moved[MODEL_SHARDS_MAX];
    if (generation->counts || history->fault == FAULT_ACK_BEFORE_BASE) {
        aof_cut_durable(history->cut, shard, generation->pens[shard].writer.synced, moved);
        acknowledge(history);
    }
}

/* --- appending --- */

static void append_part(struct history *history, uint32_t operation, uint32_t shard, enum aof_kind kind, uint64_t unit)
{
    char number[16];
    char text[TEXT_MAX];
    const size_t len = (size_t)below(history, chance(history, 200) ? TEXT_MAX : 40);
    struct aof_writer *writer = &current(history)->pens[shard].writer;
    memset(text, (int)(operation % 256), len);
    snprintf(number, sizeof number, "%u", operation);
    const struct bytes words[] = {bytes_of_string(number), {text, len}};
    const struct aof_record record = {.kind = kind, .unit = unit, .db = shard, .count = 2, .words = words};
    history->model->operations[operation].frames[shard] = aof_writer_open_sequence(writer);
    if (!aof_writer_append(writer, &record)) {
        say(history, "  operation %u meets a failed log: the next base has it", operation);
    }
}

/* The unit pauses: it is in no frame until it ends. */
static void pause_unit(struct history *history, uint8_t shards, uint32_t operation)
{
    history->paused_shards = shards;
    history->paused_operation = operation;
    history->paused_unit = history->unit;
    for (uint32_t i = 0; i < history->shard_count; i++) {
        if ((shards >> i & 1) != 0) {
            aof_writer_set_apart(&current(history)->pens[i].writer);
            if (history->fault != FAULT_PAUSED_EARLY) {
                history->model->operations[operation].frames[i] = UINT64_MAX;
            }
        }
    }
    say(history, "  operation %u in shards %x pauses", operation, shards);
}

static void end_paused(struct history *history)
{
    struct aof_writer *writers[MODEL_SHARDS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->shard_count; i++) {
        if ((history->paused_shards >> i & 1) != 0) {
            writers[count] = &current(history)->pens[i].writer;
            if (history->fault != FAULT_PAUSED_EARLY) {
                history->model->operations[history->paused_operation].frames[i] = aof_writer_open_sequence(writers[count]);
            }
            count++;
        }
    }
    if (count > 0 && !aof_unit_end(writers, count, history->paused_unit, history->cut)) {
        say(history, "  operation %u meets a failed log", history->paused_operation);
    }
    history->paused_shards = 0;
}

static void append_unit(struct history *history, uint8_t shards, enum aof_kind kind)
{
    const uint32_t operation = model_add(history->model, shards);
    struct aof_writer *writers[MODEL_SHARDS_MAX];
    uint32_t count = 0;
    history->unit++;
    for (uint32_t i = 0; i < history->shard_count; i++) {
        if ((shards >> i & 1) != 0) {
            append_part(history, operation, i, kind, history->unit);
            writers[count] = &current(history)->pens[i].writer;
            count++;
        }
    }
    if (kind == AOF_EFFECT && history->paused_shards == 0 && history->fault != FAULT_UNITS_UNTOLD && chance(history, 50)) {
        pause_unit(history, shards, operation);
        return;
    }
    if (history->fault == FAULT_UNITS_UNTOLD) {
        for (uint32_t i = 0; i < count; i++) {
            struct aof_participant list[MODEL_SHARDS_MAX];
            for (uint32_t k = 0; k < count; k++) {
                list[k] = (struct aof_participant){writers[k]->header.shard, aof_writer_open_sequence(writers[k])};
            }
            const struct aof_record end = {.kind = AOF_UNIT_END, .unit = history->unit, .count = count, .participants = list};
            (void)!aof_writer_append(writers[i], &end);
        }
    } else if (!aof_unit_end(writers, count, history->unit, history->cut)) {
        say(history, "  operation %u meets a failed log", operation);
    }
    say(history, "  operation %u in shards %x%s", operation, shards, kind == AOF_EFFECT_OF_ALL ? ", a barrier" : "");
}

static void append(struct history *history)
{
    const uint8_t all = (uint8_t)((1 << history->shard_count) - 1);
    const uint64_t kind = below(history, 100);
    if (history->model->count + 8 >= OPERATIONS_MAX) {
        return;
    }
    if (history->paused_shards != 0 && chance(history, 200)) {
        end_paused(history);
    }
    const uint32_t shard = (uint32_t)below(history, history->shard_count);
    const uint64_t shards = kind < 5 ? all : kind < 40 ? 1 + below(history, all) : 1u << shard;
    if ((shards & history->paused_shards) != 0) {
        return; /* it waits */
    }
    history->counts->operations++;
    if (kind < 5) {
        append_unit(history, all, AOF_EFFECT_OF_ALL);
    } else if (kind < 40) {
        append_unit(history, (uint8_t)shards, AOF_EFFECT);
    } else {
        const uint32_t operation = model_add(history->model, (uint8_t)(1 << shard));
        append_part(history, operation, shard, AOF_EFFECT, 0);
        say(history, "  operation %u in shard %u, frame %" PRIu64, operation, shard, history->model->operations[operation].frames[shard]);
    }
}

/* --- writing --- */

static void start_write(struct history *history, uint32_t shard, struct pen *pen, bool with_mark)
{
    struct aof_write write;
    const uint64_t committed = aof_cut_committed(history->cut, shard);
    const enum aof_todo todo = (with_mark ? aof_writer_take_mark : aof_writer_take)(&pen->writer, committed, 0, &write);
    if (todo == AOF_TRUNCATE) {
        aof_writer_truncated(&pen->writer, disk_truncate(history->disk, pen->file, write.offset));
    } else if (todo == AOF_WRITE) {
        pen->has_write = true;
        pen->result = disk_write(history->disk, pen->file, write.offset, write.bytes);
        pen->is_told = history->fault == FAULT_EARLY_COMPLETION && pen->result == (int64_t)write.bytes.len;
        if (pen->is_told) {
            aof_writer_written(&pen->writer, pen->result);
        }
        history->counts->full_disks += pen->result == -ENOSPC;
        say(history, "  shard %u: %zu bytes at %" PRIu64 ": %" PRIi64, shard, write.bytes.len, write.offset, pen->result);
    }
}

static void end_write(struct history *history, struct pen *pen)
{
    pen->has_write = false;
    disk_write_done(history->disk, pen->file);
    if (!pen->is_told) {
        aof_writer_written(&pen->writer, pen->result);
    }
}

static void start_zeros(struct history *history, struct pen *pen)
{
    static const char zeros[AOF_ZERO_ALIGN];
    uint64_t offset;
    uint64_t len;
    if (!pen->has_write && aof_writer_take_zeros(&pen->writer, &offset, &len)) {
        const int64_t result = disk_write(history->disk, pen->file, offset, (struct bytes){zeros, len});
        disk_write_done(history->disk, pen->file);
        pen->has_zeros = true;
        pen->zeros_result = result == (int64_t)len ? 0 : EIO;
    }
}

static void end_sync(struct history *history, struct generation *generation, uint32_t shard)
{
    struct pen *pen = &generation->pens[shard];
    int error = disk_sync_end(history->disk, pen->file);
    say(history, "  shard %u: synced up to %" PRIu64 ": %d", shard, pen->writer.syncing, error);
    if (history->fault == FAULT_FORGIVEN_SYNC && !disk_is_off(history->disk)) {
        error = 0;
    }
    aof_writer_synced(&pen->writer, error);
    if (error == 0) {
        tell_cut(history, generation, shard);
    }
}

/* One thing that the disk has to do for a log, begun or ended. */
static void drive(struct history *history, struct generation *generation, uint32_t shard)
{
    struct pen *pen = &generation->pens[shard];
    switch (below(history, 8)) {
    case 0: case 1: case 2:
        if (pen->has_write) {
            end_write(history, pen);
        } else {
            start_write(history, shard, pen, chance(history, 100));
        }
        break;
    case 3: case 4: case 5:
        if (pen->writer.is_syncing) {
            end_sync(history, generation, shard);
        } else if (aof_writer_take_sync(&pen->writer)) {
            disk_sync_begin(history->disk, pen->file);
        }
        break;
    case 6:
        if (pen->has_zeros) {
            pen->has_zeros = false;
            aof_writer_zeroed(&pen->writer, pen->zeros_result);
        } else {
            start_zeros(history, pen);
        }
        break;
    default:
        aof_writer_retry(&pen->writer);
        break;
    }
}

/* The last one, or one before, which may not be all on disk yet. */
static struct generation *any_generation(struct history *history)
{
    uint32_t back = 0;
    while (back + 1 < history->generation_count && back < 2 && chance(history, 400)) {
        back++;
    }
    return history->generations[history->generation_count - 1 - back];
}

/* --- generations --- */

static struct generation *make_generation(struct history *history)
{
    struct generation *generation = calloc(1, sizeof *generation);
    assert(generation != NULL && history->generation_count < GENERATIONS_KEPT);
    history->number++;
    generation->number = history->number;
    for (uint32_t i = 0; i < history->shard_count; i++) {
        generation->headers[i] = (struct aof_header){random_next(&history->random) | 1, history->number, i, history->shard_count, 0};
    }
    return generation;
}

/* The files are there: their logs may be written. `before` NULL: the first of a run. */
static void open_pens(struct history *history, struct generation *generation, struct generation *before, bool follows)
{
    const uint64_t piece = chance(history, 500) ? AOF_ZERO_ALIGN : 0;
    if (before != NULL) {
        end_paused(history);
    }
    for (uint32_t i = 0; i < history->shard_count; i++) {
        char name[AOF_NAME_MAX + 1];
        struct pen *pen = &generation->pens[i];
        aof_log_name(generation->number, i, name);
        pen->file = disk_file(history->disk, name);
        if (before != NULL) {
            aof_writer_finish(&before->pens[i].writer);
        }
        if (follows && history->fault != FAULT_NOT_FOLLOWING) {
            aof_writer_follow(&pen->writer, &generation->headers[i], &before->pens[i].writer, AOF_HEADER_BYTES, piece);
        } else {
            const uint64_t last = before == NULL ? 0 : aof_writer_open_sequence(&before->pens[i].writer);
            const uint64_t less = follows && before->pens[i].writer.record_count == 0; /* FAULT_NOT_FOLLOWING */
            aof_writer_open(&pen->writer, &generation->headers[i], last - less, AOF_HEADER_BYTES, piece);
        }
        generation->first[i] = pen->writer.closed + 1;
    }
    generation->counts = before == NULL || (follows && before->counts);
    history->generations[history->generation_count] = generation;
    history->generation_count++;
}

static void begin_base(struct history *history)
{
    history->base = BASE_IN_THE_MAKING;
    history->base_steps = (unsigned)below(history, 4);
    history->base_operations = history->model->count;
}

static bool has_failed(const struct generation *generation, uint32_t shard_count)
{
    for (uint32_t i = 0; i < shard_count; i++) {
        if (aof_writer_has_failed(&generation->pens[i].writer)) {
            return true;
        }
    }
    return false;
}

static void begin_rewrite(struct history *history)
{
    struct generation *before = current(history);
    struct generation *generation = make_generation(history);
    const uint32_t old_operations = history->model->count;
    const int error = aof_run_add(&history->manifest, &history->files, generation->headers);
    say(history, "  generation %" PRIu64 " follows: %d", generation->number, error);
    if (error != 0) {
        free(generation);
        return;
    }
    for (unsigned i = (unsigned)below(history, 4); i > 0; i--) {
        append(history);
    }
    open_pens(history, generation, before, true);
    begin_base(history);
    if (history->fault == FAULT_OLD_BASE) {
        history->base_operations = old_operations;
    }
}

/* A log has failed: the next generation follows none, and counts when its base is there. */
static void begin_anew(struct history *history)
{
    struct generation *before = current(history);
    struct generation *generation = make_generation(history);
    const int error = aof_run_create_logs(&history->files, generation->headers, history->shard_count);
    say(history, "  generation %" PRIu64 " begins anew: %d", generation->number, error);
    if (error != 0) {
        free(generation);
        return;
    }
    history->counts->failed_logs++;
    open_pens(history, generation, before, false);
    begin_base(history);
}

/* --- the base --- */

struct base_entry {
    uint32_t operation;
    uint32_t shards;
};

static int write_base(struct history *history, struct aof_base *base)
{
    struct base_entry entries[OPERATIONS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->base_operations; i++) {
        const struct operation *operation = &history->model->operations[i];
        if (!operation->is_settled || operation->is_there) {
            entries[count] = (struct base_entry){i, operation->shards};
            count++;
        }
    }
    aof_base_name(current(history)->number, base->name);
    base->bytes = count * sizeof entries[0];
    const int error = history->files.create(history->files.context, base->name, (struct bytes){(const char *)entries, base->bytes});
    return error != 0 ? error : history->files.sync(history->files.context, base->name);
}

static void let_old_go(struct history *history)
{
    uint32_t moved[MODEL_SHARDS_MAX];
    struct generation *generation = current(history);
    generation->counts = true;
    history->base = BASE_NONE;
    history->counts->bases++;
    for (uint32_t i = 0; i < history->shard_count; i++) {
        aof_writer_forget_previous(&generation->pens[i].writer);
        aof_cut_durable(history->cut, i, generation->first[i] - 1, moved);
        tell_cut(history, generation, i);
    }
    acknowledge(history);
}

static void end_base(struct history *history)
{
    struct generation *generation = current(history);
    struct aof_manifest before;
    if (history->base_steps > 0) {
        history->base_steps--;
        return;
    }
    const bool is_copied = aof_manifest_copy(&history->manifest, &before);
    assert(is_copied);
    int error = history->base == BASE_IS_WRITTEN ? 0 : write_base(history, &history->written_base);
    history->base = error == 0 ? BASE_IS_WRITTEN : history->base;
    if (error == 0 && history->fault == FAULT_EARLY_REMOVAL) {
        struct aof_manifest none = {0};
        aof_run_remove(&history->files, &before, &none);
    }
    const struct aof_cover cover = {&history->written_base, 1, generation->headers, generation->first};
    error = error != 0 ? error : aof_run_set_base(&history->manifest, &history->files, &cover);
    say(history, "  the base of generation %" PRIu64 " is done: %d", generation->number, error);
    if (error == 0) {
        let_old_go(history);
        aof_run_remove(&history->files, &before, &history->manifest);
    } else {
        history->base_steps = 1; /* again */
    }
    aof_manifest_destroy(&before);
}

/* --- a life --- */

static void step(struct history *history)
{
    const uint64_t kind = below(history, 100);
    if (kind < 30) {
        append(history);
    } else if (kind < 92) {
        drive(history, any_generation(history), (uint32_t)below(history, history->shard_count));
    } else if (history->generation_count + 1 == GENERATIONS_KEPT) {
        return;
    } else if (has_failed(current(history), history->shard_count)) {
        begin_anew(history);
    } else if (history->base != BASE_NONE && current(history)->counts && chance(history, 100)) {
        say(history, "  the base is given up");
        begin_rewrite(history);
    } else if (history->base != BASE_NONE) {
        end_base(history);
    } else if (kind > 95) {
        begin_rewrite(history);
    }
}

static bool has_any_failed(const struct history *history)
{
    for (uint32_t k = 0; k < history->generation_count; k++) {
        if (has_failed(history->generations[k], history->shard_count)) {
            return true;
        }
    }
    return false;
}

/* Everything is written and synced, and marked. */
static void end_in_peace(struct history *history)
{
    say(history, "  the server ends in peace");
    end_paused(history);
    disk_fail_often(history->disk, 0);
    for (unsigned round = 0; round < 400; round++) {
        for (uint32_t k = 0; k < history->generation_count; k++) {
            for (uint32_t i = 0; i < history->shard_count; i++) {
                drive(history, history->generations[k], i);
            }
        }
    }
    if (has_any_failed(history) || !current(history)->counts || history->fault != FAULT_NONE || disk_is_off(history->disk)) {
        return;
    }
    for (uint32_t i = 0; i < history->shard_count; i++) {
        if (!aof_writer_is_synced(&current(history)->pens[i].writer)) {
            model_violated(history->model, "a log does not get to its end, and none has failed", i);
        }
    }
    for (uint32_t i = history->model->settled; i < history->model->count; i++) {
        if (!history->model->operations[i].is_acknowledged) {
            model_violated(history->model, "all is synced, and a change is not acknowledged", i);
        }
    }
}

static void forget_life(struct history *history)
{
    for (uint32_t k = history->generation_count; k > 0; k--) {
        for (uint32_t i = 0; i < history->shard_count; i++) {
            struct aof_writer *writer = &history->generations[k - 1]->pens[i].writer;
            buffer_release(&writer->open); /* in the middle of whatever was under way */
            buffer_release(&writer->under_way);
            buffer_release(&writer->apart);
        }
        free(history->generations[k - 1]);
    }
    history->generation_count = 0;
    history->paused_shards = 0;
    aof_cut_destroy(history->cut);
    history->cut = NULL;
    aof_manifest_destroy(&history->manifest);
}

/* --- recovery --- */

static void count_warning(void *context, const char *text)
{
    struct history *history = context;
    history->counts->lines_of_warning++;
    say(history, "  %s", text);
}

static void find_base(struct history *history, const struct aof_base *base)
{
    struct aof_source source;
    struct base_entry entry;
    if (history->files.open(history->files.context, base->name, &source) != 0 || source.bytes != base->bytes) {
        model_violated(history->model, "the base is not there, or not all of it", 0);
        return;
    }
    for (uint64_t at = 0; at < source.bytes; at += sizeof entry) {
        source.read(source.context, at, (char *)&entry, sizeof entry);
        for (uint32_t i = 0; i < MODEL_SHARDS_MAX; i++) {
            if ((entry.shards >> i & 1) != 0) {
                model_find(history->model, entry.operation, i, true);
            }
        }
    }
}

static void find_record(struct history *history, const struct aof_record *record, uint32_t shard)
{
    uint64_t operation = UINT32_MAX;
    bool is_whole = record->count == 2 && uint64_parse(record->words[0], &operation) && operation < UINT32_MAX;
    for (size_t i = 0; is_whole && i < record->words[1].len; i++) {
        is_whole = (unsigned char)record->words[1].data[i] == operation % 256;
    }
    if (!is_whole) {
        model_violated(history->model, "a record has other bytes", (uint32_t)operation);
    }
    model_find(history->model, (uint32_t)operation, shard, false);
}

/* Each log up to its end or a barrier. True: there is a barrier. */
static bool replay_to_barrier(struct history *history, struct aof_replay *replay, bool *has_ended)
{
    bool is_at_barrier = false;
    for (uint32_t i = 0; i < aof_replay_log_count(replay); i++) {
        struct aof_record record;
        enum aof_replay_status status;
        while ((status = aof_replay_next(replay, i, &record)) == AOF_REPLAY_RECORD) {
            find_record(history, &record, i);
        }
        is_at_barrier = is_at_barrier || status == AOF_REPLAY_BARRIER;
        if (status != AOF_REPLAY_BARRIER && status != AOF_REPLAY_END) {
            model_violated(history->model, aof_replay_place(replay, i).fault, i);
            *has_ended = true;
            return false;
        }
    }
    *has_ended = !is_at_barrier;
    return is_at_barrier;
}

static void replay_generation(struct history *history, const struct aof_recovery *recovery, uint32_t at)
{
    struct aof_replay *replay;
    bool has_ended = aof_replay_open(&replay, recovery, &history->files, at) != AOF_REPLAY_RECORD;
    if (has_ended) {
        model_violated(history->model, "a generation cannot be read", at);
    }
    while (!has_ended) {
        struct aof_record record;
        uint32_t log;
        if (!replay_to_barrier(history, replay, &has_ended)) {
            continue;
        }
        if (aof_replay_barrier(replay, &record, &log) != AOF_REPLAY_RECORD) {
            model_violated(history->model, aof_replay_place(replay, log).fault, log);
            break;
        }
        for (uint32_t i = 0; i < aof_replay_log_count(replay); i++) {
            find_record(history, &record, i);
        }
    }
    aof_replay_close(replay);
}

static void check_recovery(struct history *history, const struct aof_recovery *recovery)
{
    model_recovery_begins(history->model);
    for (uint32_t i = 0; i < recovery->manifest.base_count; i++) {
        find_base(history, &recovery->manifest.bases[i]);
    }
    for (uint32_t i = 0; i < recovery->manifest.generation_count; i++) {
        replay_generation(history, recovery, i);
    }
    model_recovery_ends(history->model, history->shard_count);
    history->counts->torn += recovery->torn_count;
    history->counts->units_cut += recovery->units_cut;
}

static uint64_t last_number(const struct aof_manifest *manifest)
{
    return manifest->generation_count == 0 ? 0 : manifest->generations[manifest->generation_count - 1].number;
}

/* False: the disk would not let the server start; it has died again. */
static bool start(struct history *history)
{
    struct aof_recovery recovery;
    const struct aof_recovery_options options = {.warn = count_warning, .context = history};
    const enum aof_recovery_status status = aof_recovery_open(&recovery, &history->files, &options);
    bool has_started = false;
    if (status == AOF_RECOVERY_OK || status == AOF_RECOVERY_NONE) {
        check_recovery(history, &recovery);
        const uint64_t last = last_number(&recovery.manifest);
        history->number = last > history->number ? last : history->number;
        history->shard_count = 1 + (uint32_t)below(history, MODEL_SHARDS_MAX);
        struct generation *generation = make_generation(history);
        const int error = aof_run_begin(&recovery, &history->files, generation->headers, history->shard_count, &history->manifest);
        say(history, "  a run of %u shards begins with generation %" PRIu64 ": %d", history->shard_count, generation->number, error);
        has_started = error == 0;
        if (has_started) {
            open_pens(history, generation, NULL, false);
        } else {
            free(generation);
        }
    } else if (!disk_is_off(history->disk)) {
        say(history, "  refused: %s, %" PRIu64 ": %s", recovery.file, recovery.offset, recovery.fault);
        model_violated(history->model, recovery.fault, (uint32_t)recovery.offset);
    }
    aof_recovery_close(&recovery);
    return has_started;
}

static void live(struct history *history)
{
    history->cut = aof_cut_create(history->shard_count);
    history->base = BASE_NONE;
    model_settle(history->model);
    const uint64_t steps = below(history, chance(history, 150) ? STEPS_LONG : STEPS_MAX);
    for (uint64_t i = 0; i < steps && !disk_is_off(history->disk); i++) {
        step(history);
    }
    if (!disk_is_off(history->disk) && chance(history, 150)) {
        end_in_peace(history);
    }
    forget_life(history);
}

static void one_life(struct history *history)
{
    history->counts->lives++;
    if (chance(history, 400)) {
        disk_power_for(history->disk, below(history, 120));
    }
    if (chance(history, 400)) {
        const unsigned often[] = {10, 40, 120};
        disk_fail_often(history->disk, often[below(history, 3)]);
    }
    if (start(history)) {
        live(history);
    }
    const bool is_killed = !disk_is_off(history->disk) && chance(history, 400);
    say(history, "%s", is_killed ? "killed" : "crash");
    if (is_killed) {
        disk_kill(history->disk);
    } else {
        disk_crash(history->disk);
    }
}

const char *history_run(uint64_t seed, enum fault fault, bool is_loud, struct history_counts *counts)
{
    struct history history = {.random = seed, .fault = fault, .is_loud = is_loud, .counts = counts};
    history.disk = disk_create(seed ^ 0x5eed, fault);
    history.files = disk_files(history.disk);
    history.model = calloc(1, sizeof *history.model);
    assert(history.model != NULL);
    const uint64_t lives = 1 + below(&history, LIVES_MAX);
    for (uint64_t i = 0; i < lives && history.model->violation == NULL; i++) {
        one_life(&history);
    }
    if (history.model->violation == NULL && start(&history)) { /* on a disk that does as it is told */
        model_settle(history.model);
        history.cut = NULL;
        forget_life(&history);
    }
    const char *violation = history.model->violation;
    if (violation != NULL) {
        say(&history, "violated: %s (%u)", violation, history.model->violation_at);
    }
    for (uint32_t i = 0; i < history.model->count; i++) {
        counts->lost += history.model->operations[i].is_settled && !history.model->operations[i].is_there;
    }
    free(history.model);
    disk_destroy(history.disk);
    return violation;
}
