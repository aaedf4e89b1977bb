/* record.c - records to bytes and back.
 *
 * Invariant  What aof_records_next gives was bounded by the bytes that are there: a count is never larger than the bytes that
 *            are left, at least one for each word or participant.  */
#include "aof/record.h"

#include <assert.h>

enum { HAS_UNIT = 0x80, VARINT_MAX = 10, PADDING_MAX = 7 };
#define RECORD_MAX (UINT64_C(1) << 48)

static inline unsigned varint_bytes(uint64_t number)
{
    return number < 0x80 ? 1 : (unsigned)(63 - __builtin_clzll(number)) / 7 + 1;
}

static inline char *varint_write(uint64_t number, char *out)
{
    while (number >= 0x80) {
        *out++ = (char)(number | 0x80);
        number >>= 7;
    }
    *out++ = (char)number;
    return out;
}

/* False: it does not end, or is longer than it has to be, or than 64 bits. */
static inline bool varint_read(struct bytes *rest, uint64_t *out)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < VARINT_MAX && i < rest->len; i++) {
        const unsigned char byte = (unsigned char)rest->data[i];
        number |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            if ((byte == 0 && i > 0) || (i == VARINT_MAX - 1 && byte > 1)) {
                return false;
            }
            rest->data += i + 1;
            rest->len -= i + 1;
            *out = number;
            return true;
        }
    }
    return false;
}

/* Of all that comes after the length. */
static uint64_t body_bytes(const struct aof_record *record)
{
    uint64_t bytes = 1 + (record->unit != 0 ? varint_bytes(record->unit) : 0) + varint_bytes(record->count);
    if (aof_kind_ends(record->kind)) {
        for (uint32_t i = 0; i < record->count; i++) {
            bytes += varint_bytes(record->participants[i].shard) + varint_bytes(record->participants[i].sequence);
        }
        return bytes;
    }
    bytes += varint_bytes(record->db);
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->words[i].len >= RECORD_MAX) {
            return RECORD_MAX;
        }
        bytes += varint_bytes(record->words[i].len) + record->words[i].len;
    }
    return bytes;
}

uint64_t aof_record_bytes(const struct aof_record *record)
{
    assert(record->unit != 0 || record->kind == AOF_EFFECT);
    const uint64_t body = body_bytes(record);
    return body >= RECORD_MAX ? 0 : varint_bytes(body) + body;
}

/* The length of the body of a record of `total` bytes. */
static uint64_t body_of_total(uint64_t total)
{
    uint64_t body = total - varint_bytes(total);
    while (varint_bytes(body) + body < total) {
        body++;
    }
    return body;
}

char *aof_record_write(const struct aof_record *record, uint64_t total, char *out)
{
    char *const end = out + total;
    out = varint_write(body_of_total(total), out);
    *out++ = (char)((unsigned)record->kind | (record->unit != 0 ? HAS_UNIT : 0));
    if (record->unit != 0) {
        out = varint_write(record->unit, out);
    }
    if (aof_kind_ends(record->kind)) {
        out = varint_write(record->count, out);
        for (uint32_t i = 0; i < record->count; i++) {
            out = varint_write(record->participants[i].shard, out);
            out = varint_write(record->participants[i].sequence, out);
        }
    } else {
        out = varint_write(record->db, out);
        out = varint_write(record->count, out);
        for (uint32_t i = 0; i < record->count; i++) {
            const struct bytes word = record->words[i];
            out = varint_write(word.len, out);
            if (word.len > 0) {
                memcpy(out, word.data, word.len);
            }
            out += word.len;
        }
    }
    assert(out == end);
    return out;
}

void aof_records_open(struct aof_records *records, struct bytes payload)
{
    records->rest = payload;
    records->words.which = MEM_SNAPSHOT;
    records->participants.which = MEM_SNAPSHOT;
    records->fault = NULL;
}

static enum aof_records_status bad(struct aof_records *records, const char *fault)
{
    records->fault = fault;
    return AOF_RECORDS_BAD;
}

static enum aof_records_status read_words(struct aof_records *records, struct bytes body, struct aof_record *out)
{
    records->words.len = 0;
    if (!buffer_reserve(&records->words, out->count * sizeof(struct bytes) + 1)) {
        return AOF_RECORDS_NO_MEMORY;
    }
    struct bytes *words = (struct bytes *)(void *)records->words.data;
    for (uint32_t i = 0; i < out->count; i++) {
        uint64_t len;
        if (!varint_read(&body, &len) || len > body.len) {
            return bad(records, "a word is longer than its record");
        }
        words[i] = (struct bytes){body.data, len};
        body.data += len;
        body.len -= len;
    }
    out->words = words;
    return body.len == 0 ? AOF_RECORDS_OK : bad(records, "a record is longer than its words");
}

static enum aof_records_status read_participants(struct aof_records *records, struct bytes body, struct aof_record *out)
{
    records->participants.len = 0;
    if (!buffer_reserve(&records->participants, out->count * sizeof(struct aof_participant) + 1)) {
        return AOF_RECORDS_NO_MEMORY;
    }
    struct aof_participant *list = (struct aof_participant *)(void *)records->participants.data;
    for (uint32_t i = 0; i < out->count; i++) {
        uint64_t shard;
        if (!varint_read(&body, &shard) || !varint_read(&body, &list[i].sequence) || list[i].sequence == 0 ||
            shard >= UINT32_MAX || (i > 0 && shard <= list[i - 1].shard)) {
            return bad(records, "the participants of a unit are not a list of shards and frames");
        }
        list[i].shard = (uint32_t)shard;
    }
    out->participants = list;
    return body.len == 0 ? AOF_RECORDS_OK : bad(records, "a record is longer than its participants");
}

/* The count stands for at least `each` bytes apiece. */
static bool read_count(struct bytes *body, unsigned each, uint32_t *out)
{
    uint64_t count;
    if (!varint_read(body, &count) || count == 0 || count > body->len / each || count > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)count;
    return true;
}

static enum aof_records_status read_body(struct aof_records *records, struct bytes body, bool is_brief, struct aof_record *out)
{
    const unsigned char first = (unsigned char)body.data[0];
    body.data++;
    body.len--;
    *out = (struct aof_record){.kind = (enum aof_kind)(first & ~HAS_UNIT)};
    if (out->kind < AOF_EFFECT || out->kind > AOF_FLUSH_END) {
        return bad(records, "a record of an unknown kind");
    }
    if ((first & HAS_UNIT) != 0 && (!varint_read(&body, &out->unit) || out->unit == 0)) {
        return bad(records, "a record's unit is no number");
    }
    if (out->unit == 0 && out->kind != AOF_EFFECT) {
        return bad(records, "a record of a kind that has a unit has none");
    }
    if (aof_kind_ends(out->kind)) {
        return read_count(&body, 2, &out->count) ? read_participants(records, body, out) : bad(records, "a unit without participants");
    }
    if (is_brief) {
        return AOF_RECORDS_OK;
    }
    uint64_t db;
    if (!varint_read(&body, &db) || db > UINT32_MAX) {
        return bad(records, "a record's database is no number");
    }
    out->db = (uint32_t)db;
    return read_count(&body, 1, &out->count) ? read_words(records, body, out) : bad(records, "a record without words");
}

static bool is_padding(struct bytes rest)
{
    uint64_t bits = 0;
    memcpy(&bits, rest.data, rest.len <= PADDING_MAX ? rest.len : 0);
    return rest.len <= PADDING_MAX && bits == 0;
}

enum aof_records_status aof_records_next(struct aof_records *records, bool is_brief, struct aof_record *out)
{
    if (records->rest.len == 0) {
        return AOF_RECORDS_END;
    }
    if (records->rest.data[0] == 0) {
        return is_padding(records->rest) ? AOF_RECORDS_END : bad(records, "a record of no length");
    }
    uint64_t len;
    if (!varint_read(&records->rest, &len) || len > records->rest.len) {
        return bad(records, "a record is longer than its frame");
    }
    const struct bytes body = {records->rest.data, len};
    records->rest.data += len;
    records->rest.len -= len;
    return read_body(records, body, is_brief, out);
}

void aof_records_close(struct aof_records *records)
{
    buffer_release(&records->words);
    buffer_release(&records->participants);
}
