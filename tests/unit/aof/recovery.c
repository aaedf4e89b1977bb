/* recovery.c - a real folder: logs of two shards, what is wrong with them, and what a recovery says and does. The histories on a
 * simulated disk (tests/histories) are the test of the rest.  */
#include "aof/replay.h"
#include "aof/run.h"
#include "aof/unit.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHARDS = 2 };

static char path[64];
static struct aof_folder *folder;
static struct aof_files files;
static struct aof_writer writers[SHARDS];
static struct aof_cut *cut;
static struct aof_manifest manifest;
static uint64_t generation;
static int64_t now_ms = 1;

static void remove_folder(void)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(path);
}

static void make_headers(struct aof_header headers[SHARDS])
{
    generation++;
    for (uint32_t i = 0; i < SHARDS; i++) {
        headers[i] = (struct aof_header){.generation = generation, .shard = i, .shard_count = SHARDS};
        cr_assert(aof_draw_file_id(&headers[i].file_id));
    }
}

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/tessera-log-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    folder = aof_folder_open(path, "");
    cr_assert_not_null(folder);
    files = aof_folder_files(folder);
    struct aof_recovery recovery;
    struct aof_header headers[SHARDS];
    const struct aof_recovery_options options = {0};
    cr_assert_eq(aof_recovery_open(&recovery, &files, &options), AOF_RECOVERY_NONE);
    make_headers(headers);
    cr_assert_eq(aof_run_begin(&recovery, &files, headers, SHARDS, &manifest), 0);
    aof_recovery_close(&recovery);
    for (uint32_t i = 0; i < SHARDS; i++) {
        aof_writer_open(&writers[i], &headers[i], 0, AOF_HEADER_BYTES, 0);
    }
    cut = aof_cut_create(SHARDS);
}

static void end(void)
{
    aof_folder_close(folder);
    aof_manifest_destroy(&manifest);
    remove_folder();
    cr_assert_eq(thread_heaps_bytes(), 0);
}

static void stop_writing(void)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        aof_writer_close(&writers[i]);
    }
    aof_cut_destroy(cut);
}

static int open_log(const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "%s/%s", path, name);
    const int file = open(text, O_RDWR);
    cr_assert_geq(file, 0);
    return file;
}

static void append(uint32_t shard, const char *text, enum aof_kind kind, uint64_t unit)
{
    const struct bytes word = bytes_of_string(text);
    const struct aof_record record = {.kind = kind, .unit = unit, .count = 1, .words = &word};
    cr_assert(aof_writer_append(&writers[shard], &record));
}

static void append_to_both(const char *text, enum aof_kind kind, uint64_t unit)
{
    struct aof_writer *const both[] = {&writers[0], &writers[1]};
    append(0, text, kind, unit);
    append(1, text, kind, unit);
    cr_assert(aof_unit_end(both, 2, unit, cut));
}

static void write_out(uint32_t shard, bool is_synced)
{
    char name[AOF_NAME_MAX + 1];
    struct aof_write write;
    uint32_t moved[SHARDS];
    aof_log_name(generation, shard, name);
    const int file = open_log(name);
    cr_assert_eq(aof_writer_take(&writers[shard], aof_cut_committed(cut, shard), now_ms, &write), AOF_WRITE);
    cr_assert_eq(pwrite(file, write.bytes.data, write.bytes.len, (off_t)write.offset), (ssize_t)write.bytes.len);
    aof_writer_written(&writers[shard], (int64_t)write.bytes.len);
    if (is_synced) {
        cr_assert(aof_writer_take_sync(&writers[shard]));
        cr_assert_eq(fdatasync(file), 0);
        aof_writer_synced(&writers[shard], 0);
        aof_cut_durable(cut, shard, writers[shard].synced, moved);
    }
    close(file);
}

/* All words that are found, in order, barriers in capitals of "all"; logs one after the other up to each barrier. */
static void replay(const struct aof_recovery *recovery, char *out)
{
    *out = 0;
    for (uint32_t k = 0; k < recovery->manifest.generation_count; k++) {
        struct aof_replay *run;
        struct aof_record record;
        uint32_t log;
        cr_assert_eq(aof_replay_open(&run, recovery, &files, k), AOF_REPLAY_RECORD);
        for (bool is_at_barrier = true; is_at_barrier;) {
            is_at_barrier = false;
            for (uint32_t i = 0; i < aof_replay_log_count(run); i++) {
                enum aof_replay_status status;
                while ((status = aof_replay_next(run, i, &record)) == AOF_REPLAY_RECORD) {
                    sprintf(out + strlen(out), "%u%.*s ", i, (int)record.words[0].len, record.words[0].data);
                }
                is_at_barrier = status == AOF_REPLAY_BARRIER;
                cr_assert(is_at_barrier || status == AOF_REPLAY_END);
            }
            if (is_at_barrier) {
                cr_assert_eq(aof_replay_barrier(run, &record, &log), AOF_REPLAY_RECORD);
                sprintf(out + strlen(out), "all-%.*s ", (int)record.words[0].len, record.words[0].data);
            }
        }
        aof_replay_close(run);
    }
}

static void expect_replay(const struct aof_recovery_options *options, const char *expected)
{
    char found[512];
    struct aof_recovery recovery;
    cr_assert_eq(aof_recovery_open(&recovery, &files, options), AOF_RECOVERY_OK, "%s", recovery.fault);
    replay(&recovery, found);
    cr_assert_str_eq(found, expected);
    aof_recovery_close(&recovery);
}

static const struct aof_recovery_options as_it_is = {0};

Test(recovery, gives_what_was_written_in_order_and_barriers_once, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    append(1, "b", AOF_EFFECT, 0);
    append_to_both("flush", AOF_EFFECT_OF_ALL, 1);
    append(1, "c", AOF_EFFECT, 0);
    append_to_both("d", AOF_EFFECT, 2);
    write_out(0, true);
    write_out(1, true);
    stop_writing();
    expect_replay(&as_it_is, "0a 1b all-flush 0d 1c 1d ");
}

Test(recovery, leaves_out_an_incomplete_unit_and_what_is_behind_it, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    append_to_both("u", AOF_EFFECT, 1);
    append(0, "b", AOF_EFFECT, 0);
    write_out(0, true);
    stop_writing();
    expect_replay(&as_it_is, "0a ");
}

Test(recovery, cuts_a_torn_tail_or_refuses_it, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    append(0, "b", AOF_EFFECT, 0);
    const uint64_t offset = writers[0].end;
    write_out(0, false);
    const int file = open_log("log.1.0");
    cr_assert_eq(ftruncate(file, (off_t)writers[0].end - 3), 0);
    close(file);
    stop_writing();
    expect_replay(&as_it_is, "0a ");
    struct aof_recovery recovery;
    const struct aof_recovery_options strict = {.refuses_torn = true};
    cr_assert_eq(aof_recovery_open(&recovery, &files, &strict), AOF_RECOVERY_TORN);
    cr_assert_str_eq(recovery.file, "log.1.0");
    cr_assert_eq(recovery.offset, offset);
    aof_recovery_close(&recovery);
}

Test(recovery, refuses_damage_with_its_place_and_salvages_what_is_left, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    const uint64_t offset = writers[0].end;
    append_to_both("u", AOF_EFFECT, 1);
    write_out(0, true);
    write_out(1, true);
    append(0, "b", AOF_EFFECT, 0);
    append(1, "c", AOF_EFFECT, 0);
    write_out(0, true);
    write_out(1, true);
    const int file = open_log("log.1.0");
    cr_assert_eq(pwrite(file, "?", 1, (off_t)offset + AOF_FRAME_BYTES), 1);
    close(file);
    stop_writing();
    struct aof_recovery recovery;
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, "log.1.0");
    cr_assert_eq(recovery.offset, offset);
    aof_recovery_close(&recovery);
    const struct aof_recovery_options salvage = {.salvages = true};
    cr_assert_eq(aof_recovery_open(&recovery, &files, &salvage), AOF_RECOVERY_OK);
    cr_assert_eq(recovery.units_cut, 1);
    cr_assert_eq(aof_run_seal(&recovery, &files), 0);
    aof_recovery_close(&recovery);
    expect_replay(&as_it_is, "0a ");
}

Test(recovery, knows_from_other_logs_what_was_on_disk, .init = begin, .fini = end)
{
    append_to_both("u", AOF_EFFECT, 1);
    write_out(0, true);
    write_out(1, true);
    append(0, "b", AOF_EFFECT, 0);
    write_out(0, true); /* its frame says that the unit is committed */
    const int file = open_log("log.1.1");
    cr_assert_eq(pwrite(file, "?", 1, AOF_HEADER_BYTES + 70), 1);
    close(file);
    stop_writing();
    struct aof_recovery recovery;
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, "log.1.1");
    cr_assert_eq(recovery.offset, AOF_HEADER_BYTES);
    aof_recovery_close(&recovery);
}

Test(recovery, names_the_log_behind_whose_frames_some_are_missing, .init = begin, .fini = end)
{
    struct aof_header headers[SHARDS];
    append(1, "a", AOF_EFFECT, 0);
    write_out(1, true);
    const uint64_t offset = writers[1].end;
    append_to_both("u", AOF_EFFECT, 1);
    write_out(0, true);
    write_out(1, true);
    append(0, "b", AOF_EFFECT, 0);
    write_out(0, true);
    make_headers(headers);
    cr_assert_eq(aof_run_add(&manifest, &files, headers), 0); /* nothing was written there yet */
    const int file = open_log("log.1.1");
    cr_assert_eq(ftruncate(file, (off_t)offset + 70), 0);
    close(file);
    stop_writing();
    struct aof_recovery recovery;
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, "log.1.1");
    cr_assert_eq(recovery.offset, offset);
    aof_recovery_close(&recovery);
}

Test(recovery, begins_a_run_after_another_and_with_other_shards, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    append(1, "b", AOF_EFFECT, 0);
    write_out(0, true);
    write_out(1, false);
    stop_writing();
    struct aof_recovery recovery;
    struct aof_manifest next;
    struct aof_header header = {.generation = 2, .shard = 0, .shard_count = 1};
    cr_assert(aof_draw_file_id(&header.file_id));
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_OK);
    cr_assert_eq(aof_run_begin(&recovery, &files, &header, 1, &next), 0);
    aof_recovery_close(&recovery);
    expect_replay(&as_it_is, "0a 1b ");
    const struct aof_base base = {"base.2.rdb", 0};
    const uint64_t first = 1;
    cr_assert_eq(files.create(files.context, base.name, BYTES("")), 0);
    const struct aof_cover cover = {&base, 1, &header, &first};
    cr_assert_eq(aof_run_set_base(&next, &files, &cover), 0);
    aof_run_remove(&files, &manifest, &next);
    expect_replay(&as_it_is, "");
    struct aof_source source;
    cr_assert_eq(files.open(files.context, "log.1.0", &source), ENOENT);
    aof_manifest_destroy(&next);
}

Test(recovery, refuses_files_that_are_others_or_not_there, .init = begin, .fini = end)
{
    struct aof_recovery recovery;
    char other[AOF_HEADER_BYTES];
    struct aof_header header = {.file_id = 1, .generation = 1, .shard = 1, .shard_count = 2};
    stop_writing();
    aof_header_write(&header, other);
    cr_assert_eq(files.create(files.context, "log.1.1", (struct bytes){other, sizeof other}), 0);
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, "log.1.1");
    aof_recovery_close(&recovery);
    cr_assert_eq(files.remove(files.context, "log.1.1"), 0);
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.fault, "the manifest names it, and it is not there");
    aof_recovery_close(&recovery);
    cr_assert_eq(files.create(files.context, AOF_MANIFEST_NAME, BYTES("tessera-log 1\n")), 0);
    cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, AOF_MANIFEST_NAME);
    aof_recovery_close(&recovery);
}

Test(recovery, ends_at_a_moment_with_whole_units, .init = begin, .fini = end)
{
    static const struct {
        int64_t until_ms;
        const char *found;
    } rows[] = {{5, ""}, {10, "0a "}, {25, "0a 1c "}, {30, "0a 0u 0b 1c 1u "}, {40, "0a 0u 0b 1c 1u 1d "}, {99, "0a 0u 0b 1c 1u 1d "}};
    now_ms = 10;
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    append(1, "c", AOF_EFFECT, 0);
    now_ms = 20;
    write_out(1, true);
    append_to_both("u", AOF_EFFECT, 1);
    append(0, "b", AOF_EFFECT, 0);
    write_out(0, true);
    now_ms = 30;
    write_out(1, true); /* the other part of the unit */
    append(1, "d", AOF_EFFECT, 0);
    now_ms = 40;
    write_out(1, true);
    stop_writing();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct aof_recovery_options options = {.until_ms = rows[i].until_ms};
        expect_replay(&options, rows[i].found);
    }
}

Test(recovery, of_a_moment_refuses_what_was_committed_by_then_and_is_not_there, .init = begin, .fini = end)
{
    now_ms = 10;
    append_to_both("u", AOF_EFFECT, 1);
    write_out(0, true);
    write_out(1, true);
    now_ms = 20;
    append(0, "b", AOF_EFFECT, 0);
    write_out(0, true); /* its frame says that the unit is committed */
    const int file = open_log("log.1.1");
    cr_assert_eq(pwrite(file, "?", 1, AOF_HEADER_BYTES + 70), 1);
    close(file);
    stop_writing();
    struct aof_recovery recovery;
    struct aof_recovery_options options = {.until_ms = 20};
    cr_assert_eq(aof_recovery_open(&recovery, &files, &options), AOF_RECOVERY_DAMAGE);
    cr_assert_str_eq(recovery.file, "log.1.1");
    aof_recovery_close(&recovery);
    options.until_ms = 19; /* nobody says so yet: a torn tail, and the unit goes */
    expect_replay(&options, "");
}

/* The server dies right after its start, again and again. */
static uint32_t start_again(uint32_t times)
{
    struct aof_manifest next = {0};
    for (uint32_t i = 0; i < times; i++) {
        struct aof_recovery recovery;
        struct aof_header headers[SHARDS];
        cr_assert_eq(aof_recovery_open(&recovery, &files, &as_it_is), AOF_RECOVERY_OK);
        make_headers(headers);
        aof_manifest_destroy(&next);
        cr_assert_eq(aof_run_begin(&recovery, &files, headers, SHARDS, &next), 0, "start %u", i);
        aof_recovery_close(&recovery);
    }
    const uint32_t count = next.generation_count;
    aof_manifest_destroy(&next);
    return count;
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

Test(recovery, leaves_no_generations_in_which_there_is_nothing, .init = begin, .fini = end)
{
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    stop_writing();
    cr_assert_eq(start_again(10), 2);
    cr_assert_eq(count_files(), 2 * SHARDS + 1);
    expect_replay(&as_it_is, "0a ");
}

Test(recovery, may_begin_a_run_after_more_rewrites_than_are_allowed, .init = begin, .fini = end)
{
    struct aof_header headers[SHARDS];
    char name[AOF_NAME_MAX + 1];
    int error = 0;
    stop_writing();
    while (error == 0) {
        make_headers(headers);
        error = aof_run_add(&manifest, &files, headers);
    }
    cr_assert_eq(error, E2BIG);
    aof_log_name(generation, 0, name);
    struct aof_source source;
    cr_assert_eq(files.open(files.context, name, &source), ENOENT); /* nothing was begun */
    cr_assert_eq(start_again(1), 1); /* there was nothing in all of them */
}

Test(recovery, finds_no_manifest_too_long_to_be_read, .init = begin, .fini = end)
{
    struct aof_manifest large;
    const char *fault;
    uint32_t line;
    stop_writing();
    cr_assert(aof_manifest_create(&large));
    for (uint64_t number = 1; number <= 250; number++) {
        struct aof_generation *more = aof_manifest_add(&large, number, AOF_SHARDS_MAX);
        cr_assert_not_null(more);
        for (uint32_t i = 0; i < AOF_SHARDS_MAX; i++) {
            more->logs[i].file_id = 1;
            more->logs[i].first = UINT64_MAX;
            more->logs[i].end = UINT64_MAX;
            more->logs[i].end_offset = UINT64_MAX - AOF_ALIGN + 1;
        }
    }
    cr_assert_eq(aof_files_replace_manifest(&files, &large), E2BIG);
    aof_manifest_destroy(&large);
    cr_assert_eq(aof_files_read_manifest(&files, &large, &fault, &line), 0); /* the old one */
    cr_assert_eq(large.generation_count, 1);
    aof_manifest_destroy(&large);
}

static void mark(uint32_t shard)
{
    char name[AOF_NAME_MAX + 1];
    struct aof_write write;
    aof_log_name(generation, shard, name);
    const int file = open_log(name);
    cr_assert_eq(aof_writer_take_mark(&writers[shard], aof_cut_committed(cut, shard), 0, &write), AOF_WRITE);
    cr_assert_eq(pwrite(file, write.bytes.data, write.bytes.len, (off_t)write.offset), (ssize_t)write.bytes.len);
    aof_writer_written(&writers[shard], (int64_t)write.bytes.len);
    close(file);
}

/* Refused, or everything is found: what tells of the last frame may be lost, with a warning. */
static void expect_no_silent_loss(const char *expected, const char *name, unsigned bit)
{
    char found[512];
    struct aof_recovery recovery;
    if (aof_recovery_open(&recovery, &files, &as_it_is) == AOF_RECOVERY_OK) {
        replay(&recovery, found);
        cr_assert_str_eq(found, expected, "%s, bit %u", name, bit);
        cr_assert_eq(recovery.torn_count, 1, "%s, bit %u", name, bit);
    }
    aof_recovery_close(&recovery);
}

Test(recovery, loses_nothing_silently_when_a_bit_of_a_log_that_was_marked_flips, .init = begin, .fini = end)
{
    static const char *const names[SHARDS] = {"log.1.0", "log.1.1"};
    static const char expected[] = "0a 0d 1c 1d ";
    append(0, "a", AOF_EFFECT, 0);
    write_out(0, true);
    append(1, "c", AOF_EFFECT, 0);
    append_to_both("d", AOF_EFFECT, 2);
    write_out(0, true);
    write_out(1, true);
    mark(0);
    mark(1);
    expect_replay(&as_it_is, expected);
    for (uint32_t i = 0; i < SHARDS; i++) {
        const int file = open_log(names[i]);
        for (unsigned bit = 0; bit < writers[i].end * 8; bit++) {
            char byte;
            cr_assert_eq(pread(file, &byte, 1, bit / 8), 1);
            const char flipped = (char)(byte ^ 1 << bit % 8);
            cr_assert_eq(pwrite(file, &flipped, 1, bit / 8), 1);
            expect_no_silent_loss(expected, names[i], bit);
            cr_assert_eq(pwrite(file, &byte, 1, bit / 8), 1);
        }
        close(file);
    }
    stop_writing();
}
