/* index_sort.c - see index_sort.h.
 *
 * Read on    "Engineering Radix Sort" (P. M. McIlroy, K. Bostic, M. D. McIlroy, 1993) for sorting texts by their bytes from the left. Here
 *            each stretch is sorted from the right, over seven bytes at once, so that there are few of them.  */
#include "table/index_sort.h"

#include <assert.h>
#include <string.h>

enum stage { STAGE_COMMON, STAGE_LOAD, STAGE_COUNT, STAGE_SCATTER, STAGE_RUNS, STAGE_END };
enum {
    WINDOW = 7,         /* bytes of a text in a key; the eighth says how many more there are */
    GOES_ON = WINDOW + 1,
    SMALL_STRETCH = 24, /* sorted by insertion */
    DEPTH_START = 16,
    TEXT_WORK_BYTES = 256, /* compared bytes that count as an item's work */
};

void index_sort_begin(struct index_sort *sort, struct key_source source, struct sort_item *items, struct sort_item *spare,
                      uint32_t count)
{
    *sort = (struct index_sort){.items = items,
                                .spare = spare,
                                .count = count,
                                .source = source,
                                .stretch = {.first = 0, .end = count},
                                .stage = count < 2 ? STAGE_END : source.is_text ? STAGE_COMMON : STAGE_COUNT};
}

void index_sort_release(struct index_sort *sort)
{
    thread_free(MEM_QUERY_BUFFER, sort->outer, sort->depth_capacity * sizeof *sort->outer);
    sort->outer = NULL;
    sort->depth = sort->depth_capacity = 0;
}

static void enter(struct index_sort *sort, enum stage stage)
{
    sort->stage = (uint8_t)stage;
    sort->at = sort->stretch.first;
}

static uint32_t walk_end(const struct index_sort *sort, uint32_t work)
{
    return sort->stretch.end - sort->at < work ? sort->stretch.end : sort->at + work;
}

static void spend(uint32_t *work, uint64_t spent)
{
    *work -= spent < *work ? (uint32_t)spent : *work;
}

/* --- texts --- */

/* How far the stretch's texts agree: `spare[first].key` is the least that was found so far. */
static void step_common(struct index_sort *sort, uint32_t *work)
{
    const uint32_t first = sort->stretch.first;
    const struct bytes model = ordered_key_text(&sort->source, sort->items[first].row);
    uint64_t *agreed = &sort->spare[first].key;
    if (sort->at == first) {
        *agreed = model.len;
    }
    while (sort->at < sort->stretch.end && *work > 0) {
        const struct bytes text = ordered_key_text(&sort->source, sort->items[sort->at++].row);
        const uint64_t most = text.len < *agreed ? text.len : *agreed;
        uint64_t same = sort->stretch.agreed;
        while (same < most && text.data[same] == model.data[same]) {
            same++;
        }
        *agreed = same;
        spend(work, 1 + (same - sort->stretch.agreed) / TEXT_WORK_BYTES);
    }
    if (sort->at == sort->stretch.end) {
        sort->stretch.agreed = (uint32_t)*agreed;
        enter(sort, STAGE_LOAD);
    }
}

/* Seven bytes, zeros where the text ends, and how many there were, GOES_ON: more. Ordered as the texts from there on, unless both go on. */
static uint64_t window(struct bytes text, uint32_t from)
{
    const size_t left = text.len - from;
    uint64_t key = 0;
    memcpy(&key, text.data + from, left < WINDOW ? left : WINDOW);
    return __builtin_bswap64(key) | (left < GOES_ON ? left : GOES_ON);
}

static void step_load(struct index_sort *sort, uint32_t *work)
{
    const uint32_t end = walk_end(sort, *work);
    spend(work, end - sort->at);
    if (sort->at == sort->stretch.first) {
        sort->differing = 0;
    }
    for (; sort->at < end; sort->at++) {
        struct sort_item *item = &sort->items[sort->at];
        item->key = window(ordered_key_text(&sort->source, item->row), sort->stretch.agreed);
        sort->differing |= item->key ^ sort->items[sort->stretch.first].key;
    }
    if (sort->at == sort->stretch.end) {
        enter(sort, STAGE_COUNT);
    }
}

/* --- by keys --- */

static void sort_small(struct index_sort *sort)
{
    struct sort_item *items = sort->items;
    for (uint32_t i = sort->stretch.first + 1; i < sort->stretch.end; i++) {
        const struct sort_item item = items[i];
        uint32_t at = i;
        for (; at > sort->stretch.first && items[at - 1].key > item.key; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

static bool differs(const struct index_sort *sort, uint32_t byte)
{
    return (sort->differing >> (byte * 8) & 0xff) != 0;
}

/* From how many have a byte to where they go. */
static void sum_places(struct index_sort *sort)
{
    for (uint32_t byte = 0; byte < 8; byte++) {
        uint32_t place = sort->stretch.first;
        for (uint32_t i = 0; differs(sort, byte) && i < 256; i++) {
            const uint32_t count = sort->places[byte][i];
            sort->places[byte][i] = place;
            place += count;
        }
    }
}

static void leave_keys(struct index_sort *sort)
{
    enter(sort, sort->source.is_text ? STAGE_RUNS : STAGE_END);
}

static void next_pass(struct index_sort *sort)
{
    while (sort->pass < 8 && !differs(sort, sort->pass)) {
        sort->pass++;
    }
    if (sort->pass == 8) {
        leave_keys(sort);
    } else {
        enter(sort, STAGE_SCATTER);
    }
}

static void step_count(struct index_sort *sort, uint32_t *work)
{
    const uint32_t first = sort->stretch.first;
    if (sort->stretch.end - first <= SMALL_STRETCH) {
        sort_small(sort);
        spend(work, sort->stretch.end - first);
        leave_keys(sort);
        return;
    }
    if (sort->at == first) {
        memset(sort->places, 0, sizeof sort->places);
        sort->differing = 0;
    }
    const uint32_t end = walk_end(sort, *work);
    spend(work, end - sort->at);
    const uint64_t model = sort->items[first].key;
    for (; sort->at < end; sort->at++) {
        const uint64_t key = sort->items[sort->at].key;
        sort->differing |= key ^ model;
        for (uint32_t byte = 0; byte < 8; byte++) {
            sort->places[byte][key >> (byte * 8) & 0xff]++;
        }
    }
    if (sort->at == sort->stretch.end) {
        sum_places(sort);
        sort->pass = 0;
        next_pass(sort);
    }
}

/* Of one pass: into `spare`, and then back. */
static void step_scatter(struct index_sort *sort, uint32_t *work)
{
    const uint32_t end = walk_end(sort, *work);
    uint32_t *places = sort->places[sort->pass];
    const uint32_t shift = sort->pass * 8u;
    spend(work, end - sort->at);
    for (; sort->at < end; sort->at++) {
        const struct sort_item item = sort->items[sort->at];
        sort->spare[places[item.key >> shift & 0xff]++] = item;
    }
    if (sort->at < sort->stretch.end) {
        return;
    }
    const uint32_t first = sort->stretch.first;
    const uint32_t count = sort->stretch.end - first;
    if (count == sort->count) {
        struct sort_item *items = sort->items;
        sort->items = sort->spare;
        sort->spare = items;
    } else {
        memcpy(sort->items + first, sort->spare + first, count * sizeof sort->items[0]);
        spend(work, count / 8);
    }
    sort->pass++;
    next_pass(sort);
}

/* --- stretches in stretches --- */

static bool push(struct index_sort *sort)
{
    if (sort->depth == sort->depth_capacity) {
        const uint32_t capacity = sort->depth_capacity == 0 ? DEPTH_START : sort->depth_capacity * 2;
        struct sort_stretch *outer = thread_realloc(MEM_QUERY_BUFFER, sort->outer, sort->depth_capacity * sizeof *outer,
                                                    capacity * sizeof *outer);
        if (outer == NULL) {
            return false;
        }
        sort->outer = outer;
        sort->depth_capacity = capacity;
    }
    sort->outer[sort->depth++] = sort->stretch;
    return true;
}

/* Looks for the next items whose texts agree up to the end of their windows and go on. False: no memory. */
static bool step_runs(struct index_sort *sort, uint32_t *work)
{
    struct sort_stretch *stretch = &sort->stretch;
    const struct sort_item *items = sort->items;
    uint32_t at = sort->at;
    while (at < stretch->end && *work > 0) {
        const uint64_t key = items[at].key;
        uint32_t end = at + 1;
        while (end < stretch->end && items[end].key == key) {
            end++;
        }
        spend(work, 1 + (end - at) / 8);
        if (end - at == 1 || (key & 0xff) != GOES_ON) {
            at = end;
            continue;
        }
        stretch->at = end;
        if (!push(sort)) {
            sort->at = at;
            return false;
        }
        *stretch = (struct sort_stretch){.first = at, .end = end, .agreed = stretch->agreed + WINDOW};
        enter(sort, STAGE_COMMON);
        return true;
    }
    sort->at = at;
    if (at < stretch->end) {
        return true;
    }
    if (sort->depth == 0) {
        sort->stage = STAGE_END;
    } else {
        sort->stretch = sort->outer[--sort->depth];
        sort->at = sort->stretch.at;
    }
    return true;
}

enum sort_status index_sort_step(struct index_sort *sort, uint32_t work)
{
    while (work > 0 && sort->stage != STAGE_END) {
        switch ((enum stage)sort->stage) {
        case STAGE_COMMON:
            step_common(sort, &work);
            break;
        case STAGE_LOAD:
            step_load(sort, &work);
            break;
        case STAGE_COUNT:
            step_count(sort, &work);
            break;
        case STAGE_SCATTER:
            step_scatter(sort, &work);
            break;
        case STAGE_RUNS:
            if (!step_runs(sort, &work)) {
                return SORT_NO_MEMORY;
            }
            break;
        case STAGE_END:
            break;
        }
    }
    return sort->stage == STAGE_END ? SORT_DONE : SORT_MORE;
}
