/* recovery.c - reads the logs of the last run, and finds the cut.
 *
 * Of each log the frames from the largest `committed` that was seen on are kept as marks (where each ends, how many records it
 * has), and so are the ends of units in them. When `committed` rises, the older ones go: their units were complete, so the
 * frames that they name were on disk.
 *
 * Read on    cut.h.  */
#include "aof/recovery.h"

#include "aof/cut.h"
#include "mem/heap.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* A frame. */
struct mark {
    uint64_t end_offset;
    uint32_t record_count;
};

/* The end of a unit, followed by its participants. */
struct unit_mark {
    uint64_t sequence;
    uint64_t count;
};

struct shard_scan {
    uint64_t next;      /* sequence */
    uint64_t told;      /* the largest `committed` that was seen */
    uint64_t committed; /* the cut begins there */
    uint64_t durable;
    uint64_t known;     /* a committed unit of another shard needs that frame */
    struct buffer units;
    size_t units_head;  /* the first of those that may be incomplete */
    size_t told_head;   /* the first of those behind `told`; units_head <= told_head */
    int64_t latest_ms;  /* of its whole frames */
    bool is_past;       /* options->until_ms: the logs of later generations do not count */
};

struct scan {
    struct aof_recovery *recovery;
    const struct aof_files *files;
    const struct aof_recovery_options *options;
    uint32_t shard_count;
    struct shard_scan *shards;
    struct buffer *marks; /* [generation - run][shard], one behind the other */
    struct aof_records records;
    uint32_t shard; /* is being looked at */
    enum aof_recovery_status refusal; /* goes_on */
};

static bool has_moment(const struct scan *scan)
{
    return scan->options->until_ms != 0;
}

static struct aof_log_end *end_of(const struct scan *scan, uint32_t generation, uint32_t shard)
{
    return &scan->recovery->ends[generation][shard];
}

static struct buffer *marks_of(const struct scan *scan, uint32_t generation, uint32_t shard)
{
    return &scan->marks[(size_t)generation * scan->shard_count + shard];
}

static const struct aof_log *log_of(const struct scan *scan, uint32_t generation, uint32_t shard)
{
    return &scan->recovery->manifest.generations[scan->recovery->run + generation].logs[shard];
}

static void warn(const struct scan *scan, const char *format, ...) PRINTF_LIKE(2, 3);
static void warn(const struct scan *scan, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (scan->options->warn != NULL) {
        scan->options->warn(scan->options->context, text);
    }
}

/* Remembers the first refusal. AOF_RECOVERY_OK: go on. */
static enum aof_recovery_status refuse(struct scan *scan, enum aof_recovery_status status, const char *file, uint64_t offset,
                                       const char *fault)
{
    struct aof_recovery *recovery = scan->recovery;
    if (scan->options->salvages) {
        warn(scan, "%s: offset %" PRIu64 ": %s: the log ends there", file, offset, fault);
        return AOF_RECOVERY_OK;
    }
    if (scan->refusal == AOF_RECOVERY_OK) {
        snprintf(recovery->file, sizeof recovery->file, "%s", file);
        recovery->offset = offset;
        recovery->fault = fault;
        recovery->before_ms = scan->shards[scan->shard].latest_ms;
        scan->refusal = status;
    }
    return scan->options->goes_on ? AOF_RECOVERY_OK : status;
}

static enum aof_recovery_status system_refuses(struct scan *scan, const char *file, int error)
{
    snprintf(scan->recovery->file, sizeof scan->recovery->file, "%s", file);
    scan->recovery->error = error;
    scan->recovery->fault = "the system refuses";
    return error == ENOMEM ? AOF_RECOVERY_NO_MEMORY : AOF_RECOVERY_SYSTEM;
}

/* --- what the frames of one log say --- */

/* The mark of a unit at `head` of the list; NULL: none. */
static const struct unit_mark *unit_at(const struct shard_scan *shard, size_t head)
{
    return head == shard->units.len ? NULL : (const void *)(shard->units.data + head);
}

static size_t unit_bytes(const struct unit_mark *unit)
{
    return sizeof *unit + unit->count * sizeof(struct aof_participant);
}

static const struct aof_participant *participants_of(const struct unit_mark *unit)
{
    return (const void *)(unit + 1);
}

/* Those before told_head. */
static void drop_told_units(struct shard_scan *shard)
{
    shard->units_head = shard->told_head;
    const bool is_all = shard->units_head == shard->units.len;
    if (is_all) {
        shard->units.len = 0;
    } else if (shard->units_head > 1 << 20 && shard->units_head > shard->units.len / 2) {
        buffer_consume(&shard->units, shard->units_head);
    } else {
        return;
    }
    shard->units_head = 0;
    shard->told_head = 0;
}

/* `told` has risen: what the units up to there need was on disk. */
static void learn_from_told_units(struct scan *scan, struct shard_scan *shard)
{
    const struct unit_mark *unit;
    while ((unit = unit_at(shard, shard->told_head)) != NULL && unit->sequence <= shard->told) {
        for (uint64_t i = 0; i < unit->count; i++) {
            const struct aof_participant *participant = &participants_of(unit)[i];
            struct shard_scan *other = &scan->shards[participant->shard];
            other->known = participant->sequence > other->known ? participant->sequence : other->known;
        }
        shard->told_head += unit_bytes(unit);
    }
}

/* The unit names this shard and frame, and shards that there are. */
static bool unit_fits(const struct scan *scan, uint32_t number, uint64_t sequence, const struct aof_record *record)
{
    bool has_own = false;
    for (uint32_t i = 0; i < record->count; i++) {
        const struct aof_participant *participant = &record->participants[i];
        if (participant->shard >= scan->shard_count || (participant->shard == number && participant->sequence != sequence)) {
            return false;
        }
        has_own = has_own || participant->shard == number;
    }
    return has_own;
}

static bool keep_unit(struct shard_scan *shard, uint64_t sequence, const struct aof_record *record)
{
    const struct unit_mark unit = {sequence, record->count};
    const size_t bytes = record->count * sizeof *record->participants;
    if (!buffer_reserve(&shard->units, sizeof unit + bytes)) {
        return false;
    }
    const bool is_kept = buffer_append(&shard->units, (struct bytes){(const char *)&unit, sizeof unit}) &&
                         buffer_append(&shard->units, (struct bytes){(const char *)record->participants, bytes});
    assert(is_kept);
    return is_kept;
}

/* NULL, or what is wrong with the frame's records. ENOMEM in *error. */
static const char *read_units(struct scan *scan, uint32_t number, const struct aof_frame *frame, struct bytes payload, int *error)
{
    struct aof_record record;
    uint64_t open_unit = 0;
    uint32_t count = 0;
    enum aof_records_status status;
    *error = 0;
    aof_records_open(&scan->records, payload);
    for (; (status = aof_records_next(&scan->records, true, &record)) == AOF_RECORDS_OK; count++) {
        if ((record.kind == AOF_UNIT_END && record.unit != open_unit) || (record.kind == AOF_FLUSH_END && open_unit != 0) ||
            (aof_kind_ends(record.kind) && !unit_fits(scan, number, frame->sequence, &record))) {
            return "the end of a unit does not fit to its frame";
        }
        if (record.unit != 0 && open_unit != 0 && record.unit != open_unit) {
            return "two units mingle";
        }
        if (aof_kind_ends(record.kind) && record.count > 1 && !keep_unit(&scan->shards[number], frame->sequence, &record)) {
            status = AOF_RECORDS_NO_MEMORY;
            break;
        }
        open_unit = record.unit == 0 ? open_unit : aof_kind_ends(record.kind) ? 0 : record.unit;
    }
    *error = status == AOF_RECORDS_NO_MEMORY ? ENOMEM : 0;
    if (status == AOF_RECORDS_BAD) {
        return scan->records.fault;
    }
    return *error != 0                                         ? "no memory"
           : open_unit != 0                                    ? "a unit does not end in its frame"
           : count != frame->record_count                         ? "a frame has another number of records than it says"
                                                               : NULL;
}

/* Marks of frames before `committed` go, from the front. `first`: the sequence of the first mark. */
static void forget_committed_marks(struct buffer *marks, uint64_t *first, uint64_t committed)
{
    enum { AT_ONCE = 4096 }; /* since what is left is moved */
    if (committed > *first + AT_ONCE) {
        buffer_consume(marks, (committed - *first) * sizeof(struct mark));
        *first = committed;
    }
}

struct log_scan {
    uint32_t generation, shard; /* generation: from the run's first */
    struct aof_reader reader;
    uint64_t first_mark;        /* sequence */
    bool has_ended;             /* before a frame that does not count: its records are damaged, or it is too late */
};

/* The log and all that follow it are too late from here on. */
static void end_at_moment(struct scan *scan, const struct log_scan *log)
{
    scan->shards[log->shard].is_past = true;
    scan->recovery->is_past = true;
}

static void end_before(struct log_scan *log, const struct aof_frame *frame)
{
    log->has_ended = true;
    log->reader.offset -= frame->payload_len + AOF_FRAME_BYTES;
    log->reader.next = frame->sequence;
}

static enum aof_recovery_status read_frame(struct scan *scan, struct log_scan *log, const struct aof_frame *frame, struct bytes payload)
{
    struct shard_scan *shard = &scan->shards[log->shard];
    struct buffer *marks = marks_of(scan, log->generation, log->shard);
    int error;
    const char *name = log_of(scan, log->generation, log->shard)->name;
    const size_t units_len = shard->units.len;
    if (has_moment(scan) && frame->wall_ms > scan->options->until_ms) {
        end_before(log, frame);
        end_at_moment(scan, log);
        return AOF_RECOVERY_OK;
    }
    const char *fault = read_units(scan, log->shard, frame, payload, &error);
    if (error != 0) {
        return system_refuses(scan, name, error);
    }
    if (fault != NULL) { /* the log ends before it, if the recovery goes on */
        shard->units.len = units_len;
        end_before(log, frame);
        return refuse(scan, AOF_RECOVERY_DAMAGE, name, log->reader.offset, fault);
    }
    const struct mark mark = {log->reader.offset, frame->record_count};
    if (!buffer_append(marks, (struct bytes){(const char *)&mark, sizeof mark})) {
        return system_refuses(scan, name, ENOMEM);
    }
    shard->latest_ms = frame->wall_ms > shard->latest_ms ? frame->wall_ms : shard->latest_ms;
    shard->durable = frame->durable > shard->durable ? frame->durable : shard->durable;
    if (frame->committed > shard->told && !scan->options->salvages) {
        shard->told = frame->committed;
        learn_from_told_units(scan, shard);
        if (!has_moment(scan)) {
            shard->committed = shard->told;
            drop_told_units(shard);
            forget_committed_marks(marks, &log->first_mark, shard->committed);
        }
    }
    shard->next = frame->sequence + 1;
    return AOF_RECOVERY_OK;
}

/* --- the end of one log --- */

/* Frames are missing, though they were on disk. Where the log has none at all, they may be those of the one that it follows. */
static enum aof_recovery_status refuse_missing(struct scan *scan, const struct log_scan *log)
{
    static const char fault[] = "a frame that was on disk is damaged or missing: later ones know of it";
    if (log->reader.offset == AOF_HEADER_BYTES && log->generation > 0) {
        return refuse(scan, AOF_RECOVERY_DAMAGE, log_of(scan, log->generation - 1, log->shard)->name,
                      end_of(scan, log->generation - 1, log->shard)->last_offset, fault);
    }
    return refuse(scan, AOF_RECOVERY_DAMAGE, log_of(scan, log->generation, log->shard)->name, log->reader.offset, fault);
}

static enum aof_recovery_status read_tail(struct scan *scan, struct log_scan *log)
{
    struct aof_tail tail;
    const char *name = log_of(scan, log->generation, log->shard)->name;
    struct aof_log_end *end = end_of(scan, log->generation, log->shard);
    const enum aof_read_status status = aof_reader_tail(&log->reader, &tail);
    if (status == AOF_READ_BAD) {
        return refuse(scan, AOF_RECOVERY_DAMAGE, name, log->reader.offset, log->reader.fault);
    }
    if (status != AOF_READ_OK) {
        return system_refuses(scan, name, status == AOF_READ_NO_MEMORY ? ENOMEM : errno);
    }
    if (tail.bytes == 0) {
        return AOF_RECOVERY_OK;
    }
    const bool is_torn = aof_tail_is_torn(&log->reader, &tail);
    if (!is_torn || scan->options->refuses_torn) {
        const enum aof_recovery_status refusal =
            is_torn ? refuse(scan, AOF_RECOVERY_TORN, name, log->reader.offset, "the log ends in the middle of a frame") : refuse_missing(scan, log);
        if (refusal != AOF_RECOVERY_OK) {
            return refusal;
        }
    }
    end->torn_bytes = tail.bytes;
    end->frames_cut = tail.frames;
    end->records_cut = tail.records;
    scan->recovery->torn_count++;
    scan->recovery->torn_bytes += tail.bytes;
    warn(scan, "%s: %s: %" PRIu64 " bytes from offset %" PRIu64 " on are cut off, with %" PRIu64 " whole frames (%" PRIu64
         " records) behind the broken one", name, is_torn ? "a torn tail" : "damage", tail.bytes, log->reader.offset, tail.frames, tail.records);
    return AOF_RECOVERY_OK;
}

/* A sealed log: what is behind the seal does not count, and everything before it has to be there. */
static enum aof_recovery_status check_seal(struct scan *scan, const struct log_scan *log)
{
    const struct aof_log *sealed = log_of(scan, log->generation, log->shard);
    if (log->reader.offset == sealed->end_offset && log->reader.next == sealed->end + 1) {
        return AOF_RECOVERY_OK;
    }
    return refuse(scan, AOF_RECOVERY_DAMAGE, sealed->name, log->reader.offset, "a frame that counts is damaged, or missing");
}

/* --- one log --- */

static bool is_that_log(const struct scan *scan, const struct log_scan *log)
{
    const struct aof_generation *generation = &scan->recovery->manifest.generations[scan->recovery->run + log->generation];
    const struct aof_header *header = &log->reader.header;
    return header->file_id == generation->logs[log->shard].file_id && header->generation == generation->number &&
           header->shard == log->shard && header->shard_count == generation->shard_count;
}

static enum aof_recovery_status read_frames(struct scan *scan, struct log_scan *log)
{
    struct aof_frame frame;
    struct bytes payload;
    struct shard_scan *shard = &scan->shards[log->shard];
    const char *name = log_of(scan, log->generation, log->shard)->name;
    struct aof_log_end *end = end_of(scan, log->generation, log->shard);
    enum aof_read_status status = AOF_READ_END;
    log->first_mark = shard->next;
    while (!log->has_ended && (status = aof_reader_next(&log->reader, &frame, &payload)) == AOF_READ_OK) {
        const enum aof_recovery_status result = read_frame(scan, log, &frame, payload);
        if (result != AOF_RECOVERY_OK) {
            return result;
        }
    }
    if (status != AOF_READ_END && !log->has_ended) {
        return system_refuses(scan, name, status == AOF_READ_NO_MEMORY ? ENOMEM : errno);
    }
    end->last = shard->next - 1;
    end->last_offset = log->reader.offset;
    if (shard->is_past) {
        return AOF_RECOVERY_OK;
    }
    return log_of(scan, log->generation, log->shard)->end_offset != 0 ? check_seal(scan, log) : read_tail(scan, log);
}

static enum aof_recovery_status scan_opened(struct scan *scan, struct log_scan *log, const struct aof_source *source)
{
    const char *name = log_of(scan, log->generation, log->shard)->name;
    const enum aof_read_status status = aof_reader_open(&log->reader, source, scan->shards[log->shard].next);
    if (status == AOF_READ_BAD) {
        return refuse(scan, AOF_RECOVERY_DAMAGE, name, 0, log->reader.fault);
    }
    if (status != AOF_READ_OK) {
        return system_refuses(scan, name, status == AOF_READ_NO_MEMORY ? ENOMEM : errno);
    }
    if (!is_that_log(scan, log)) {
        return refuse(scan, AOF_RECOVERY_DAMAGE, name, 0, "it is not the file that the manifest means: another id, generation or shard");
    }
    if (has_moment(scan) && log->reader.header.wall_ms > scan->options->until_ms) {
        end_at_moment(scan, log);
        return AOF_RECOVERY_OK;
    }
    const uint64_t seal = log_of(scan, log->generation, log->shard)->end_offset;
    log->reader.limit = seal != 0 && seal < source->bytes ? seal : source->bytes;
    return read_frames(scan, log);
}

static enum aof_recovery_status scan_log(struct scan *scan, uint32_t generation, uint32_t shard)
{
    struct aof_source source;
    struct log_scan log = {.generation = generation, .shard = shard};
    const char *name = log_of(scan, generation, shard)->name;
    struct aof_log_end *end = end_of(scan, generation, shard);
    end->last = scan->shards[shard].next - 1;
    end->last_offset = AOF_HEADER_BYTES;
    scan->shard = shard;
    if (scan->shards[shard].is_past || log_of(scan, generation, shard)->end_offset == AOF_HEADER_BYTES) {
        return AOF_RECOVERY_OK; /* nothing of it counts */
    }
    const int error = scan->files->open(scan->files->context, name, &source);
    if (error == ENOENT) {
        return refuse(scan, AOF_RECOVERY_DAMAGE, name, 0, "the manifest names it, and it is not there");
    }
    if (error != 0) {
        return system_refuses(scan, name, error);
    }
    const enum aof_recovery_status status = scan_opened(scan, &log, &source);
    aof_reader_close(&log.reader);
    scan->files->close(scan->files->context, &source);
    return status;
}

/* --- the cut --- */

static uint64_t last_of(const struct scan *scan, uint32_t shard)
{
    return scan->shards[shard].next - 1;
}

static bool fill_cut(const struct scan *scan, struct aof_cut *cut, uint32_t *moved)
{
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        aof_cut_start(cut, i, scan->shards[i].committed);
    }
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        const struct shard_scan *shard = &scan->shards[i];
        const struct unit_mark *unit;
        for (size_t head = shard->units_head; (unit = unit_at(shard, head)) != NULL; head += unit_bytes(unit)) {
            if (!aof_cut_add_entry(cut, i, participants_of(unit), (uint32_t)unit->count)) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        aof_cut_durable(cut, i, last_of(scan, i), moved);
    }
    return true;
}

/* Units behind the cut, each counted in the first shard that has it. */
static void count_units(const struct scan *scan, const struct aof_cut *cut)
{
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        const struct shard_scan *shard = &scan->shards[i];
        const struct unit_mark *unit;
        for (size_t head = shard->units_head; (unit = unit_at(shard, head)) != NULL; head += unit_bytes(unit)) {
            uint64_t at = 0;
            const struct aof_participant *list = participants_of(unit);
            while (list[at].sequence > last_of(scan, list[at].shard)) {
                at++; /* ends: this shard has it */
            }
            scan->recovery->units_cut += unit->sequence > aof_cut_committed(cut, i) && list[at].shard == i;
        }
    }
}

/* Where the frame `sequence` ends, of a log that ends as `end` says; its last marks are those of the frames up to `last`. */
static uint64_t offset_after(const struct buffer *marks, const struct aof_log_end *end, uint64_t sequence)
{
    const uint64_t count = marks->len / sizeof(struct mark);
    const uint64_t behind = end->last - sequence;
    if (sequence >= end->last) {
        return end->last_offset;
    }
    /* All frames were marked, and none of those behind `committed` forgotten. */
    return behind >= count ? AOF_HEADER_BYTES : ((const struct mark *)(const void *)marks->data)[count - 1 - behind].end_offset;
}

/* The log's share of the cut. `first` is the sequence before its first frame. */
static void set_end(const struct scan *scan, uint32_t generation, uint32_t shard, uint64_t committed)
{
    struct aof_log_end *end = end_of(scan, generation, shard);
    const struct buffer *marks = marks_of(scan, generation, shard);
    const uint64_t durable = scan->shards[shard].durable;
    end->cut = committed < end->last ? committed : end->last;
    end->cut_offset = offset_after(marks, end, end->cut);
    end->synced_offset = durable >= end->cut ? end->cut_offset : offset_after(marks, end, durable);
    const uint64_t count = marks->len / sizeof(struct mark);
    const uint64_t behind = end->last - end->cut < count ? end->last - end->cut : count;
    for (uint64_t i = count - behind; i < count; i++) {
        end->records_cut += ((const struct mark *)(const void *)marks->data)[i].record_count;
    }
    end->frames_cut += behind;
    scan->recovery->frames_cut += end->frames_cut;
    scan->recovery->records_cut += end->records_cut;
    if (behind > 0) {
        warn(scan, "%s: %" PRIu64 " whole frames from offset %" PRIu64 " on are cut off, since they need what %s",
             log_of(scan, generation, shard)->name, behind, end->cut_offset,
             scan->recovery->is_past ? "is later in other logs" : "other logs have lost");
    }
}

/* Frames of the shard were committed, as others say, and are not there. */
static bool lacks_frames(const struct scan *scan, uint32_t number)
{
    const struct shard_scan *shard = &scan->shards[number];
    return !shard->is_past && last_of(scan, number) < shard->known;
}

/* They are there, but nothing makes them whole. Of a moment what is cut may need what is later. */
static bool is_cut_too_short(const struct scan *scan, uint32_t number, uint64_t committed)
{
    const struct shard_scan *shard = &scan->shards[number];
    return !scan->recovery->is_past && (committed < shard->known || last_of(scan, number) < shard->committed);
}

/* Of the shard's logs the last one that has frames: what is missing comes behind these. */
static uint32_t last_with_frames(const struct scan *scan, uint32_t number)
{
    uint32_t at = scan->recovery->manifest.generation_count - scan->recovery->run - 1;
    while (at > 0 && end_of(scan, at, number)->last_offset == AOF_HEADER_BYTES) {
        at--;
    }
    return at;
}

/* What frames say of others against the cut. */
static enum aof_recovery_status check_cut(struct scan *scan, const struct aof_cut *cut)
{
    if (log_of(scan, 0, 0)->end_offset != 0) {
        return AOF_RECOVERY_OK; /* sealed: what was there was decided, and check_seal has seen it */
    }
    for (uint32_t i = 0; i < 2 * scan->shard_count; i++) { /* first those that lack frames: the others may need these */
        const uint32_t number = i % scan->shard_count;
        if (i < scan->shard_count ? lacks_frames(scan, number) : is_cut_too_short(scan, number, aof_cut_committed(cut, number))) {
            const uint32_t at = last_with_frames(scan, number);
            scan->shard = number;
            return refuse(scan, AOF_RECOVERY_DAMAGE, log_of(scan, at, number)->name, end_of(scan, at, number)->cut_offset,
                          "frames that were on disk are missing: other logs know of them");
        }
    }
    return AOF_RECOVERY_OK;
}

static enum aof_recovery_status apply_cut(struct scan *scan, const struct aof_cut *cut)
{
    const uint32_t generations = scan->recovery->manifest.generation_count - scan->recovery->run;
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        for (uint32_t k = 0; k < generations; k++) {
            set_end(scan, k, i, aof_cut_committed(cut, i));
        }
    }
    count_units(scan, cut);
    return check_cut(scan, cut);
}

static enum aof_recovery_status find_cut(struct scan *scan)
{
    struct aof_cut *cut = aof_cut_create(scan->shard_count);
    uint32_t *moved = thread_alloc(MEM_SNAPSHOT, scan->shard_count * sizeof *moved);
    enum aof_recovery_status status = AOF_RECOVERY_NO_MEMORY;
    if (cut != NULL && moved != NULL && fill_cut(scan, cut, moved)) {
        status = apply_cut(scan, cut);
    }
    thread_free(MEM_SNAPSHOT, moved, scan->shard_count * sizeof *moved);
    aof_cut_destroy(cut);
    return status;
}

/* --- the run --- */

static enum aof_recovery_status scan_run(struct scan *scan)
{
    const struct aof_manifest *manifest = &scan->recovery->manifest;
    const uint32_t run = scan->recovery->run;
    for (uint32_t i = 0; i < scan->shard_count; i++) {
        const uint64_t last = manifest->generations[run].logs[i].first - 1;
        scan->shards[i] = (struct shard_scan){
            .next = last + 1,
            .told = last,
            .committed = last,
            .durable = last,
            .units = BUFFER_EMPTY(MEM_SNAPSHOT),
            .latest_ms = INT64_MIN,
        };
    }
    for (uint32_t k = run; k < manifest->generation_count; k++) {
        for (uint32_t i = 0; i < scan->shard_count; i++) {
            const enum aof_recovery_status status = scan_log(scan, k - run, i);
            if (status != AOF_RECOVERY_OK) {
                return status;
            }
        }
    }
    const enum aof_recovery_status status = find_cut(scan);
    return status != AOF_RECOVERY_OK ? status : scan->refusal;
}

static bool ends_create(struct aof_recovery *recovery)
{
    const uint32_t count = recovery->manifest.generation_count - recovery->run;
    recovery->ends = thread_alloc_zeroed(MEM_SNAPSHOT, count * sizeof *recovery->ends);
    for (uint32_t i = 0; i < count && recovery->ends != NULL; i++) {
        const uint32_t shard_count = recovery->manifest.generations[recovery->run].shard_count;
        recovery->ends[i] = thread_alloc_zeroed(MEM_SNAPSHOT, shard_count * sizeof **recovery->ends);
        if (recovery->ends[i] == NULL) {
            return false;
        }
    }
    return recovery->ends != NULL;
}

static enum aof_recovery_status recover_run(struct aof_recovery *recovery, const struct aof_files *files,
                                            const struct aof_recovery_options *options)
{
    const uint32_t shard_count = recovery->manifest.generations[recovery->run].shard_count;
    const size_t logs = (size_t)shard_count * (recovery->manifest.generation_count - recovery->run);
    struct scan scan = {.recovery = recovery, .files = files, .options = options, .shard_count = shard_count};
    scan.shards = thread_alloc_zeroed(MEM_SNAPSHOT, shard_count * sizeof *scan.shards);
    scan.marks = thread_alloc_zeroed(MEM_SNAPSHOT, logs * sizeof *scan.marks);
    enum aof_recovery_status status = AOF_RECOVERY_NO_MEMORY;
    if (scan.shards != NULL && scan.marks != NULL && ends_create(recovery)) {
        for (size_t i = 0; i < logs; i++) {
            scan.marks[i].which = MEM_SNAPSHOT;
        }
        status = scan_run(&scan);
    }
    for (size_t i = 0; i < logs && scan.marks != NULL; i++) {
        buffer_release(&scan.marks[i]);
    }
    for (uint32_t i = 0; i < shard_count && scan.shards != NULL; i++) {
        buffer_release(&scan.shards[i].units);
    }
    aof_records_close(&scan.records);
    thread_free(MEM_SNAPSHOT, scan.marks, logs * sizeof *scan.marks);
    thread_free(MEM_SNAPSHOT, scan.shards, shard_count * sizeof *scan.shards);
    return status;
}

/* The first generation that is not sealed; generation_count: all are. */
static uint32_t first_open(const struct aof_manifest *manifest)
{
    uint32_t at = 0;
    while (at < manifest->generation_count && manifest->generations[at].logs[0].end_offset != 0) {
        at++;
    }
    return at;
}

enum aof_recovery_status aof_recovery_open_manifest(struct aof_recovery *recovery, const struct aof_manifest *manifest,
                                                    const struct aof_files *files, const struct aof_recovery_options *options)
{
    *recovery = (struct aof_recovery){.manifest = *manifest, .before_ms = INT64_MIN};
    recovery->run = options->until_ms != 0 || options->salvages ? aof_manifest_last_run(manifest) : first_open(manifest);
    return recovery->run == manifest->generation_count ? AOF_RECOVERY_OK : recover_run(recovery, files, options);
}

enum aof_recovery_status aof_recovery_open(struct aof_recovery *recovery, const struct aof_files *files,
                                           const struct aof_recovery_options *options)
{
    uint32_t line;
    *recovery = (struct aof_recovery){0};
    const int error = aof_files_read_manifest(files, &recovery->manifest, &recovery->fault, &line);
    snprintf(recovery->file, sizeof recovery->file, "%s", AOF_MANIFEST_NAME);
    if (error == ENOENT) {
        return aof_manifest_create(&recovery->manifest) ? AOF_RECOVERY_NONE : AOF_RECOVERY_NO_MEMORY;
    }
    if (error != 0) {
        recovery->error = error;
        recovery->offset = line;
        return error == EBADMSG ? AOF_RECOVERY_DAMAGE : error == ENOMEM ? AOF_RECOVERY_NO_MEMORY : AOF_RECOVERY_SYSTEM;
    }
    if (recovery->manifest.generation_count == 0) {
        return AOF_RECOVERY_NONE; /* a log that was to begin, and whose base was not made */
    }
    const struct aof_manifest manifest = recovery->manifest;
    return aof_recovery_open_manifest(recovery, &manifest, files, options);
}

void aof_recovery_close(struct aof_recovery *recovery)
{
    const uint32_t count = recovery->manifest.generation_count - recovery->run;
    for (uint32_t i = 0; i < count && recovery->ends != NULL; i++) {
        const uint32_t shard_count = recovery->manifest.generations[recovery->run].shard_count;
        thread_free(MEM_SNAPSHOT, recovery->ends[i], shard_count * sizeof **recovery->ends);
    }
    thread_free(MEM_SNAPSHOT, recovery->ends, count * sizeof *recovery->ends);
    aof_manifest_destroy(&recovery->manifest);
}
