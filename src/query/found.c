/* found.c - see found.h. A natural merge sort (D. E. Knuth, The Art of Computer Programming 3, 5.2.4) that can stop
 * anywhere.  */
#include "query/found.h"

#include <assert.h>
#include <string.h>

enum { FOUND_START = 8 };
enum stage { STAGE_FIND_MID, STAGE_FIND_END, STAGE_MERGE };

void found_init(struct found *found)
{
    *found = (struct found){.is_sorted = true};
}

void found_release(struct found *found)
{
    thread_free(MEM_QUERY_BUFFER, found->rows, found->capacity * sizeof *found->rows);
    thread_free(MEM_QUERY_BUFFER, found->spare, found->capacity * sizeof *found->rows);
    found_init(found);
}

static bool grow(struct found *found, size_t needed)
{
    size_t capacity = found->capacity == 0 ? FOUND_START : found->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    struct found_row *rows = thread_realloc(MEM_QUERY_BUFFER, found->rows, found->capacity * sizeof *rows,
                                            capacity * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    found->rows = rows;
    found->capacity = capacity;
    return true;
}

bool found_add(struct found *found, const struct table_slice *slice, uint32_t shard, const uint32_t *rows, uint32_t count)
{
    assert(found->spare == NULL);
    if (found->count + count > found->capacity && !grow(found, found->count + count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct found_row row = {slice_row_id(slice, rows[i]), shard, rows[i]};
        if (found->count > 0 && found->rows[found->count - 1].id > row.id) {
            found->is_sorted = false;
        }
        found->rows[found->count++] = row;
    }
    return true;
}

/* Moves *at on to the end of the run that it stands in; true when it is there. */
static bool find_run_end(const struct found *found, size_t begin, size_t *at, size_t *limit)
{
    while (*at < found->count && (*at == begin || found->rows[*at - 1].id <= found->rows[*at].id)) {
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
        bool takes_left = found->right == found->end ||
                          (found->left < found->mid && found->rows[found->left].id <= found->rows[found->right].id);
        found->spare[found->out++] = found->rows[takes_left ? found->left++ : found->right++];
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
        struct found_row *rows = found->rows;
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
        found->spare = thread_alloc(MEM_QUERY_BUFFER, found->capacity * sizeof *found->spare);
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
    thread_free(MEM_QUERY_BUFFER, found->spare, found->capacity * sizeof *found->spare);
    found->spare = NULL;
    return FOUND_SORTED;
}
