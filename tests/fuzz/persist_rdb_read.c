/* Fuzz target of persist: any bytes as a value, read within two sets of limits, at once and in steps. What is refused leaves
 * nothing behind; what is taken is sound, and comes back the same through a payload of its own.  */
#include "data/keyspace.h"
#include "mem/buffer.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_value.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct heap *heap;
static const struct hash_secret secret;

static const struct encoding_limits limit_rows[] = {
    {128, 64, 512, 128, 64, -2, 0, 4096, 100, false},
    {2, 4, 2, 2, 4, 2, 1, 64, 2, true},
};

/* The value with a footer that is right. */
static struct buffer seal(const uint8_t *data, size_t size)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    const char version[2] = {RDB_VERSION, 0};
    bool is_done = buffer_append(&payload, (struct bytes){(const char *)data, size}) &&
                   buffer_append(&payload, (struct bytes){version, sizeof version});
    const uint64_t crc = crc64(0, buffer_bytes(&payload));
    is_done = is_done && buffer_append(&payload, (struct bytes){(const char *)&crc, sizeof crc});
    assert(is_done);
    struct rdb_check check = {0};
    const enum rdb_status status = rdb_check_step(&check, buffer_bytes(&payload), SIZE_MAX);
    assert(status == RDB_DONE);
    return payload;
}

static enum rdb_status read_all(struct rdb_reader *reader, struct bytes payload, size_t items)
{
    enum rdb_status status;
    do {
        status = rdb_reader_step(reader, payload, items);
    } while (status == RDB_MORE);
    return status;
}

static struct buffer write_all(const struct entry *entry, const struct encoding_limits *limits)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    struct rdb_writer *writer = rdb_writer_create(entry, limits);
    const enum rdb_status status = rdb_writer_step(writer, &payload, SIZE_MAX);
    assert(status == RDB_DONE);
    rdb_writer_destroy(writer);
    return payload;
}

/* What was taken keeps its invariants, and a payload made of it is taken again and gives as long a payload. */
static void check_value(const struct entry *entry, const struct encoding_limits *limits)
{
    if (form_is_apart(entry_form(entry))) {
        const struct collection *collection = entry_collection(entry);
        assert(collection->type->fault(collection) == NULL);
    }
    struct buffer payload = write_all(entry, limits);
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, limits);
    const enum rdb_status status = read_all(reader, buffer_bytes(&payload), 3);
    assert(status == RDB_DONE);
    struct buffer again = write_all(rdb_reader_value(reader)->entry, limits);
    assert(again.len == payload.len);
    buffer_release(&again);
    buffer_release(&payload);
    rdb_reader_destroy(reader);
}

static void read_with(struct bytes payload, const struct encoding_limits *limits, size_t items)
{
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, limits);
    struct bytes text;
    if (read_all(reader, payload, items) == RDB_DONE && !rdb_reader_string(reader, payload, &text)) {
        check_value(rdb_reader_value(reader)->entry, limits);
    }
    rdb_reader_destroy(reader);
    assert(mem_counters_total(heap_counters(heap)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (heap == NULL) {
        heap = heap_create();
    }
    struct buffer payload = seal(data, size);
    for (size_t i = 0; i < sizeof limit_rows / sizeof limit_rows[0]; i++) {
        read_with(buffer_bytes(&payload), &limit_rows[i], i == 0 ? SIZE_MAX : 2);
    }
    buffer_release(&payload);
    return 0;
}
