/* dict.c - putting elements into the table, taking them out, following one that moved.  */
#include "data/dict.h"

#include "data/dict_private.h"

#include <assert.h>

bool dict_insert(struct dict *dict, uint64_t hash, void *element)
{
    assert(element != NULL);
    assert((uintptr_t)element <= DICT_ADDRESS_MASK);
    struct dict_segment segment = dict_segment_at(dict, dict_slot(dict, hash));
    while (UNLIKELY(*segment.count >= dict_segment_limit(segment.word))) {
        if (!dict_make_room(dict, hash)) {
            return false;
        }
        segment = dict_segment_at(dict, dict_slot(dict, hash));
    }
    const uint64_t word = (uint64_t)dict_hash_position(hash) << DICT_POSITION_SHIFT | (uint64_t)(uintptr_t)element;
    dict_place(dict_segment_buckets(segment.word), dict_segment_bucket_count(segment.word), word, dict_hash_tag(hash));
    ++*segment.count;
    dict->count++;
    return true;
}

/* Where an element is: its bucket and slot. */
struct place {
    uint32_t bucket;
    unsigned slot;
};

static bool find_place(uint64_t segment, uint64_t hash, const void *element, struct place *out)
{
    const struct dict_bucket *buckets = dict_segment_buckets(segment);
    const uint32_t bucket_count = dict_segment_bucket_count(segment);
    const uint8_t tag = dict_hash_tag(hash);
    const uint32_t home = dict_home(dict_hash_position(hash), bucket_count);
    uint32_t at = home;
    do {
        for (unsigned mask = dict_bucket_match(&buckets[at], tag); mask != 0; mask &= mask - 1) {
            const unsigned slot = (unsigned)__builtin_ctz(mask);
            if (dict_word_element(buckets[at].words[slot]) == element) {
                *out = (struct place){at, slot};
                return true;
            }
        }
        if (buckets[at].overflow == 0) {
            return false;
        }
        at = at + 1 == bucket_count ? 0 : at + 1;
    } while (at != home);
    return false;
}

bool dict_remove(struct dict *dict, uint64_t hash, const void *element)
{
    const uint32_t slot = dict_slot(dict, hash);
    const struct dict_segment segment = dict_segment_at(dict, slot);
    struct place place;
    if (!find_place(segment.word, hash, element, &place)) {
        return false;
    }
    struct dict_bucket *buckets = dict_segment_buckets(segment.word);
    const uint32_t bucket_count = dict_segment_bucket_count(segment.word);
    uint32_t at = dict_home(dict_hash_position(hash), bucket_count);
    while (at != place.bucket) {
        if (buckets[at].overflow != DICT_OVERFLOW_STICKY) {
            assert(buckets[at].overflow > 0);
            buckets[at].overflow--;
        }
        at = at + 1 == bucket_count ? 0 : at + 1;
    }
    buckets[at].tags[place.slot] = 0;
    assert(*segment.count > 0);
    --*segment.count;
    dict->count--;
    dict_give_room_back(dict, slot);
    return true;
}

void dict_replace(struct dict *dict, uint64_t hash, const void *from, void *to)
{
    assert(to != NULL);
    assert((uintptr_t)to <= DICT_ADDRESS_MASK);
    const uint64_t segment = dict_segment_word(dict, hash);
    struct place place;
    const bool is_there = find_place(segment, hash, from, &place);
    assert(is_there);
    uint64_t *word = &dict_segment_buckets(segment)[place.bucket].words[place.slot];
    *word = (*word & ~DICT_ADDRESS_MASK) | (uint64_t)(uintptr_t)to;
}
