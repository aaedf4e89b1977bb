/* sort_vector.h - what SORT sorts: copies of the elements with their weights, put in order by a merge sort that goes in steps.
 *
 * The sort is stable: what compares equal stays in the order in which it was added.
 *
 * Threads    One at a time.
 * Memory     The thread's own, MEM_CLIENT; sort_vector_release gives it back.  */
#ifndef CMD_SORT_VECTOR_H
#define CMD_SORT_VECTOR_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct sort_element {
    struct bytes text;   /* a NUL follows, so do it behind weights */
    union {
        double score;
        struct bytes weight; /* data NULL: none, which is before all others */
    };
};

enum sort_order {
    SORT_BY_SCORE,         /* then by text */
    SORT_BY_TEXT,          /* as far as the first NUL: as strcoll does in the C locale */
    SORT_BY_TEXT_EXACT,    /* all bytes */
    SORT_BY_WEIGHT,        /* as SORT_BY_TEXT, the weights */
    SORT_BY_WEIGHT_EXACT,
};

struct sort_block;

/* All zero: empty. */
struct sort_vector {
    struct sort_element *elements;
    uint32_t count, capacity;
    struct sort_block *blocks; /* texts */
    /* Sorting: ranks to elements; runs of `width` are in order, and two of them are being merged. */
    uint32_t *order, *spare;
    uint32_t width;
    uint32_t left, left_end, right, right_end, out;
};

enum { SORT_ELEMENTS_MAX = INT32_MAX };

/* Makes room for `capacity` elements in all, once. False: memory was refused, or there are more than SORT_ELEMENTS_MAX. */
MUST_USE bool sort_vector_reserve(struct sort_vector *vector, uint64_t capacity);
/* Adds a copy of the text; its weight is a score of 0, or none. There is room. False: memory was refused. */
MUST_USE bool sort_vector_add(struct sort_vector *vector, struct bytes text);
/* Gives an element a copy of this weight. False: memory was refused. */
MUST_USE bool sort_vector_weigh(struct sort_vector *vector, uint32_t index, struct bytes weight);
/* Before the first step: all elements are there. False: memory was refused. Cost: O(count), 1 ns each. */
MUST_USE bool sort_vector_begin(struct sort_vector *vector);
/* Puts the elements in order, or goes on with it: moves about `steps` of them. True: they are. `is_descending` turns every
 * comparison round. Cost: count * log2(count) steps in all.  */
MUST_USE bool sort_vector_run(struct sort_vector *vector, enum sort_order order, bool is_descending, size_t steps);
/* The element of a rank: after sort_vector_run; without it, as they were added. */
const struct sort_element *sort_vector_at(const struct sort_vector *vector, uint32_t rank);
/* Frees up to `limit` blocks. True: all is freed, the vector is empty. */
bool sort_vector_release(struct sort_vector *vector, size_t limit);

/* A score as SORT reads it: strtod's grammar up to the first NUL; an empty text is 0. False: it is none, or too large or small.
 * `text` is followed by a NUL.  */
MUST_USE bool sort_score_parse(struct bytes text, double *out);

#endif
