/* rdb_read.c - one function per type reads an element and adds it to the value; what an element is made of, a table says.
 *
 * Invariant  A count that the payload claims is only ever counted down: what is allocated follows from bytes that are there.
 * Read on    rdb_read_private.h, rdb_read_stream.c.  */
#include "persist/rdb_read_private.h"

#include "data/hash_value.h"
#include "data/list.h"
#include "data/set.h"
#include "data/zset.h"
#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"

#include <assert.h>
#include <math.h>

enum {
    BYTES_AN_ITEM = 1024, /* of a packed string: 1 us */
    ROOM_KEPT = 1 << 20,  /* of the room for unpacked strings, from one value of a file to the next */
};

/* --- the footer --- */

enum rdb_status rdb_check_step(struct rdb_check *check, struct bytes payload, size_t limit)
{
    if (payload.len < RDB_FOOTER) {
        return RDB_BAD;
    }
    const char *footer = payload.data + payload.len - RDB_FOOTER;
    const unsigned version = (unsigned char)footer[0] | (unsigned)(unsigned char)footer[1] << 8;
    if (version > RDB_VERSION_READ_MAX) {
        return RDB_BAD;
    }
    const size_t end = payload.len - RDB_FOOTER + 2;
    const size_t some = end - check->at < limit ? end - check->at : limit;
    check->crc = crc64(check->crc, (struct bytes){payload.data + check->at, some});
    check->at += some;
    if (check->at < end) {
        return RDB_MORE;
    }
    return memcmp(&check->crc, footer + 2, sizeof check->crc) == 0 ? RDB_DONE : RDB_BAD;
}

/* --- items --- */

static struct bytes blob_bytes(const struct rdb_reader *reader, struct bytes payload)
{
    return reader->is_unpacked ? buffer_bytes(&reader->rooms[0])
                               : (struct bytes){payload.data + reader->blob_at, reader->blob_len};
}

/* Takes the next string of the payload as the blob: RDB_DONE. */
static enum rdb_status take_blob(struct rdb_reader *reader, struct rdb_input *input)
{
    struct rdb_text text;
    if (!rdb_read_text(input, &text)) {
        return RDB_BAD;
    }
    reader->is_unpacked = text.packed_from != 0 || text.bytes.data == NULL;
    if (text.bytes.data == NULL) { /* an integer: its digits */
        reader->rooms[0].len = 0;
        const struct bytes digits = {reader->digits, int64_format(text.integer, reader->digits)};
        return buffer_append(&reader->rooms[0], digits) ? RDB_DONE : RDB_NO_MEMORY;
    }
    if (text.packed_from != 0) {
        return rdb_status_of_result(rdb_text_unpack(&text, &reader->rooms[0]));
    }
    reader->blob_at = (size_t)(text.bytes.data - input->bytes.data);
    reader->blob_len = text.bytes.len;
    return RDB_DONE;
}

/* Begins the next string of many items: RDB_DONE. */
static enum rdb_status open_blob(struct rdb_reader *reader, struct rdb_input *input)
{
    enum blob_form form = (enum blob_form)reader->plan->blob;
    uint64_t container;
    if (reader->plan->has_containers) {
        if (!rdb_read_length(input, &container) || (container != RDB_NODE_PLAIN && container != RDB_NODE_PACKED)) {
            return RDB_BAD;
        }
        form = container == RDB_NODE_PLAIN ? BLOB_TEXT : form;
    }
    const enum rdb_status status = take_blob(reader, input);
    if (status != RDB_DONE) {
        return status;
    }
    reader->is_in_blob = true;
    return blob_begin(&reader->cursor, form, blob_bytes(reader, input->bytes)) ? RDB_DONE : RDB_BAD;
}

/* One item of an element, the first or the second. RDB_DONE: *out. RDB_MORE: the blob has no more. */
static enum rdb_status next_item(struct rdb_reader *reader, struct rdb_input *input, unsigned which, struct item *out)
{
    if (!reader->is_in_blob) {
        return rdb_status_of_result(rdb_read_item(input, &reader->rooms[which], out));
    }
    static const enum rdb_status statuses[] = {[BLOB_ITEM] = RDB_DONE, [BLOB_END] = RDB_MORE, [BLOB_BAD] = RDB_BAD};
    return statuses[blob_next(&reader->cursor, blob_bytes(reader, input->bytes), out)];
}

/* The same for an item that must be there. */
static enum rdb_status next_half(struct rdb_reader *reader, struct rdb_input *input, struct item *out)
{
    const enum rdb_status status = next_item(reader, input, 1, out);
    return status == RDB_MORE ? RDB_BAD : status;
}

/* --- elements: RDB_DONE: one was added; RDB_MORE: the blob has no more --- */

static enum rdb_status add_to_list(struct rdb_reader *reader, struct rdb_input *input)
{
    struct item item;
    char scratch[ITEM_SCRATCH];
    const enum rdb_status status = next_item(reader, input, 0, &item);
    if (status != RDB_DONE) {
        return status;
    }
    return rdb_status_of_result(list_push(&reader->value, &reader->limits, LIST_TAIL, item_text(&item, scratch)));
}

static enum rdb_status add_to_set(struct rdb_reader *reader, struct rdb_input *input)
{
    struct item item;
    bool is_new = false;
    char scratch[ITEM_SCRATCH];
    enum rdb_status status = next_item(reader, input, 0, &item);
    if (status != RDB_DONE) {
        return status;
    }
    const struct item member = set_member(item_text(&item, scratch));
    status = rdb_status_of_result(set_add(&reader->value, &reader->limits, &member, &is_new));
    return status == RDB_DONE && !is_new ? RDB_BAD : status;
}

/* A field, with its value, as it was read. */
struct pair_read {
    struct item field, text;
    char scratch[2][ITEM_SCRATCH];
};

static enum rdb_status put_pair(struct rdb_reader *reader, struct rdb_input *input, struct pair_read *pair)
{
    bool is_new = false;
    enum rdb_status status = next_item(reader, input, 0, &pair->field);
    if (status == RDB_DONE) {
        status = next_half(reader, input, &pair->text);
    }
    if (status != RDB_DONE) {
        return status;
    }
    status = rdb_status_of_result(hash_put(&reader->value, &reader->limits, item_text(&pair->field, pair->scratch[0]),
                                           item_text(&pair->text, pair->scratch[1]), &is_new));
    return status == RDB_DONE && !is_new ? RDB_BAD : status;
}

static enum rdb_status add_to_hash(struct rdb_reader *reader, struct rdb_input *input)
{
    struct pair_read pair;
    return put_pair(reader, input, &pair);
}

static enum rdb_status refuse(struct rdb_reader *reader, enum rdb_refusal refusal)
{
    reader->refusal = refusal;
    return RDB_BAD;
}

/* A field's time: before the field, from the least one on, 1 for that; or in a listpack, absolute, behind its value. TIMED_NONE: 0 says
 * that it has none.  */
static enum rdb_status read_field_time(struct rdb_reader *reader, struct rdb_input *input, int64_t *out)
{
    uint64_t time;
    if (reader->is_in_blob) {
        struct item item;
        const enum rdb_status status = next_half(reader, input, &item);
        if (status != RDB_DONE || !item_is_integer(&item)) {
            return status == RDB_DONE ? RDB_BAD : status;
        }
        time = (uint64_t)item.integer;
    } else if (!rdb_read_length(input, &time)) {
        return RDB_BAD;
    } else if (time != 0 && reader->plan->has_least_expiry && __builtin_add_overflow(time - 1, reader->least_expiry_ms, &time)) {
        return RDB_BAD;
    } else if (time == 0 && reader->plan->has_least_expiry) {
        *out = TIMED_NONE;
        return RDB_DONE;
    }
    *out = time == 0 ? TIMED_NONE : (int64_t)time;
    return time <= (uint64_t)TIMED_MS_MAX ? RDB_DONE : RDB_BAD;
}

static enum rdb_status add_to_expiring_hash(struct rdb_reader *reader, struct rdb_input *input)
{
    const bool is_in_blob = reader->is_in_blob;
    int64_t time_ms = TIMED_NONE;
    struct pair_read pair;
    enum rdb_status status = is_in_blob ? RDB_DONE : read_field_time(reader, input, &time_ms);
    if (status == RDB_DONE) {
        status = put_pair(reader, input, &pair);
    }
    if (status == RDB_DONE && is_in_blob) {
        status = read_field_time(reader, input, &time_ms);
    }
    if (status != RDB_DONE || time_ms == TIMED_NONE) {
        return status;
    }
    return rdb_status_of_result(hash_set_time(&reader->value, item_text(&pair.field, pair.scratch[0]), time_ms));
}

static enum rdb_status read_text_score(struct rdb_input *input, double *out)
{
    uint8_t len;
    struct bytes text;
    if (!rdb_read_byte(input, &len) || len == RDB_SCORE_NAN) {
        return RDB_BAD;
    }
    if (len == RDB_SCORE_INF || len == RDB_SCORE_MINUS_INF) {
        *out = len == RDB_SCORE_INF ? (double)INFINITY : -(double)INFINITY;
        return RDB_DONE;
    }
    return rdb_read_raw(input, len, &text) && double_parse(text, out) ? RDB_DONE : RDB_BAD;
}

static enum rdb_status read_binary_score(struct rdb_input *input, double *out)
{
    uint64_t bits;
    if (!rdb_read_word(input, &bits)) {
        return RDB_BAD;
    }
    memcpy(out, &bits, sizeof *out);
    return isnan(*out) ? RDB_BAD : RDB_DONE;
}

static enum rdb_status read_score(struct rdb_reader *reader, struct rdb_input *input, double *out)
{
    if (!reader->is_in_blob) {
        return reader->plan->has_binary_score ? read_binary_score(input, out) : read_text_score(input, out);
    }
    struct item item;
    const enum rdb_status status = next_half(reader, input, &item);
    if (status != RDB_DONE) {
        return status;
    }
    if (item_is_integer(&item)) {
        *out = (double)item.integer;
        return RDB_DONE;
    }
    return double_parse((struct bytes){item.data, item.len}, out) ? RDB_DONE : RDB_BAD;
}

static enum rdb_status add_to_zset(struct rdb_reader *reader, struct rdb_input *input)
{
    struct item member;
    double score;
    struct zset_place place;
    char scratch[ITEM_SCRATCH];
    enum rdb_status status = next_item(reader, input, 0, &member);
    if (status == RDB_DONE) {
        status = read_score(reader, input, &score);
    }
    if (status != RDB_DONE) {
        return status;
    }
    if (zset_find(&reader->value, item_text(&member, scratch), &place)) {
        return RDB_BAD;
    }
    return rdb_status_of_result(zset_add(&reader->value, &reader->limits, &place, score));
}

/* --- any value --- */

static const struct read_plan read_plans[] = {
    [RDB_LIST] = {.add = add_to_list, .blob = BLOB_TEXT, .has_count = true},
    [RDB_LIST_ZIPLIST] = {.add = add_to_list, .blob = BLOB_ZIPLIST},
    [RDB_LIST_QUICKLIST] = {.add = add_to_list, .blob = BLOB_ZIPLIST, .has_count = true},
    [RDB_LIST_QUICKLIST_2] = {.add = add_to_list, .blob = BLOB_LISTPACK, .has_count = true, .has_containers = true},
    [RDB_SET] = {.add = add_to_set, .blob = BLOB_TEXT, .has_count = true},
    [RDB_SET_INTSET] = {.add = add_to_set, .blob = BLOB_INTSET},
    [RDB_ZSET_TEXT] = {.add = add_to_zset, .blob = BLOB_TEXT, .has_count = true, .is_made_large = true},
    [RDB_ZSET] = {.add = add_to_zset, .blob = BLOB_TEXT, .has_count = true, .has_binary_score = true, .is_made_large = true},
    [RDB_ZSET_ZIPLIST] = {.add = add_to_zset, .blob = BLOB_ZIPLIST, .ignores_lengths = true},
    [RDB_ZSET_LISTPACK] = {.add = add_to_zset, .blob = BLOB_LISTPACK, .ignores_lengths = true},
    [RDB_HASH] = {.add = add_to_hash, .blob = BLOB_TEXT, .has_count = true},
    [RDB_HASH_ZIPMAP] = {.add = add_to_hash, .blob = BLOB_ZIPMAP},
    [RDB_HASH_ZIPLIST] = {.add = add_to_hash, .blob = BLOB_ZIPLIST, .ignores_lengths = true},
    [RDB_HASH_LISTPACK] = {.add = add_to_hash, .blob = BLOB_LISTPACK, .ignores_lengths = true},
    [RDB_STREAM] = {.has_count = true, .is_stream = true, .is_old_stream = true},
    [RDB_STREAM_2] = {.has_count = true, .is_stream = true},
    [RDB_SET_LISTPACK] = {.add = add_to_set, .blob = BLOB_LISTPACK},
    [RDB_STREAM_3] = {.has_count = true, .is_stream = true, .has_active_time = true},
    [RDB_HASH_EXPIRING_OLD] = {.add = add_to_expiring_hash, .blob = BLOB_TEXT, .has_count = true},
    [RDB_HASH_EXPIRING_LISTPACK_OLD] = {.add = add_to_expiring_hash, .blob = BLOB_LISTPACK, .ignores_lengths = true},
    [RDB_HASH_EXPIRING] = {.add = add_to_expiring_hash, .blob = BLOB_TEXT, .has_count = true, .has_least_expiry = true},
    [RDB_HASH_EXPIRING_LISTPACK] = {.add = add_to_expiring_hash, .blob = BLOB_LISTPACK, .has_least_expiry = true,
                                    .ignores_lengths = true},
};

struct rdb_reader *rdb_reader_create(struct heap *heap, const struct hash_secret *secret, const struct encoding_limits *limits)
{
    struct rdb_reader *reader = thread_alloc_zeroed(MEM_CLIENT, sizeof *reader);
    if (reader != NULL) {
        value_open_detached(&reader->value, heap, secret);
        reader->limits = *limits;
        reader->final_limits = *limits;
        reader->rooms[0] = BUFFER_EMPTY(MEM_CLIENT);
        reader->rooms[1] = BUFFER_EMPTY(MEM_CLIENT);
    }
    return reader;
}

/* The value is the next string: RDB_DONE, or RDB_MORE when it is packed. */
static enum rdb_status begin_string(struct rdb_reader *reader, struct rdb_input *input)
{
    struct rdb_text text;
    struct rdb_input ahead = *input;
    if (!rdb_read_text(&ahead, &text) || text.packed_from == 0) {
        return take_blob(reader, input);
    }
    if (!buffer_reserve(&reader->rooms[0], text.packed_from)) {
        return RDB_NO_MEMORY;
    }
    *input = ahead;
    reader->is_unpacked = true;
    reader->packed_at = (size_t)(text.bytes.data - input->bytes.data);
    reader->packed_len = text.bytes.len;
    reader->packed_from = text.packed_from;
    return RDB_MORE;
}

static enum rdb_status unpack_string(struct rdb_reader *reader, const struct rdb_input *input, size_t items)
{
    const size_t bytes = items > reader->packed_from / BYTES_AN_ITEM ? reader->packed_from : items * BYTES_AN_ITEM;
    const struct bytes packed = {input->bytes.data + reader->packed_at, reader->packed_len};
    switch (lzf_unpacker_step(&reader->unpacker, packed, reader->rooms[0].data, reader->packed_from, bytes)) {
    case LZF_MORE:
        return RDB_MORE;
    case LZF_UNFIT:
        return RDB_BAD;
    case LZF_DONE:
        break;
    }
    reader->rooms[0].len = reader->packed_from;
    return RDB_DONE;
}

static bool is_known_type(uint8_t type)
{
    return type < sizeof read_plans / sizeof read_plans[0] && (read_plans[type].add != NULL || read_plans[type].is_stream);
}

/* Reads the type and how much there is: RDB_DONE. */
static enum rdb_status begin_value(struct rdb_reader *reader, struct rdb_input *input)
{
    if (!reader->is_typed && !rdb_read_byte(input, &reader->type)) {
        return RDB_BAD;
    }
    if (reader->type == RDB_STRING) {
        reader->is_string = true;
        return begin_string(reader, input);
    }
    if (!is_known_type(reader->type)) {
        const bool is_module = reader->type == RDB_MODULE || reader->type == RDB_MODULE_OLD;
        return refuse(reader, is_module ? RDB_REFUSAL_MODULE : RDB_REFUSAL_TYPE);
    }
    reader->plan = &read_plans[reader->type];
    reader->left = 1;
    if (reader->plan->ignores_lengths) {
        reader->limits.hash_max_listpack_value = INT64_MAX;
        reader->limits.zset_max_listpack_value = INT64_MAX;
    }
    if (reader->plan->is_made_large) {
        reader->limits.zset_max_listpack_entries = 0;
    }
    if (reader->plan->has_least_expiry && !rdb_read_word(input, &reader->least_expiry_ms)) {
        return RDB_BAD;
    }
    return !reader->plan->has_count || rdb_read_length(input, &reader->left) ? RDB_DONE : RDB_BAD;
}

/* Reads an element, or goes to the next blob: RDB_MORE. RDB_DONE: nothing was left. */
static enum rdb_status read_element(struct rdb_reader *reader, struct rdb_input *input)
{
    enum rdb_status status = RDB_DONE;
    if (!reader->is_in_blob) {
        if (reader->left == 0) {
            return RDB_DONE;
        }
        reader->left--;
        if (reader->plan->blob != BLOB_TEXT) {
            status = open_blob(reader, input);
        }
    }
    if (status == RDB_DONE) {
        status = reader->plan->add(reader, input);
    }
    if (status == RDB_MORE) {
        reader->is_in_blob = false;
    }
    return status == RDB_DONE ? RDB_MORE : status;
}

/* All elements are there. Redis takes no empty collections. */
static enum rdb_status end_value(struct rdb_reader *reader)
{
    if (reader->value.entry == NULL) {
        return refuse(reader, RDB_REFUSAL_EMPTY);
    }
    const bool is_settled = !reader->plan->is_made_large;
    return is_settled ? RDB_DONE : rdb_status_of_result(zset_settle(&reader->value, &reader->final_limits));
}

static enum rdb_status read_some(struct rdb_reader *reader, struct rdb_input *input, size_t items)
{
    enum rdb_status status = RDB_MORE;
    if (reader->plan == NULL && !reader->is_string) {
        const enum rdb_status begun = begin_value(reader, input);
        if (begun != (reader->is_string ? RDB_MORE : RDB_DONE)) {
            return begun;
        }
    }
    if (reader->is_string) {
        return unpack_string(reader, input, items);
    }
    if (reader->plan->is_stream) {
        return rdb_read_stream_step(reader, input, items);
    }
    for (size_t i = 0; i < items && status == RDB_MORE; i++) {
        status = read_element(reader, input);
    }
    return status == RDB_DONE ? end_value(reader) : status;
}

static enum rdb_status step(struct rdb_reader *reader, struct bytes bytes, size_t items)
{
    struct rdb_input input = {bytes, reader->at};
    const enum rdb_status status = read_some(reader, &input, items);
    reader->at = input.at;
    if (status != RDB_MORE) {
        rdb_read_stream_end(reader);
    }
    return status;
}

enum rdb_status rdb_reader_step(struct rdb_reader *reader, struct bytes payload, size_t items)
{
    assert(!reader->is_typed);
    return payload.len < RDB_FOOTER ? RDB_BAD : step(reader, (struct bytes){payload.data, payload.len - RDB_FOOTER}, items);
}

enum rdb_status rdb_reader_step_value(struct rdb_reader *reader, struct bytes value, size_t items)
{
    assert(reader->is_typed);
    const enum rdb_status status = step(reader, value, items);
    return status == RDB_DONE && reader->at != value.len ? RDB_BAD : status;
}

enum rdb_refusal rdb_reader_refusal(const struct rdb_reader *reader)
{
    return reader->refusal;
}

const char *rdb_refusal_text(enum rdb_refusal refusal)
{
    static const char *const texts[] = {
        [RDB_REFUSAL_DAMAGED] = "the value is damaged",
        [RDB_REFUSAL_EMPTY] = "the collection is empty",
        [RDB_REFUSAL_MODULE] = "a module's values are not supported",
        [RDB_REFUSAL_TYPE] = "values of this type are not supported",
    };
    return texts[refusal];
}

bool rdb_reader_string(const struct rdb_reader *reader, struct bytes bytes, struct bytes *out)
{
    if (reader->is_string) {
        *out = blob_bytes(reader, bytes);
    }
    return reader->is_string;
}

struct value *rdb_reader_value(struct rdb_reader *reader)
{
    return &reader->value;
}

/* Frees what was read and not stored. */
static void drop_value(struct rdb_reader *reader)
{
    rdb_read_stream_end(reader);
    if (reader->value.entry != NULL) {
        value_remove(&reader->value);
    }
}

void rdb_reader_begin(struct rdb_reader *reader, uint8_t type)
{
    drop_value(reader);
    struct value value;
    value_open_detached(&value, reader->value.heap, reader->value.secret);
    value.home = reader->value.home;
    for (size_t i = 0; i < sizeof reader->rooms / sizeof reader->rooms[0]; i++) {
        reader->rooms[i].len = 0;
        buffer_shrink(&reader->rooms[i], ROOM_KEPT);
    }
    *reader = (struct rdb_reader){
        .value = value,
        .limits = reader->final_limits,
        .final_limits = reader->final_limits,
        .rooms = {reader->rooms[0], reader->rooms[1]},
        .is_typed = true,
        .type = type,
    };
}

void rdb_reader_destroy(struct rdb_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    drop_value(reader);
    buffer_release(&reader->rooms[0]);
    buffer_release(&reader->rooms[1]);
    thread_free(MEM_CLIENT, reader, sizeof *reader);
}
