/* sort_vector.c - elements in blocks, sorted by a merge sort from the bottom up.
 *
 * Limits     Blocks double from SORT_BLOCK_FIRST to SORT_BLOCK_MAX; a longer text has a block of its own.  */
#include "cmd/sort/sort_vector.h"

#include "base/number.h"
#include "mem/heap.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { SORT_BLOCK_FIRST = 1024, SORT_BLOCK_MAX = 262144 };

struct sort_block {
    struct sort_block *next;
    size_t size; /* of the block, this head included */
    size_t used;
    char data[];
};

/* --- texts --- */

static struct sort_block *block_with_room(struct sort_vector *vector, size_t needed)
{
    struct sort_block *first = vector->blocks;
    if (first != NULL && first->size - sizeof *first - first->used >= needed) {
        return first;
    }
    size_t size = first == NULL ? SORT_BLOCK_FIRST : 2 * first->size;
    size = size < SORT_BLOCK_MAX ? size : SORT_BLOCK_MAX;
    const size_t least = sizeof *first + needed;
    size = size > least ? size : least;
    struct sort_block *block = thread_alloc(MEM_CLIENT, size);
    if (block != NULL) {
        *block = (struct sort_block){.next = first, .size = size};
        vector->blocks = block;
    }
    return block;
}

/* A copy of `text` with a NUL behind it; data NULL: refused. */
static struct bytes copy_text(struct sort_vector *vector, struct bytes text)
{
    struct sort_block *block = text.len > PTRDIFF_MAX / 2 ? NULL : block_with_room(vector, text.len + 1);
    if (block == NULL) {
        return (struct bytes){0};
    }
    char *copy = block->data + block->used;
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    block->used += text.len + 1;
    return (struct bytes){copy, text.len};
}

bool sort_vector_reserve(struct sort_vector *vector, uint64_t capacity)
{
    assert(vector->elements == NULL);
    if (capacity > SORT_ELEMENTS_MAX) {
        return false;
    }
    if (capacity > 0) {
        vector->elements = thread_alloc(MEM_CLIENT, capacity * sizeof *vector->elements);
        if (vector->elements == NULL) {
            return false;
        }
    }
    vector->capacity = (uint32_t)capacity;
    return true;
}

bool sort_vector_add(struct sort_vector *vector, struct bytes text)
{
    assert(vector->count < vector->capacity);
    const struct bytes copy = copy_text(vector, text);
    if (copy.data == NULL) {
        return false;
    }
    vector->elements[vector->count++] = (struct sort_element){.text = copy}; /* all zero: a score of 0, and no weight */
    return true;
}

bool sort_vector_weigh(struct sort_vector *vector, uint32_t index, struct bytes weight)
{
    assert(index < vector->count);
    const struct bytes copy = copy_text(vector, weight);
    if (copy.data == NULL) {
        return false;
    }
    vector->elements[index].weight = copy;
    return true;
}

static bool release_block(struct sort_vector *vector)
{
    struct sort_block *block = vector->blocks;
    if (block == NULL) {
        return false;
    }
    vector->blocks = block->next;
    thread_free(MEM_CLIENT, block, block->size);
    return true;
}

bool sort_vector_release(struct sort_vector *vector, size_t limit)
{
    while (limit > 0 && release_block(vector)) {
        limit--;
    }
    if (vector->blocks != NULL) {
        return false;
    }
    if (vector->elements != NULL) {
        thread_free(MEM_CLIENT, vector->elements, vector->capacity * sizeof *vector->elements);
    }
    if (vector->order != NULL) {
        thread_free(MEM_CLIENT, vector->order, vector->capacity * sizeof *vector->order);
    }
    if (vector->spare != NULL) {
        thread_free(MEM_CLIENT, vector->spare, vector->capacity * sizeof *vector->spare);
    }
    *vector = (struct sort_vector){0};
    return true;
}

bool sort_score_parse(struct bytes text, double *out)
{
    int64_t integer;
    if (int64_parse(text, &integer)) {
        *out = (double)integer;
        return true;
    }
    char *end;
    errno = 0;
    const double score = strtod(text.data, &end);
    if (*end != '\0' || errno == ERANGE || isnan(score)) {
        return false;
    }
    *out = score;
    return true;
}

/* --- order --- */

static int compare_weights(const struct sort_element *a, const struct sort_element *b, bool is_exact)
{
    if (a->weight.data == NULL || b->weight.data == NULL) {
        return (a->weight.data != NULL) - (b->weight.data != NULL);
    }
    return is_exact ? bytes_compare(a->weight, b->weight) : strcmp(a->weight.data, b->weight.data);
}

static int compare(const struct sort_element *a, const struct sort_element *b, enum sort_order order)
{
    switch (order) {
    case SORT_BY_SCORE:
        return a->score > b->score ? 1 : a->score < b->score ? -1 : bytes_compare(a->text, b->text);
    case SORT_BY_TEXT:
        return strcmp(a->text.data, b->text.data);
    case SORT_BY_TEXT_EXACT:
        return bytes_compare(a->text, b->text);
    case SORT_BY_WEIGHT:
        return compare_weights(a, b, false);
    case SORT_BY_WEIGHT_EXACT:
        return compare_weights(a, b, true);
    }
    return 0;
}

static uint32_t sum_up_to(uint32_t a, uint32_t b, uint32_t max)
{
    return b > max - a ? max : a + b;
}

/* Sets up the merge of the two runs that begin at `start`. */
static void begin_merge(struct sort_vector *vector, uint32_t start)
{
    vector->left = start;
    vector->left_end = sum_up_to(start, vector->width, vector->count);
    vector->right = vector->left_end;
    vector->right_end = sum_up_to(vector->right, vector->width, vector->count);
    vector->out = start;
}

bool sort_vector_begin(struct sort_vector *vector)
{
    vector->width = 1;
    if (vector->count < 2) {
        return true;
    }
    vector->order = thread_alloc(MEM_CLIENT, vector->capacity * sizeof *vector->order);
    vector->spare = thread_alloc(MEM_CLIENT, vector->capacity * sizeof *vector->spare);
    if (vector->order == NULL || vector->spare == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < vector->count; i++) {
        vector->order[i] = i;
    }
    begin_merge(vector, 0);
    return true;
}

/* What is next to be written: the smaller one, the left one when they are equal. */
static uint32_t take_next(struct sort_vector *vector, enum sort_order order, bool is_descending)
{
    if (vector->left == vector->left_end) {
        return vector->order[vector->right++];
    }
    const uint32_t left = vector->order[vector->left];
    if (vector->right < vector->right_end) {
        const uint32_t right = vector->order[vector->right];
        const int difference = compare(&vector->elements[left], &vector->elements[right], order);
        if (is_descending ? difference < 0 : difference > 0) {
            vector->right++;
            return right;
        }
    }
    vector->left++;
    return left;
}

/* After two runs: the next two, or all runs of the next width. */
static void next_merge(struct sort_vector *vector)
{
    if (vector->right_end < vector->count) {
        begin_merge(vector, vector->right_end);
        return;
    }
    uint32_t *merged = vector->spare;
    vector->spare = vector->order;
    vector->order = merged;
    vector->width *= 2; /* at most 2 * SORT_ELEMENTS_MAX */
    begin_merge(vector, 0);
}

bool sort_vector_run(struct sort_vector *vector, enum sort_order order, bool is_descending, size_t steps)
{
    while (vector->width < vector->count && steps > 0) {
        if (vector->out == vector->right_end) {
            next_merge(vector);
            continue;
        }
        vector->spare[vector->out++] = take_next(vector, order, is_descending);
        steps--;
    }
    return vector->width >= vector->count;
}

const struct sort_element *sort_vector_at(const struct sort_vector *vector, uint32_t rank)
{
    assert(rank < vector->count);
    return &vector->elements[vector->order == NULL ? rank : vector->order[rank]];
}
