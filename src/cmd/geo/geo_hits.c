/* geo_hits.c - a merge sort from the bottom up, and a quicksort with three parts that stops where nothing is asked for.  */
#include "cmd/geo/geo_hits.h"

#include "mem/heap.h"

#include <assert.h>

enum {
    HITS_FIRST_CAPACITY = 16,
    INSERTION_MAX = 6,      /* so many are sorted by insertion */
    NINTHER_MIN = 41,       /* from here on the pivot is the median of three medians */
};

bool geo_hits_add(struct geo_hits *hits, const struct geo_hit *hit)
{
    if (hits->count == hits->capacity) {
        const size_t capacity = hits->capacity == 0 ? HITS_FIRST_CAPACITY : 2 * hits->capacity;
        struct geo_hit *grown = thread_realloc(MEM_CLIENT, hits->hits, hits->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        hits->hits = grown;
        hits->capacity = capacity;
    }
    hits->hits[hits->count++] = *hit;
    return true;
}

void geo_hits_release(struct geo_hits *hits)
{
    thread_free(MEM_CLIENT, hits->hits, hits->capacity * sizeof *hits->hits);
    thread_free(MEM_CLIENT, hits->spare, hits->capacity * sizeof *hits->spare);
    *hits = (struct geo_hits){0};
}

static int compare(const struct geo_hits *hits, const struct geo_hit *a, const struct geo_hit *b)
{
    const int order = (a->distance_m > b->distance_m) - (a->distance_m < b->distance_m);
    return hits->is_descending ? -order : order;
}

/* --- all of them --- */

/* Merges two neighbouring runs from hits to spare. */
static void merge(struct geo_hits *hits, size_t first, size_t middle, size_t end)
{
    size_t left = first;
    size_t right = middle;
    for (size_t out = first; out < end; out++) {
        const bool is_left = left < middle && (right == end || compare(hits, &hits->hits[left], &hits->hits[right]) <= 0);
        hits->spare[out] = hits->hits[is_left ? left++ : right++];
    }
}

static size_t at_most(size_t value, size_t most)
{
    return value < most ? value : most;
}

static bool merge_some(struct geo_hits *hits, size_t steps)
{
    size_t moved = 0;
    while (hits->width < hits->count) {
        while (hits->merged < hits->count) {
            const size_t first = hits->merged;
            const size_t middle = at_most(first + hits->width, hits->count);
            const size_t end = at_most(middle + hits->width, hits->count);
            merge(hits, first, middle, end);
            hits->merged = end;
            moved += end - first;
            if (moved >= steps) {
                return false;
            }
        }
        struct geo_hit *merged = hits->spare;
        hits->spare = hits->hits;
        hits->hits = merged;
        hits->width *= 2;
        hits->merged = 0;
    }
    return true;
}

/* --- the first few --- */

static void swap(struct geo_hit *a, struct geo_hit *b)
{
    const struct geo_hit hit = *a;
    *a = *b;
    *b = hit;
}

static void swap_many(struct geo_hit *a, struct geo_hit *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        swap(&a[i], &b[i]);
    }
}

static void insertion_sort(const struct geo_hits *hits, struct geo_hit *base, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t k = i; k > 0 && compare(hits, &base[k - 1], &base[k]) > 0; k--) {
            swap(&base[k], &base[k - 1]);
        }
    }
}

static struct geo_hit *median(const struct geo_hits *hits, struct geo_hit *a, struct geo_hit *b, struct geo_hit *c)
{
    if (compare(hits, a, b) < 0) {
        return compare(hits, b, c) < 0 ? b : compare(hits, a, c) < 0 ? c : a;
    }
    return compare(hits, b, c) > 0 ? b : compare(hits, a, c) < 0 ? a : c;
}

static struct geo_hit *pivot(const struct geo_hits *hits, struct geo_hit *base, size_t count)
{
    struct geo_hit *middle = base + count / 2;
    if (count <= INSERTION_MAX + 1) {
        return middle;
    }
    struct geo_hit *low = base;
    struct geo_hit *high = base + count - 1;
    if (count >= NINTHER_MIN) {
        const size_t step = count / 8;
        low = median(hits, low, low + step, low + 2 * step);
        middle = median(hits, middle - step, middle, middle + step);
        high = median(hits, high - 2 * step, high - step, high);
    }
    return median(hits, low, middle, high);
}

/* Where the parts are: before the first `low` is less than the pivot, in the last `high` more. */
struct parts {
    size_t low, high;
};

/* While it runs: equal | less | not looked at | more | equal. Then the equal ones change places with those in the middle. */
static struct parts partition(const struct geo_hits *hits, struct geo_hit *base, size_t count)
{
    swap(base, pivot(hits, base, count));
    size_t less = 1;          /* from `equal_end` to here */
    size_t equal_end = 1;
    size_t more = count - 1;  /* behind here, up to `equal_begin` */
    size_t equal_begin = count - 1;
    for (;;) {
        int order;
        while (less <= more && (order = compare(hits, &base[less], base)) <= 0) {
            if (order == 0) {
                swap(&base[equal_end++], &base[less]);
            }
            less++;
        }
        while (less <= more && (order = compare(hits, &base[more], base)) >= 0) {
            if (order == 0) {
                swap(&base[more], &base[equal_begin--]);
            }
            more--;
        }
        if (less > more) {
            break;
        }
        swap(&base[less++], &base[more--]);
    }
    size_t some = at_most(equal_end, less - equal_end);
    swap_many(base, base + less - some, some);
    some = at_most(equal_begin - more, count - 1 - equal_begin);
    swap_many(base + less, base + count - some, some);
    return (struct parts){less - equal_end, equal_begin - more};
}

static void add_range(struct geo_hits *hits, struct geo_range range)
{
    if (range.count > 1 && range.first < hits->wanted) {
        assert(hits->range_count < GEO_RANGES_MAX);
        hits->ranges[hits->range_count++] = range;
    }
}

static bool partition_some(struct geo_hits *hits, size_t steps)
{
    size_t moved = 0;
    while (hits->range_count > 0) {
        if (moved >= steps) {
            return false;
        }
        const struct geo_range range = hits->ranges[--hits->range_count];
        struct geo_hit *base = hits->hits + range.first;
        moved += range.count;
        if (range.count <= INSERTION_MAX) {
            insertion_sort(hits, base, range.count);
            continue;
        }
        const struct parts parts = partition(hits, base, range.count);
        const struct geo_range low = {range.first, parts.low};
        const struct geo_range high = {range.first + range.count - parts.high, parts.high};
        const bool is_low_longer = low.count > high.count;
        add_range(hits, is_low_longer ? low : high);
        add_range(hits, is_low_longer ? high : low);
    }
    return true;
}

bool geo_hits_sort(struct geo_hits *hits, size_t wanted, size_t steps, bool *is_refused)
{
    const bool is_whole = wanted >= hits->count;
    *is_refused = false;
    if (hits->count < 2) {
        return true;
    }
    if (!hits->is_begun) {
        hits->is_begun = true;
        hits->width = 1;
        hits->wanted = wanted;
        hits->ranges[hits->range_count++] = (struct geo_range){0, hits->count};
        if (is_whole) {
            hits->spare = thread_alloc(MEM_CLIENT, hits->capacity * sizeof *hits->spare);
            *is_refused = hits->spare == NULL;
            if (*is_refused) {
                return true;
            }
        }
    }
    return is_whole ? merge_some(hits, steps) : partition_some(hits, steps);
}
