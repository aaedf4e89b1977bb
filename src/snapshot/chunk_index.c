/* chunk_index.c - see chunk_index.h.  */
#include "snapshot/chunk_index.h"

#include "persist/rdb_format.h"
#include "persist/rdb_string.h"

#include <assert.h>

#define ROWS_FIELD BYTES("tessera-chunks")
#define PLACE_FIELD BYTES("tessera-index")

enum {
    ROW_BYTES = 12,
    PLACE_BYTES = 1 + 1 + 13 + 1 + 12, /* opcode, length and name, length and value */
    END_BYTES = 1 + 8,
};

/* An offset and a number. */
static void put_pair(char out[ROW_BYTES], uint64_t offset, uint32_t number)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (char)(offset >> (8 * i));
    }
    for (unsigned i = 0; i < 4; i++) {
        out[8 + i] = (char)(number >> (8 * i));
    }
}

bool chunk_index_add(struct chunk_index *index, uint64_t offset, uint32_t shard)
{
    char row[ROW_BYTES];
    put_pair(row, offset, shard);
    return buffer_append(&index->rows, (struct bytes){row, sizeof row});
}

static bool write_plain(struct buffer *out, struct bytes text)
{
    return rdb_write_length(out, text.len) && buffer_append(out, text);
}

bool chunk_index_write(const struct chunk_index *index, uint64_t at, uint32_t shards, struct buffer *out)
{
    char place[ROW_BYTES];
    put_pair(place, at, shards);
    return rdb_write_byte(out, RDB_OP_AUX) && write_plain(out, ROWS_FIELD) && write_plain(out, buffer_bytes(&index->rows)) &&
           rdb_write_byte(out, RDB_OP_AUX) && write_plain(out, PLACE_FIELD) &&
           write_plain(out, (struct bytes){place, sizeof place});
}

void chunk_index_release(struct chunk_index *index)
{
    buffer_release(&index->rows);
}

/* --- reading --- */

static bool read_plain(struct rdb_input *input, struct bytes *out)
{
    uint64_t len;
    return rdb_read_length(input, &len) && len <= rdb_left(input) && rdb_read_raw(input, (size_t)len, out);
}

static bool read_field(struct rdb_input *input, struct bytes name, struct bytes *value)
{
    uint8_t opcode;
    struct bytes found;
    return rdb_read_byte(input, &opcode) && opcode == RDB_OP_AUX && read_plain(input, &found) && bytes_equal(found, name) &&
           read_plain(input, value);
}

static struct chunk_place pair_at(struct bytes rows, uint64_t at)
{
    assert(at < rows.len / ROW_BYTES);
    const unsigned char *row = (const unsigned char *)rows.data + at * ROW_BYTES;
    struct chunk_place place = {0};
    for (unsigned i = 0; i < 8; i++) {
        place.offset |= (uint64_t)row[i] << (8 * i);
    }
    for (unsigned i = 0; i < 4; i++) {
        place.shard |= (uint32_t)row[8 + i] << (8 * i);
    }
    return place;
}

/* Offsets ascend, and there is room between them. */
static bool makes_sense(const struct found_chunks *chunks)
{
    uint64_t before = 0;
    for (uint64_t i = 0; i < chunks->count; i++) {
        const struct chunk_place place = chunk_index_at(chunks, i);
        if (place.offset <= before || place.offset >= chunks->end || place.shard >= chunks->shards) {
            return false;
        }
        before = place.offset;
    }
    return true;
}

struct found_chunks chunk_index_find(struct bytes file)
{
    const struct found_chunks none = {0};
    if (file.len < PLACE_BYTES + END_BYTES) {
        return none;
    }
    const size_t end = file.len - PLACE_BYTES - END_BYTES;
    struct rdb_input input = {.bytes = file, .at = end};
    struct bytes text;
    if (!read_field(&input, PLACE_FIELD, &text) || text.len != ROW_BYTES) {
        return none;
    }
    const struct chunk_place place = pair_at(text, 0);
    if (place.offset >= end) {
        return none;
    }
    struct found_chunks found = {.end = place.offset, .shards = place.shard};
    struct rdb_input field = {.bytes = {file.data, end}, .at = (size_t)place.offset};
    if (!read_field(&field, ROWS_FIELD, &found.rows) || field.at != end || found.rows.len % ROW_BYTES != 0) {
        return none;
    }
    found.count = found.rows.len / ROW_BYTES;
    return makes_sense(&found) ? found : none;
}

struct chunk_place chunk_index_at(const struct found_chunks *chunks, uint64_t at)
{
    return pair_at(chunks->rows, at);
}
