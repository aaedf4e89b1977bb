/* lcs.h - the longest common subsequence of two strings, in steps.
 *
 * The table of all lengths is never kept: one row of it, and one bit a cell that says where the way back goes.
 *
 * Threads    One at a time.
 * Memory     Borrows both strings and the memory that it works in until it is thrown away; frees nothing.  */
#ifndef CMD_LCS_H
#define CMD_LCS_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct lcs {
    struct bytes a, b;
    struct bytes outer, inner;   /* the longer of both, and the shorter */
    bool is_a_outer;
    bool has_path;
    uint32_t *row;               /* row[n]: the length for outer's first bytes and inner's first n */
    unsigned char *turns;        /* a bit a cell, in the order of the computation: go back along `a`; NULL without a path */
    unsigned char turns_partial; /* the byte that is being filled */
    size_t outer_at, inner_at;   /* the next cell */
    uint32_t diagonal, left;     /* its neighbours */
    size_t a_at, b_at;           /* the way back: bytes still before it */
};

/* A run of equal bytes, as positions in both strings, first and last included. */
struct lcs_range {
    size_t a_first, a_last, b_first, b_last;
};

enum lcs_walk { LCS_RANGE, LCS_PAUSED, LCS_END };

/* Both strings are shorter than UINT32_MAX - 1. The product of their lengths fits a size_t. */
size_t lcs_memory_bytes(size_t a_len, size_t b_len, bool wants_path);
/* `memory` is aligned to 4 and as large as lcs_memory_bytes says. */
void lcs_init(struct lcs *lcs, struct bytes a, struct bytes b, bool wants_path, void *memory);
/* Computes up to `cells` cells (> 0). True when the table is complete: then it must not be called again. */
MUST_USE bool lcs_run(struct lcs *lcs, size_t cells);
/* After lcs_run said true. */
uint32_t lcs_length(const struct lcs *lcs);
/* The common runs from the last to the first, by the choices that Redis makes: where both ways back are equally good, b
 * gets shorter. Takes about *steps steps at most, counting them down; LCS_PAUSED: call again.  */
enum lcs_walk lcs_walk_back(struct lcs *lcs, size_t *steps, struct lcs_range *range);

#endif
