/* member_leaf.h - one block of a member table: up to about 64 items, found by tags of a byte.
 *
 *   0   capacity: bytes of the block, all that the heap gives                              16 bits
 *   2   used: bytes of all cells                                                           16 bits
 *   4   count: items                                                                        8 bits
 *   5   depth: so many top bits of the hash are the same in all items                       8 bits
 *   6   tags: the lowest byte of each item's hash
 *       ends: for each item, 16 bits: how far before the end of the block its cell begins (14 bits), LEAF_INTEGER, LEAF_APART
 *       free room
 *       cells: item 0 at the very end of the block, the later ones before it
 *
 * The content of an item is in its cell, or, over LEAF_CELL_MAX bytes, in a block of its own (8 bytes of length, then the
 * content); then it is LEAF_APART and its cell is the address.
 *
 *   set    member                                    LEAF_INTEGER: the member is an integer
 *   hash   head, field, value                        LEAF_INTEGER: the value is an integer
 *
 * The head is 2 x length of the field, plus 1 when that is an integer, in groups of 7 bits, the lowest first, all but the last
 * with the top bit set. Integers are 1 to 8 bytes, as few as it takes, low byte first, two's complement.
 *
 * Threads    As struct collection.
 * Invariant  capacity == heap_block_bytes(capacity) >= leaf_bytes(count, used); ends ascend.
 * Read on    member_leaf.c.  */
#ifndef ENCODING_MEMBER_LEAF_H
#define ENCODING_MEMBER_LEAF_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "encoding/collection.h"
#include "encoding/item.h"

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    LEAF_ITEMS = 64,        /* a leaf with more is split, */
    LEAF_BYTES = 2048,      /* one that is longer, too; */
    LEAF_ITEMS_MAX = 128,   /* but where the directory would have to double too early it may have so many, */
    LEAF_BYTES_MAX = 4096,  /* and be so long. */
    LEAF_CELL_MAX = 256,
    LEAF_MIN_BYTES = 32,
    LEAF_ITEM_OVERHEAD = 3, /* a tag and an end */
    LEAF_TAG_GROUP = 16,
    LEAF_INTEGER = 1 << 14,
    LEAF_APART = 1 << 15,
    LEAF_END_MASK = LEAF_INTEGER - 1,
    LEAF_HEAD_MAX = 5,
};
#define LEAF_ABSENT UINT32_MAX

struct member_leaf {
    uint16_t capacity;
    uint16_t used;
    uint8_t count;
    uint8_t depth;
    uint8_t tags[]; /* and all that follows */
};
_Static_assert(sizeof(struct member_leaf) == 6, "drawn above");
_Static_assert(sizeof(struct member_leaf) + LEAF_TAG_GROUP <= LEAF_MIN_BYTES, "a group of tags may be read in the least leaf");
_Static_assert(LEAF_BYTES_MAX <= LEAF_END_MASK, "an end fits beside the flags");
_Static_assert(LEAF_ITEMS_MAX <= UINT8_MAX, "a leaf counts its items in a byte");
_Static_assert(LEAF_ITEMS % LEAF_TAG_GROUP == 0, "tags are compared in whole groups");
_Static_assert(LEAF_CELL_MAX + LEAF_ITEM_OVERHEAD < LEAF_BYTES, "a leaf has room for the longest cell");

/* What an item is to be, encoded. */
struct leaf_content {
    unsigned char head[LEAF_HEAD_MAX];
    uint8_t head_len;
    bool is_integer;        /* LEAF_INTEGER */
    struct bytes member;    /* of a hash: the field */
    struct bytes value;
    unsigned char member_scratch[8], value_scratch[8];
};

static inline size_t leaf_bytes(unsigned count, size_t used)
{
    return sizeof(struct member_leaf) + (size_t)LEAF_ITEM_OVERHEAD * count + used;
}

static inline uint8_t leaf_tag(uint64_t hash)
{
    return (uint8_t)hash;
}

static inline unsigned leaf_end_word(const struct member_leaf *leaf, unsigned index)
{
    uint16_t word;
    debug_assert(index < leaf->count);
    memcpy(&word, leaf->tags + leaf->count + (size_t)2 * index, sizeof word);
    return word;
}

static inline unsigned leaf_end(const struct member_leaf *leaf, unsigned index)
{
    return leaf_end_word(leaf, index) & LEAF_END_MASK;
}

/* Where the cell before it begins: so much is behind this cell. */
static inline unsigned leaf_behind(const struct member_leaf *leaf, unsigned index)
{
    return index == 0 ? 0 : leaf_end(leaf, index - 1);
}

static inline size_t leaf_cell_len(const struct member_leaf *leaf, unsigned index)
{
    return leaf_end(leaf, index) - leaf_behind(leaf, index);
}

static inline char *leaf_cell(const struct member_leaf *leaf, unsigned index)
{
    return (char *)(uintptr_t)leaf + leaf->capacity - leaf_end(leaf, index);
}

/* True when the block is as drawn: for debug asserts. O(items). */
bool leaf_is_valid(const struct member_leaf *leaf);
/* The content of an item, wherever it is. */
struct bytes leaf_content(const struct member_leaf *leaf, unsigned index);
/* The member (a hash's: field) and the value (NULL: not wanted; hashes only) in a content. */
void leaf_decode(struct bytes content, bool is_integer, bool has_value, struct item *member, struct item *value);
void leaf_item(const struct member_leaf *leaf, unsigned index, bool has_value, struct item *member, struct item *value);

/* Encodes; `value` NULL: for a set, or only to look for a field (then its value is empty). */
void leaf_encode(struct leaf_content *out, const struct item *member, const struct item *value, bool has_value);
size_t leaf_content_len(const struct leaf_content *content);
void leaf_content_write(const struct leaf_content *content, char *to);

/* The item with this member, or LEAF_ABSENT. */
uint32_t leaf_find(const struct member_leaf *leaf, uint8_t tag, const struct leaf_content *wanted, bool has_value);

/* --- blocks --- */

/* An empty leaf with room for `bytes` (as leaf_bytes gives them); NULL: refused. */
MUST_USE struct member_leaf *leaf_create(struct collection *owner, size_t bytes, unsigned depth);
void leaf_free(struct collection *owner, struct member_leaf *leaf);
/* Another block with the same items, and room for `bytes`; the old one is freed. NULL: refused, the old one is as it was. */
MUST_USE struct member_leaf *leaf_move(struct collection *owner, struct member_leaf *leaf, size_t bytes);
/* Frees the blocks of items that are LEAF_APART. */
void leaf_free_apart(struct collection *owner, const struct member_leaf *leaf);
void leaf_free_apart_item(struct collection *owner, const struct member_leaf *leaf, unsigned index);
/* A block with this content and its length before it; NULL: refused. */
MUST_USE char *leaf_apart_create(struct collection *owner, const struct leaf_content *content);
void leaf_apart_free(struct collection *owner, char *apart);
/* An item that is LEAF_APART: its block, and what that was asked for; and puts the block's new address into the cell. */
char *leaf_apart(const struct member_leaf *leaf, unsigned index, size_t *size);
void leaf_set_apart(struct member_leaf *leaf, unsigned index, const char *apart);

/* --- changes within a block, which has the room --- */

/* Adds an item with an empty cell of `cell_len` bytes, which the caller writes; `flags`: LEAF_INTEGER, LEAF_APART. Returns it. */
char *leaf_append(struct member_leaf *leaf, uint8_t tag, size_t cell_len, unsigned flags);
/* Makes the item's cell `cell_len` bytes long, with other flags; the caller writes them. Returns it. */
char *leaf_replace(struct member_leaf *leaf, unsigned index, size_t cell_len, unsigned flags);
void leaf_remove(struct member_leaf *leaf, unsigned index);

/* The items `from` has, as they are: cells and flags, blocks apart shared. */
static inline void leaf_append_copy(struct member_leaf *to, const struct member_leaf *from, unsigned index)
{
    const size_t len = leaf_cell_len(from, index);
    char *cell = leaf_append(to, from->tags[index], len, leaf_end_word(from, index) & ~(unsigned)LEAF_END_MASK);
    memcpy(cell, leaf_cell(from, index), len);
}

#endif
