/* packed.h - a small collection as one run of bytes: items one behind the other, no header, no count, no end byte.
 *
 *   0xxxxxxx                    an integer, 0 .. 127
 *   10nnnnnn  text              n bytes of text, up to 63
 *   110xxxxx xxxxxxxx           an integer, 13 bits, high bits first, two's complement
 *   1110nnnn nnnnnnnn text      up to 4095 bytes of text, high bits first
 *   F0 n n n n text             any text, length with the low byte first
 *   F1 F2 F3 F4                 an integer of 2, 3, 4, 8 bytes behind it, low byte first, two's complement
 *
 * These are the items of Redis's listpack without their back lengths. Each item is in its shortest form. An empty run is an empty
 * collection; how many items there are is found by walking.
 *
 * An edit in an entry (struct packed_edit says how it changes the length): when it grows, room first (value_resize), then
 * packed_apply; when it shrinks, packed_apply first.
 *
 * Threads    Any; nothing is kept.
 * Memory     The caller's room; items are lent from it until it changes.
 * Limits     A run is meant to stay below COLLECTION_INLINE_MAX; offsets are size_t.
 * Read on    the listpack specification in the Redis sources (listpack.c) for the same encodings.  */
#ifndef ENCODING_PACKED_H
#define ENCODING_PACKED_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "encoding/item.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKED_TEXT_SHORT_MAX = 63, /* bytes of text with a head of one byte */
    PACKED_TEXT_MIDDLE_MAX = 4095,
    PACKED_HEAD_MAX = 9,        /* a head, or a whole integer */
};
_Static_assert(PACKED_HEAD_MAX == 1 + sizeof(int64_t), "the longest integer");

/* --- items --- */

/* What `text` is kept as: an integer when its text is exactly one (item_text_is_integer), else the text itself, lent. */
struct item packed_item(struct bytes text);

/* Bytes that an item takes. Text is kept as text, even when it is an integer's: make the item by packed_item where that
 * matters.  */
size_t packed_item_size(const struct item *item);
/* Writes an item to `at`, which has room for packed_item_size bytes. Returns that size. */
size_t packed_write(char *at, const struct item *item);

/* Bytes of an item that does not begin with 0xxxxxxx or 10xxxxxx. */
size_t packed_size_long(const char *at);

/* Bytes of the item at `at`. */
static inline size_t packed_size(const char *at)
{
    unsigned char first = (unsigned char)*at;
    if (LIKELY((first & 0xC0) == 0x80)) {
        return 1u + (first & 0x3F);
    }
    return first < 0x80 ? 1 : packed_size_long(at);
}

struct item packed_read_long(const char *at);

/* The item at `at`, lent. */
static inline struct item packed_read(const char *at)
{
    unsigned char first = (unsigned char)*at;
    if (LIKELY((first & 0xC0) == 0x80)) {
        return (struct item){.data = at + 1, .len = first & 0x3F};
    }
    return first < 0x80 ? (struct item){.integer = first} : packed_read_long(at);
}

/* --- walking --- */

/* The item at *at, which moves behind it; false at the end. *at starts at 0. */
static inline bool packed_next(struct bytes run, size_t *at, struct item *out)
{
    if (*at >= run.len) {
        return false;
    }
    *out = packed_read(run.data + *at);
    *at += packed_size(run.data + *at);
    return true;
}

/* Where the item stands that is `items` behind the one at `at`; run.len when there are not so many. O(items). */
size_t packed_skip(struct bytes run, size_t at, size_t items);
/* How many items there are. O(items), 1 to 2 ns each. */
size_t packed_count(struct bytes run);

/* The first item that equals `wanted` among every `stride`-th one, the first of all included (2: the fields of a hash). `wanted`
 * as packed_item makes it. True: *at is its offset and *index its place, counted in items. False: *at is run.len and *index
 * the number of all items. O(items).  */
bool packed_find(struct bytes run, unsigned stride, const struct item *wanted, size_t *at, size_t *index);

/* True when the item at `at` is `wanted` (as packed_item makes it). */
bool packed_is_at(const char *at, const struct item *wanted);

/* --- edits --- */

/* Puts `count` items (not lent from the run; count may be 0: removal) in place of the `old_len` bytes at `at`, which are whole
 * items (0: insertion).  */
struct packed_edit {
    size_t at;
    size_t old_len;
    const struct item *items;
    size_t count;
};

/* The length of the run after the edit; `len` before it. */
size_t packed_edited_len(size_t len, const struct packed_edit *edit);
/* Does it: `data` has room for the longer of the two lengths. Returns the new length. */
size_t packed_apply(char *data, size_t len, const struct packed_edit *edit);

/* --- bytes from outside --- */

/* True when the run is whole items, each in its shortest form; *count is how many. For what somebody else wrote, and for tests.
 * Whether text should have been an integer is not asked.  */
MUST_USE bool packed_is_valid(struct bytes run, size_t *count);
/* For debug asserts, after a change to a run of ours: a long one is looked at after some changes only (base/check.h). */
bool packed_is_sound(struct bytes run);

#endif
