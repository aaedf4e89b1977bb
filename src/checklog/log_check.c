/* log_check.c - see log_check.h.  */
#include "checklog/log_check.h"

#include "aof/record.h"
#include "base/time_text.h"
#include "checklog/set_aside.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { WORDS_SHOWN = 8, BYTES_SHOWN = 40 };

struct sums {
    uint64_t frames, records, effects, barriers, units;
    uint64_t first, last; /* sequences */
    int64_t first_ms, last_ms;
};

static void print_time(int64_t wall_ms)
{
    char text[TIME_TEXT_MAX];
    fputs(time_format(wall_ms, text), stdout);
}

static void print_word(struct bytes word)
{
    printf(" \"");
    for (size_t i = 0; i < word.len && i < BYTES_SHOWN; i++) {
        const unsigned char c = (unsigned char)word.data[i];
        if (isprint(c) && c != '"' && c != '\\') {
            putchar(c);
        } else {
            printf("\\x%02x", c);
        }
    }
    printf(word.len > BYTES_SHOWN ? "\"... (%zu bytes)" : "\"", word.len);
}

static void print_record(const struct aof_record *record)
{
    if (aof_kind_ends(record->kind)) {
        printf("    %s %" PRIu64 " ends; shard and frame:", record->kind == AOF_UNIT_END ? "unit" : "flush", record->unit);
        for (uint32_t i = 0; i < record->count; i++) {
            printf(" %u:%" PRIu64, record->participants[i].shard, record->participants[i].sequence);
        }
        putchar('\n');
        return;
    }
    printf("    db %u", record->db);
    if (record->unit != 0) {
        printf(", unit %" PRIu64, record->unit);
    }
    printf(record->kind == AOF_EFFECT_OF_ALL ? ", of all shards:" : ":");
    for (uint32_t i = 0; i < record->count && i < WORDS_SHOWN; i++) {
        print_word(record->words[i]);
    }
    printf(record->count > WORDS_SHOWN ? " ... (%u words)\n" : "\n", record->count);
}

static void count_record(struct sums *sums, const struct aof_record *record)
{
    sums->records++;
    sums->effects += record->kind == AOF_EFFECT;
    sums->barriers += record->kind == AOF_EFFECT_OF_ALL;
    sums->units += aof_kind_ends(record->kind);
}

/* NULL, or what is wrong with the frame's records. */
static const char *check_records(struct bytes payload, uint32_t count, struct sums *sums, bool is_shown)
{
    struct aof_record record;
    struct aof_records records = {0};
    enum aof_records_status status;
    uint64_t found = 0;
    aof_records_open(&records, payload);
    while ((status = aof_records_next(&records, false, &record)) == AOF_RECORDS_OK) {
        found++;
        count_record(sums, &record);
        if (is_shown) {
            print_record(&record);
        }
    }
    const char *fault = status == AOF_RECORDS_BAD         ? records.fault
                        : status == AOF_RECORDS_NO_MEMORY ? "no memory"
                        : found != count                  ? "a frame has another number of records than it says"
                                                          : NULL;
    aof_records_close(&records);
    return fault;
}

static void print_frame(uint64_t offset, const struct aof_frame *frame)
{
    printf("  offset %" PRIu64 ": frame %" PRIu64 ", %u records, %" PRIu64 " bytes, durable %" PRIu64 ", committed %" PRIu64 ", ", offset,
           frame->sequence, frame->record_count, AOF_FRAME_BYTES + frame->payload_len, frame->durable, frame->committed);
    print_time(frame->wall_ms);
    putchar('\n');
}

static void print_sums(const char *name, const struct sums *sums, uint64_t bytes)
{
    printf("%s: %" PRIu64 " frames", name, sums->frames);
    if (sums->frames > 0) {
        printf(" (%" PRIu64 " to %" PRIu64 ")", sums->first, sums->last);
    }
    printf(", %" PRIu64 " bytes, %" PRIu64 " records: %" PRIu64 " effects, %" PRIu64 " of all shards, %" PRIu64 " ends of units", bytes,
           sums->records, sums->effects, sums->barriers, sums->units);
    if (sums->frames > 0) {
        printf("; ");
        print_time(sums->first_ms);
        printf(" to ");
        print_time(sums->last_ms);
    }
    putchar('\n');
}

/* True: the log ends as it should. */
static bool print_tail(struct aof_reader *reader, const char *name)
{
    struct aof_tail tail;
    const enum aof_read_status status = aof_reader_tail(reader, &tail);
    if (status != AOF_READ_OK) {
        printf("%s: offset %" PRIu64 ": %s\n", name, reader->offset, status == AOF_READ_BAD ? reader->fault : strerror(errno));
        return false;
    }
    if (tail.bytes == 0) {
        return true;
    }
    reader->next = reader->next == 0 ? 1 : reader->next;
    printf("%s: offset %" PRIu64 ": %s: %" PRIu64 " bytes are no whole frames, %" PRIu64 " whole frames are among them (%" PRIu64
           " records)\n", name, reader->offset, aof_tail_is_torn(reader, &tail) ? "a torn tail" : "DAMAGE", tail.bytes, tail.frames, tail.records);
    if (!aof_tail_is_torn(reader, &tail)) {
        printf("%s: frame %" PRIu64 " was on disk: the frame at offset %" PRIu64 " knows of it\n", name, reader->next, tail.known_at);
    }
    return false;
}

static void read_log(struct aof_reader *reader, const char *name, enum log_detail detail, struct log_check *check)
{
    struct sums sums = {0};
    struct aof_frame frame;
    struct bytes payload;
    enum aof_read_status status;
    const char *fault = NULL;
    uint64_t offset = reader->offset;
    while (fault == NULL && (status = aof_reader_next(reader, &frame, &payload)) == AOF_READ_OK) {
        if (detail >= DETAIL_FRAMES) {
            print_frame(offset, &frame);
        }
        fault = check_records(payload, frame.record_count, &sums, detail == DETAIL_RECORDS);
        sums.first = sums.frames == 0 ? frame.sequence : sums.first;
        sums.first_ms = sums.frames == 0 ? frame.wall_ms : sums.first_ms;
        sums.last = frame.sequence;
        sums.last_ms = frame.wall_ms;
        sums.frames++;
        check->good_bytes = fault == NULL ? reader->offset : offset;
        offset = reader->offset;
    }
    print_sums(name, &sums, check->good_bytes);
    if (fault != NULL) {
        printf("%s: offset %" PRIu64 ": DAMAGE: %s\n", name, check->good_bytes, fault);
    } else if (status != AOF_READ_END) {
        printf("%s: offset %" PRIu64 ": %s\n", name, offset, status == AOF_READ_SYSTEM ? strerror(errno) : "no memory");
    } else if (reader->limit < reader->source.bytes) {
        check->is_good = reader->offset == reader->limit;
        if (!check->is_good) {
            printf("%s: offset %" PRIu64 ": DAMAGE: a frame that counts is not whole\n", name, reader->offset);
        }
    } else {
        check->is_good = print_tail(reader, name);
    }
}

struct log_check log_check(const struct aof_files *files, const char *name, uint64_t first, uint64_t limit, enum log_detail detail)
{
    struct aof_source source;
    struct aof_reader reader;
    struct log_check check = {.good_bytes = AOF_HEADER_BYTES};
    const int error = files->open(files->context, name, &source);
    if (error != 0) {
        printf("%s: %s\n", name, strerror(error));
        return check;
    }
    const enum aof_read_status status = aof_reader_open(&reader, &source, first);
    if (status == AOF_READ_OK && limit > source.bytes) {
        printf("%s: DAMAGE: %" PRIu64 " bytes count, %" PRIu64 " are there\n", name, limit, source.bytes);
    } else if (status == AOF_READ_OK) {
        const struct aof_header *header = &reader.header;
        printf("%s: generation %" PRIu64 ", shard %u of %u, id %016" PRIx64 "\n", name, header->generation, header->shard,
               header->shard_count, header->file_id);
        reader.limit = limit == 0 ? source.bytes : limit;
        read_log(&reader, name, detail, &check);
    } else {
        printf("%s: DAMAGE: %s\n", name, status == AOF_READ_BAD ? reader.fault : strerror(errno));
    }
    aof_reader_close(&reader);
    files->close(files->context, &source);
    return check;
}

int log_check_file(const char *path, enum log_detail detail, bool with_fix)
{
    char folder_name[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    snprintf(folder_name, sizeof folder_name, "%.*s", slash == NULL ? 1 : len == 0 ? 1 : (int)len, slash == NULL ? "." : path);
    struct aof_folder *folder = aof_folder_open(folder_name, "");
    if (folder == NULL) {
        printf("%s: %s\n", folder_name, strerror(errno));
        return 2;
    }
    const struct aof_files files = aof_folder_files(folder);
    const struct log_check check = log_check(&files, slash == NULL ? path : slash + 1, 0, 0, detail);
    aof_folder_close(folder);
    if (check.is_good || !with_fix) {
        return check.is_good ? 0 : 1;
    }
    const bool is_fixed = set_aside(path) && cut_off(path, check.good_bytes);
    if (is_fixed) {
        printf("If a %s names this log, check that folder next: other logs may need what was cut off.\n", AOF_MANIFEST_NAME);
    }
    return is_fixed ? 0 : 2;
}
