/* listpack.h - Redis's listpack: items one behind the other, each with its length behind it, so that they are walked both ways.
 *
 *   total u32 | count u16 | entry, entry ... | FF      numbers with the low byte first
 *   entry: an item as drawn in packed.h, then the item's length in 1 to 5 bytes, to be read backwards
 *
 *   up to 127          0xxxxxxx
 *   up to 16382        0xxxxxxx 1xxxxxxx              the high seven bits first; the mark says: more in the byte before
 *   up to 2097150 ...  0xxxxxxx 1xxxxxxx 1xxxxxxx
 *
 * `count` is LISTPACK_COUNT_UNKNOWN from that number on; then it takes walking. Most functions work on the bytes between header
 * and FF (listpack_entries), which quicklist.c keeps without either; places are offsets into these.
 *
 * An edit in an entry (struct listpack_edit says how it changes the length): when it grows, room first (value_resize), then
 * listpack_apply; when it shrinks, listpack_apply first.
 *
 * Threads    Any; nothing is kept.
 * Memory     The caller's room; items are lent from it until it changes.
 * Limits     A listpack below 4 GiB.
 * Read on    listpack.md and listpack.c in the Redis sources.  */
#ifndef ENCODING_LISTPACK_H
#define ENCODING_LISTPACK_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "encoding/item.h"
#include "encoding/packed.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LISTPACK_HEADER = 6,
    LISTPACK_EMPTY = 7,             /* bytes of an empty one */
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_BACK_MAX = 5,          /* bytes of a back length */
    LISTPACK_END_BYTE = 0xFF,
};
_Static_assert(LISTPACK_EMPTY == LISTPACK_HEADER + 1, "an empty one is a header and the end byte");
_Static_assert(LISTPACK_COUNT_UNKNOWN == UINT16_MAX, "the header's count has 16 bits");

/* --- entries: what stands between header and end byte --- */

/* Bytes that an item takes as an entry. Text is kept as text, even when it is an integer's: packed_item says what Redis would
 * keep for it.  */
size_t listpack_entry_size(const struct item *item);
/* Writes one to `at`, which has room for listpack_entry_size bytes. Returns that size. */
size_t listpack_write_entry(char *at, const struct item *item);

/* Bytes of the back length of an item of `size` bytes. Redis changes over one byte early from the second step on. */
static inline size_t listpack_back_size(size_t size)
{
    if (LIKELY(size <= 127)) {
        return 1;
    }
    return size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
}

/* Bytes of the entry at `at`, of the one that ends at `end`. */
static inline size_t listpack_size_at(const char *at)
{
    size_t size = packed_size(at);
    return size + listpack_back_size(size);
}

static inline size_t listpack_size_before(const char *end)
{
    size_t size = 0;
    unsigned shift = 0;
    const char *at = end - 1;
    for (; shift < 7 * (LISTPACK_BACK_MAX - 1) && (*at & 0x80) != 0; at--) {
        size |= (size_t)(*at & 0x7F) << shift;
        shift += 7;
    }
    size |= (size_t)(*at & 0x7F) << shift;
    return size + (size_t)(end - at);
}

/* The item at *at, which moves behind it; false at the end. *at starts at 0. */
static inline bool listpack_next(struct bytes entries, size_t *at, struct item *out)
{
    if (UNLIKELY(*at >= entries.len)) {
        return false;
    }
    *out = packed_read(entries.data + *at);
    *at += listpack_size_at(entries.data + *at);
    return true;
}

/* The item that ends at *at, which moves to its beginning; false at the beginning. *at starts at entries.len. */
static inline bool listpack_previous(struct bytes entries, size_t *at, struct item *out)
{
    if (UNLIKELY(*at == 0)) {
        return false;
    }
    *at -= listpack_size_before(entries.data + *at);
    *out = packed_read(entries.data + *at);
    return true;
}

/* Where the item begins that is `items` behind the one at `at`; entries.len when there are not so many. O(items). */
size_t listpack_skip(struct bytes entries, size_t at, size_t items);
/* The same towards the beginning; 0 when there are not so many. */
size_t listpack_skip_back(struct bytes entries, size_t at, size_t items);
/* How many items there are. O(items). */
size_t listpack_count_entries(struct bytes entries);

/* True when two items have the same text. */
bool listpack_same_item(const struct item *a, const struct item *b);
/* The first item from *at on, looking at every `stride`-th one, that equals `wanted`. True: *at is its offset. False: *at is
 * entries.len.  */
bool listpack_find(struct bytes entries, unsigned stride, const struct item *wanted, size_t *at);

/* Puts `count` items (not lent from the entries; count may be 0: removal) in place of the `old_count` ones that take the
 * `old_len` bytes at `at` (0 and 0: insertion).  */
struct listpack_edit {
    size_t at;
    size_t old_len;
    size_t old_count;
    const struct item *items;
    size_t count;
};

/* How many bytes the new items take. */
size_t listpack_edit_new_len(const struct listpack_edit *edit);
/* Does it on `len` bytes of entries in room for the longer of the two lengths. Returns the new length. */
size_t listpack_apply_to_entries(char *data, size_t len, const struct listpack_edit *edit);

/* --- whole listpacks --- */

static inline size_t listpack_bytes(const char *listpack)
{
    uint32_t total;
    memcpy(&total, listpack, sizeof total);
    return total;
}

static inline struct bytes listpack_entries(const char *listpack)
{
    debug_assert(listpack_bytes(listpack) >= LISTPACK_EMPTY);
    return (struct bytes){listpack + LISTPACK_HEADER, listpack_bytes(listpack) - LISTPACK_EMPTY};
}

/* Writes header and end byte around `len` bytes of entries that stand, or will be put, at listpack + LISTPACK_HEADER. */
void listpack_frame(char *listpack, size_t len, size_t count);
/* Makes an empty one of LISTPACK_EMPTY bytes. */
static inline void listpack_init(char *listpack)
{
    listpack_frame(listpack, 0, 0);
}

/* O(1) below LISTPACK_COUNT_UNKNOWN. */
size_t listpack_count(const char *listpack);
/* Where the item with this index begins (negative: from the end, -1 the last); its entries' length when there is none. O(distance
 * from the nearer end).  */
size_t listpack_place(const char *listpack, int64_t index);

/* Its length after the edit. */
size_t listpack_edited_bytes(const char *listpack, const struct listpack_edit *edit);
/* Does it: the listpack has room for the longer of the two lengths. Returns the new length. */
size_t listpack_apply(char *listpack, const struct listpack_edit *edit);
/* Adds one item at the end (room: listpack_entry_size more). Returns the new length. */
size_t listpack_append(char *listpack, const struct item *item);

/* True when `entries` are whole entries with true back lengths; *count is how many. */
MUST_USE bool listpack_entries_are_valid(struct bytes entries, size_t *count);
/* True when these bytes are exactly one listpack that Redis would take, too: header, back lengths and end are right. Items need
 * not be in their shortest form. *count is how many.  */
MUST_USE bool listpack_is_valid(struct bytes bytes, size_t *count);
/* For debug asserts, after a change to a listpack of ours: a long one is looked at after some changes only (base/check.h). */
bool listpack_is_sound(const char *listpack);

#endif
