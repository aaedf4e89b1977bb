/* rdb_value.c - values of all types, in both of their forms, as payloads and back; and payloads that are older, or damaged.  */
#include "persist/rdb_value.h"

#include "data/hash_value.h"
#include "data/list.h"
#include "data/set.h"
#include "data/zset.h"
#include "encoding/stream_group.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_secret secret;
static const struct encoding_limits limits = {128, 64, 512, 128, 64, -2, 0, 4096, 100, false};
enum { STEP_ITEMS = 7 };

static enum rdb_status read_all(struct rdb_reader *reader, struct bytes payload, size_t items)
{
    enum rdb_status status;
    do {
        status = rdb_reader_step(reader, payload, items);
    } while (status == RDB_MORE);
    return status;
}

static struct buffer write_within(const struct entry *entry, const struct encoding_limits *within, size_t items)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    struct rdb_writer *writer = rdb_writer_create(entry, within);
    enum rdb_status status;
    do {
        status = rdb_writer_step(writer, &payload, items);
    } while (status == RDB_MORE);
    cr_assert_eq(status, RDB_DONE);
    rdb_writer_destroy(writer);
    return payload;
}

static struct buffer write_all(const struct entry *entry, size_t items)
{
    return write_within(entry, &limits, items);
}

/* The value's bytes with a footer. */
static struct buffer seal(struct bytes value)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    const char version[2] = {RDB_VERSION, 0};
    cr_assert(buffer_append(&payload, value) && buffer_append(&payload, (struct bytes){version, sizeof version}));
    const uint64_t crc = crc64(0, buffer_bytes(&payload));
    cr_assert(buffer_append(&payload, (struct bytes){(const char *)&crc, sizeof crc}));
    return payload;
}

static int64_t heap_bytes(const struct heap *heap)
{
    return mem_counters_total(heap_counters(heap));
}

/* --- makers: `count` elements --- */

static struct bytes name_of(unsigned number, char room[32])
{
    return (struct bytes){room, (size_t)snprintf(room, 32, "element:%u", number)};
}

static void make_list(struct value *value, unsigned count)
{
    char room[32];
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(list_push(value, &limits, LIST_TAIL, i % 3 == 0 ? BYTES("12345") : name_of(i, room)), RESULT_OK);
    }
}

static void make_set(struct value *value, unsigned count)
{
    char room[32];
    bool is_new;
    for (unsigned i = 0; i < count; i++) {
        const struct item member = set_member(name_of(i, room));
        cr_assert_eq(set_add(value, &limits, &member, &is_new), RESULT_OK);
    }
}

static void make_intset(struct value *value, unsigned count)
{
    bool is_new;
    for (unsigned i = 0; i < count; i++) {
        const struct item member = item_of_integer((int64_t)i * i * (i % 2 == 0 ? -1 : 1));
        cr_assert_eq(set_add(value, &limits, &member, &is_new), RESULT_OK);
    }
}

static void make_hash(struct value *value, unsigned count)
{
    char room[32];
    bool is_new;
    for (unsigned i = 0; i < count; i++) {
        const struct bytes text = i % 2 == 0 ? BYTES("-70000") : BYTES("some words that are a bit longer, longer, longer");
        cr_assert_eq(hash_put(value, &limits, name_of(i, room), text, &is_new), RESULT_OK);
    }
}

static void make_zset(struct value *value, unsigned count)
{
    char room[32];
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(zset_put(value, &limits, name_of(i, room), i % 4 == 0 ? i * 0.1 : (double)i * 1e15 - 1e17), RESULT_OK);
    }
}

static void make_stream(struct value *value, unsigned count)
{
    struct stream *stream = stream_create(value->heap);
    cr_assert_eq(value_set_collection(value, VALUE_FORM_STREAM, &stream->collection), RESULT_OK);
    struct stream_group *group;
    struct stream_consumer *consumers[2];
    cr_assert_eq(stream_create_group(stream, BYTES("readers"), STREAM_ID_MIN, STREAM_READ_UNKNOWN, &group), RESULT_OK);
    cr_assert_eq(stream_create_consumer(stream, group, BYTES("one"), 1000, &consumers[0]), RESULT_OK);
    cr_assert_eq(stream_create_consumer(stream, group, BYTES("7"), 2000, &consumers[1]), RESULT_OK);
    for (unsigned i = 0; i < count; i++) {
        const struct stream_id id = {1000 + i, i % 3};
        const struct bytes words[] = {BYTES("field"), BYTES("value"), BYTES("number"), BYTES("17")};
        cr_assert_eq(stream_append(stream, id, (struct stream_words){words, i % 5 == 0 ? 1 : 2}, &limits), RESULT_OK);
        const struct stream_nack nack = {5000 + i, i % 4, consumers[i % 2]};
        if (i % 3 == 0) {
            cr_assert_eq(stream_set_pending(stream, group, id, &nack), RESULT_OK);
        }
        if (i % 7 == 0) {
            cr_assert_eq(stream_delete(stream, id), RESULT_OK);
        }
    }
}

static const struct maker {
    const char *name;
    void (*make)(struct value *value, unsigned count);
} makers[] = {
    {"list", make_list}, {"set", make_set},   {"intset", make_intset},
    {"hash", make_hash}, {"zset", make_zset}, {"stream", make_stream},
};
enum { MAKERS = sizeof makers / sizeof makers[0] };
static const unsigned counts[] = {1, 5, 100, 3000};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static void check_fault(const struct entry *entry, const char *name)
{
    if (form_is_apart(entry_form(entry))) {
        const struct collection *collection = entry_collection(entry);
        const char *fault = collection->type->fault(collection);
        cr_assert_null(fault, "%s: %s", name, fault);
    }
}

/* Whatever the steps, the payload is the same; what is read from it gives it again. */
static void check_round_trip(struct heap *heap, const struct maker *maker, unsigned count)
{
    struct value value;
    value_open_detached(&value, heap, &secret);
    maker->make(&value, count);
    struct buffer payload = write_all(value.entry, SIZE_MAX);
    struct buffer in_steps = write_all(value.entry, STEP_ITEMS);
    cr_assert(bytes_equal(buffer_bytes(&payload), buffer_bytes(&in_steps)), "%s %u", maker->name, count);
    struct rdb_check check = {0};
    while (rdb_check_step(&check, buffer_bytes(&payload), 100) == RDB_MORE) {
    }
    cr_assert_eq(rdb_check_step(&check, buffer_bytes(&payload), 100), RDB_DONE);
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
    cr_assert_eq(read_all(reader, buffer_bytes(&payload), STEP_ITEMS), RDB_DONE, "%s %u", maker->name, count);
    const struct entry *entry = rdb_reader_value(reader)->entry;
    check_fault(entry, maker->name);
    cr_assert_eq(entry_form(entry), entry_form(value.entry), "%s %u", maker->name, count);
    struct buffer again = write_all(entry, SIZE_MAX);
    /* Large sets and hashes have no order: how members stand in a leaf depends on how they came there. */
    const bool has_order = entry_form(entry) != VALUE_FORM_SET && entry_form(entry) != VALUE_FORM_HASH;
    cr_assert(has_order ? bytes_equal(buffer_bytes(&payload), buffer_bytes(&again)) : payload.len == again.len, "%s %u",
              maker->name, count);
    buffer_release(&again);
    buffer_release(&in_steps);
    buffer_release(&payload);
    rdb_reader_destroy(reader);
    value_remove(&value);
    cr_assert_eq(heap_bytes(heap), 0, "%s %u", maker->name, count);
}

Test(rdb_value, every_type_comes_back)
{
    struct heap *heap = heap_create();
    for (size_t m = 0; m < MAKERS; m++) {
        for (size_t c = 0; c < COUNTS; c++) {
            check_round_trip(heap, &makers[m], counts[c]);
        }
    }
    heap_destroy(heap);
}

/* In steps a long string is written as in one go, packed if that makes it shorter, and comes back. */
static void check_long_string(struct keyspace *ks, struct bytes text)
{
    const struct key key = {BYTES("key"), hash_bytes(&secret, BYTES("key"))};
    cr_assert_eq(keyspace_put_string(ks, key, keyspace_find(ks, key, 0), text, EXPIRY_CLEAR, 0), RESULT_OK);
    struct buffer value = BUFFER_EMPTY(MEM_CLIENT);
    cr_assert(rdb_write_byte(&value, RDB_STRING) && rdb_write_text(&value, text, RDB_PACKED));
    struct buffer expected = seal(buffer_bytes(&value));
    for (size_t items = STEP_ITEMS; items > 0; items = items == SIZE_MAX ? 0 : SIZE_MAX) {
        struct buffer payload = write_all(keyspace_find(ks, key, 0), items);
        cr_assert(bytes_equal(buffer_bytes(&payload), buffer_bytes(&expected)), "%zu bytes", text.len);
        struct rdb_reader *reader = rdb_reader_create(ks->heap, &secret, &limits);
        struct bytes read;
        cr_assert_eq(read_all(reader, buffer_bytes(&payload), items), RDB_DONE);
        cr_assert(rdb_reader_string(reader, buffer_bytes(&payload), &read) && bytes_equal(read, text));
        rdb_reader_destroy(reader);
        buffer_release(&payload);
    }
    buffer_release(&value);
    buffer_release(&expected);
}

Test(rdb_value, long_strings_are_written_in_steps)
{
    enum { LONG_MAX_BYTES = 150000 };
    static char text[LONG_MAX_BYTES];
    struct heap *heap = heap_create();
    struct keyspace ks;
    keyspace_init(&ks, heap, &secret);
    for (unsigned letters = 1; letters <= 256; letters *= 2) { /* those of the most cannot be packed */
        uint64_t state = letters;
        for (size_t i = 0; i < sizeof text; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            text[i] = (char)((state >> 33) % letters);
        }
        for (size_t len = RDB_LONG_TEXT_MIN - 1; len < sizeof text; len = len < RDB_LONG_TEXT_MIN ? len + 1 : len * 2 + 1) {
            check_long_string(&ks, (struct bytes){text, len});
        }
    }
    keyspace_clear(&ks);
    cr_assert_eq(heap_bytes(heap), 0);
    heap_destroy(heap);
}

/* --- long texts within collections --- */

enum { LONG_ITEM = 3 * RDB_LONG_TEXT_MIN, LONG_STEP = 16, STEP_GROWTH_MAX = 16384 };

/* Every third text is long, and of those every second one cannot be packed. */
static struct bytes long_or_short(unsigned number, char room[LONG_ITEM])
{
    uint64_t state = number + 1;
    const size_t len = number % 3 == 0 ? LONG_ITEM - number : 20 + number;
    for (size_t i = 0; i < len; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        room[i] = number % 2 == 0 ? (char)(state >> 33) : 'x';
    }
    memcpy(room, &number, sizeof number);
    return (struct bytes){room, len};
}

static void make_long_list(struct value *value, unsigned count)
{
    static char room[LONG_ITEM];
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(list_push(value, &limits, LIST_TAIL, long_or_short(i, room)), RESULT_OK);
    }
}

static void make_long_set(struct value *value, unsigned count)
{
    static char room[LONG_ITEM];
    bool is_new;
    for (unsigned i = 0; i < count; i++) {
        const struct item member = set_member(long_or_short(i, room));
        cr_assert_eq(set_add(value, &limits, &member, &is_new), RESULT_OK);
    }
}

static void make_long_hash(struct value *value, unsigned count)
{
    static char field[LONG_ITEM], text[LONG_ITEM];
    bool is_new;
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(hash_put(value, &limits, long_or_short(i, field), long_or_short(i / 2, text), &is_new), RESULT_OK);
    }
}

static void make_long_zset(struct value *value, unsigned count)
{
    static char room[LONG_ITEM];
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(zset_put(value, &limits, long_or_short(i, room), i * 0.5), RESULT_OK);
    }
}

static void make_long_stream(struct value *value, unsigned count)
{
    static char room[LONG_ITEM];
    struct stream *stream = stream_create(value->heap);
    cr_assert_eq(value_set_collection(value, VALUE_FORM_STREAM, &stream->collection), RESULT_OK);
    for (unsigned i = 0; i < count; i++) {
        const struct bytes words[] = {BYTES("field"), long_or_short(i, room)};
        cr_assert_eq(stream_append(stream, (struct stream_id){1000 + i, 0}, (struct stream_words){words, 1}, &limits), RESULT_OK);
    }
}

static const struct maker long_makers[] = {
    {"list", make_long_list}, {"set", make_long_set}, {"hash", make_long_hash}, {"zset", make_long_zset}, {"stream", make_long_stream},
};

/* No step writes much more than its items are worth. */
static void check_growth(const struct entry *entry, const struct encoding_limits *within, const char *name)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    struct rdb_writer *writer = rdb_writer_create(entry, within);
    enum rdb_status status = RDB_MORE;
    while (status == RDB_MORE) {
        const size_t before = payload.len;
        status = rdb_writer_step(writer, &payload, LONG_STEP);
        cr_assert_leq(payload.len - before, STEP_GROWTH_MAX, "%s: %zu", name, payload.len - before);
    }
    cr_assert_eq(status, RDB_DONE);
    rdb_writer_destroy(writer);
    buffer_release(&payload);
}

static size_t check_long(struct heap *heap, const struct maker *maker, bool stays_plain)
{
    struct encoding_limits within = limits;
    within.texts_stay_plain = stays_plain;
    struct value value;
    value_open_detached(&value, heap, &secret);
    maker->make(&value, 40);
    struct buffer payload = write_within(value.entry, &within, SIZE_MAX);
    for (size_t items = 1; items < 300; items = items * 4 + 3) {
        struct buffer in_steps = write_within(value.entry, &within, items);
        cr_assert(bytes_equal(buffer_bytes(&payload), buffer_bytes(&in_steps)), "%s, %zu", maker->name, items);
        buffer_release(&in_steps);
    }
    check_growth(value.entry, &within, maker->name);
    struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
    cr_assert_eq(read_all(reader, buffer_bytes(&payload), STEP_ITEMS), RDB_DONE, "%s", maker->name);
    check_fault(rdb_reader_value(reader)->entry, maker->name);
    struct buffer again = write_within(rdb_reader_value(reader)->entry, &within, STEP_ITEMS);
    cr_assert_eq(payload.len, again.len, "%s", maker->name);
    const size_t len = payload.len;
    buffer_release(&again);
    buffer_release(&payload);
    rdb_reader_destroy(reader);
    value_remove(&value);
    cr_assert_eq(heap_bytes(heap), 0, "%s", maker->name);
    return len;
}

Test(rdb_value, long_texts_within_collections_are_written_in_steps)
{
    struct heap *heap = heap_create();
    for (size_t m = 0; m < sizeof long_makers / sizeof long_makers[0]; m++) {
        const size_t packed = check_long(heap, &long_makers[m], false);
        const size_t plain = check_long(heap, &long_makers[m], true);
        cr_assert_gt(plain, packed + 4 * LONG_ITEM, "%s: %zu, %zu", long_makers[m].name, plain, packed);
    }
    heap_destroy(heap);
}

/* What is written plain has each text as it is, behind its length. */
Test(rdb_value, texts_stay_plain_when_they_are_to)
{
    struct encoding_limits plain = limits;
    plain.texts_stay_plain = true;
    char text[100];
    memset(text, 'x', sizeof text);
    struct heap *heap = heap_create();
    struct value value;
    value_open_detached(&value, heap, &secret);
    cr_assert_eq(list_push(&value, &limits, LIST_TAIL, (struct bytes){text, sizeof text}), RESULT_OK);
    struct buffer payload = write_within(value.entry, &plain, SIZE_MAX);
    cr_assert_not_null(memmem(payload.data, payload.len, text, sizeof text));
    struct buffer packed = write_all(value.entry, SIZE_MAX);
    cr_assert_null(memmem(packed.data, packed.len, text, sizeof text));
    buffer_release(&packed);
    buffer_release(&payload);
    value_remove(&value);
    heap_destroy(heap);
}

Test(rdb_value, refused_memory_leaves_nothing_behind)
{
    struct heap *heap = heap_create();
    for (size_t m = 0; m < MAKERS; m++) {
        struct value value;
        value_open_detached(&value, heap, &secret);
        makers[m].make(&value, 200);
        struct buffer payload = write_all(value.entry, SIZE_MAX);
        value_remove(&value);
        enum rdb_status status = RDB_NO_MEMORY;
        for (int64_t allowed = 0; status == RDB_NO_MEMORY; allowed++) {
            struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
            heap_fail_after(heap, allowed);
            status = read_all(reader, buffer_bytes(&payload), STEP_ITEMS);
            cr_assert(status == RDB_NO_MEMORY || status == RDB_DONE, "%s after %" PRId64, makers[m].name, allowed);
            heap_fail_after(heap, -1);
            rdb_reader_destroy(reader);
            cr_assert_eq(heap_bytes(heap), 0, "%s after %" PRId64, makers[m].name, allowed);
        }
        buffer_release(&payload);
    }
    heap_destroy(heap);
}

/* No prefix of a payload is one, and no flipped bit does harm. */
Test(rdb_value, damaged_payloads_are_refused_or_sound)
{
    struct heap *heap = heap_create();
    for (size_t m = 0; m < MAKERS; m++) {
        struct value value;
        value_open_detached(&value, heap, &secret);
        makers[m].make(&value, 12);
        struct buffer whole = write_all(value.entry, SIZE_MAX);
        value_remove(&value);
        const size_t len = whole.len - RDB_FOOTER;
        for (size_t bit = 0; bit < 8 * len; bit++) {
            struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
            const size_t cut = bit % 8 == 0 ? bit / 8 : len;
            whole.data[bit / 8] = (char)(whole.data[bit / 8] ^ 1 << bit % 8);
            struct buffer payload = seal((struct bytes){whole.data, cut});
            whole.data[bit / 8] = (char)(whole.data[bit / 8] ^ 1 << bit % 8);
            const enum rdb_status status = read_all(reader, buffer_bytes(&payload), STEP_ITEMS);
            cr_assert(status == RDB_BAD || (status == RDB_DONE && cut == len), "%s bit %zu", makers[m].name, bit);
            if (status == RDB_DONE && rdb_reader_value(reader)->entry != NULL) {
                check_fault(rdb_reader_value(reader)->entry, makers[m].name);
            }
            buffer_release(&payload);
            rdb_reader_destroy(reader);
            cr_assert_eq(heap_bytes(heap), 0);
        }
        buffer_release(&whole);
    }
    heap_destroy(heap);
}

/* --- what other versions wrote --- */

/* The value as text: items one behind the other. */
static struct bytes describe(const struct entry *entry, char *room, size_t size)
{
    size_t len = 0;
    char scratch[ITEM_SCRATCH];
    struct item item, text;
    double score;
    union {
        struct list_walk list;
        struct set_walk set;
        struct hash_walk hash;
        struct zset_walk zset;
    } walk;
    switch (entry_type(entry)) {
    case VALUE_LIST:
        list_walk_begin(&walk.list, entry, 0, LIST_HEAD);
        while (list_walk_next(&walk.list, &item)) {
            const struct bytes word = item_text(&item, scratch);
            len += (size_t)snprintf(room + len, size - len, "%.*s ", (int)word.len, word.data);
        }
        list_walk_end(&walk.list);
        break;
    case VALUE_SET:
        set_walk_begin(&walk.set, entry);
        while (set_walk_next(&walk.set, &item)) {
            const struct bytes word = item_text(&item, scratch);
            len += (size_t)snprintf(room + len, size - len, "%.*s ", (int)word.len, word.data);
        }
        break;
    case VALUE_HASH:
        hash_walk_begin(&walk.hash, entry);
        while (hash_walk_next(&walk.hash, &item, &text)) {
            struct bytes word = item_text(&item, scratch);
            len += (size_t)snprintf(room + len, size - len, "%.*s=", (int)word.len, word.data);
            word = item_text(&text, scratch);
            len += (size_t)snprintf(room + len, size - len, "%.*s ", (int)word.len, word.data);
        }
        break;
    case VALUE_ZSET:
        zset_walk_begin(&walk.zset, entry, 0);
        while (zset_walk_next(&walk.zset, &item, &score)) {
            const struct bytes word = item_text(&item, scratch);
            len += (size_t)snprintf(room + len, size - len, "%.*s:%g ", (int)word.len, word.data, score);
        }
        break;
    case VALUE_STREAM:
        len += (size_t)snprintf(room, size, "length %" PRIu64, ((const struct stream *)entry_collection(entry))->length);
        break;
    default:
        break;
    }
    return (struct bytes){room, len};
}

/* Of a stream, old form: one node of two entries and a deleted one; behind it, the length that the stream says. */
#define OLD_STREAM "\x0f\x01\x10\x00\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x00\x00\x00\x00\x00\x00" \
    "33\x00\x00\x00\x14\x00\x02\x01\x01\x01\x01\x01\x81" "f\x02\x00\x01" \
    "\x02\x01\x00\x01\x00\x01\x81" "a\x02\x04\x01" \
    "\x03\x01\x01\x01\x00\x01\x81" "b\x02\x04\x01" \
    "\x02\x01\x02\x01\x00\x01\x81" "c\x02\x04\x01\xff"

Test(rdb_value, reads_what_other_versions_wrote)
{
    static const struct {
        struct bytes value, described;
    } rows[] = {
        {BYTES("\x01\x02\x01" "a\xc0\x07"), BYTES("a 7 ")},
        {BYTES("\x03\x03\x01" "a\x03" "1.5\x01" "b\xfe\x01" "c\xff"), BYTES("c:-inf a:1.5 b:inf ")},
        {BYTES("\x09\x0e\x02\x01" "f\x02\x00" "xy\x01" "g\x01\x01" "z?\xff"), BYTES("f=xy g=z ")},
        {BYTES("\x0a\x15\x15\x00\x00\x00\x10\x00\x00\x00\x03\x00\x00\x02" "ab\x04\xf8\x02\xc0\x39\x30\xff"),
         BYTES("ab 7 12345 ")},
        {BYTES("\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\xff\xff\x02\x00\x03\x00"), BYTES("-1 2 3 ")},
        {BYTES("\x0c\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01" "m\x03\xfe\xfb\xff"), BYTES("m:-5 ")},
        {BYTES("\x0d\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01" "f\x03\xf2\xff"), BYTES("f=1 ")},
        {BYTES("\x0e\x02\x0d\x0d\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\xf2\xff"
               "\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01" "a\xff"),
         BYTES("1 a ")},
        {BYTES("\x12\x02\x01\x03" "abc\x02\x09\x09\x00\x00\x00\x01\x00\x05\x01\xff"), BYTES("abc 5 ")},
        {BYTES(OLD_STREAM "\x02" "C\xea\x00\x00"), BYTES("length 2")},
        {BYTES(OLD_STREAM "\x03" "C\xea\x00\x00"), BYTES("length 2")}, /* entries are counted, whatever it says */
        {BYTES(OLD_STREAM "\x01" "C\xea\x00\x00"), BYTES("length 2")},
        {BYTES(OLD_STREAM "\x81\xff\xff\xff\xff\xff\xff\xff\xff" "C\xea\x00\x00"), BYTES("length 2")},
        {BYTES("\x0f\x00\x00\x05\x00\x00"), BYTES("length 0")},
    };
    struct heap *heap = heap_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer payload = seal(rows[i].value);
        struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
        cr_assert_eq(read_all(reader, buffer_bytes(&payload), 1), RDB_DONE, "row %zu", i);
        char room[200];
        const struct bytes described = describe(rdb_reader_value(reader)->entry, room, sizeof room);
        cr_assert(bytes_equal(described, rows[i].described), "row %zu: %.*s", i, (int)described.len, described.data);
        rdb_reader_destroy(reader);
        buffer_release(&payload);
    }
    heap_destroy(heap);
}

Test(rdb_value, refuses_what_makes_no_sense)
{
    static const struct bytes rows[] = {
        BYTES(""),                                     /* nothing */
        BYTES("\x06\x01"),                             /* a module's */
        BYTES("\x14\x01\x01" "a"),                     /* a type of later versions */
        BYTES("\x01\x00"),                             /* empty */
        BYTES("\x02\x02\x01" "a\x01" "a"),             /* a member twice */
        BYTES("\x04\x02\x01" "a\x01" "x\x01" "a\x01" "y"),
        BYTES("\x05\x01\x01" "a\x00\x00\x00\x00\x00\x00\xf8\x7f"), /* not a number */
        BYTES("\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01" "a"), /* so many that none are there */
        BYTES("\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00"), /* integers out of order */
        BYTES("\x10\x0a\x0a\x00\x00\x00\x01\x00\x81" "a\x02\xff"), /* a field without a value */
        BYTES("\x10\x0d\x0d\x00\x00\x00\x02\x00\x81" "a\x02\x81" "b\x03\xff"), /* a wrong back length */
        BYTES("\x0d\x10\x10\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\x01" "f\x03\xf2\xff"), /* a wrong tail */
        BYTES("\x11\x0d\x0d\x00\x00\x00\x02\x00\x81" "a\x02\x81" "x\x02\xff"), /* a score that is no number */
        BYTES("\x12\x01\x03\x01" "a"),                 /* a node of no kind */
        BYTES("\x13\x01\x10" "0123456789abcdef\x01" "x"), /* a stream's node that is none */
        BYTES(OLD_STREAM "\x02" "C\xe9\x00\x00"),       /* a last id below the last entry's */
        BYTES("\x0f\x00\x01\x05\x00\x00"),             /* a length without a node */
    };
    struct heap *heap = heap_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer payload = seal(rows[i]);
        struct rdb_reader *reader = rdb_reader_create(heap, &secret, &limits);
        cr_assert_eq(read_all(reader, buffer_bytes(&payload), SIZE_MAX), RDB_BAD, "row %zu", i);
        rdb_reader_destroy(reader);
        buffer_release(&payload);
        cr_assert_eq(heap_bytes(heap), 0, "row %zu", i);
    }
    heap_destroy(heap);
}

Test(rdb_value, footers_are_checked)
{
    struct buffer payload = seal(BYTES("\x00\x01" "a"));
    const size_t version_at = payload.len - RDB_FOOTER;
    for (size_t bit = 0; bit < 8 * payload.len; bit++) {
        struct rdb_check check = {0};
        payload.data[bit / 8] = (char)(payload.data[bit / 8] ^ 1 << bit % 8);
        cr_assert_eq(rdb_check_step(&check, buffer_bytes(&payload), SIZE_MAX), RDB_BAD, "bit %zu", bit);
        payload.data[bit / 8] = (char)(payload.data[bit / 8] ^ 1 << bit % 8);
    }
    struct rdb_check check = {0};
    cr_assert_eq(rdb_check_step(&check, buffer_bytes(&payload), SIZE_MAX), RDB_DONE);
    struct rdb_check short_check = {0};
    cr_assert_eq(rdb_check_step(&short_check, (struct bytes){payload.data, RDB_FOOTER - 1}, SIZE_MAX), RDB_BAD);
    payload.data[version_at] = RDB_VERSION_READ_MAX + 1;
    const uint64_t crc = crc64(0, (struct bytes){payload.data, payload.len - sizeof crc});
    memcpy(payload.data + payload.len - sizeof crc, &crc, sizeof crc);
    struct rdb_check later = {0};
    cr_assert_eq(rdb_check_step(&later, buffer_bytes(&payload), SIZE_MAX), RDB_BAD);
    buffer_release(&payload);
}
