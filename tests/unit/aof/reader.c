/* reader.c - frames that a writer has made, with what a crash or a bad disk does to them.  */
#include "aof/reader.h"

#include "aof/writer.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct aof_header header = {.file_id = UINT64_C(0x1234567890abcdef), .generation = 3, .shard = 1, .shard_count = 4, .wall_ms = 5};

struct image {
    char *bytes;
    size_t len;
};

static bool image_read(void *context, uint64_t offset, char *into, size_t len)
{
    const struct image *image = context;
    cr_assert(offset + len <= image->len);
    memcpy(into, image->bytes + offset, len);
    return true;
}

static struct aof_source source_of(struct image *image)
{
    return (struct aof_source){image, image->len, image_read};
}

/* Frames with a record each of so many bytes; `synced`: each is before the next. Offsets of frames in `at`, the end in
 * at[count]. */
static struct image make_image(const size_t *bytes, unsigned count, bool synced, uint64_t *at)
{
    size_t room = AOF_HEADER_BYTES + 4096;
    for (unsigned i = 0; i < count; i++) {
        room += bytes[i] + 128;
    }
    struct image image = {calloc(1, room), room};
    struct aof_writer writer;
    struct aof_write write;
    aof_header_write(&header, image.bytes);
    aof_writer_open(&writer, &header, 0, AOF_HEADER_BYTES, 0);
    for (unsigned i = 0; i < count; i++) {
        char *text = calloc(1, bytes[i] + 1);
        const struct bytes word = {memset(text, (int)('a' + i % 20), bytes[i]), bytes[i]};
        const struct aof_record record = {.kind = AOF_EFFECT, .count = 1, .words = &word};
        cr_assert(aof_writer_append(&writer, &record));
        cr_assert_eq(aof_writer_take(&writer, writer.synced, 1000 + i, &write), AOF_WRITE);
        at[i] = write.offset;
        memcpy(image.bytes + write.offset, write.bytes.data, write.bytes.len);
        aof_writer_written(&writer, (int64_t)write.bytes.len);
        if (synced && aof_writer_take_sync(&writer)) {
            aof_writer_synced(&writer, 0);
        }
        free(text);
    }
    at[count] = writer.end;
    aof_writer_close(&writer);
    return image;
}

static unsigned read_all(struct aof_reader *reader, struct image *image)
{
    unsigned count = 0;
    struct aof_frame frame;
    struct bytes payload;
    const struct aof_source source = source_of(image);
    cr_assert_eq(aof_reader_open(reader, &source, 1), AOF_READ_OK);
    while (aof_reader_next(reader, &frame, &payload) == AOF_READ_OK) {
        count++;
        cr_assert_eq(frame.sequence, count);
        cr_assert_eq(frame.record_count, 1);
    }
    return count;
}

static const size_t small[] = {10, 2000, 1, 700};
static const size_t large[] = {10, (1 << 20) - 100, 3 << 20, (1 << 20) + 17, 5};

Test(reader, gives_the_frames_of_a_writer)
{
    uint64_t at[8];
    const struct { const size_t *bytes; unsigned count; } rows[] = {{small, 4}, {large, 5}, {small, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct aof_reader reader;
        struct aof_tail tail;
        struct image image = make_image(rows[i].bytes, rows[i].count, true, at);
        cr_assert_eq(read_all(&reader, &image), rows[i].count);
        cr_assert_eq(reader.offset, at[rows[i].count]);
        cr_assert_eq(aof_reader_tail(&reader, &tail), AOF_READ_OK);
        cr_assert_eq(tail.bytes, 0); /* zeros are the end */
        aof_reader_close(&reader);
        free(image.bytes);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(reader, knows_damage_from_a_torn_tail)
{
    for (unsigned broken = 0; broken < 4; broken++) {
        for (unsigned synced = 0; synced < 2; synced++) {
            uint64_t at[8];
            struct aof_reader reader;
            struct aof_tail tail;
            struct image image = make_image(small, 4, synced != 0, at);
            image.bytes[at[broken] + AOF_FRAME_BYTES + 5] ^= 0x10;
            cr_assert_eq(read_all(&reader, &image), broken);
            cr_assert_eq(aof_reader_tail(&reader, &tail), AOF_READ_OK);
            cr_assert_eq(tail.frames, 3 - broken);
            cr_assert_eq(tail.records, 3 - broken);
            cr_assert_gt(tail.bytes, 0);
            cr_assert_eq(aof_tail_is_torn(&reader, &tail), synced == 0 || broken == 3, "frame %u", broken + 1);
            aof_reader_close(&reader);
            free(image.bytes);
        }
    }
}

/* Bit by bit over header, frames and padding: nothing that was changed is taken, and all that is before it is. */
Test(reader, finds_every_flipped_bit)
{
    uint64_t at[8];
    struct image image = make_image(small, 2, true, at);
    for (uint64_t bit = 0; bit < at[2] * 8; bit++) {
        struct aof_reader reader;
        const struct aof_source source = source_of(&image);
        image.bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (bit / 8 < AOF_HEADER_BYTES) {
            cr_assert_eq(aof_reader_open(&reader, &source, 1), AOF_READ_BAD, "bit %lu", (unsigned long)bit);
        } else {
            struct aof_tail tail;
            cr_assert_eq(read_all(&reader, &image), bit / 8 < at[1] ? 0 : 1, "bit %lu", (unsigned long)bit);
            cr_assert_eq(aof_reader_tail(&reader, &tail), AOF_READ_OK);
            cr_assert_gt(tail.bytes, 0, "bit %lu", (unsigned long)bit);
            cr_assert_eq(aof_tail_is_torn(&reader, &tail), bit / 8 >= at[1]);
        }
        image.bytes[bit / 8] ^= (char)(1 << bit % 8);
        aof_reader_close(&reader);
    }
    free(image.bytes);
}

Test(reader, takes_no_frames_of_another_file)
{
    uint64_t at[8];
    struct aof_reader reader;
    struct aof_tail tail;
    struct image image = make_image(small, 4, true, at);
    struct aof_header other = header;
    other.file_id++;
    aof_header_write(&other, image.bytes);
    cr_assert_eq(read_all(&reader, &image), 0);
    cr_assert_eq(aof_reader_tail(&reader, &tail), AOF_READ_OK);
    cr_assert_eq(tail.frames, 0);
    cr_assert(aof_tail_is_torn(&reader, &tail));
    aof_reader_close(&reader);
    free(image.bytes);
}

Test(reader, does_not_believe_lengths)
{
    uint64_t at[8];
    struct aof_reader reader;
    struct image image = make_image(small, 1, true, at);
    memset(image.bytes + at[0] + 16, 0xff, 5); /* a length beyond the file */
    cr_assert_eq(read_all(&reader, &image), 0);
    cr_assert_leq(reader.window.capacity, 1 << 20);
    aof_reader_close(&reader);
    for (image.len = 0; image.len < AOF_HEADER_BYTES; image.len++) {
        const struct aof_source source = source_of(&image);
        cr_assert_eq(aof_reader_open(&reader, &source, 1), AOF_READ_BAD);
        aof_reader_close(&reader);
    }
    free(image.bytes);
}
