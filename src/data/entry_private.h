/* entry_private.h - the bytes of an entry, for the files that make and change entries: entry.c, expiry.c, keyspace*.c.  */
#ifndef DATA_ENTRY_PRIVATE_H
#define DATA_ENTRY_PRIVATE_H

#include "base/attributes.h"
#include "data/entry.h"
#include "encoding/collection.h"
#include "mem/heap.h"

#include <assert.h>
#include <string.h>

enum {
    ENTRY_KIND_MASK = 0x0f,
    ENTRY_HAS_EXPIRY = 0x10,
    ENTRY_WIDE_EXPIRY = 0x20, /* only with ENTRY_HAS_EXPIRY */
    ENTRY_WIDE_LENGTHS = 0x40,
    ENTRY_FLAGS_SHIFT = 4,

    ENTRY_NARROW_LENGTH_MAX = 255,
    ENTRY_EMBSTR_MAX = 44,      /* Redis's limit; shorter values are always inline */
    ENTRY_INLINE_MAX = 1024,    /* longer blocks keep their value apart, unless it is an embstr */
    ENTRY_WORD_BYTES = 8,       /* a value that is a number or an address */
    ENTRY_EXPIRY_REACH_MS = 1 << 30, /* 12.4 days: how far from the reference an expiry of 4 bytes may be when it is set */

    RAW_CAPACITY_BITS = 48,
    RAW_PIN_BITS = 16,
};
/* No raw string is longer: less than an address space, so that a capacity fits its bits. */
#define RAW_LEN_MAX ((size_t)1 << 46)

/* How a value is kept. */
enum entry_kind {
    ENTRY_INTEGER, /* int64 */
    ENTRY_INLINE,  /* bytes, as SET stored them */
    ENTRY_RAW,     /* address of a struct raw_string: long, or modified in place */
    ENTRY_LIST_PACKED, /* from here on in the order of enum value_form: see data/value.h */
    ENTRY_LIST,
    ENTRY_SET_INTSET,
    ENTRY_SET_PACKED,
    ENTRY_SET,
    ENTRY_HASH_PACKED,
    ENTRY_HASH,
    ENTRY_ZSET_PACKED,
    ENTRY_ZSET,
    ENTRY_STREAM,
    ENTRY_KIND_COUNT
};
_Static_assert(ENTRY_KIND_COUNT <= ENTRY_KIND_MASK + 1, "a head says any kind");
_Static_assert(ENTRY_EMBSTR_MAX <= ENTRY_NARROW_LENGTH_MAX, "a short string never needs wide lengths");
_Static_assert(ENTRY_EXPIRY_REACH_MS < INT32_MAX, "4 bytes say how far an expiry is from the reference");

enum {
    /* kinds whose value is bytes in the entry */
    ENTRY_INLINE_KINDS = 1 << ENTRY_INLINE | 1 << ENTRY_LIST_PACKED | 1 << ENTRY_SET_INTSET | 1 << ENTRY_SET_PACKED |
                         1 << ENTRY_HASH_PACKED | 1 << ENTRY_ZSET_PACKED,
    /* kinds whose value is the address of a struct collection */
    ENTRY_COLLECTION_KINDS = 1 << ENTRY_LIST | 1 << ENTRY_SET | 1 << ENTRY_HASH | 1 << ENTRY_ZSET | 1 << ENTRY_STREAM,
};

struct entry {
    uint8_t head;
    uint8_t access[3];
    uint8_t rest[]; /* lengths, expiry, key, value */
};

/* A string outside of its entry, with room to grow: 16 bytes, then the text. MEM_STRING. */
struct raw_string {
    size_t len;
    uint64_t capacity : RAW_CAPACITY_BITS;
    uint64_t pins : RAW_PIN_BITS; /* jobs that read it in steps: while there are any nobody may change, move or free it */
    char data[];
};
_Static_assert(sizeof(struct raw_string) == 16, "the pins take no room");

static inline size_t raw_string_bytes(size_t capacity)
{
    return sizeof(struct raw_string) + capacity;
}

/* It stands in a block of `request` bytes. */
static inline void raw_string_set_capacity(struct raw_string *raw, size_t request)
{
    raw->capacity = (request - sizeof *raw) & ((UINT64_C(1) << RAW_CAPACITY_BITS) - 1);
}

/* Bytes before the key. */
static inline size_t entry_header_bytes(uint8_t head)
{
    /* By HAS_EXPIRY | WIDE_EXPIRY | WIDE_LENGTHS; 0: no such head. */
    static const uint8_t header_bytes[8] = {6, 10, 0, 14, 12, 16, 0, 20};
    return header_bytes[head >> ENTRY_FLAGS_SHIFT & 7];
}

static inline enum entry_kind entry_kind(const struct entry *entry)
{
    return (enum entry_kind)(entry->head & ENTRY_KIND_MASK);
}

static inline bool entry_kind_is_inline(enum entry_kind kind)
{
    return (ENTRY_INLINE_KINDS >> kind & 1) != 0;
}

static inline bool entry_kind_is_collection(enum entry_kind kind)
{
    return (ENTRY_COLLECTION_KINDS >> kind & 1) != 0;
}

/* The class of an entry's own block. */
static inline enum mem_class entry_class(enum entry_kind kind)
{
    static const uint8_t classes[ENTRY_KIND_COUNT] = {
        MEM_STRING, MEM_STRING, MEM_STRING, MEM_LIST, MEM_LIST, MEM_SET, MEM_SET,
        MEM_SET,    MEM_HASH,   MEM_HASH,   MEM_ZSET, MEM_ZSET, MEM_STREAM,
    };
    return (enum mem_class)classes[kind];
}

static inline bool entry_has_expiry(const struct entry *entry)
{
    return (entry->head & ENTRY_HAS_EXPIRY) != 0;
}

static inline uint32_t entry_length_at(const struct entry *entry, size_t which)
{
    if (LIKELY((entry->head & ENTRY_WIDE_LENGTHS) == 0)) {
        return entry->rest[which];
    }
    uint32_t length;
    memcpy(&length, entry->rest + which * sizeof length, sizeof length);
    return length;
}

static inline size_t entry_key_len(const struct entry *entry)
{
    return entry_length_at(entry, 0);
}

/* ENTRY_WORD_BYTES unless the value is inline. */
static inline size_t entry_value_len(const struct entry *entry)
{
    return entry_length_at(entry, 1);
}

static inline char *entry_key_data(const struct entry *entry)
{
    return (char *)(uintptr_t)entry + entry_header_bytes(entry->head);
}

static inline char *entry_value_data(const struct entry *entry)
{
    return entry_key_data(entry) + entry_key_len(entry);
}

static inline uint64_t entry_value_word(const struct entry *entry)
{
    uint64_t word;
    memcpy(&word, entry_value_data(entry), sizeof word);
    return word;
}

static inline struct raw_string *entry_raw_string(const struct entry *entry)
{
    debug_assert(entry_kind(entry) == ENTRY_RAW);
    return (struct raw_string *)(uintptr_t)entry_value_word(entry);
}

static inline struct collection *entry_collection_unchecked(const struct entry *entry)
{
    debug_assert(entry_kind_is_collection(entry_kind(entry)));
    return (struct collection *)(uintptr_t)entry_value_word(entry);
}

/* A job reads it in steps: nobody may change or free it now. */
static inline bool entry_is_pinned(const struct entry *entry)
{
    return entry_pins(entry) > 0;
}

/* Bytes used in the entry's own block. */
static inline size_t entry_own_bytes(const struct entry *entry)
{
    return entry_header_bytes(entry->head) + entry_key_len(entry) + entry_value_len(entry);
}

/* What is asked of the heap for an entry of `size` bytes: all of what the allocator would give, so that another entry may
 * take the block's place up to that size.  */
static inline size_t entry_block_request(size_t size)
{
    return size <= HEAP_TABLED_MAX ? heap_block_bytes(size) : size;
}

/* memcmp without a call for the lengths that keys have. */
static inline bool entry_same_bytes(const char *a, const char *b, size_t len)
{
    uint64_t x = 0;
    uint64_t y = 0;
    if (UNLIKELY(len > 8 * sizeof x)) {
        return memcmp(a, b, len) == 0;
    }
    if (len < sizeof x) {
        for (size_t i = 0; i < len; i++) {
            x |= (uint64_t)((unsigned char)a[i] ^ (unsigned char)b[i]);
        }
        return x == 0;
    }
    /* Eight at a time, the last eight overlapping. */
    for (size_t i = 0; i + sizeof x < len; i += sizeof x) {
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y) {
            return false;
        }
    }
    memcpy(&x, a + len - sizeof x, sizeof x);
    memcpy(&y, b + len - sizeof y, sizeof y);
    return x == y;
}

/* For dict_find: `key` is a struct bytes. */
__attribute__((always_inline)) static inline bool entry_key_matches(const void *element, const void *key)
{
    const struct entry *entry = element;
    const struct bytes *name = key;
    return entry_key_len(entry) == name->len && entry_same_bytes(entry_key_data(entry), name->data, name->len);
}

/* Absolute milliseconds, or -1. `reference_ms` is that of the index of the entry's own keyspace, or within 12 days of it: never a
 * wall clock, which may be set back by years while the reference stays.  */
int64_t entry_expiry_near(const struct entry *entry, int64_t reference_ms);

/* What an entry shall become. */
struct entry_plan {
    struct bytes key;
    enum entry_kind kind;
    struct bytes text;      /* inline kinds; data NULL: so many bytes, written later */
    uint64_t word;          /* otherwise */
    int64_t expiry_ms;      /* -1: none */
    int64_t reference_ms;   /* of the keyspace's expiry index: decides whether 4 bytes are enough */
};

/* Flags and kind for the plan, and the bytes that an entry needs for it. */
uint8_t entry_plan_head(const struct entry_plan *plan, size_t *own_bytes);
/* Writes all but the access field into a block of sufficient size. The key may be that of the entry itself. */
void entry_write(struct entry *entry, uint8_t head, const struct entry_plan *plan);
/* Writes `from` with its key and expiry, another kind and room for `value_len` bytes into `to`, which has the size for it and may
 * be `from` itself. Of the value the first bytes stay, as many as both have. `reference_ms` as for entry_expiry_near.  */
void entry_reshape(struct entry *to, const struct entry *from, enum entry_kind kind, size_t value_len, int64_t reference_ms);
/* Bytes that it needs. */
size_t entry_reshaped_bytes(const struct entry *from, size_t value_len);
/* The head and size that `entry` gets with another expiry. */
uint8_t entry_head_with_expiry(const struct entry *entry, int64_t expiry_ms, int64_t reference_ms, size_t *own_bytes);
/* Copies `from` with another expiry into `to`, which may be the same. */
void entry_copy_with_expiry(struct entry *to, const struct entry *from, uint8_t head, int64_t expiry_ms);

#endif
