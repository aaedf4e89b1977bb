/* dict_private.h - what the files of the dictionary share: segments and how full they may get.  */
#ifndef DATA_DICT_PRIVATE_H
#define DATA_DICT_PRIVATE_H

#include "data/dict.h"

#include <assert.h>

enum {
    DICT_DEPTH_MAX = 27,
    DICT_SEGMENT_DEPTH_MASK = 63,
    DICT_SPLIT_BUCKETS = 112,      /* a full segment of so many buckets splits */
    DICT_SEGMENT_BUCKETS_MAX = 65536, /* grown to only by hashes that agree in their prefix */
};
_Static_assert(DICT_SEGMENT_BUCKETS_MAX == 1 << 16, "a segment's word has 16 bits for its bucket count less 1");
_Static_assert(DICT_DEPTH_MAX <= DICT_SEGMENT_DEPTH_MASK, "a segment's word has room for its depth");

/* A directory's slot: the segment's word, and its element count behind all words. */
#define DICT_DIRECTORY_SLOT_BYTES (sizeof(uint64_t) + sizeof(uint32_t))

/* All segments without elements share this one: their searches end here. Its limit is 0, so it is never written. */
extern const struct dict_bucket dict_empty_bucket;

/* A segment as the directory knows it: slots first .. first + span - 1 hold its word. */
struct dict_segment {
    uint64_t word;
    uint32_t *count; /* elements; where it is kept */
    uint32_t first, span;
};

static inline unsigned dict_segment_depth(uint64_t word)
{
    return (unsigned)(word & DICT_SEGMENT_DEPTH_MASK);
}

static inline uint64_t dict_segment_word_make(const struct dict_bucket *buckets, uint32_t bucket_count, unsigned depth)
{
    assert(bucket_count >= 1 && bucket_count <= DICT_SEGMENT_BUCKETS_MAX);
    assert(depth <= DICT_DEPTH_MAX);
    return (uint64_t)(bucket_count - 1) << 48 | (uint64_t)(uintptr_t)buckets | depth;
}

static inline bool dict_segment_is_empty(uint64_t word)
{
    return dict_segment_buckets(word) == &dict_empty_bucket;
}

static inline uint32_t *dict_directory_counts(const struct dict *dict)
{
    return (uint32_t *)(dict->root.directory + ((size_t)1 << dict->depth));
}

static inline struct dict_segment dict_segment_at(struct dict *dict, uint32_t slot)
{
    if (dict->depth == 0) {
        return (struct dict_segment){dict->root.segment, &dict->root_count, 0, 1};
    }
    const uint64_t word = dict->root.directory[slot];
    const uint32_t span = UINT32_C(1) << (dict->depth - dict_segment_depth(word));
    const uint32_t first = slot & ~(span - 1);
    return (struct dict_segment){word, &dict_directory_counts(dict)[first], first, span};
}

static inline uint32_t dict_slot(const struct dict *dict, uint64_t hash)
{
    return dict->depth == 0 ? 0 : (uint32_t)(hash >> (64 - dict->depth));
}

/* How many elements a segment takes before it grows: all slots of one bucket, thirteen fourteenths of many. With this limit the
 * average load over the sizes of a growing table is 0.85, at worst 0.80. */
static inline uint32_t dict_bucket_limit(uint32_t bucket_count)
{
    const uint32_t slots = bucket_count * DICT_BUCKET_SLOTS;
    return slots - slots / 14;
}

static inline uint32_t dict_segment_limit(uint64_t word)
{
    return dict_segment_is_empty(word) ? 0 : dict_bucket_limit(dict_segment_bucket_count(word));
}

/* Puts a word into the first free slot from its home on; there is one. */
static inline void dict_place(struct dict_bucket *buckets, uint32_t bucket_count, uint64_t word, uint8_t tag)
{
    uint32_t at = dict_home((uint16_t)(word >> DICT_POSITION_SHIFT), bucket_count);
    unsigned free_slots;
    while (UNLIKELY((free_slots = dict_bucket_match(&buckets[at], 0)) == 0)) {
        if (buckets[at].overflow != DICT_OVERFLOW_STICKY) {
            buckets[at].overflow++;
        }
        at = at + 1 == bucket_count ? 0 : at + 1;
    }
    const unsigned slot = (unsigned)__builtin_ctz(free_slots);
    buckets[at].words[slot] = word;
    buckets[at].tags[slot] = tag;
}

static inline size_t dict_directory_bytes(unsigned depth)
{
    return heap_block_bytes(DICT_DIRECTORY_SLOT_BYTES << depth);
}

/* Both give back what the allocator counts for it. The shared empty segment is left alone, and no directory is nothing. */
void dict_segment_free(struct dict *dict, uint64_t segment);
void dict_directory_free(struct dict *dict);

/* Makes room in the segment of `hash`, which is at its limit: it grows or splits. False: refused, nothing has changed. */
MUST_USE bool dict_make_room(struct dict *dict, uint64_t hash);
/* After a removal from the segment in `slot`: it may merge with its buddy or shrink. */
void dict_give_room_back(struct dict *dict, uint32_t slot);

#endif
