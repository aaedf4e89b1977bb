/* dict_walk.c - going over the whole table: scan, a random element, freeing in steps, checking.  */
#include "base/check.h"
#include "base/random.h"
#include "data/dict_private.h"

#include <assert.h>
#include <string.h>

enum {
    CURSOR_PREFIX_SHIFT = 16,
    CURSOR_DEPTH_SHIFT = CURSOR_PREFIX_SHIFT + DICT_DEPTH_MAX,
    POSITION_COUNT = 1 << 16,
    RANDOM_TRIES_MAX = 200,
    SAMPLE_AHEAD_BUCKETS = 4,
    SAMPLE_ROUNDS_MAX = 16, /* of a table that is nearly empty */
    FAULT_BUCKETS_MAX = DICT_SPLIT_BUCKETS, /* overflow is recounted in segments of so many buckets at most */
    CHECK_ELEMENT_BYTES = 32, /* what a walk reads and hashes of an element, for check_is_due */
};
_Static_assert(CURSOR_DEPTH_SHIFT + 5 == DICT_CURSOR_BITS, "five bits of depth, the prefix and the position make a cursor");
_Static_assert(DICT_DEPTH_MAX < 32, "a depth has five bits");

static unsigned used_slots(const struct dict_bucket *bucket)
{
    return ~dict_bucket_match(bucket, 0) & DICT_ALL_SLOTS;
}

/* Inlined by force: see dict_prefetch_bucket. */
__attribute__((always_inline)) static inline void prefetch_elements(const struct dict_bucket *bucket)
{
    for (unsigned used = used_slots(bucket); used != 0; used &= used - 1) {
        __builtin_prefetch(dict_word_element(bucket->words[__builtin_ctz(used)]));
    }
}

/* --- scan --- */

/* Where a scan is: everything in the slots before `slot` is done, and in its segment every position before `position`. */
struct scan_place {
    uint32_t slot; /* the first of its segment */
    uint32_t position;
};

static uint64_t place_to_cursor(const struct dict *dict, uint64_t segment, struct scan_place place)
{
    const unsigned depth = dict_segment_depth(segment);
    const uint64_t prefix = (uint64_t)place.slot >> (dict->depth - depth);
    return (uint64_t)depth << CURSOR_DEPTH_SHIFT | prefix << CURSOR_PREFIX_SHIFT | place.position;
}

static uint64_t segment_in_slot(const struct dict *dict, uint32_t slot)
{
    return dict->depth == 0 ? dict->root.segment : dict->root.directory[slot];
}

/* False: no such place. A segment that split meanwhile goes on in its first part; one that merged begins again. */
static bool cursor_to_place(const struct dict *dict, uint64_t cursor, struct scan_place *out)
{
    const unsigned depth = (unsigned)(cursor >> CURSOR_DEPTH_SHIFT);
    const uint64_t prefix = cursor >> CURSOR_PREFIX_SHIFT & ((UINT64_C(1) << DICT_DEPTH_MAX) - 1);
    if (depth > DICT_DEPTH_MAX || prefix >> depth != 0) {
        return false;
    }
    const uint32_t slot = (uint32_t)(depth > dict->depth ? prefix >> (depth - dict->depth) : prefix << (dict->depth - depth));
    const unsigned found_depth = dict_segment_depth(segment_in_slot(dict, slot));
    const uint32_t span = UINT32_C(1) << (dict->depth - found_depth);
    out->slot = slot & ~(span - 1);
    out->position = found_depth < depth ? 0 : (uint32_t)cursor & (POSITION_COUNT - 1);
    return true;
}

/* Visits the elements at home in one bucket whose positions are from `first` to before `end`. Returns how many. */
static size_t visit_home(uint64_t segment, uint32_t home, uint32_t first, uint32_t end, dict_visit_fn *visit, void *arg)
{
    const struct dict_bucket *buckets = dict_segment_buckets(segment);
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    size_t visited = 0;
    uint32_t at = home;
    do {
        for (unsigned used = used_slots(&buckets[at]); used != 0; used &= used - 1) {
            const uint64_t word = buckets[at].words[__builtin_ctz(used)];
            const uint16_t its_position = (uint16_t)(word >> DICT_POSITION_SHIFT);
            if (its_position >= first && its_position < end && dict_home(its_position, bucket_count) == home) {
                visit(dict_word_element(word), arg);
                visited++;
            }
        }
        if (buckets[at].overflow == 0) {
            break;
        }
        at = at + 1 == bucket_count ? 0 : at + 1;
    } while (at != home);
    return visited;
}

uint64_t dict_scan(const struct dict *dict, uint64_t cursor, size_t count, dict_visit_fn *visit, void *arg)
{
    struct scan_place place;
    if (!cursor_to_place(dict, cursor, &place)) {
        return 0;
    }
    size_t visited = 0;
    for (;;) {
        const uint64_t segment = segment_in_slot(dict, place.slot);
        const uint32_t bucket_count = dict_segment_bucket_count(segment);
        const uint32_t home = dict_home((uint16_t)place.position, bucket_count);
        if (home + 1 < bucket_count) {
            prefetch_elements(&dict_segment_buckets(segment)[home + 1]);
        }
        visited += visit_home(segment, home, place.position, POSITION_COUNT, visit, arg);
        if (home + 1 < bucket_count) {
            place.position = (((home + 1) << 16) + bucket_count - 1) / bucket_count;
        } else {
            place.slot += UINT32_C(1) << (dict->depth - dict_segment_depth(segment));
            place.position = 0;
            if (place.slot >> dict->depth != 0) {
                return 0;
            }
        }
        if (visited >= count) {
            return place_to_cursor(dict, segment_in_slot(dict, place.slot), place);
        }
    }
}

static void visit_segment_range(uint64_t segment, uint32_t first, uint32_t end, dict_visit_fn *visit, void *arg)
{
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    const uint32_t last = dict_home((uint16_t)(end - 1), bucket_count);
    for (uint32_t home = dict_home((uint16_t)first, bucket_count); home <= last; home++) {
        prefetch_elements(&dict_segment_buckets(segment)[home]);
    }
    for (uint32_t home = dict_home((uint16_t)first, bucket_count); home <= last; home++) {
        visit_home(segment, home, first, end, visit, arg);
    }
}

void dict_visit_range(const struct dict *dict, uint64_t prefix, unsigned bits, uint32_t first, uint32_t end, dict_visit_fn *visit, void *arg)
{
    assert(bits <= DICT_DEPTH_MAX && prefix >> bits == 0);
    assert(first < end && end <= POSITION_COUNT);
    if (dict->count == 0) {
        return;
    }
    const unsigned depth = dict->depth;
    uint64_t slot = bits <= depth ? prefix << (depth - bits) : prefix >> (bits - depth);
    const uint64_t slots_end = bits <= depth ? (prefix + 1) << (depth - bits) : slot + 1;
    /* A segment that is not as deep as the directory has several slots, one behind the other. */
    while (slot < slots_end) {
        const uint64_t segment = segment_in_slot(dict, (uint32_t)slot);
        const uint64_t span = UINT64_C(1) << (depth - dict_segment_depth(segment));
        visit_segment_range(segment, first, end, visit, arg);
        slot = (slot & ~(span - 1)) + span;
    }
}

/* --- one at random --- */

/* The first element in the buckets from `slot` on, around the end. */
static void *first_element_from(const struct dict *dict, uint32_t slot)
{
    const uint32_t slot_count = UINT32_C(1) << dict->depth;
    for (uint32_t i = 0; i < slot_count; i++) {
        const uint64_t segment = segment_in_slot(dict, (slot + i) & (slot_count - 1));
        const uint32_t bucket_count = dict_segment_bucket_count(segment);
        for (uint32_t at = 0; at < bucket_count; at++) {
            const struct dict_bucket *bucket = &dict_segment_buckets(segment)[at];
            if (used_slots(bucket) != 0) {
                return dict_word_element(bucket->words[__builtin_ctz(used_slots(bucket))]);
            }
        }
    }
    return NULL;
}

void *dict_random(const struct dict *dict, uint64_t *random_state)
{
    if (dict->count == 0) {
        return NULL;
    }
    for (unsigned i = 0; i < RANDOM_TRIES_MAX; i++) {
        const uint64_t random = random_next(random_state);
        const uint64_t segment = dict_segment_word(dict, random);
        const uint32_t at = dict_home(dict_hash_position(random), dict_segment_bucket_count(segment));
        const unsigned slot = (unsigned)((random >> 16 & 0xffff) * DICT_BUCKET_SLOTS >> 16);
        const struct dict_bucket *bucket = &dict_segment_buckets(segment)[at];
        if (bucket->tags[slot] != 0) {
            return dict_word_element(bucket->words[slot]);
        }
    }
    return first_element_from(dict, dict_slot(dict, random_next(random_state)));
}

/* --- some at random --- */

static const struct dict_bucket *bucket_at_random(const struct dict *dict, uint64_t *random_state)
{
    const uint64_t random = random_next(random_state);
    const uint64_t segment = dict_segment_word(dict, random);
    const uint32_t at = dict_home(dict_hash_position(random), dict_segment_bucket_count(segment));
    return &dict_segment_buckets(segment)[at];
}

static size_t sample_bucket_count(size_t elements)
{
    return (elements + DICT_BUCKET_SLOTS - 1) / DICT_BUCKET_SLOTS;
}

/* A sample follows from its seed. While one is taken the elements of the next and the buckets of the one after are asked for:
 * a sample is nothing but cache misses. */
static uint64_t sampler_advance(const struct dict *dict, struct dict_sampler *sampler, size_t bucket_count)
{
    const uint64_t seed = sampler->seeds[0];
    sampler->seeds[0] = sampler->seeds[1];
    sampler->seeds[1] = random_next(&sampler->random);
    uint64_t next = sampler->seeds[0];
    uint64_t after_next = sampler->seeds[1];
    for (size_t i = 0; i < bucket_count && i < SAMPLE_AHEAD_BUCKETS; i++) {
        __builtin_prefetch(bucket_at_random(dict, &after_next));
        prefetch_elements(bucket_at_random(dict, &next));
    }
    return seed;
}

size_t dict_sample(const struct dict *dict, struct dict_sampler *sampler, void **out, size_t at_least)
{
    if (dict->count == 0 || at_least == 0) {
        return 0;
    }
    uint64_t random = sampler_advance(dict, sampler, sample_bucket_count(at_least));
    size_t count = 0;
    for (unsigned i = 0; i < SAMPLE_ROUNDS_MAX && count < at_least; i++) {
        for (size_t left = sample_bucket_count(at_least - count); left > 0; left--) {
            const struct dict_bucket *bucket = bucket_at_random(dict, &random);
            for (unsigned used = used_slots(bucket); used != 0; used &= used - 1) {
                out[count++] = dict_word_element(bucket->words[__builtin_ctz(used)]);
            }
        }
    }
    if (count == 0) {
        out[count++] = dict_random(dict, &random);
    }
    return count;
}

/* --- freeing in steps --- */

/* Releases elements of one segment until it is empty (true) or the limit reached. */
static bool drain_segment(struct dict *dict, uint64_t segment, size_t *limit, dict_visit_fn *release, void *arg)
{
    struct dict_bucket *buckets = dict_segment_buckets(segment);
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    for (uint32_t at = 0; at < bucket_count; at++) {
        if (at + 1 < bucket_count) {
            prefetch_elements(&buckets[at + 1]);
        }
        for (unsigned used = used_slots(&buckets[at]); used != 0; used &= used - 1) {
            if (*limit == 0) {
                return false;
            }
            const unsigned slot = (unsigned)__builtin_ctz(used);
            buckets[at].tags[slot] = 0;
            release(dict_word_element(buckets[at].words[slot]), arg);
            --*limit;
            dict->count--;
        }
    }
    return true;
}

bool dict_free_step(struct dict *dict, size_t *limit, dict_visit_fn *release, void *arg)
{
    while (dict->drained_slots >> dict->depth == 0) {
        const struct dict_segment segment = dict_segment_at(dict, dict->drained_slots);
        if (!dict_segment_is_empty(segment.word)) {
            if (!drain_segment(dict, segment.word, limit, release, arg)) {
                return false;
            }
            dict_segment_free(dict, segment.word);
        }
        dict->drained_slots += segment.span;
    }
    dict_directory_free(dict);
    assert(dict->count == 0);
    assert(dict->table_bytes == 0);
    dict_init(dict, dict->heap, dict->type, dict->context);
    return true;
}

/* --- checking --- */

/* D2: adds up which buckets each element passed on its way. */
static bool is_overflow_right(const struct dict_bucket *buckets, uint32_t bucket_count)
{
    uint16_t passed[FAULT_BUCKETS_MAX] = {0};
    for (uint32_t i = 0; i < bucket_count; i++) {
        for (unsigned used = used_slots(&buckets[i]); used != 0; used &= used - 1) {
            const uint64_t word = buckets[i].words[__builtin_ctz(used)];
            uint32_t at = dict_home((uint16_t)(word >> DICT_POSITION_SHIFT), bucket_count);
            for (; at != i; at = at + 1 == bucket_count ? 0 : at + 1) {
                passed[at]++;
            }
        }
    }
    for (uint32_t i = 0; i < bucket_count; i++) {
        if (buckets[i].overflow != DICT_OVERFLOW_STICKY && buckets[i].overflow != passed[i]) {
            return false;
        }
    }
    return true;
}

static const char *segment_fault(const struct dict *dict, const struct dict_segment *segment)
{
    const struct dict_bucket *buckets = dict_segment_buckets(segment->word);
    const uint32_t bucket_count = dict_segment_bucket_count(segment->word);
    uint32_t count = 0;
    for (uint32_t i = 0; i < bucket_count; i++) {
        for (unsigned used = used_slots(&buckets[i]); used != 0; used &= used - 1) {
            const unsigned slot = (unsigned)__builtin_ctz(used);
            const uint64_t word = buckets[i].words[slot];
            const uint64_t hash = dict->type->hash(dict_word_element(word), dict->context);
            if (dict_hash_position(hash) != word >> DICT_POSITION_SHIFT || dict_hash_tag(hash) != buckets[i].tags[slot]) {
                return "D1: an element's position or tag is not its hash's";
            }
            if (dict_slot(dict, hash) - segment->first >= segment->span) {
                return "D1: an element is in another segment than its hash says";
            }
            count++;
        }
    }
    if (count != *segment->count) {
        return "D3: a segment's count is wrong";
    }
    if (bucket_count <= FAULT_BUCKETS_MAX && !is_overflow_right(buckets, bucket_count)) {
        return "D2: a bucket's overflow is wrong";
    }
    return NULL;
}

const char *dict_fault(const struct dict *dict)
{
    struct dict copy = *dict; /* dict_segment_at wants to hand out places to write to */
    uint64_t count = 0;
    uint64_t table_bytes = dict->depth == 0 ? 0 : dict_directory_bytes(dict->depth);
    uint32_t deepest = 0;
    for (uint32_t i = 0; i >> dict->depth == 0;) {
        const struct dict_segment segment = dict_segment_at(&copy, i);
        if (segment.first != i) {
            return "D1: segments overlap in the directory";
        }
        const char *fault = segment_fault(dict, &segment);
        if (fault != NULL) {
            return fault;
        }
        count += *segment.count;
        deepest += dict->depth > 0 && segment.span == 1;
        if (!dict_segment_is_empty(segment.word)) {
            table_bytes += heap_block_bytes(dict_segment_bucket_count(segment.word) * sizeof(struct dict_bucket));
        }
        i += segment.span;
    }
    if (count != dict->count || deepest != dict->deepest_count) {
        return "D3: the table's counts are not the sums over its segments";
    }
    if (table_bytes != dict->table_bytes) {
        return "D3: table_bytes is not the sum over the table's blocks";
    }
    return count == 0 && table_bytes != 0 && dict->expected_buckets == 0 ? "D4: a table without elements has memory" : NULL;
}

bool dict_is_valid_at(const struct dict *dict, uint64_t hash)
{
    if (dict->table_bytes + dict->count * CHECK_ELEMENT_BYTES <= CHECK_WHOLE_BYTES) {
        return dict_fault(dict) == NULL;
    }
    struct dict copy = *dict;
    const struct dict_segment segment = dict_segment_at(&copy, dict_slot(dict, hash));
    const uint64_t bytes = dict_segment_bucket_count(segment.word) * sizeof(struct dict_bucket) + *segment.count * CHECK_ELEMENT_BYTES;
    return !check_is_due(bytes < CHECK_BYTES_MAX ? bytes : CHECK_BYTES_MAX, dict->count) || segment_fault(dict, &segment) == NULL;
}
