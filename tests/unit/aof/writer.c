/* writer.c - the states of a log that is written: what is to be done, and what its results lead to.  */
#include "aof/unit.h"
#include "aof/reader.h"
#include "base/crc32c.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static const struct aof_header header = {.file_id = 77, .generation = 1, .shard = 0, .shard_count = 2};

static struct aof_record effect(const struct bytes *word)
{
    return (struct aof_record){.kind = AOF_EFFECT, .count = 1, .words = word};
}

static void append(struct aof_writer *writer, const char *text)
{
    const struct bytes word = bytes_of_string(text);
    const struct aof_record record = effect(&word);
    cr_assert(aof_writer_append(writer, &record));
}

static void open_writer(struct aof_writer *writer)
{
    aof_writer_open(writer, &header, 0, AOF_HEADER_BYTES, 0);
}

static struct aof_write expect_write(struct aof_writer *writer)
{
    struct aof_write write;
    cr_assert_eq(aof_writer_take(writer, 0, 0, &write), AOF_WRITE);
    return write;
}

static void expect_nothing(struct aof_writer *writer)
{
    struct aof_write write;
    cr_assert_eq(aof_writer_take(writer, 0, 0, &write), AOF_NOTHING);
}

/* Writes and syncs what there is. */
static void settle(struct aof_writer *writer)
{
    const struct aof_write write = expect_write(writer);
    aof_writer_written(writer, (int64_t)write.bytes.len);
    cr_assert(aof_writer_take_sync(writer));
    aof_writer_synced(writer, 0);
}

Test(writer, gathers_a_frame_while_another_is_written)
{
    struct aof_writer writer;
    open_writer(&writer);
    expect_nothing(&writer);
    append(&writer, "a");
    const struct aof_write first = expect_write(&writer);
    cr_assert_eq(first.offset, AOF_HEADER_BYTES);
    append(&writer, "b");
    append(&writer, "c");
    cr_assert_eq(aof_writer_open_sequence(&writer), 2);
    expect_nothing(&writer);
    cr_assert_not(aof_writer_take_sync(&writer));
    aof_writer_written(&writer, (int64_t)first.bytes.len);
    cr_assert(aof_writer_take_sync(&writer));
    const struct aof_write second = expect_write(&writer); /* while the first is synced */
    cr_assert_eq(second.offset, first.offset + first.bytes.len);
    aof_writer_written(&writer, (int64_t)second.bytes.len);
    aof_writer_synced(&writer, 0);
    cr_assert_eq(writer.synced, 1); /* the second was not written when the sync began */
    cr_assert_eq(writer.written, 2);
    cr_assert(aof_writer_take_sync(&writer));
    aof_writer_synced(&writer, 0);
    cr_assert(aof_writer_is_synced(&writer));
    aof_writer_close(&writer);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, goes_on_after_a_short_write)
{
    struct aof_writer writer;
    open_writer(&writer);
    append(&writer, "a");
    const struct aof_write all = expect_write(&writer);
    aof_writer_written(&writer, 10);
    const struct aof_write rest = expect_write(&writer);
    cr_assert_eq(rest.offset, all.offset + 10);
    cr_assert_eq(rest.bytes.data, all.bytes.data + 10);
    aof_writer_written(&writer, -EINTR);
    cr_assert_eq(expect_write(&writer).offset, rest.offset);
    aof_writer_written(&writer, (int64_t)rest.bytes.len);
    cr_assert_eq(writer.written, 1);
    aof_writer_close(&writer);
}

Test(writer, writes_the_same_frame_at_the_same_place_when_there_is_space_again)
{
    struct aof_writer writer;
    struct aof_write write;
    open_writer(&writer);
    append(&writer, "a");
    settle(&writer);
    append(&writer, "b");
    const struct aof_write first = expect_write(&writer);
    aof_writer_written(&writer, 8);
    expect_write(&writer);
    aof_writer_written(&writer, -ENOSPC);
    cr_assert_eq(writer.error, ENOSPC);
    cr_assert_not(aof_writer_has_failed(&writer));
    append(&writer, "c");
    expect_nothing(&writer);
    aof_writer_retry(&writer);
    cr_assert_eq(aof_writer_take(&writer, 0, 0, &write), AOF_TRUNCATE);
    cr_assert_eq(write.offset, first.offset);
    expect_nothing(&writer);
    aof_writer_truncated(&writer, 0);
    write = expect_write(&writer);
    cr_assert_eq(write.offset, first.offset);
    cr_assert_eq(write.bytes.len, first.bytes.len);
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    settle(&writer);
    cr_assert_eq(writer.synced, 3);
    aof_writer_close(&writer);
}

Test(writer, is_done_for_after_a_failed_sync)
{
    struct aof_writer writer;
    open_writer(&writer);
    append(&writer, "a");
    const struct aof_write write = expect_write(&writer);
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    cr_assert(aof_writer_take_sync(&writer));
    aof_writer_synced(&writer, EIO);
    cr_assert(aof_writer_has_failed(&writer));
    cr_assert_eq(writer.error, EIO);
    cr_assert_eq(writer.synced, 0);
    cr_assert_not(aof_writer_take_sync(&writer));
    const struct bytes word = BYTES("b");
    const struct aof_record record = effect(&word);
    cr_assert_not(aof_writer_append(&writer, &record));
    expect_nothing(&writer);
    aof_writer_close(&writer);
}

Test(writer, ends_what_is_under_way_after_a_gap)
{
    struct aof_writer writer;
    open_writer(&writer);
    append(&writer, "a");
    const struct aof_write write = expect_write(&writer);
    append(&writer, "b");
    aof_writer_fail(&writer, ENOMEM);
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    expect_nothing(&writer);
    cr_assert(aof_writer_take_sync(&writer));
    aof_writer_synced(&writer, 0);
    cr_assert_eq(writer.synced, 1);
    cr_assert_not(aof_writer_is_synced(&writer)); /* something is missing */
    aof_writer_close(&writer);
}

Test(writer, keeps_a_unit_in_one_frame)
{
    struct aof_writer writers[2];
    struct aof_writer *const both[] = {&writers[0], &writers[1]};
    struct aof_cut *cut = aof_cut_create(2);
    uint32_t moved[2];
    for (unsigned i = 0; i < 2; i++) {
        struct aof_header own = header;
        own.shard = i;
        aof_writer_open(&writers[i], &own, 0, AOF_HEADER_BYTES, 0);
        const struct bytes word = BYTES("x");
        struct aof_record record = effect(&word);
        record.unit = 9;
        cr_assert(aof_writer_append(&writers[i], &record));
        append(&writers[i], "of nobody");
    }
    expect_nothing(&writers[0]);
    cr_assert(aof_unit_end(both, 2, 9, cut));
    settle(&writers[0]);
    cr_assert_eq(aof_cut_durable(cut, 0, writers[0].synced, moved), 0);
    settle(&writers[1]);
    cr_assert_eq(aof_cut_durable(cut, 1, writers[1].synced, moved), 2);
    for (unsigned i = 0; i < 2; i++) {
        aof_writer_close(&writers[i]);
    }
    aof_cut_destroy(cut);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, of_the_next_generation_waits_for_the_one_before)
{
    struct aof_writer old;
    struct aof_writer next;
    open_writer(&old);
    append(&old, "a");
    aof_writer_finish(&old);
    struct aof_header own = header;
    own.generation = 2;
    own.file_id = 78;
    aof_writer_follow(&next, &own, &old, AOF_HEADER_BYTES, 0);
    append(&next, "b");
    cr_assert_eq(aof_writer_open_sequence(&next), 2);
    expect_nothing(&next);
    settle(&old);
    cr_assert_eq(expect_write(&next).offset, AOF_HEADER_BYTES);
    aof_writer_written(&next, (int64_t)next.under_way.len);
    aof_writer_close(&next);
    aof_writer_close(&old);
}

static void follow(struct aof_writer *writer, struct aof_writer *previous)
{
    struct aof_header next = previous->header;
    next.generation++;
    next.file_id++;
    aof_writer_finish(previous);
    aof_writer_follow(writer, &next, previous, AOF_HEADER_BYTES, 0);
}

Test(writer, without_records_lets_the_one_before_go_when_that_is_on_disk)
{
    struct aof_writer writers[3];
    open_writer(&writers[0]);
    append(&writers[0], "a");
    const struct aof_write write = expect_write(&writers[0]);
    follow(&writers[1], &writers[0]);
    expect_nothing(&writers[1]);
    cr_assert_not(aof_writer_is_synced(&writers[1]));
    aof_writer_written(&writers[0], (int64_t)write.bytes.len);
    cr_assert(aof_writer_take_sync(&writers[0]));
    aof_writer_synced(&writers[0], 0);
    cr_assert(aof_writer_is_synced(&writers[1])); /* nothing of its own is missing */
    cr_assert_eq(writers[1].previous, &writers[0]);
    expect_nothing(&writers[1]);
    cr_assert_null(writers[1].previous);
    aof_writer_close(&writers[0]);
    follow(&writers[2], &writers[1]); /* that has no frames, and nobody asks it any more */
    append(&writers[2], "b");
    settle(&writers[2]);
    cr_assert_eq(writers[2].synced, 2);
    aof_writer_close(&writers[1]);
    aof_writer_close(&writers[2]);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, waits_for_all_before_the_one_before)
{
    struct aof_writer writers[3];
    open_writer(&writers[0]);
    append(&writers[0], "a");
    follow(&writers[1], &writers[0]);
    follow(&writers[2], &writers[1]);
    append(&writers[2], "b");
    expect_nothing(&writers[2]);
    settle(&writers[0]);
    settle(&writers[2]); /* the one between has nothing to write, and was not asked */
    cr_assert_eq(writers[2].synced, 2);
    for (unsigned i = 0; i < 3; i++) {
        aof_writer_close(&writers[i]);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, marks_in_the_next_file_what_of_the_one_before_is_on_disk)
{
    struct aof_writer writers[2];
    struct aof_write write;
    struct aof_frame frame;
    open_writer(&writers[0]);
    append(&writers[0], "a");
    settle(&writers[0]);
    follow(&writers[1], &writers[0]);
    cr_assert_eq(aof_writer_take_mark(&writers[1], 1, 0, &write), AOF_WRITE);
    cr_assert(aof_frame_read(write.bytes.data, writers[1].header.file_id, &frame));
    cr_assert_eq(frame.sequence, 2);
    cr_assert_eq(frame.durable, 1);
    cr_assert_eq(frame.committed, 1);
    aof_writer_written(&writers[1], (int64_t)write.bytes.len);
    cr_assert_eq(aof_writer_take_mark(&writers[1], 1, 0, &write), AOF_NOTHING);
    aof_writer_close(&writers[0]);
    aof_writer_close(&writers[1]);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

/* The frame is whole, and its records are these: words, and "." for the end of a unit. */
static void expect_records(const struct aof_write *write, const char *expected)
{
    char found[64] = "";
    struct aof_frame frame;
    struct aof_records records = {0};
    struct aof_record record;
    const struct bytes payload = {write->bytes.data + AOF_FRAME_BYTES, write->bytes.len - AOF_FRAME_BYTES};
    cr_assert(aof_frame_read(write->bytes.data, header.file_id, &frame));
    cr_assert(aof_frame_is_whole(write->bytes.data, crc32c(0, payload)));
    aof_records_open(&records, payload);
    uint32_t count = 0;
    while (aof_records_next(&records, false, &record) == AOF_RECORDS_OK) {
        strncat(found, record.kind == AOF_EFFECT ? record.words[0].data : ".", 1);
        count++;
    }
    aof_records_close(&records);
    cr_assert_str_eq(found, expected);
    cr_assert_eq(count, frame.record_count);
}

static void append_to_unit(struct aof_writer *writer, uint64_t unit, const char *text)
{
    const struct bytes word = bytes_of_string(text);
    struct aof_record record = effect(&word);
    record.unit = unit;
    cr_assert(aof_writer_append(writer, &record));
}

Test(writer, keeps_a_unit_that_pauses_out_of_frames_until_it_ends)
{
    struct aof_writer writer, *only = &writer;
    open_writer(&writer);
    append(&writer, "a");
    append_to_unit(&writer, 5, "u");
    expect_nothing(&writer);
    aof_writer_set_apart(&writer);
    struct aof_write write = expect_write(&writer);
    expect_records(&write, "a");
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    append_to_unit(&writer, 5, "v");
    expect_nothing(&writer);
    append_to_unit(&writer, 6, "x"); /* another one, meanwhile */
    cr_assert(aof_unit_end(&only, 1, 6, NULL));
    append_to_unit(&writer, 5, "w");
    aof_writer_set_apart(&writer); /* once more: nothing is left to be moved */
    append(&writer, "b");
    cr_assert(aof_unit_end(&only, 1, 5, NULL));
    append(&writer, "c");
    write = expect_write(&writer);
    expect_records(&write, "x.buvw.c");
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    aof_writer_finish(&writer);
    aof_writer_close(&writer);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, sums_up_anew_what_is_left_of_a_frame)
{
    struct aof_writer writer, *only = &writer;
    static char text[2 * AOF_SUM_BYTES];
    memset(text, 'y', sizeof text - 1);
    open_writer(&writer);
    append_to_unit(&writer, 5, text); /* nothing is left */
    aof_writer_set_apart(&writer);
    expect_nothing(&writer);
    append(&writer, "a");
    cr_assert(aof_unit_end(&only, 1, 5, NULL));
    append_to_unit(&writer, 6, text);
    aof_writer_set_apart(&writer);
    struct aof_write write = expect_write(&writer);
    expect_records(&write, "ay.");
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    cr_assert(aof_unit_end(&only, 1, 6, NULL));
    write = expect_write(&writer);
    expect_records(&write, "y.");
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    aof_writer_close(&writer);
}

Test(writer, drops_a_unit_that_never_ends)
{
    struct aof_writer writer;
    open_writer(&writer);
    append_to_unit(&writer, 5, "u");
    aof_writer_drop_unit(&writer);
    expect_nothing(&writer);
    append(&writer, "a");
    append_to_unit(&writer, 6, "v");
    aof_writer_set_apart(&writer);
    append_to_unit(&writer, 6, "w");
    aof_writer_drop_unit(&writer);
    append_to_unit(&writer, 7, "x");
    aof_writer_drop_unit(&writer);
    append(&writer, "b");
    const struct aof_write write = expect_write(&writer);
    expect_records(&write, "ab");
    aof_writer_written(&writer, (int64_t)write.bytes.len);
    aof_writer_finish(&writer);
    aof_writer_close(&writer);
}

Test(writer, that_fails_drops_what_is_set_apart)
{
    struct aof_writer writer, *only = &writer;
    open_writer(&writer);
    append_to_unit(&writer, 5, "u");
    aof_writer_set_apart(&writer);
    aof_writer_fail(&writer, EIO);
    cr_assert_not(aof_unit_end(&only, 1, 5, NULL));
    aof_writer_finish(&writer);
    aof_writer_close(&writer);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(writer, marks_once_what_is_on_disk)
{
    struct aof_writer writer;
    struct aof_write write;
    open_writer(&writer);
    cr_assert_eq(aof_writer_take_mark(&writer, 0, 0, &write), AOF_NOTHING);
    append(&writer, "a");
    settle(&writer);
    cr_assert_eq(aof_writer_take_mark(&writer, 1, 0, &write), AOF_WRITE);
    cr_assert_eq(write.bytes.len, AOF_FRAME_BYTES);
    aof_writer_written(&writer, AOF_FRAME_BYTES);
    cr_assert(aof_writer_take_sync(&writer));
    aof_writer_synced(&writer, 0);
    cr_assert_eq(aof_writer_take_mark(&writer, 2, 0, &write), AOF_NOTHING);
    aof_writer_close(&writer);
}

Test(writer, keeps_frames_out_of_what_is_being_prepared)
{
    struct aof_writer writer;
    uint64_t offset;
    uint64_t len;
    aof_writer_open(&writer, &header, 0, AOF_HEADER_BYTES, 1 << 16);
    cr_assert(aof_writer_take_zeros(&writer, &offset, &len));
    cr_assert_eq(offset, AOF_ZERO_ALIGN);
    cr_assert_eq(len, 1 << 16);
    append(&writer, "a");
    const struct aof_write small = expect_write(&writer); /* fits in front */
    aof_writer_written(&writer, (int64_t)small.bytes.len);
    static char text[AOF_ZERO_ALIGN];
    memset(text, 'x', sizeof text - 1);
    append(&writer, text);
    expect_nothing(&writer);
    aof_writer_zeroed(&writer, 0);
    cr_assert_eq(writer.zeros_end, AOF_ZERO_ALIGN + (1 << 16));
    expect_write(&writer);
    aof_writer_written(&writer, (int64_t)writer.under_way.len);
    cr_assert_not(aof_writer_take_zeros(&writer, &offset, &len));
    aof_writer_close(&writer);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(writer, that_gets_no_memory_has_failed)
{
    struct aof_writer writer;
    const struct bytes word = BYTES("a");
    const struct aof_record record = effect(&word);
    open_writer(&writer);
    thread_heap_refuse_after(0);
    cr_assert_not(aof_writer_append(&writer, &record));
    thread_heap_refuse_after(-1);
    cr_assert_eq(writer.error, ENOMEM);
    cr_assert(aof_writer_has_failed(&writer));
    aof_writer_close(&writer);
}

Test(writer, that_gets_no_memory_for_a_unit_that_pauses_has_failed)
{
    struct aof_writer writer;
    char text[1000] = "";
    memset(text, 'u', sizeof text - 1);
    open_writer(&writer);
    append_to_unit(&writer, 5, text);
    thread_heap_refuse_after(0);
    aof_writer_set_apart(&writer);
    thread_heap_refuse_after(-1);
    cr_assert(aof_writer_has_failed(&writer));
    aof_writer_close(&writer);
    cr_assert_eq(thread_heaps_bytes(), 0);
}
#endif
