/* blob.c - one step function per form. Each looks at how many bytes are left before it reads any.
 *
 * Read on    blob.h draws the forms.  */
#include "persist/blob.h"

#include "encoding/intset.h"
#include "encoding/listpack.h"

#include <assert.h>

enum {
    ZIPLIST_HEADER = 10,
    ZIPLIST_COUNT_UNKNOWN = 65535,
    ZIPLIST_END = 0xff,
    ZIPLIST_LONG = 0xfe,
    ZIPMAP_COUNT_UNKNOWN = 254,
    ZIPMAP_LONG = 0xfe,
    ZIPMAP_END = 0xff,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are read with the low byte first");

static unsigned char byte_at(struct bytes blob, size_t at)
{
    return (unsigned char)blob.data[at];
}

static size_t bytes_left(struct bytes blob, size_t at)
{
    return blob.len - at;
}

static uint64_t read_low_first(const char *at, size_t width)
{
    uint64_t value = 0;
    memcpy(&value, at, width);
    return value;
}

static uint32_t read_high_first32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

/* The low `width` bytes as two's complement. */
static int64_t read_signed(const char *at, size_t width)
{
    unsigned shift = 64 - 8 * (unsigned)width;
    return (int64_t)(read_low_first(at, width) << shift) >> shift;
}

/* What follows a head: text or an integer, `head` bytes before it and `len` bytes of it. */
struct body {
    size_t head;
    size_t len;
    bool is_text;
    int64_t integer; /* when all of it is in the head */
};

/* The item with this body at `at`, which has room for it (the caller looked). */
static struct item body_item(const struct body *body, struct bytes blob, size_t at)
{
    const char *data = blob.data + at + body->head;
    if (body->is_text) {
        return item_of_text((struct bytes){data, body->len});
    }
    return item_of_integer(body->len == 0 ? body->integer : read_signed(data, body->len));
}

/* --- listpack --- */

static bool begin_listpack(struct bytes blob)
{
    return blob.len > LISTPACK_HEADER && read_low_first(blob.data, 4) == blob.len;
}

/* False: no item begins so, or the head is cut off. */
static bool read_listpack_head(struct bytes blob, size_t at, struct body *out)
{
    unsigned char first = byte_at(blob, at);
    size_t left = bytes_left(blob, at);
    if (first < 0x80) {
        *out = (struct body){1, 0, false, first};
        return true;
    }
    if (first < 0xc0) {
        *out = (struct body){1, first & 0x3f, true, 0};
        return true;
    }
    if (left < 2) {
        return false;
    }
    unsigned second = byte_at(blob, at + 1);
    if (first < 0xe0) {
        unsigned bits = (first & 0x1fu) << 8 | second;
        *out = (struct body){2, 0, false, bits < 4096 ? (int64_t)bits : (int64_t)bits - 8192};
        return true;
    }
    if (first < 0xf0) {
        *out = (struct body){2, (first & 0x0fu) << 8 | second, true, 0};
        return true;
    }
    if (first == 0xf0) {
        *out = (struct body){5, left < 5 ? SIZE_MAX / 2 : read_low_first(blob.data + at + 1, 4), true, 0};
        return left >= 5;
    }
    static const uint8_t widths[] = {[0xf1 & 15] = 2, [0xf2 & 15] = 3, [0xf3 & 15] = 4, [0xf4 & 15] = 8};
    if (first > 0xf4) {
        return false;
    }
    *out = (struct body){1, widths[first & 15], false, 0};
    return true;
}

/* True when the bytes at `at` say `len` to one who comes from behind. */
static bool back_len_is(struct bytes blob, size_t at, size_t len)
{
    size_t width = listpack_back_size(len);
    for (size_t i = 0; i < width; i++) {
        unsigned expected = (unsigned)(len >> 7 * (width - 1 - i) & 127) | (i == 0 ? 0 : 128u);
        if (byte_at(blob, at + i) != expected) {
            return false;
        }
    }
    return true;
}

static enum blob_step step_listpack(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    if (bytes_left(blob, cursor->at) == 0) {
        return BLOB_BAD;
    }
    if (byte_at(blob, cursor->at) == (unsigned char)LISTPACK_END_BYTE) {
        uint64_t count = read_low_first(blob.data + 4, 2);
        bool is_whole = cursor->at + 1 == blob.len && (count == LISTPACK_COUNT_UNKNOWN || count == cursor->seen);
        return is_whole ? BLOB_END : BLOB_BAD;
    }
    struct body body;
    if (!read_listpack_head(blob, cursor->at, &body)) {
        return BLOB_BAD;
    }
    size_t len = body.head + body.len;
    size_t left = bytes_left(blob, cursor->at);
    if (left < len || left - len < listpack_back_size(len) || !back_len_is(blob, cursor->at + len, len)) {
        return BLOB_BAD;
    }
    *out = body_item(&body, blob, cursor->at);
    cursor->at += len + listpack_back_size(len);
    return BLOB_ITEM;
}

/* --- ziplist --- */

static bool begin_ziplist(struct bytes blob)
{
    return blob.len > ZIPLIST_HEADER && read_low_first(blob.data, 4) == blob.len;
}

static bool read_ziplist_head(struct bytes blob, size_t at, struct body *out)
{
    unsigned char first = byte_at(blob, at);
    size_t left = bytes_left(blob, at);
    if (first < 0x40) {
        *out = (struct body){1, first, true, 0};
        return true;
    }
    if (first < 0x80) {
        *out = (struct body){2, left < 2 ? 0 : (first & 0x3fu) << 8 | byte_at(blob, at + 1), true, 0};
        return left >= 2;
    }
    if (first < 0xc0) {
        *out = (struct body){5, left < 5 ? 0 : read_high_first32(blob.data + at + 1), true, 0};
        return left >= 5;
    }
    static const struct {
        uint8_t first, width;
    } integers[] = {{0xc0, 2}, {0xd0, 4}, {0xe0, 8}, {0xf0, 3}, {0xfe, 1}};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        if (first == integers[i].first) {
            *out = (struct body){1, integers[i].width, false, 0};
            return true;
        }
    }
    *out = (struct body){1, 0, false, (int64_t)first - 0xf1};
    return first >= 0xf1 && first <= 0xfd;
}

/* The entry's word on the length of the one before: its bytes go to *width. False: cut off. */
static bool read_ziplist_previous(struct bytes blob, size_t at, uint64_t *previous, size_t *width)
{
    unsigned char first = byte_at(blob, at);
    if (first < ZIPLIST_LONG) {
        *previous = first;
        *width = 1;
        return true;
    }
    if (first != ZIPLIST_LONG || bytes_left(blob, at) < 5) {
        return false;
    }
    *previous = read_low_first(blob.data + at + 1, 4);
    *width = 5;
    return true;
}

static enum blob_step end_ziplist(const struct blob_cursor *cursor, struct bytes blob)
{
    uint64_t count = read_low_first(blob.data + 8, 2);
    uint64_t tail = read_low_first(blob.data + 4, 4);
    bool is_whole = cursor->at + 1 == blob.len && (count == ZIPLIST_COUNT_UNKNOWN || count == cursor->seen) &&
                    tail + cursor->previous == cursor->at;
    return is_whole ? BLOB_END : BLOB_BAD;
}

static enum blob_step step_ziplist(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    if (bytes_left(blob, cursor->at) == 0) {
        return BLOB_BAD;
    }
    if (byte_at(blob, cursor->at) == ZIPLIST_END) {
        return end_ziplist(cursor, blob);
    }
    uint64_t previous;
    size_t width;
    if (!read_ziplist_previous(blob, cursor->at, &previous, &width) || previous != cursor->previous ||
        bytes_left(blob, cursor->at) == width) {
        return BLOB_BAD;
    }
    struct body body;
    if (!read_ziplist_head(blob, cursor->at + width, &body) || bytes_left(blob, cursor->at + width) < body.head + body.len) {
        return BLOB_BAD;
    }
    *out = body_item(&body, blob, cursor->at + width);
    cursor->previous = width + body.head + body.len;
    cursor->at += cursor->previous;
    return BLOB_ITEM;
}

/* --- zipmap --- */

static bool begin_zipmap(struct bytes blob)
{
    return blob.len >= 2;
}

static enum blob_step step_zipmap(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    bool is_value = cursor->seen % 2 == 1;
    size_t at = cursor->at;
    if (bytes_left(blob, at) == 0) {
        return BLOB_BAD;
    }
    unsigned char first = byte_at(blob, at);
    if (!is_value && first == ZIPMAP_END) {
        unsigned char pairs = byte_at(blob, 0);
        bool is_whole = at + 1 == blob.len && (pairs >= ZIPMAP_COUNT_UNKNOWN || pairs == cursor->seen / 2);
        return is_whole ? BLOB_END : BLOB_BAD;
    }
    size_t width = first < ZIPMAP_LONG ? 1 : 5;
    size_t spare_width = is_value ? 1 : 0;
    if (first == ZIPMAP_END || bytes_left(blob, at) < width + spare_width) {
        return BLOB_BAD;
    }
    size_t len = width == 1 ? first : read_low_first(blob.data + at + 1, 4);
    size_t spare = is_value ? byte_at(blob, at + width) : 0;
    at += width + spare_width;
    if (bytes_left(blob, at) < len || bytes_left(blob, at) - len < spare) {
        return BLOB_BAD;
    }
    *out = item_of_text((struct bytes){blob.data + at, len});
    cursor->at = at + len + spare;
    return BLOB_ITEM;
}

/* --- intset --- */

static bool begin_intset(struct bytes blob)
{
    if (blob.len < INTSET_HEADER) {
        return false;
    }
    uint64_t width = read_low_first(blob.data, 4);
    uint64_t count = read_low_first(blob.data + 4, 4);
    return (width == 2 || width == 4 || width == 8) && INTSET_HEADER + width * count == blob.len;
}

static enum blob_step step_intset(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    if (cursor->at == blob.len) {
        return BLOB_END;
    }
    size_t width = read_low_first(blob.data, 4);
    int64_t integer = read_signed(blob.data + cursor->at, width);
    if (cursor->seen > 0 && integer <= (int64_t)cursor->previous) {
        return BLOB_BAD;
    }
    *out = item_of_integer(integer);
    cursor->previous = (uint64_t)integer;
    cursor->at += width;
    return BLOB_ITEM;
}

/* --- any --- */

static bool begin_text(struct bytes blob)
{
    (void)blob;
    return true;
}

static enum blob_step step_text(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    if (cursor->seen > 0) {
        return BLOB_END;
    }
    *out = item_of_text(blob);
    return BLOB_ITEM;
}

static const struct form {
    bool (*begin)(struct bytes blob);
    enum blob_step (*next)(struct blob_cursor *cursor, struct bytes blob, struct item *out);
    size_t first; /* where the items begin */
} forms[] = {
    [BLOB_TEXT] = {begin_text, step_text, 0},
    [BLOB_LISTPACK] = {begin_listpack, step_listpack, LISTPACK_HEADER},
    [BLOB_ZIPLIST] = {begin_ziplist, step_ziplist, ZIPLIST_HEADER},
    [BLOB_ZIPMAP] = {begin_zipmap, step_zipmap, 1},
    [BLOB_INTSET] = {begin_intset, step_intset, INTSET_HEADER},
};

bool blob_begin(struct blob_cursor *cursor, enum blob_form form, struct bytes blob)
{
    *cursor = (struct blob_cursor){.form = form, .at = forms[form].first};
    return forms[form].begin(blob);
}

enum blob_step blob_next(struct blob_cursor *cursor, struct bytes blob, struct item *out)
{
    assert(cursor->at <= blob.len);
    enum blob_step step = forms[cursor->form].next(cursor, blob, out);
    cursor->seen += step == BLOB_ITEM;
    return step;
}
