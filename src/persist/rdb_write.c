/* rdb_write.c - one step function per type that redis-server would write; each goes on where it stopped.
 *
 * A small hash or sorted set becomes a listpack in `blob` before it is written (blob_write.h).
 *
 * Invariant  `summed` bytes of the output are in `crc`.  */
#include "persist/rdb_write_private.h"

#include "encoding/intset.h"
#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"

#include <assert.h>

/* Redis keeps scores as integers up to here, on either side of 0. */
#define SCORE_INTEGER_MAX 4611686018427387904.0

/* --- strings --- */

/* A long one is `text` from the beginning. */
static enum rdb_status string_step(struct rdb_writer *writer, struct buffer *out)
{
    int64_t integer;
    if (entry_integer(writer->entry, &integer)) {
        return rdb_status_of(rdb_write_integer(out, integer), RDB_DONE);
    }
    char scratch[STRING_SCRATCH];
    return rdb_status_of(rdb_write_text(out, entry_string(writer->entry, scratch), writer->packing), RDB_DONE);
}

/* --- sets --- */

/* A large set may be one of integers, too, when set-max-intset-entries allows it. */
static enum rdb_status intset_step(struct rdb_writer *writer, struct buffer *out)
{
    if (writer->entry != NULL) {
        return rdb_status_of(rdb_write_text(out, entry_packed(writer->entry), writer->packing), RDB_DONE);
    }
    struct item member;
    while (rdb_takes_item(writer)) {
        if (!set_walk_next(&writer->walk.set, &member)) {
            return rdb_status_of(rdb_put_text(writer, out, blob_end_intset(&writer->blob)), RDB_DONE);
        }
        assert(item_is_integer(&member));
        if (!blob_add_integer(&writer->blob, member.integer)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

static enum rdb_status set_step(struct rdb_writer *writer, struct buffer *out)
{
    struct item member;
    while (rdb_takes_item(writer)) {
        if (!set_walk_next(&writer->walk.set, &member)) {
            return RDB_DONE;
        }
        if (!rdb_put_item(writer, out, &member)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

/* --- hashes --- */

/* Redis keeps as an integer what reads like one, also where our large form has kept the text. */
static bool add_text(struct rdb_writer *writer, const struct item *item)
{
    char scratch[ITEM_SCRATCH];
    struct item kept = packed_item(item_text(item, scratch));
    return blob_add_item(&writer->blob, &kept);
}

static enum rdb_status hash_listpack_step(struct rdb_writer *writer, struct buffer *out)
{
    struct item field, text;
    while (rdb_takes_item(writer)) {
        if (!hash_walk_next(&writer->walk.hash, &field, &text)) {
            return rdb_status_of(rdb_put_text(writer, out, blob_end_listpack(&writer->blob)), RDB_DONE);
        }
        if (!add_text(writer, &field) || !add_text(writer, &text)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

/* The field's time from the least one on, 1 for that; 0: it has none. */
static bool write_time(const struct rdb_writer *writer, struct buffer *out, const struct item *field)
{
    char scratch[ITEM_SCRATCH];
    const int64_t time_ms = timed_table_time(writer->timed, item_text(field, scratch));
    const int64_t relative = time_ms == TIMED_NONE ? 0 : time_ms - timed_table_earliest(writer->timed) + 1;
    return rdb_write_length(out, (uint64_t)relative);
}

/* A field, behind its time where fields have some, or the text behind it. */
static enum rdb_status hash_step(struct rdb_writer *writer, struct buffer *out)
{
    struct item field;
    while (rdb_takes_item(writer)) {
        writer->has_second = !writer->has_second;
        if (writer->has_second && !hash_walk_next(&writer->walk.hash, &field, &writer->second)) {
            return RDB_DONE;
        }
        if (UNLIKELY(writer->timed != NULL) && writer->has_second && !write_time(writer, out, &field)) {
            return RDB_NO_MEMORY;
        }
        if (!rdb_put_item(writer, out, writer->has_second ? &field : &writer->second)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

/* --- sorted sets --- */

static bool add_score(struct rdb_writer *writer, double score)
{
    char digits[DOUBLE_TEXT_MAX];
    if (score >= -SCORE_INTEGER_MAX && score <= SCORE_INTEGER_MAX && (double)(int64_t)score == score) {
        struct item integer = item_of_integer((int64_t)score);
        return blob_add_item(&writer->blob, &integer);
    }
    struct item text = item_of_text((struct bytes){digits, double_format(score, digits)});
    return blob_add_item(&writer->blob, &text);
}

static enum rdb_status zset_listpack_step(struct rdb_writer *writer, struct buffer *out)
{
    struct item member;
    double score;
    while (rdb_takes_item(writer)) {
        if (!zset_walk_next(&writer->walk.zset, &member, &score)) {
            return rdb_status_of(rdb_put_text(writer, out, blob_end_listpack(&writer->blob)), RDB_DONE);
        }
        if (!add_text(writer, &member) || !add_score(writer, score)) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

static bool write_score(struct buffer *out, double score)
{
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    return rdb_write_word(out, bits);
}

/* A member, or its score. From the highest score to the lowest, as redis-server does, so that reading finds each place at the front. */
static enum rdb_status zset_step(struct rdb_writer *writer, struct buffer *out)
{
    struct item member;
    while (rdb_takes_item(writer)) {
        writer->has_second = !writer->has_second;
        if (writer->has_second && !zset_walk_previous(&writer->walk.zset, &member, &writer->score)) {
            return RDB_DONE;
        }
        if (!(writer->has_second ? rdb_put_item(writer, out, &member) : write_score(out, writer->score))) {
            return RDB_NO_MEMORY;
        }
    }
    return RDB_MORE;
}

/* --- any value --- */

typedef enum rdb_status write_step_fn(struct rdb_writer *writer, struct buffer *out);

static const struct write_plan {
    uint8_t type; /* enum rdb_type */
    bool has_count;
    write_step_fn *step;
} write_plans[] = {
    [WRITE_STRING] = {RDB_STRING, false, string_step},
    [WRITE_LIST] = {RDB_LIST_QUICKLIST_2, false, rdb_list_step},
    [WRITE_INTSET] = {RDB_SET_INTSET, false, intset_step},
    [WRITE_SET] = {RDB_SET, true, set_step},
    [WRITE_HASH_LISTPACK] = {RDB_HASH_LISTPACK, false, hash_listpack_step},
    [WRITE_HASH] = {RDB_HASH, true, hash_step},
    [WRITE_HASH_TIMED] = {RDB_HASH_EXPIRING, true, hash_step},
    [WRITE_ZSET_LISTPACK] = {RDB_ZSET_LISTPACK, false, zset_listpack_step},
    [WRITE_ZSET] = {RDB_ZSET, true, zset_step},
    [WRITE_STREAM] = {RDB_STREAM_2, false, rdb_stream_step},
};

/* Large collections say how they are called; small ones are called after their form. */
static enum encoding_name encoding_of(const struct entry *entry, enum encoding_name small)
{
    const enum value_form form = entry_form(entry);
    const bool is_large = form == VALUE_FORM_HASH || form == VALUE_FORM_ZSET;
    return is_large ? (enum encoding_name)entry_collection(entry)->encoding : small;
}

static void begin_set(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    (void)limits;
    const bool is_intset = set_encoding(entry) == ENCODING_INTSET;
    writer->kind = is_intset ? WRITE_INTSET : WRITE_SET;
    if (entry_form(entry) == VALUE_FORM_SET) {
        writer->entry = NULL;
    }
    writer->count = set_count(entry);
    set_walk_begin(&writer->walk.set, entry);
}

static void begin_hash(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    (void)limits;
    const enum encoding_name encoding = encoding_of(entry, ENCODING_LISTPACK);
    const struct timed_table *timed = hash_timed(entry);
    const bool is_small = encoding == ENCODING_LISTPACK || encoding == ENCODING_LISTPACK_EX;
    writer->kind = is_small ? WRITE_HASH_LISTPACK : WRITE_HASH;
    if (timed != NULL && timed_table_timed(timed) > 0) {
        writer->kind = WRITE_HASH_TIMED;
        writer->timed = timed;
    }
    writer->count = hash_count(entry);
    hash_walk_begin_all(&writer->walk.hash, entry);
}

static void begin_zset(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    (void)limits;
    const bool is_small = encoding_of(entry, ENCODING_LISTPACK) == ENCODING_LISTPACK;
    writer->kind = is_small ? WRITE_ZSET_LISTPACK : WRITE_ZSET;
    writer->count = zset_count(entry);
    zset_walk_begin(&writer->walk.zset, entry, is_small ? 0 : writer->count);
}

static void begin_string(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits)
{
    (void)limits;
    const struct raw_string *raw = entry_long_string(entry);
    writer->kind = WRITE_STRING;
    if (raw != NULL && raw_string_text(raw).len >= RDB_LONG_TEXT_MIN) {
        rdb_text_begin(writer, raw_string_text(raw));
        writer->is_last = true;
    }
}

typedef void begin_fn(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits);

struct rdb_writer *rdb_writer_create(const struct entry *entry, const struct encoding_limits *limits)
{
    static begin_fn *const begins[VALUE_TYPE_COUNT] = {
        [VALUE_STRING] = begin_string, [VALUE_LIST] = rdb_list_begin, [VALUE_SET] = begin_set,
        [VALUE_ZSET] = begin_zset,     [VALUE_HASH] = begin_hash,     [VALUE_STREAM] = rdb_stream_begin,
    };
    struct rdb_writer *writer = thread_alloc_zeroed(MEM_CLIENT, sizeof *writer);
    if (writer != NULL) {
        writer->blob = BLOB_WRITER_EMPTY;
        writer->entry = entry;
        writer->packing = limits->texts_stay_plain ? RDB_PLAIN : RDB_PACKED;
        begins[entry_type(entry)](writer, entry, limits);
    }
    return writer;
}

struct rdb_writer *rdb_writer_create_for_file(const struct entry *entry, const struct encoding_limits *limits, struct bytes name)
{
    struct rdb_writer *writer = rdb_writer_create(entry, limits);
    if (writer != NULL) {
        writer->is_for_file = true;
        writer->name = name;
    }
    return writer;
}

/* What of a text is packed stands behind the end of the output. */
bool rdb_writer_may_move(const struct rdb_writer *writer)
{
    assert(writer->is_for_file);
    return writer->text.state == TEXT_NONE || writer->text.state == TEXT_PLAIN;
}

static bool write_head(struct rdb_writer *writer, struct buffer *out)
{
    const struct write_plan *plan = &write_plans[writer->kind];
    writer->is_begun = true;
    return rdb_write_byte(out, plan->type) && (!writer->is_for_file || rdb_write_text(out, writer->name, writer->packing)) &&
           (writer->timed == NULL || rdb_write_word(out, (uint64_t)timed_table_earliest(writer->timed))) &&
           (!plan->has_count || rdb_write_length(out, writer->count));
}

/* Takes what was written since the last time into the checksum. */
static void sum_up(struct rdb_writer *writer, const struct buffer *out)
{
    writer->crc = crc64(writer->crc, (struct bytes){out->data + writer->summed, out->len - writer->summed});
    writer->summed = out->len;
}

static bool write_footer(struct rdb_writer *writer, struct buffer *out)
{
    const unsigned number = writer->timed == NULL ? RDB_VERSION : RDB_VERSION_TIMED;
    const char version[2] = {(char)(number & 255), (char)(number >> 8)};
    if (!buffer_append(out, (struct bytes){version, sizeof version})) {
        return false;
    }
    sum_up(writer, out);
    return rdb_write_word(out, writer->crc);
}

/* The long text that is begun, or items. */
static enum rdb_status write_some(struct rdb_writer *writer, struct buffer *out, size_t items)
{
    enum rdb_status status;
    if (writer->text.state != TEXT_NONE) {
        status = rdb_text_step(writer, out, items);
        return status == RDB_DONE && !writer->is_last ? RDB_MORE : status;
    }
    writer->left = items;
    status = write_plans[writer->kind].step(writer, out);
    writer->is_last = status == RDB_DONE;
    return writer->is_last && writer->text.state != TEXT_NONE ? RDB_MORE : status;
}

enum rdb_status rdb_writer_step(struct rdb_writer *writer, struct buffer *out, size_t items)
{
    if (!writer->is_begun && !write_head(writer, out)) {
        return RDB_NO_MEMORY;
    }
    enum rdb_status status;
    do {
        status = write_some(writer, out, items);
    } while (status == RDB_MORE && items == SIZE_MAX);
    if (writer->is_for_file) {
        return status;
    }
    if (status == RDB_DONE) {
        return rdb_status_of(write_footer(writer, out), RDB_DONE);
    }
    if (status == RDB_MORE) {
        sum_up(writer, out);
    }
    return status;
}

void rdb_writer_destroy(struct rdb_writer *writer)
{
    if (writer != NULL) {
        blob_writer_release(&writer->blob);
        rdb_list_end(writer);
        rdb_text_end(writer);
        thread_free(MEM_CLIENT, writer, sizeof *writer);
    }
}
