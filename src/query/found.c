/* found.c - see found.h. A natural merge sort (D. E. Knuth, The Art of Computer Programming 3, 5.2.4) that can stop
 * anywhere.  */
#include "query/found.h"

#include "expression/compare.h"

#include <assert.h>
#include <string.h>

enum { FOUND_START = 8 };
enum stage { STAGE_FIND_MID, STAGE_FIND_END, STAGE_MERGE };

void found_init(struct found *found, const struct found_order *order)
{
    const uint32_t values = order != NULL ? order->count + order->carried : 0;
    *found = (struct found){.order = values > 0 ? order : NULL, .row_bytes = sizeof(struct found_row) + values * sizeof(struct scalar), .is_sorted = true};
}

void found_release(struct found *found)
{
    thread_free(MEM_QUERY_BUFFER, found->rows, found->capacity * found->row_bytes);
    thread_free(MEM_QUERY_BUFFER, found->spare, found->capacity * found->row_bytes);
    found_init(found, found->order);
}

/* --- order --- */

static int compare_keys(const struct found_order *order, const struct found_row *a, const struct found_row *b)
{
    for (uint32_t i = 0; i < order->count; i++) {
        const struct found_key key = order->keys[i];
        const bool has_null = a->keys[i].type == SCALAR_NULL || b->keys[i].type == SCALAR_NULL;
        const int compared = scalar_order(&a->keys[i], &b->keys[i]);
        if (compared != 0) {
            return (has_null ? key.nulls_last : key.is_descending) ? -compared : compared;
        }
    }
    return 0;
}

int found_compare(const struct found_order *order, const struct found_row *a, const struct found_row *b)
{
    const int compared = order != NULL ? compare_keys(order, a, b) : 0;
    return compared != 0 ? compared : (a->id > b->id) - (a->id < b->id);
}

static inline bool is_in_order(const struct found *found, size_t first, size_t second)
{
    const struct found_row *a = found_at(found, first);
    const struct found_row *b = found_at(found, second);
    return found->order == NULL ? a->id <= b->id : found_compare(found->order, a, b) <= 0;
}

/* --- adding --- */

static bool reserve(struct found *found, size_t needed)
{
    if (needed <= found->capacity) {
        return true;
    }
    size_t capacity = found->capacity == 0 ? FOUND_START : found->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *rows = thread_realloc(MEM_QUERY_BUFFER, found->rows, found->capacity * found->row_bytes, capacity * found->row_bytes);
    if (rows == NULL) {
        return false;
    }
    found->rows = rows;
    found->capacity = capacity;
    return true;
}

bool found_add(struct found *found, const struct table_slice *slice, uint32_t shard, const uint32_t *rows, uint32_t count)
{
    assert(found->spare == NULL && found->order == NULL);
    if (!reserve(found, found->count + count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        *found_at(found, found->count) = (struct found_row){.id = slice_row_id(slice, rows[i]), .shard = shard, .row = rows[i]};
        found->count++;
        found->is_sorted = found->is_sorted && (found->count < 2 || is_in_order(found, found->count - 2, found->count - 1));
    }
    return true;
}

/* --- the first ones of an order --- */

static void swap(struct found *found, size_t a, size_t b)
{
    char *left = (char *)found_at(found, a);
    char *right = (char *)found_at(found, b);
    for (size_t at = 0; at < found->row_bytes; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, left + at, sizeof word);
        memcpy(left + at, right + at, sizeof word);
        memcpy(right + at, &word, sizeof word);
    }
}

static void sift_up(struct found *found, size_t at)
{
    while (at > 0 && is_in_order(found, (at - 1) / 2, at)) {
        swap(found, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct found *found, size_t at)
{
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < found->count; child++) {
            last = is_in_order(found, last, child) ? child : last;
        }
        if (last == at) {
            return;
        }
        swap(found, at, last);
        at = last;
    }
}

bool found_wants(const struct found *found, size_t most, const struct found_row *row)
{
    return found->count < most || found_compare(found->order, row, found_at(found, 0)) < 0;
}

bool found_keep(struct found *found, size_t most, const struct found_row *row)
{
    assert(found->spare == NULL && found_wants(found, most, row));
    if (found->count < most && !reserve(found, found->count + 1)) {
        return false;
    }
    found->is_sorted = false;
    if (found->count == most) {
        memcpy(found_at(found, 0), row, found->row_bytes);
        sift_down(found, 0);
    } else {
        memcpy(found_at(found, found->count++), row, found->row_bytes);
        if (most != SIZE_MAX) { /* without a limit nobody asks for the last one */
            sift_up(found, found->count - 1);
        }
    }
    return true;
}

/* --- sorting --- */

/* Moves *at on to the end of the run that it stands in; true when it is there. */
static bool find_run_end(const struct found *found, size_t begin, size_t *at, size_t *limit)
{
    while (*at < found->count && (*at == begin || is_in_order(found, *at - 1, *at))) {
        if (*limit == 0) {
            return false;
        }
        (*limit)--;
        (*at)++;
    }
    return true;
}

static bool merge_runs(struct found *found, size_t *limit)
{
    while (found->left < found->mid || found->right < found->end) {
        if (*limit == 0) {
            return false;
        }
        (*limit)--;
        const bool takes_left =
            found->right == found->end || (found->left < found->mid && is_in_order(found, found->left, found->right));
        memcpy(found->spare + found->out++ * found->row_bytes, found_at(found, takes_left ? found->left++ : found->right++), found->row_bytes);
    }
    return true;
}

/* Two runs are one; and after the last two of a pass the halves change places. */
static void finish_merge(struct found *found)
{
    assert(found->out == found->end);
    found->merges++;
    found->start = found->mid = found->end;
    if (found->start == found->count) {
        char *rows = found->rows;
        found->rows = found->spare;
        found->spare = rows;
        found->is_sorted = found->merges == 1;
        found->start = found->mid = found->out = found->merges = 0;
    }
    found->stage = STAGE_FIND_MID;
}

enum found_status found_sort(struct found *found, size_t limit)
{
    if (!found->is_sorted && found->spare == NULL) {
        found->spare = thread_alloc(MEM_QUERY_BUFFER, found->capacity * found->row_bytes);
        if (found->spare == NULL) {
            return FOUND_NO_MEMORY;
        }
    }
    while (!found->is_sorted) {
        if (found->stage == STAGE_FIND_MID) {
            if (!find_run_end(found, found->start, &found->mid, &limit)) {
                return FOUND_MORE;
            }
            found->end = found->mid;
            found->stage = STAGE_FIND_END;
        }
        if (found->stage == STAGE_FIND_END) {
            if (!find_run_end(found, found->mid, &found->end, &limit)) {
                return FOUND_MORE;
            }
            found->left = found->start;
            found->right = found->mid;
            found->stage = STAGE_MERGE;
        }
        if (!merge_runs(found, &limit)) {
            return FOUND_MORE;
        }
        finish_merge(found);
    }
    thread_free(MEM_QUERY_BUFFER, found->spare, found->capacity * found->row_bytes);
    found->spare = NULL;
    return FOUND_SORTED;
}
