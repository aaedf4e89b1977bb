/* dict.h - a set of elements found by a 64-bit hash: the table of the keyspace, later of sets and hashes.
 *
 * Extendible hashing (Fagin et al., 1979). The top `depth` bits of the hash choose a word of the directory, which leads to a
 * segment: an array of buckets that grows and shrinks in small steps by itself, and splits into two of the next depth or
 * merges with its buddy. So one insertion or removal moves at most one segment's elements, and the table follows its
 * content in both directions.
 *
 *   hash        63 .............. 37 | 36 ... 24 | 23 .. 16 | 15 ........ 0
 *               directory (depth<=27)   unused      tag        position
 *   directory   bucket count - 1 (16 bits) | address of the first bucket (bits 6..47) | depth of the segment (6 bits)
 *   bucket      7 words of 8 bytes | 7 tags | overflow            64 bytes, one cache line
 *   word        position (16 bits) | address of the element (48 bits)
 *
 * An element's home in a segment of n buckets is position * n >> 16: another n needs nothing but the word. A full bucket
 * passes elements on to the next one, around the end; `overflow` counts those that passed, so a search goes on only where
 * one did. A tag is never 0; tag 0 marks a free slot. Tag and position together tell a wrong element from the right one
 * without touching it, but for one in 2^24.
 *
 * Threads    One at a time, under the baton of the shard.
 * Memory     Elements are the caller's (borrowed while they are in); segments and directory come from the heap.
 * Invariant  D1 every element is in the segment of its hash's prefix, with its position and tag; D2 a bucket's overflow is
 *            the number of elements that passed it, or DICT_OVERFLOW_STICKY and more; D3 count is the sum over the segments,
 *            table_bytes the sum over their blocks; D4 without elements there are no blocks, unless some are expected.
 * Limits     2^27 segments; elements at addresses below 2^48.
 * Read on    dict.c (places), dict_resize.c (growing and shrinking), dict_walk.c (scan, sampling, freeing).  */
#ifndef DATA_DICT_H
#define DATA_DICT_H

#include "base/attributes.h"
#include "mem/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    DICT_BUCKET_SLOTS = 7,
    DICT_ALL_SLOTS = (1 << DICT_BUCKET_SLOTS) - 1,
    DICT_OVERFLOW_STICKY = 255, /* once there, the count is no longer kept: searches pass until the segment is rebuilt */
    DICT_POSITION_SHIFT = 48,   /* of a word: 16 bits of position above the address */
    DICT_CURSOR_BITS = 48,
};

#define DICT_ADDRESS_MASK ((UINT64_C(1) << 48) - 1)
#define DICT_SEGMENT_ADDRESS_MASK (DICT_ADDRESS_MASK & ~UINT64_C(63))

struct dict_bucket {
    _Alignas(CACHE_LINE_BYTES) uint64_t words[DICT_BUCKET_SLOTS];
    uint8_t tags[DICT_BUCKET_SLOTS];
    uint8_t overflow;
};
_Static_assert(sizeof(struct dict_bucket) == CACHE_LINE_BYTES, "a bucket is one cache line");
_Static_assert(offsetof(struct dict_bucket, tags) % sizeof(uint64_t) == 0, "tags and overflow are read as one word");

/* What the elements of a dictionary are. */
struct dict_type {
    enum mem_class which;                                      /* of segments and directory */
    uint64_t (*hash)(const void *element, const void *context); /* asked when a segment splits */
};

struct dict {
    union {
        uint64_t segment;    /* depth 0: the word of the only segment */
        uint64_t *directory; /* otherwise 2^depth words, and as many element counts (uint32_t) behind them */
    } root;
    uint64_t count;          /* elements */
    uint64_t table_bytes;    /* as the allocator counts */
    struct heap *heap;
    const struct dict_type *type;
    const void *context;     /* for type->hash */
    uint32_t root_count;     /* depth 0: elements of the only segment */
    uint32_t deepest_count;  /* segments as deep as the directory; when there is none left the directory halves */
    uint32_t drained_slots;  /* dict_free_step: how far it got */
    uint16_t expected_buckets; /* dict_expect: with which a segment begins; 0: with as few as it needs */
    uint8_t depth;
};

/* True when the element is the one that `key` names. Asked only of elements whose hash agrees in 24 bits and the prefix. */
typedef bool dict_match_fn(const void *element, const void *key);

void dict_init(struct dict *dict, struct heap *heap, const struct dict_type *type, const void *context);

/* Adds an element that is not there yet. False: memory refused, nothing has changed. Cost O(1), at worst one segment's
 * elements moved (about 720).  */
MUST_USE bool dict_insert(struct dict *dict, uint64_t hash, void *element);
/* About `count` elements are going to be inserted into this empty dictionary: the tables begin with the size that they need then, so that they are not
 * copied again and again. Refused memory is no error: it is a help only. dict_expect_no_more: the others have come or will not; tables
 * that are too large shrink. O(count / 300).  */
void dict_expect(struct dict *dict, uint64_t count);
void dict_expect_no_more(struct dict *dict);
/* Takes `element` out. False: it is not there. May move a segment's elements as well; never refused. */
bool dict_remove(struct dict *dict, uint64_t hash, const void *element);
/* The element moved: `to` takes the place of `from`, which must be there. */
void dict_replace(struct dict *dict, uint64_t hash, const void *from, void *to);

typedef void dict_visit_fn(void *element, void *arg);

/* Visits elements from `cursor` (0 starts) in the order of the table until at least `count` were visited, and returns where
 * to go on; 0 at the end. An element that is there throughout is visited at least once whatever comes and goes between the
 * calls; one may be visited twice when its segment merged or split in between. `visit` must not change the dictionary.
 * A cursor is depth (5 bits) | prefix (27) | position (16): all before it is done. One that was never handed out ends the
 * scan or goes on anywhere. Cost O(count + one chain of buckets).  */
MUST_USE uint64_t dict_scan(const struct dict *dict, uint64_t cursor, size_t count, dict_visit_fn *visit, void *arg);

/* Visits the elements whose positions (the low 16 bits of the hash) are from `first` to before `end` in all segments that have hashes beginning
 * with the `bits` bits `prefix` (<= DICT_DEPTH_MAX of dict_private.h): all elements of such hashes, and, where a segment is not as deep as that, also those of
 * other prefixes. `visit` must not change the dictionary. Cost O(buckets visited).  */
void dict_visit_range(const struct dict *dict, uint64_t prefix, unsigned bits, uint32_t first, uint32_t end, dict_visit_fn *visit, void *arg);

/* An element picked at random, nearly evenly; NULL when there is none. *random_state: any number, moved on. */
void *dict_random(const struct dict *dict, uint64_t *random_state);

/* All elements of buckets picked at random, nearly evenly, until there are `at_least`; a table that is nearly empty gives fewer,
 * none only when there are none. The same one may come twice. `out` holds at_least + DICT_BUCKET_SLOTS - 1. O(at_least).  */
struct dict_sampler {
    uint64_t random;   /* any number to begin with */
    uint64_t seeds[2]; /* of the next two samples; 0 to begin with */
};
size_t dict_sample(const struct dict *dict, struct dict_sampler *sampler, void **out, size_t at_least);

/* Hands elements to `release` and frees the tables, in steps: *limit counts down by one for each element. True when all is
 * gone; until then only this function may be called.  */
MUST_USE bool dict_free_step(struct dict *dict, size_t *limit, dict_visit_fn *release, void *arg);

/* Defragmentation (mem/heap.h): hands segments that stand in sparse pages to heap_move, from *cursor on (0 starts), about `limit` of
 * them looked at. True at the end; *cursor is 0 again. Elements stay where they are. Cost O(limit).  */
bool dict_move_segments(struct dict *dict, uint64_t *cursor, size_t limit);

static inline uint64_t dict_memory_bytes(const struct dict *dict)
{
    return dict->table_bytes;
}

/* Walks everything. NULL when D1-D4 hold, otherwise what does not (a constant text). */
const char *dict_fault(const struct dict *dict);
/* For debug asserts, after a change at `hash`: walks a short table whole, of a longer one the segment after some changes only
 * (base/check.h).  */
bool dict_is_valid_at(const struct dict *dict, uint64_t hash);

/* --- the path of a search, inlined into its callers --- */

static inline uint16_t dict_hash_position(uint64_t hash)
{
    return (uint16_t)hash;
}

static inline uint8_t dict_hash_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 16);
    return (uint8_t)(tag + (tag == 0));
}

static inline uint64_t dict_segment_word(const struct dict *dict, uint64_t hash)
{
    if (dict->depth == 0) {
        return dict->root.segment;
    }
    return dict->root.directory[hash >> (64 - dict->depth)];
}

static inline struct dict_bucket *dict_segment_buckets(uint64_t segment)
{
    return (struct dict_bucket *)(uintptr_t)(segment & DICT_SEGMENT_ADDRESS_MASK);
}

static inline uint32_t dict_segment_bucket_count(uint64_t segment)
{
    return (uint32_t)(segment >> 48) + 1;
}

static inline uint32_t dict_home(uint16_t position, uint32_t bucket_count)
{
    return (uint32_t)((uint64_t)position * bucket_count >> 16);
}

/* Bit i is set when slot i has this tag. */
#if defined(__SSE2__)
static inline unsigned dict_bucket_match(const struct dict_bucket *bucket, uint8_t tag)
{
    __m128i tags = _mm_loadl_epi64((const __m128i *)(const void *)bucket->tags);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & DICT_ALL_SLOTS;
}
#else
static inline unsigned dict_bucket_match(const struct dict_bucket *bucket, uint8_t tag)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++) {
        mask |= (unsigned)(bucket->tags[i] == tag) << i;
    }
    return mask;
}
#endif

static inline void *dict_word_element(uint64_t word)
{
    return (void *)(uintptr_t)(word & DICT_ADDRESS_MASK);
}

/* The element with this hash that matches `key`, or NULL. */
__attribute__((always_inline)) static inline void *dict_find(const struct dict *dict, uint64_t hash, dict_match_fn *match,
                                                             const void *key)
{
    const uint64_t segment = dict_segment_word(dict, hash);
    const struct dict_bucket *buckets = dict_segment_buckets(segment);
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    const uint16_t position = dict_hash_position(hash);
    const uint8_t tag = dict_hash_tag(hash);
    const uint32_t home = dict_home(position, bucket_count);
    uint32_t at = home;
    for (;;) {
        const struct dict_bucket *bucket = &buckets[at];
        for (unsigned mask = dict_bucket_match(bucket, tag); mask != 0; mask &= mask - 1) {
            const uint64_t word = bucket->words[__builtin_ctz(mask)];
            if (word >> DICT_POSITION_SHIFT == position && LIKELY(match(dict_word_element(word), key))) {
                return dict_word_element(word);
            }
        }
        if (LIKELY(bucket->overflow == 0)) {
            return NULL;
        }
        at = at + 1 == bucket_count ? 0 : at + 1;
        if (at == home) {
            return NULL;
        }
    }
}

/* Inlined by force: gcc takes a function that only prefetches for one without effect, and drops calls of it.
 * Hints before a search: first the bucket, later (it reads the bucket) the element that will be compared. */
__attribute__((always_inline)) static inline void dict_prefetch_bucket(const struct dict *dict, uint64_t hash)
{
    const uint64_t segment = dict_segment_word(dict, hash);
    __builtin_prefetch(&dict_segment_buckets(segment)[dict_home(dict_hash_position(hash), dict_segment_bucket_count(segment))]);
}

__attribute__((always_inline)) static inline void dict_prefetch_element(const struct dict *dict, uint64_t hash)
{
    const uint64_t segment = dict_segment_word(dict, hash);
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    const uint32_t home = dict_home(dict_hash_position(hash), bucket_count);
    const struct dict_bucket *bucket = &dict_segment_buckets(segment)[home];
    unsigned mask = dict_bucket_match(bucket, dict_hash_tag(hash));
    if (mask == 0 && bucket->overflow != 0) {
        bucket = &dict_segment_buckets(segment)[home + 1 == bucket_count ? 0 : home + 1];
        mask = dict_bucket_match(bucket, dict_hash_tag(hash));
    }
    if (mask != 0) {
        __builtin_prefetch(dict_word_element(bucket->words[__builtin_ctz(mask)]));
    }
}

#endif
