/* packed.c - writing, searching and changing runs of packed items.  */
#include "encoding/packed.h"

#include "base/check.h"

#include <assert.h>

enum packed_head {
    HEAD_TEXT_6 = 0x80,
    HEAD_INTEGER_13 = 0xC0,
    HEAD_TEXT_12 = 0xE0,
    HEAD_TEXT_32 = 0xF0,
    HEAD_INTEGER_16 = 0xF1,
    HEAD_INTEGER_24 = 0xF2,
    HEAD_INTEGER_32 = 0xF3,
    HEAD_INTEGER_64 = 0xF4,
};
enum { INTEGER_7_MAX = 127, INTEGER_13_MAX = 4095, INTEGER_24_MAX = 8388607 };
_Static_assert((int)PACKED_TEXT_SHORT_MAX == HEAD_INTEGER_13 - HEAD_TEXT_6 - 1, "the short length fits into its head");
_Static_assert((int)PACKED_TEXT_MIDDLE_MAX == ((HEAD_TEXT_32 - HEAD_TEXT_12) << 8) - 1, "the middle length fits into its head");
_Static_assert((int)INTEGER_7_MAX == HEAD_TEXT_6 - 1, "a small integer is its own head");

static void put_low_first(char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (char)(value >> 8 * i & 0xFF);
    }
}

static uint64_t get_low_first(const char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)(unsigned char)at[i] << 8 * i;
    }
    return value;
}

/* --- items --- */

struct item packed_item(struct bytes text)
{
    int64_t integer;
    return item_text_is_integer(text, &integer) ? item_of_integer(integer) : item_of_text(text);
}

/* Bytes of an integer behind its head; 0: it is within the head's own 7 bits, 1: 13 bits. */
static unsigned integer_width(int64_t value)
{
    if (value >= 0 && value <= INTEGER_7_MAX) {
        return 0;
    }
    if (value >= -INTEGER_13_MAX - 1 && value <= INTEGER_13_MAX) {
        return 1;
    }
    if (value >= INT16_MIN && value <= INT16_MAX) {
        return 2;
    }
    if (value >= -INTEGER_24_MAX - 1 && value <= INTEGER_24_MAX) {
        return 3;
    }
    return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

/* The head of an item, an integer as a whole; returns its bytes. */
static size_t write_head(char head[PACKED_HEAD_MAX], const struct item *item)
{
    if (item->data != NULL) {
        if (item->len <= PACKED_TEXT_SHORT_MAX) {
            head[0] = (char)(HEAD_TEXT_6 | item->len);
            return 1;
        }
        if (item->len <= PACKED_TEXT_MIDDLE_MAX) {
            head[0] = (char)(HEAD_TEXT_12 | item->len >> 8);
            head[1] = (char)(item->len & 0xFF);
            return 2;
        }
        head[0] = (char)HEAD_TEXT_32;
        put_low_first(head + 1, item->len, 4);
        return 5;
    }
    static const unsigned char heads[] = {0, 0, HEAD_INTEGER_16, HEAD_INTEGER_24, HEAD_INTEGER_32, 0, 0, 0, HEAD_INTEGER_64};
    unsigned width = integer_width(item->integer);
    uint64_t bits = (uint64_t)item->integer;
    if (width == 0) {
        head[0] = (char)bits;
    } else if (width == 1) {
        head[0] = (char)(HEAD_INTEGER_13 | (bits >> 8 & 0x1F));
        head[1] = (char)(bits & 0xFF);
    } else {
        head[0] = (char)heads[width];
        put_low_first(head + 1, bits, width);
    }
    return 1 + width;
}

size_t packed_item_size(const struct item *item)
{
    if (item->data == NULL) {
        return 1 + integer_width(item->integer);
    }
    assert(item->len <= UINT32_MAX);
    return item->len + (item->len <= PACKED_TEXT_SHORT_MAX ? 1 : item->len <= PACKED_TEXT_MIDDLE_MAX ? 2 : 5);
}

size_t packed_write(char *at, const struct item *item)
{
    size_t head = write_head(at, item);
    if (item->data == NULL) {
        return head;
    }
    if (item->len > 0) {
        memcpy(at + head, item->data, item->len);
    }
    return head + item->len;
}

size_t packed_size_long(const char *at)
{
    unsigned char first = (unsigned char)*at;
    if (first < 0x80) {
        return 1;
    }
    if (first < HEAD_INTEGER_13) {
        return 1u + (first & 0x3F);
    }
    if (first < HEAD_TEXT_12) {
        return 2;
    }
    if (first < HEAD_TEXT_32) {
        return 2 + ((size_t)(first & 0x0F) << 8 | (unsigned char)at[1]);
    }
    switch (first) {
    case HEAD_TEXT_32:
        return 5 + (size_t)get_low_first(at + 1, 4);
    case HEAD_INTEGER_16:
        return 3;
    case HEAD_INTEGER_24:
        return 4;
    case HEAD_INTEGER_32:
        return 5;
    default:
        debug_assert(first == HEAD_INTEGER_64);
        return 9;
    }
}

struct item packed_read_long(const char *at)
{
    unsigned char first = (unsigned char)*at;
    if (first < HEAD_INTEGER_13) {
        return packed_read(at);
    }
    if (first < HEAD_TEXT_12) {
        int64_t bits = (int64_t)(first & 0x1F) << 8 | (unsigned char)at[1];
        return item_of_integer(bits > INTEGER_13_MAX ? bits - 2 * (INTEGER_13_MAX + 1) : bits);
    }
    if (first <= HEAD_TEXT_32) {
        size_t size = packed_size_long(at);
        size_t head = first == HEAD_TEXT_32 ? 5 : 2;
        return (struct item){.data = at + head, .len = size - head};
    }
    unsigned width = (unsigned)packed_size_long(at) - 1;
    unsigned unused_bits = 64 - 8 * width;
    return item_of_integer((int64_t)(get_low_first(at + 1, width) << unused_bits) >> unused_bits);
}

/* --- walking --- */

size_t packed_skip(struct bytes run, size_t at, size_t items)
{
    for (; items > 0 && at < run.len; items--) {
        at += packed_size(run.data + at);
    }
    assert(at <= run.len);
    return at;
}

size_t packed_count(struct bytes run)
{
    size_t count = 0;
    size_t at = 0;
    for (; at < run.len; count++) {
        at += packed_size(run.data + at);
    }
    assert(at == run.len);
    return count;
}

/* --- searching: equal items have equal bytes, since each is in its shortest form --- */

enum { WORD = sizeof(uint64_t) };

/* What is looked for. Fields of one collection often begin alike, so that their last bytes are compared first. */
struct probe {
    const char *text;       /* behind the head; NULL: an integer */
    size_t text_len;
    size_t size;            /* of the whole item */
    size_t head_len;
    uint64_t word, mask;    /* size <= WORD: all of it; otherwise the last bytes */
    char head[WORD + PACKED_HEAD_MAX];
    bool is_size_in_first;  /* items with the same first byte have the same size */
};

static void probe_make(struct probe *probe, const struct item *wanted)
{
    memset(probe->head, 0, sizeof probe->head);
    probe->head_len = write_head(probe->head, wanted);
    probe->text = wanted->data;
    probe->text_len = wanted->data == NULL ? 0 : wanted->len;
    probe->size = probe->head_len + probe->text_len;
    probe->is_size_in_first = wanted->data == NULL || probe->head_len == 1;
    if (probe->size > WORD) {
        const char *last = probe->text == NULL ? probe->head + 1 : probe->text + probe->text_len - WORD;
        memcpy(&probe->word, last, WORD);
        return;
    }
    if (probe->text_len > 0) {
        memcpy(probe->head + probe->head_len, probe->text, probe->text_len);
    }
    char ones[WORD] = {0};
    memset(ones, 0xFF, probe->size);
    memcpy(&probe->mask, ones, WORD);
    memcpy(&probe->word, probe->head, WORD);
}

/* `here` has the same first byte; `end` is that of the run. */
static inline bool probe_fits(const struct probe *probe, const char *here, const char *end)
{
    uint64_t word;
    if (probe->size <= WORD) {
        if (UNLIKELY(end - here < WORD)) {
            return (size_t)(end - here) >= probe->size && memcmp(here, probe->head, probe->size) == 0;
        }
        memcpy(&word, here, WORD);
        return (word & probe->mask) == probe->word;
    }
    if (UNLIKELY(probe->head_len > 1) && memcmp(here, probe->head, probe->head_len) != 0) {
        return false;
    }
    memcpy(&word, here + probe->size - WORD, WORD);
    if (LIKELY(word != probe->word)) {
        return false;
    }
    return probe->text == NULL || memcmp(here + probe->head_len, probe->text, probe->text_len) == 0;
}

/* packed_find for a stride that the compiler knows. */
__attribute__((always_inline)) static inline bool find_by_stride(struct bytes run, size_t stride, const struct probe *probe,
                                                                 size_t *at, size_t *index)
{
    const char *here = run.data;
    const char *end = run.data + run.len;
    size_t looked_at = 0;
    while (here < end) {
        if (*here == probe->head[0]) {
            if (UNLIKELY(probe_fits(probe, here, end))) {
                *at = (size_t)(here - run.data);
                *index = looked_at * stride;
                return true;
            }
            here += LIKELY(probe->is_size_in_first) ? probe->size : packed_size(here);
        } else {
            here += packed_size(here);
        }
        looked_at++;
        for (size_t i = 1; i < stride; i++) {
            if (here == end) { /* the last group is not whole */
                *at = run.len;
                *index = (looked_at - 1) * stride + i;
                return false;
            }
            here += packed_size(here);
        }
    }
    debug_assert(here == end);
    *at = run.len;
    *index = looked_at * stride;
    return false;
}

bool packed_find(struct bytes run, unsigned stride, const struct item *wanted, size_t *at, size_t *index)
{
    struct probe probe;
    probe_make(&probe, wanted);
    switch (stride) {
    case 1:
        return find_by_stride(run, 1, &probe, at, index);
    case 2:
        return find_by_stride(run, 2, &probe, at, index);
    default:
        assert(stride > 0);
        return find_by_stride(run, stride, &probe, at, index);
    }
}

bool packed_is_at(const char *at, const struct item *wanted)
{
    char head[PACKED_HEAD_MAX];
    size_t head_len = write_head(head, wanted);
    for (size_t i = 0; i < head_len; i++) {
        if (at[i] != head[i]) {
            return false;
        }
    }
    return wanted->data == NULL || wanted->len == 0 || memcmp(at + head_len, wanted->data, wanted->len) == 0;
}

/* --- edits --- */

static size_t items_size(const struct packed_edit *edit)
{
    size_t size = 0;
    for (size_t i = 0; i < edit->count; i++) {
        size += packed_item_size(&edit->items[i]);
    }
    return size;
}

size_t packed_edited_len(size_t len, const struct packed_edit *edit)
{
    assert(edit->old_len <= len);
    return len - edit->old_len + items_size(edit);
}

size_t packed_apply(char *data, size_t len, const struct packed_edit *edit)
{
    assert(edit->at <= len);
    assert(edit->old_len <= len - edit->at);
    size_t new_len = packed_edited_len(len, edit);
    size_t tail = len - edit->at - edit->old_len;
    if (tail > 0 && new_len != len) {
        memmove(data + (new_len - tail), data + (len - tail), tail);
    }
    char *at = data + edit->at;
    for (size_t i = 0; i < edit->count; i++) {
        at += packed_write(at, &edit->items[i]);
    }
    assert(at == data + (new_len - tail));
    debug_assert(packed_is_sound((struct bytes){data, new_len}));
    return new_len;
}

/* --- bytes from outside --- */

/* Bytes of the head at `at`, an integer as a whole; 0: there is no such head. */
static size_t head_size(unsigned char first)
{
    if (first < HEAD_INTEGER_13) {
        return 1;
    }
    if (first < HEAD_TEXT_32) {
        return 2;
    }
    static const unsigned char sizes[] = {5, 3, 4, 5, 9};
    unsigned place = first - (unsigned)HEAD_TEXT_32;
    return place < sizeof sizes ? sizes[place] : 0;
}

bool packed_is_valid(struct bytes run, size_t *count)
{
    *count = 0;
    for (size_t at = 0; at < run.len; (*count)++) {
        const char *here = run.data + at;
        size_t left = run.len - at;
        size_t head = head_size((unsigned char)*here);
        if (head == 0 || head > left || packed_size(here) > left) {
            return false;
        }
        struct item item = packed_read(here);
        if (packed_item_size(&item) != packed_size(here)) {
            return false;
        }
        at += packed_size(here);
    }
    return true;
}

bool packed_is_sound(struct bytes run)
{
    size_t count;
    return !check_is_due(run.len, run.len) || packed_is_valid(run, &count);
}
