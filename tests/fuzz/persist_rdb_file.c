/* Fuzz target of persist: any bytes as an RDB file. The items lie one behind the other, each range of them has the same ones,
 * and every value that a scan has passed over is read: it ends where the scan said, or is refused and leaves nothing behind.  */
#include "data/keyspace.h"
#include "mem/buffer.h"
#include "persist/crc64.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "persist/rdb_value.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 64 }; /* whose beginnings are remembered */

static struct heap *heap;
static const struct hash_secret secret;
static const struct encoding_limits limits = {4, 8, 8, 4, 8, -2, 0, 4096, 100, false};

static enum rdb_status read_value(struct rdb_reader *reader, const struct rdb_key *key, size_t items)
{
    enum rdb_status status;
    rdb_reader_begin(reader, key->type);
    do {
        status = rdb_reader_step_value(reader, key->value, items);
    } while (status == RDB_MORE);
    return status;
}

/* RESTORE passes over bytes behind a value, so it would take one that a scan has cut out too long. */
static enum rdb_status read_payload(const struct rdb_key *key)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    static const char footer[RDB_FOOTER] = {RDB_VERSION};
    const bool is_made = buffer_append(&payload, (struct bytes){(const char *)&key->type, 1}) &&
                         buffer_append(&payload, key->value) && buffer_append(&payload, (struct bytes){footer, sizeof footer});
    assert(is_made);
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
    const enum rdb_status status = rdb_reader_step(reader, buffer_bytes(&payload), SIZE_MAX);
    rdb_reader_destroy(reader);
    buffer_release(&payload);
    return status;
}

static void check_key(struct rdb_reader *reader, const struct rdb_key *key)
{
    const enum rdb_status status = read_value(reader, key, SIZE_MAX);
    struct bytes text;
    assert(status == RDB_DONE || status == RDB_BAD);
    if (status == RDB_DONE && !rdb_reader_string(reader, key->value, &text)) {
        const struct entry *entry = rdb_reader_value(reader)->entry;
        if (form_is_apart(entry_form(entry))) {
            const struct collection *collection = entry_collection(entry);
            assert(collection->type->fault(collection) == NULL);
        }
    }
    const enum rdb_refusal refusal = rdb_reader_refusal(reader);
    assert(rdb_refusal_text(refusal) != NULL);
    const enum rdb_status again = read_value(reader, key, 2);
    assert(again == status && rdb_reader_refusal(reader) == refusal);
    const enum rdb_status as_payload = read_payload(key);
    assert(as_payload == status);
    rdb_reader_begin(reader, RDB_STRING);
    assert(mem_counters_total(heap_counters(heap)) == 0);
}

/* Whatever stands in the item can be read, and the next one begins where it ends. */
static void check_item(const struct rdb_item *item, struct bytes file, uint64_t *at)
{
    assert(item->at == *at && item->end > item->at && item->end <= file.len);
    *at = item->end;
    switch (item->kind) {
    case RDB_ITEM_AUX:
        (void)crc64(crc64(0, item->aux.name), item->aux.value);
        break;
    case RDB_ITEM_FUNCTION:
        (void)crc64(0, item->code);
        break;
    case RDB_ITEM_MODULE_AUX:
        assert(item->module_aux.value.data + item->module_aux.value.len == file.data + item->end);
        break;
    case RDB_ITEM_KEY:
        (void)crc64(0, item->key.name);
        assert(item->key.value.data + item->key.value.len == file.data + item->end);
        assert(rdb_type_name(item->key.type) != NULL);
        break;
    default:
        break;
    }
}

/* The items between two beginnings are as many as the whole scan saw there. */
static void check_range(struct bytes file, const uint64_t *begins, size_t from, size_t to)
{
    struct rdb_scan scan;
    struct rdb_item item;
    const bool is_begun = rdb_scan_begin_range(&scan, file, begins[from], begins[to]);
    assert(is_begun);
    for (size_t i = from; i < to; i++) {
        const enum rdb_scan_status status = rdb_scan_next(&scan, &item);
        assert(status == RDB_SCAN_ITEM && item.at == begins[i]);
    }
    if (begins[to] < file.len) {
        const enum rdb_scan_status status = rdb_scan_next(&scan, &item);
        assert(status == RDB_SCAN_OVER);
    }
    rdb_scan_release(&scan);
}

static void check_file(struct bytes file, struct rdb_reader *reader)
{
    struct rdb_scan scan;
    struct rdb_item item;
    uint64_t at = RDB_FILE_HEADER, begins[ITEMS_MAX];
    size_t count = 0;
    bool is_fine = rdb_scan_begin(&scan, file);
    while (is_fine && rdb_scan_next(&scan, &item) == RDB_SCAN_ITEM) {
        check_item(&item, file, &at);
        if (count < ITEMS_MAX) {
            begins[count++] = item.at;
        }
        if (item.kind == RDB_ITEM_KEY) {
            check_key(reader, &item.key);
        }
    }
    is_fine = is_fine && scan.is_over;
    assert(is_fine == (scan.fault.sentence[0] == 0));
    assert(is_fine || scan.fault.at <= file.len);
    rdb_scan_release(&scan);
    if (count > 1) {
        check_range(file, begins, 0, count - 1);
        check_range(file, begins, count / 2, count - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (heap == NULL) {
        heap = heap_create();
    }
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
    check_file((struct bytes){(const char *)data, size}, reader);
    rdb_reader_destroy(reader);
    assert(mem_counters_total(heap_counters(heap)) == 0);
    return 0;
}
