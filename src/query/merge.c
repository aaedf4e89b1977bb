/* merge.c - see merge.h.  */
#include "query/merge.h"

#include <assert.h>

bool merge_create(struct merge *merge, uint32_t capacity, bool is_sorted)
{
    *merge = (struct merge){.sources = thread_alloc(MEM_QUERY_BUFFER, capacity * sizeof *merge->sources)};
    if (merge->sources == NULL) {
        return false;
    }
    merge->capacity = capacity;
    merge->is_sorted = is_sorted;
    return true;
}

void merge_release(struct merge *merge)
{
    thread_free(MEM_QUERY_BUFFER, merge->sources, merge->capacity * sizeof *merge->sources);
    *merge = (struct merge){0};
}

void merge_add(struct merge *merge, const struct found *found)
{
    if (found->count > 0) {
        assert(merge->count < merge->capacity && (found->is_sorted || !merge->is_sorted));
        merge->sources[merge->count++] = (struct merge_source){.found = found};
    }
}

static const struct found_row *row_of(const struct merge *merge, uint32_t at)
{
    const struct merge_source *source = &merge->sources[at];
    assert(source->next < source->found->count);
    return found_at(source->found, source->next);
}

static bool comes_before(const struct merge *merge, uint32_t a, uint32_t b)
{
    return found_compare(merge->sources[a].found->order, row_of(merge, a), row_of(merge, b)) < 0;
}

/* The source at `at` goes down to where its row belongs. */
static void sift_down(struct merge *merge, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->count; child++) {
            least = comes_before(merge, child, least) ? child : least;
        }
        if (least == at) {
            return;
        }
        const struct merge_source source = merge->sources[at];
        merge->sources[at] = merge->sources[least];
        merge->sources[least] = source;
        at = least;
    }
}

void merge_start(struct merge *merge)
{
    for (uint32_t at = merge->count / 2; at-- > 0 && merge->is_sorted;) {
        sift_down(merge, at);
    }
}

void merge_rewind(struct merge *merge)
{
    assert(!merge->is_sorted);
    for (uint32_t i = 0; i < merge->count; i++) {
        merge->sources[i].next = 0;
    }
    merge->first = 0;
}

const struct found_row *merge_row(const struct merge *merge)
{
    return merge->first < merge->count ? row_of(merge, merge->first) : NULL;
}

void merge_advance(struct merge *merge)
{
    assert(merge->first < merge->count);
    struct merge_source *source = &merge->sources[merge->first];
    const bool is_last = ++source->next == source->found->count;
    if (!merge->is_sorted) {
        merge->first += is_last ? 1 : 0;
        return;
    }
    if (is_last) {
        merge->sources[0] = merge->sources[--merge->count];
    }
    if (merge->count > 1) {
        sift_down(merge, 0);
    }
}
