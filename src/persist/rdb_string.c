/* rdb_string.c - reading believes no length before it was compared with what is there; writing chooses as redis-server does.  */
#include "persist/rdb_string.h"

#include "encoding/lzf_text.h"

#include <assert.h>

enum {
    LENGTH_6_BITS = 0,
    LENGTH_14_BITS = 1,
    LENGTH_LONG = 2,
    LENGTH_SPECIAL = 3, /* a string in another form */
    LENGTH_32 = 0x80,
    LENGTH_64 = 0x81,

    SPECIAL_INT8 = 0,
    SPECIAL_INT16 = 1,
    SPECIAL_INT32 = 2,
    SPECIAL_LZF = 3,

    INTEGER_TEXT_MAX = 11, /* longer texts are not looked at: "-2147483648" */
    PACKED_TEXT_MIN = 21,  /* shorter texts are not packed */
    LZF_GAIN_MIN = 4,
    LZF_GROWTH_MAX = 264 / 3, /* three packed bytes become 264 at most */
};
static const uint64_t LZF_TEXT_MAX = UINT32_MAX; /* Redis packs no longer ones */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are copied as they are");

bool rdb_read_raw(struct rdb_input *input, size_t len, struct bytes *out)
{
    if (rdb_left(input) < len) {
        return false;
    }
    *out = (struct bytes){input->bytes.data + input->at, len};
    input->at += len;
    return true;
}

bool rdb_read_byte(struct rdb_input *input, uint8_t *out)
{
    struct bytes raw;
    if (!rdb_read_raw(input, 1, &raw)) {
        return false;
    }
    *out = (uint8_t)raw.data[0];
    return true;
}

bool rdb_read_word(struct rdb_input *input, uint64_t *out)
{
    struct bytes raw;
    if (!rdb_read_raw(input, sizeof *out, &raw)) {
        return false;
    }
    memcpy(out, raw.data, sizeof *out);
    return true;
}

/* A length, or which special form follows. */
static bool read_head(struct rdb_input *input, uint64_t *out, bool *is_special)
{
    uint8_t first, second;
    struct bytes raw;
    *is_special = false;
    if (!rdb_read_byte(input, &first)) {
        return false;
    }
    *out = first & 0x3f;
    switch (first >> 6) {
    case LENGTH_6_BITS:
        return true;
    case LENGTH_14_BITS:
        if (!rdb_read_byte(input, &second)) {
            return false;
        }
        *out = *out << 8 | second;
        return true;
    case LENGTH_SPECIAL:
        *is_special = true;
        return true;
    }
    size_t width = first == LENGTH_32 ? 4 : 8;
    if ((first != LENGTH_32 && first != LENGTH_64) || !rdb_read_raw(input, width, &raw)) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < width; i++) {
        *out = *out << 8 | (uint8_t)raw.data[i];
    }
    return true;
}

bool rdb_read_length(struct rdb_input *input, uint64_t *out)
{
    bool is_special;
    return read_head(input, out, &is_special) && !is_special;
}

static bool read_integer(struct rdb_input *input, unsigned special, struct rdb_text *out)
{
    size_t width = (size_t)1 << special;
    struct bytes raw;
    if (!rdb_read_raw(input, width, &raw)) {
        return false;
    }
    uint64_t bits = 0;
    memcpy(&bits, raw.data, width);
    unsigned shift = 64 - 8 * (unsigned)width;
    *out = (struct rdb_text){.integer = (int64_t)(bits << shift) >> shift};
    return true;
}

static bool read_lzf(struct rdb_input *input, struct rdb_text *out)
{
    uint64_t packed, len;
    if (!rdb_read_length(input, &packed) || !rdb_read_length(input, &len) || packed > rdb_left(input)) {
        return false;
    }
    *out = (struct rdb_text){.packed_from = len};
    return len > 0 && len <= LZF_TEXT_MAX && len / LZF_GROWTH_MAX <= packed && rdb_read_raw(input, packed, &out->bytes);
}

bool rdb_read_text(struct rdb_input *input, struct rdb_text *out)
{
    uint64_t number;
    bool is_special;
    if (!read_head(input, &number, &is_special)) {
        return false;
    }
    if (!is_special) {
        *out = (struct rdb_text){0};
        return rdb_read_raw(input, number, &out->bytes);
    }
    if (number == SPECIAL_LZF) {
        return read_lzf(input, out);
    }
    return number <= SPECIAL_INT32 && read_integer(input, (unsigned)number, out);
}

size_t rdb_text_len(const struct rdb_text *text)
{
    if (text->packed_from != 0) {
        return text->packed_from;
    }
    char digits[INT64_TEXT_MAX];
    return text->bytes.data != NULL ? text->bytes.len : int64_format(text->integer, digits);
}

enum result rdb_text_unpack(struct rdb_text *text, struct buffer *room)
{
    if (text->packed_from == 0) {
        return RESULT_OK;
    }
    room->len = 0;
    if (!buffer_reserve(room, text->packed_from)) {
        return RESULT_NO_MEMORY;
    }
    if (!lzf_text_decompress(text->bytes, room->data, text->packed_from)) {
        return RESULT_SYNTAX;
    }
    room->len = text->packed_from;
    *text = (struct rdb_text){.bytes = buffer_bytes(room)};
    return RESULT_OK;
}

enum result rdb_read_item(struct rdb_input *input, struct buffer *room, struct item *out)
{
    struct rdb_text text;
    if (!rdb_read_text(input, &text)) {
        return RESULT_SYNTAX;
    }
    const enum result result = rdb_text_unpack(&text, room);
    if (result == RESULT_OK) {
        *out = text.bytes.data != NULL ? item_of_text(text.bytes) : item_of_integer(text.integer);
    }
    return result;
}

/* --- writing --- */

bool rdb_write_byte(struct buffer *out, uint8_t byte)
{
    return buffer_append(out, (struct bytes){(const char *)&byte, 1});
}

bool rdb_write_word(struct buffer *out, uint64_t word)
{
    return buffer_append(out, (struct bytes){(const char *)&word, sizeof word});
}

bool rdb_write_length(struct buffer *out, uint64_t length)
{
    uint8_t bytes[9];
    size_t width;
    if (length < 1 << 6) {
        return rdb_write_byte(out, (uint8_t)length);
    }
    if (length < 1 << 14) {
        bytes[0] = (uint8_t)(LENGTH_14_BITS << 6 | length >> 8);
        bytes[1] = (uint8_t)length;
        return buffer_append(out, (struct bytes){(const char *)bytes, 2});
    }
    bytes[0] = length <= UINT32_MAX ? LENGTH_32 : LENGTH_64;
    width = length <= UINT32_MAX ? 4 : 8;
    for (size_t i = 0; i < width; i++) {
        bytes[1 + i] = (uint8_t)(length >> 8 * (width - 1 - i));
    }
    return buffer_append(out, (struct bytes){(const char *)bytes, 1 + width});
}

enum attempt { ATTEMPT_WRITTEN, ATTEMPT_UNFIT, ATTEMPT_REFUSED };

/* Unfit: it needs more than 32 bits. */
static enum attempt write_short_integer(struct buffer *out, int64_t integer)
{
    unsigned special = integer == (int8_t)integer ? SPECIAL_INT8 : integer == (int16_t)integer ? SPECIAL_INT16 : SPECIAL_INT32;
    if (integer != (int32_t)integer) {
        return ATTEMPT_UNFIT;
    }
    char bytes[5] = {(char)(LENGTH_SPECIAL << 6 | special)};
    memcpy(bytes + 1, &integer, (size_t)1 << special);
    bool is_written = buffer_append(out, (struct bytes){bytes, 1 + ((size_t)1 << special)});
    return is_written ? ATTEMPT_WRITTEN : ATTEMPT_REFUSED;
}

static bool write_plain(struct buffer *out, struct bytes text)
{
    return rdb_write_length(out, text.len) && buffer_append(out, text);
}

bool rdb_write_integer(struct buffer *out, int64_t integer)
{
    enum attempt attempt = write_short_integer(out, integer);
    if (attempt != ATTEMPT_UNFIT) {
        return attempt == ATTEMPT_WRITTEN;
    }
    char digits[INT64_TEXT_MAX];
    return write_plain(out, (struct bytes){digits, int64_format(integer, digits)});
}

bool rdb_write_packed(struct buffer *out, struct bytes packed, size_t packed_from)
{
    return rdb_write_byte(out, LENGTH_SPECIAL << 6 | SPECIAL_LZF) && rdb_write_length(out, packed.len) &&
           rdb_write_length(out, packed_from) && buffer_append(out, packed);
}

/* Packs behind the end of `out`, leaving room for the head, and moves it up. Unfit: it would not be shorter. */
static enum attempt write_lzf(struct buffer *out, struct bytes text)
{
    enum { HEAD_MAX = 1 + 9 + 9 };
    if (!buffer_reserve(out, HEAD_MAX + text.len)) {
        return ATTEMPT_REFUSED;
    }
    char *room = out->data + out->len + HEAD_MAX;
    size_t packed = lzf_text_compress(text, room, text.len - LZF_GAIN_MIN);
    if (packed == 0) {
        return ATTEMPT_UNFIT;
    }
    bool is_written = rdb_write_byte(out, LENGTH_SPECIAL << 6 | SPECIAL_LZF) && rdb_write_length(out, packed) &&
                      rdb_write_length(out, text.len);
    assert(is_written); /* there is room */
    memmove(out->data + out->len, room, packed);
    out->len += packed;
    return ATTEMPT_WRITTEN;
}

/* Before a text whose own length, and that of what it becomes, take five bytes. */
enum { LONG_HEAD = 1 + 5 + 5 };

bool rdb_reserve_packed(struct buffer *out, struct bytes text, char **packed, size_t *room)
{
    assert(text.len >= RDB_LONG_TEXT_MIN && text.len <= UINT32_MAX);
    if (!buffer_reserve(out, LONG_HEAD + text.len)) {
        return false;
    }
    *packed = out->data + out->len + LONG_HEAD;
    *room = text.len - LZF_GAIN_MIN;
    return true;
}

void rdb_write_packed_head(struct buffer *out, size_t packed, size_t packed_from)
{
    const char *from = out->data + out->len + LONG_HEAD;
    const bool is_written = rdb_write_byte(out, LENGTH_SPECIAL << 6 | SPECIAL_LZF) && rdb_write_length(out, packed) &&
                            rdb_write_length(out, packed_from);
    assert(is_written); /* there is room */
    if (out->data + out->len != from) { /* then they are few */
        memmove(out->data + out->len, from, packed);
    }
}

bool rdb_write_text(struct buffer *out, struct bytes text, enum rdb_packing packing)
{
    int64_t integer;
    enum attempt attempt = ATTEMPT_UNFIT;
    if (text.len <= INTEGER_TEXT_MAX && item_text_is_integer(text, &integer)) {
        attempt = write_short_integer(out, integer);
    } else if (text.len >= PACKED_TEXT_MIN && packing == RDB_PACKED) {
        attempt = write_lzf(out, text);
    }
    return attempt == ATTEMPT_UNFIT ? write_plain(out, text) : attempt == ATTEMPT_WRITTEN;
}
