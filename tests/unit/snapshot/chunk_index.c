/* chunk_index.c - the index at the end of a file: what is written is found; what is damaged is found as written, or not at all.  */
#include "snapshot/chunk_index.h"

#include "persist/rdb_format.h"
#include "persist/rdb_string.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { SHARDS = 3, CHUNK = 100, END_BYTES = 8, SMALL = 5, MANY = 5000 };

/* `count` chunks behind a head of 9 bytes, the index, the end. */
static struct buffer make_file(uint32_t count)
{
    struct chunk_index index = CHUNK_INDEX_EMPTY;
    struct buffer file = BUFFER_EMPTY(MEM_SNAPSHOT);
    const char chunk[CHUNK] = {0};
    const char end[END_BYTES] = {0};
    cr_assert(buffer_append(&file, BYTES("REDIS0010")));
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(chunk_index_add(&index, file.len, i % SHARDS));
        cr_assert(buffer_append(&file, (struct bytes){chunk, 1 + i % CHUNK}));
    }
    cr_assert(chunk_index_write(&index, file.len, SHARDS, &file));
    cr_assert(rdb_write_byte(&file, RDB_OP_END) && buffer_append(&file, (struct bytes){end, sizeof end}));
    chunk_index_release(&index);
    return file;
}

Test(chunk_index, what_is_written_is_found)
{
    static const uint32_t counts[] = {1, 2, 63, 64, 1500, MANY};
    for (size_t row = 0; row < sizeof counts / sizeof counts[0]; row++) {
        struct buffer file = make_file(counts[row]);
        const struct found_chunks found = chunk_index_find(buffer_bytes(&file));
        cr_assert_eq(found.count, counts[row]);
        cr_assert_eq(found.shards, SHARDS);
        uint64_t offset = 9;
        for (uint32_t i = 0; i < counts[row]; i++) {
            const struct chunk_place place = chunk_index_at(&found, i);
            cr_assert_eq(place.offset, offset);
            cr_assert_eq(place.shard, i % SHARDS);
            offset += 1 + i % CHUNK;
        }
        cr_assert_eq(found.end, offset);
        buffer_release(&file);
    }
}

Test(chunk_index, a_file_without_chunks_or_index_has_none)
{
    struct buffer file = make_file(0);
    cr_assert_eq(chunk_index_find(buffer_bytes(&file)).count, 0);
    buffer_release(&file);
    cr_assert_eq(chunk_index_find(BYTES("")).count, 0);
    static const char zeros[1000];
    for (size_t len = 1; len < sizeof zeros; len++) {
        cr_assert_eq(chunk_index_find((struct bytes){zeros, len}).count, 0);
    }
}

/* Whatever is found lies in the file, and ascends. */
static void check_sense(struct bytes file)
{
    const struct found_chunks found = chunk_index_find(file);
    uint64_t before = 0;
    cr_assert(found.count == 0 || found.end < file.len);
    for (uint64_t i = 0; i < found.count; i++) {
        const struct chunk_place place = chunk_index_at(&found, i);
        cr_assert(place.offset > before && place.offset < found.end && place.shard < found.shards);
        before = place.offset;
    }
}

/* The file is a block of its own: a sanitizer sees what is read behind it. */
Test(chunk_index, damage_is_refused_or_makes_sense)
{
    struct buffer file = make_file(SMALL);
    for (size_t len = 0; len < file.len; len++) {
        char *copy = malloc(len == 0 ? 1 : len);
        memcpy(copy, file.data, len);
        cr_assert_eq(chunk_index_find((struct bytes){copy, len}).count, 0, "%zu bytes", len);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * file.len; bit++) {
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
        check_sense(buffer_bytes(&file));
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
    }
    cr_assert_eq(chunk_index_find(buffer_bytes(&file)).count, SMALL);
    buffer_release(&file);
}
