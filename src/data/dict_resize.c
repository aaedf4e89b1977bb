/* dict_resize.c - how the table follows its content: segments grow, split, shrink and merge; the directory doubles and
 * halves.
 *
 * Growing   1 2 3 4 5 6 7 8 10 12 14 16 20 ... 96 112 buckets: the sizes that the allocator has, so nothing is lost in its
 *           blocks. A full segment of 112 splits into two of about 64.
 * Shrinking A segment less than 7/16 full takes a smaller block; two buddies with MERGE_MAX elements or fewer become one.
 *           Both leave it so far from the next growth that the same few keys cannot make it go back and forth.
 * Memory    Only growing can be refused. A block that shrinking does not get is tried for again at the next removal.
 *
 * A directory doubles only while it stays small beside the elements (DIRECTORY_ELEMENTS_MIN): if hashes agree in a long prefix,
 * which a keyed hash makes as good as impossible, the segment grows beyond 112 buckets instead.  */
#include "data/dict_private.h"

#include <assert.h>
#include <string.h>

enum {
    MERGE_MAX = 300,
    DIRECTORY_ELEMENTS_MIN = 32, /* elements for each slot of a directory that has just doubled */
    EXPECTED_MEAN_MAX = 1 << 20, /* of dict_expect: more in a segment are too many anyway */
};
_Static_assert(2 * (int)MERGE_MAX < (int)DICT_SPLIT_BUCKETS * (int)DICT_BUCKET_SLOTS, "what was merged is far from a split");

/* --- blocks --- */

static struct dict_bucket *buckets_alloc(struct dict *dict, uint32_t bucket_count)
{
    struct dict_bucket *buckets = heap_alloc(dict->heap, dict->type->which, bucket_count * sizeof *buckets);
    if (buckets == NULL) {
        return NULL;
    }
    assert(((uintptr_t)buckets & ~DICT_SEGMENT_ADDRESS_MASK) == 0);
    for (uint32_t i = 0; i < bucket_count; i++) {
        memset(buckets[i].tags, 0, sizeof buckets[i].tags);
        buckets[i].overflow = 0;
    }
    dict->table_bytes += heap_block_bytes(bucket_count * sizeof *buckets);
    return buckets;
}

void dict_segment_free(struct dict *dict, uint64_t segment)
{
    if (!dict_segment_is_empty(segment)) {
        const size_t size = dict_segment_bucket_count(segment) * sizeof(struct dict_bucket);
        dict->table_bytes -= heap_block_bytes(size);
        heap_free(dict->heap, dict->type->which, dict_segment_buckets(segment), size);
    }
}

static uint64_t *directory_alloc(struct dict *dict, unsigned depth)
{
    uint64_t *directory = heap_alloc(dict->heap, dict->type->which, DICT_DIRECTORY_SLOT_BYTES << depth);
    if (directory != NULL) {
        dict->table_bytes += dict_directory_bytes(depth);
    }
    return directory;
}

void dict_directory_free(struct dict *dict)
{
    if (dict->depth > 0) {
        dict->table_bytes -= dict_directory_bytes(dict->depth);
        heap_free(dict->heap, dict->type->which, dict->root.directory, DICT_DIRECTORY_SLOT_BYTES << dict->depth);
    }
}

/* --- sizes --- */

/* The next size up: steps of 1 to 8 buckets, then four steps a doubling. */
static uint32_t next_bucket_count(uint32_t bucket_count)
{
    return bucket_count < 8 ? bucket_count + 1 : bucket_count + (UINT32_C(1) << (29 - __builtin_clz(bucket_count)));
}

/* The smallest size for so many elements; 0 for none. */
static uint32_t fitting_bucket_count(uint32_t count)
{
    uint32_t bucket_count = 0;
    while (dict_bucket_limit(bucket_count) < count) {
        bucket_count = next_bucket_count(bucket_count);
    }
    return bucket_count;
}

/* --- segments --- */

/* A segment of `bucket_count` buckets; of none: the shared empty one. False when refused. */
static bool segment_make(struct dict *dict, uint32_t bucket_count, unsigned depth, uint64_t *out)
{
    if (bucket_count == 0) {
        *out = dict_segment_word_make(&dict_empty_bucket, 1, depth);
        return true;
    }
    struct dict_bucket *buckets = buckets_alloc(dict, bucket_count);
    if (buckets == NULL) {
        return false;
    }
    *out = dict_segment_word_make(buckets, bucket_count, depth);
    return true;
}

static void segment_pour(uint64_t from, uint64_t into)
{
    const struct dict_bucket *buckets = dict_segment_buckets(from);
    const uint32_t bucket_count = dict_segment_bucket_count(from);
    for (uint32_t i = 0; i < bucket_count; i++) {
        unsigned used = ~dict_bucket_match(&buckets[i], 0) & DICT_ALL_SLOTS;
        for (; used != 0; used &= used - 1) {
            const unsigned slot = (unsigned)__builtin_ctz(used);
            dict_place(dict_segment_buckets(into), dict_segment_bucket_count(into), buckets[i].words[slot],
                       buckets[i].tags[slot]);
        }
    }
}

static void directory_set(struct dict *dict, uint32_t first, uint32_t span, uint64_t word, uint32_t count)
{
    if (dict->depth == 0) {
        dict->root.segment = word;
        dict->root_count = count;
        return;
    }
    assert(first + span <= UINT32_C(1) << dict->depth);
    for (uint32_t i = first; i < first + span; i++) {
        dict->root.directory[i] = word;
    }
    dict_directory_counts(dict)[first] = count;
}

static bool segment_resize(struct dict *dict, const struct dict_segment *segment, uint32_t bucket_count)
{
    uint64_t word;
    if (!segment_make(dict, bucket_count, dict_segment_depth(segment->word), &word)) {
        return false;
    }
    segment_pour(segment->word, word);
    dict_segment_free(dict, segment->word);
    directory_set(dict, segment->first, segment->span, word, *segment->count);
    return true;
}

/* --- defragmentation --- */

static void segment_move(struct dict *dict, const struct dict_segment *segment)
{
    if (dict_segment_is_empty(segment->word)) {
        return;
    }
    struct dict_bucket *buckets = dict_segment_buckets(segment->word);
    const uint32_t bucket_count = dict_segment_bucket_count(segment->word);
    struct dict_bucket *moved = heap_move(dict->heap, dict->type->which, buckets, bucket_count * sizeof *buckets);
    if (moved != buckets) {
        const uint64_t word = dict_segment_word_make(moved, bucket_count, dict_segment_depth(segment->word));
        directory_set(dict, segment->first, segment->span, word, *segment->count);
    }
}

bool dict_move_segments(struct dict *dict, uint64_t *cursor, size_t limit)
{
    if (*cursor == 0 && dict->depth > 0) {
        dict->root.directory =
            heap_move(dict->heap, dict->type->which, dict->root.directory, DICT_DIRECTORY_SLOT_BYTES << dict->depth);
    }
    /* The cursor is the first hash that is still to come, so it keeps its meaning when the directory changes. */
    for (; limit > 0; limit--) {
        const struct dict_segment segment = dict_segment_at(dict, dict_slot(dict, *cursor));
        segment_move(dict, &segment);
        const uint64_t next = (uint64_t)segment.first + segment.span;
        if (next == UINT64_C(1) << dict->depth) {
            *cursor = 0;
            return true;
        }
        *cursor = next << (64 - dict->depth);
    }
    return false;
}

/* --- growing --- */

static bool directory_double(struct dict *dict)
{
    assert(dict->depth < DICT_DEPTH_MAX);
    const unsigned depth = dict->depth + 1u;
    uint64_t *directory = directory_alloc(dict, depth);
    if (directory == NULL) {
        return false;
    }
    uint32_t *counts = (uint32_t *)(directory + ((size_t)1 << depth));
    for (uint32_t i = 0; i < UINT32_C(1) << dict->depth; i++) {
        const bool is_root = dict->depth == 0;
        directory[2 * i] = directory[2 * i + 1] = is_root ? dict->root.segment : dict->root.directory[i];
        counts[2 * i] = is_root ? dict->root_count : dict_directory_counts(dict)[i];
        counts[2 * i + 1] = 0;
    }
    dict_directory_free(dict);
    dict->root.directory = directory;
    dict->depth = (uint8_t)depth;
    dict->deepest_count = 0;
    return true;
}

/* For each bucket of a segment, which slots hold elements whose next bit of the hash is 1. Returns how many those are. The
 * elements of the bucket after the next are on their way while one is read.  */
static uint32_t split_sides(const struct dict *dict, uint64_t word, uint8_t sides[DICT_SPLIT_BUCKETS])
{
    enum { AHEAD = 2 };
    const struct dict_bucket *buckets = dict_segment_buckets(word);
    const uint32_t bucket_count = dict_segment_bucket_count(word);
    const unsigned shift = 63 - dict_segment_depth(word);
    uint32_t ones = 0;
    for (uint32_t i = 0; i < bucket_count + AHEAD; i++) {
        if (i < bucket_count) {
            unsigned coming = ~dict_bucket_match(&buckets[i], 0) & DICT_ALL_SLOTS;
            for (; coming != 0; coming &= coming - 1) {
                __builtin_prefetch(dict_word_element(buckets[i].words[__builtin_ctz(coming)]));
            }
        }
        if (i < AHEAD) {
            continue;
        }
        const struct dict_bucket *bucket = &buckets[i - AHEAD];
        unsigned side = 0;
        for (unsigned used = ~dict_bucket_match(bucket, 0) & DICT_ALL_SLOTS; used != 0; used &= used - 1) {
            const unsigned slot = (unsigned)__builtin_ctz(used);
            const uint64_t hash = dict->type->hash(dict_word_element(bucket->words[slot]), dict->context);
            side |= (unsigned)(hash >> shift & 1) << slot;
        }
        sides[i - AHEAD] = (uint8_t)side;
        ones += (uint32_t)__builtin_popcount(side);
    }
    return ones;
}

static void split_pour(uint64_t from, const uint8_t *sides, const uint64_t into[2])
{
    const struct dict_bucket *buckets = dict_segment_buckets(from);
    const uint32_t bucket_count = dict_segment_bucket_count(from);
    for (uint32_t i = 0; i < bucket_count; i++) {
        for (unsigned used = ~dict_bucket_match(&buckets[i], 0) & DICT_ALL_SLOTS; used != 0; used &= used - 1) {
            const unsigned slot = (unsigned)__builtin_ctz(used);
            const uint64_t target = into[sides[i] >> slot & 1];
            dict_place(dict_segment_buckets(target), dict_segment_bucket_count(target), buckets[i].words[slot],
                       buckets[i].tags[slot]);
        }
    }
}

static bool segment_split(struct dict *dict, uint64_t hash)
{
    uint8_t sides[DICT_SPLIT_BUCKETS];
    struct dict_segment old = dict_segment_at(dict, dict_slot(dict, hash));
    const unsigned depth = dict_segment_depth(old.word) + 1;
    uint32_t counts[2];
    counts[1] = split_sides(dict, old.word, sides);
    assert(counts[1] <= *old.count);
    counts[0] = *old.count - counts[1];
    uint64_t halves[2];
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t spare = counts[i] / 16;
        if (!segment_make(dict, fitting_bucket_count(counts[i] + spare), depth, &halves[i])) {
            if (i == 1) {
                dict_segment_free(dict, halves[0]);
            }
            return false;
        }
    }
    if (depth > dict->depth) {
        if (!directory_double(dict)) {
            dict_segment_free(dict, halves[0]);
            dict_segment_free(dict, halves[1]);
            return false;
        }
        old = dict_segment_at(dict, dict_slot(dict, hash));
    }
    assert(old.span >= 2);
    split_pour(old.word, sides, halves);
    dict_segment_free(dict, old.word);
    directory_set(dict, old.first, old.span / 2, halves[0], counts[0]);
    directory_set(dict, old.first + old.span / 2, old.span / 2, halves[1], counts[1]);
    if (depth == dict->depth) {
        dict->deepest_count += 2;
    }
    return true;
}

static bool segment_may_split(const struct dict *dict, uint64_t word)
{
    if (dict_segment_bucket_count(word) != DICT_SPLIT_BUCKETS) {
        return false;
    }
    if (dict_segment_depth(word) < dict->depth) {
        return true;
    }
    return dict->depth < DICT_DEPTH_MAX && dict->count >> (dict->depth + 1) >= DIRECTORY_ELEMENTS_MIN;
}

bool dict_make_room(struct dict *dict, uint64_t hash)
{
    const struct dict_segment segment = dict_segment_at(dict, dict_slot(dict, hash));
    if (segment_may_split(dict, segment.word)) {
        return segment_split(dict, hash);
    }
    const uint32_t bucket_count = dict_segment_is_empty(segment.word) ? 0 : dict_segment_bucket_count(segment.word);
    if (bucket_count == DICT_SEGMENT_BUCKETS_MAX) {
        return false;
    }
    const bool is_expected = bucket_count == 0 && dict->expected_buckets > 0;
    return segment_resize(dict, &segment, is_expected ? dict->expected_buckets : next_bucket_count(bucket_count));
}

/* --- expecting --- */

/* There is no element: D4. */
static void free_all(struct dict *dict)
{
    for (uint32_t i = 0; i < UINT32_C(1) << dict->depth;) {
        const struct dict_segment segment = dict_segment_at(dict, i);
        dict_segment_free(dict, segment.word);
        i += segment.span;
    }
    dict_directory_free(dict);
    assert(dict->table_bytes == 0);
    dict_init(dict, dict->heap, dict->type, dict->context);
}

/* So many elements as most segments will have that have `mean` on average: their numbers vary by the root of it. */
static uint32_t most_of(uint32_t mean)
{
    uint32_t root = 1;
    while (root * root < mean) {
        root++;
    }
    return mean + root;
}

/* For so many elements; the size before if that would be too large by an eighth, since all segments would stay so. */
static uint32_t thrifty_bucket_count(uint32_t count)
{
    uint32_t bucket_count = 0;
    uint32_t before = 0;
    while (dict_bucket_limit(bucket_count) < count) {
        before = bucket_count;
        bucket_count = next_bucket_count(bucket_count);
    }
    return dict_bucket_limit(bucket_count) > count + count / 8 ? before : bucket_count;
}

void dict_expect(struct dict *dict, uint64_t count)
{
    unsigned depth = 0;
    if (dict->count > 0 || dict->depth > 0 || !dict_segment_is_empty(dict->root.segment)) {
        return;
    }
    while (depth < DICT_DEPTH_MAX && most_of((uint32_t)(count >> depth < EXPECTED_MEAN_MAX ? count >> depth : EXPECTED_MEAN_MAX)) >=
                                         dict_bucket_limit(DICT_SPLIT_BUCKETS)) {
        depth++;
    }
    uint64_t *directory = depth == 0 ? NULL : directory_alloc(dict, depth);
    if (directory == NULL) {
        return;
    }
    const uint64_t empty = dict_segment_word_make(&dict_empty_bucket, 1, depth);
    uint32_t *counts = (uint32_t *)(directory + ((size_t)1 << depth));
    for (uint32_t i = 0; i < UINT32_C(1) << depth; i++) {
        directory[i] = empty;
        counts[i] = 0;
    }
    dict->root.directory = directory;
    dict->depth = (uint8_t)depth;
    dict->deepest_count = UINT32_C(1) << depth;
    dict->expected_buckets = (uint16_t)thrifty_bucket_count(most_of((uint32_t)(count >> depth)));
}

void dict_expect_no_more(struct dict *dict)
{
    if (dict->expected_buckets == 0) {
        return;
    }
    dict->expected_buckets = 0;
    if (dict->count == 0) {
        free_all(dict);
        return;
    }
    for (uint64_t slot = 0; slot >> dict->depth == 0;) {
        const struct dict_segment segment = dict_segment_at(dict, (uint32_t)slot);
        const uint32_t fitting = fitting_bucket_count(*segment.count + *segment.count / 16);
        if (*segment.count * 16 < dict_segment_bucket_count(segment.word) * DICT_BUCKET_SLOTS * 7 &&
            !dict_segment_is_empty(segment.word) && fitting < dict_segment_bucket_count(segment.word)) {
            /* Refused: it stays as it is. */
            (void)!segment_resize(dict, &segment, fitting);
        }
        slot = (uint64_t)segment.first + segment.span;
    }
}

/* --- shrinking --- */

static uint32_t count_deepest(const struct dict *dict)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < UINT32_C(1) << dict->depth; i++) {
        deepest += dict_segment_depth(dict->root.directory[i]) == dict->depth;
    }
    return deepest;
}

/* Every segment has at least two slots: one in two goes. False when refused. */
static bool directory_halve(struct dict *dict)
{
    const uint64_t *old = dict->root.directory;
    const uint32_t *old_counts = dict_directory_counts(dict);
    const unsigned depth = dict->depth - 1u;
    if (depth == 0) {
        const uint64_t segment = old[0];
        dict->root_count = old_counts[0];
        dict_directory_free(dict);
        dict->root.segment = segment;
        dict->depth = 0;
        return true;
    }
    uint64_t *directory = directory_alloc(dict, depth);
    if (directory == NULL) {
        return false;
    }
    uint32_t *counts = (uint32_t *)(directory + ((size_t)1 << depth));
    for (uint32_t i = 0; i < UINT32_C(1) << depth; i++) {
        debug_assert(old[2 * i] == old[2 * i + 1]);
        directory[i] = old[2 * i];
        counts[i] = old_counts[2 * i];
    }
    dict_directory_free(dict);
    dict->root.directory = directory;
    dict->depth = (uint8_t)depth;
    dict->deepest_count = count_deepest(dict);
    return true;
}

/* Makes one of a segment and its buddy. False: they do not fit, or memory was refused. */
static bool segment_merge(struct dict *dict, const struct dict_segment *segment)
{
    const unsigned depth = dict_segment_depth(segment->word);
    if (depth == 0 || *segment->count > MERGE_MAX) {
        return false;
    }
    const struct dict_segment buddy = dict_segment_at(dict, segment->first ^ segment->span);
    const uint32_t count = *segment->count + *buddy.count;
    if (dict_segment_depth(buddy.word) != depth || count > MERGE_MAX) {
        return false;
    }
    uint64_t merged;
    if (!segment_make(dict, fitting_bucket_count(count + count / 3), depth - 1, &merged)) {
        return false;
    }
    segment_pour(segment->word, merged);
    segment_pour(buddy.word, merged);
    dict_segment_free(dict, segment->word);
    dict_segment_free(dict, buddy.word);
    directory_set(dict, segment->first & ~segment->span, 2 * segment->span, merged, count);
    if (depth == dict->depth) {
        assert(dict->deepest_count >= 2);
        dict->deepest_count -= 2;
    }
    while (dict->depth > 0 && dict->deepest_count == 0 && directory_halve(dict)) {
    }
    return true;
}

void dict_give_room_back(struct dict *dict, uint32_t slot)
{
    if (dict->count == 0) {
        free_all(dict);
        return;
    }
    const struct dict_segment segment = dict_segment_at(dict, slot);
    const uint32_t bucket_count = dict_segment_bucket_count(segment.word);
    if (segment_merge(dict, &segment) || *segment.count * 16 >= bucket_count * DICT_BUCKET_SLOTS * 7) {
        return;
    }
    const uint32_t fitting = fitting_bucket_count(*segment.count + *segment.count / 3);
    if (fitting < bucket_count) {
        /* Refused: it stays as it is. */
        (void)!segment_resize(dict, &segment, fitting);
    }
}
