/* lcs.c - the longest common subsequence by dynamic programming.
 *
 * length(i, j) = length(i-1, j-1) + 1 if the bytes there are equal, else the larger of length(i-1, j) and length(i, j-1).
 * The way back needs only to know which of the two was larger: one bit. So a table that takes Redis 4 bytes a cell takes a
 * bit here, and a row over the shorter string.
 *
 * Threads    One at a time.  */
#include "cmd/string/lcs.h"

#include <assert.h>

size_t lcs_memory_bytes(size_t a_len, size_t b_len, bool wants_path)
{
    size_t shorter = a_len < b_len ? a_len : b_len;
    size_t turns = wants_path ? (a_len * b_len + 7) / 8 : 0;
    return (shorter + 1) * sizeof(uint32_t) + turns;
}

void lcs_init(struct lcs *lcs, struct bytes a, struct bytes b, bool wants_path, void *memory)
{
    bool is_a_outer = a.len >= b.len;
    *lcs = (struct lcs){
        .a = a,
        .b = b,
        .outer = is_a_outer ? a : b,
        .inner = is_a_outer ? b : a,
        .is_a_outer = is_a_outer,
        .has_path = wants_path,
        .row = memory,
        .a_at = a.len,
        .b_at = b.len,
    };
    memset(lcs->row, 0, (lcs->inner.len + 1) * sizeof(uint32_t));
    lcs->turns = wants_path ? (unsigned char *)(lcs->row + lcs->inner.len + 1) : NULL;
}

/* Computes cells of the current outer byte up to inner position `end`. */
static void run_row(struct lcs *lcs, size_t end)
{
    const char byte = lcs->outer.data[lcs->outer_at];
    const char *inner = lcs->inner.data;
    uint32_t *row = lcs->row;
    uint32_t diagonal = lcs->diagonal;
    uint32_t left = lcs->left;
    unsigned char partial = lcs->turns_partial;
    size_t cell = lcs->outer_at * lcs->inner.len + lcs->inner_at;
    for (size_t j = lcs->inner_at; j < end; j++, cell++) {
        uint32_t above = row[j + 1];
        bool is_along_a = lcs->is_a_outer ? above > left : left > above;
        uint32_t length = inner[j] == byte ? diagonal + 1 : above > left ? above : left;
        row[j + 1] = length;
        diagonal = above;
        left = length;
        if (lcs->has_path) {
            partial = (unsigned char)(partial | is_along_a << (cell & 7));
            lcs->turns[cell >> 3] = partial;
            partial = (cell & 7) == 7 ? 0 : partial;
        }
    }
    lcs->diagonal = diagonal;
    lcs->left = left;
    lcs->turns_partial = partial;
    lcs->inner_at = end;
}

bool lcs_run(struct lcs *lcs, size_t cells)
{
    if (lcs->inner.len == 0) {
        return true;
    }
    while (cells > 0) {
        size_t left = lcs->inner.len - lcs->inner_at;
        size_t now = left < cells ? left : cells;
        run_row(lcs, lcs->inner_at + now);
        cells -= now;
        if (lcs->inner_at == lcs->inner.len) {
            lcs->inner_at = 0;
            lcs->diagonal = 0;
            lcs->left = 0;
            lcs->outer_at++;
        }
        if (lcs->outer_at == lcs->outer.len) {
            return true;
        }
    }
    return false;
}

uint32_t lcs_length(const struct lcs *lcs)
{
    return lcs->row[lcs->inner.len];
}

/* Does the way back from a_at, b_at, where the bytes differ, go along a? */
static bool turns_along_a(const struct lcs *lcs)
{
    size_t outer = lcs->is_a_outer ? lcs->a_at : lcs->b_at;
    size_t inner = lcs->is_a_outer ? lcs->b_at : lcs->a_at;
    size_t cell = (outer - 1) * lcs->inner.len + inner - 1;
    return (lcs->turns[cell >> 3] >> (cell & 7) & 1) != 0;
}

static bool is_at_match(const struct lcs *lcs)
{
    return lcs->a.data[lcs->a_at - 1] == lcs->b.data[lcs->b_at - 1];
}

enum lcs_walk lcs_walk_back(struct lcs *lcs, size_t *steps, struct lcs_range *range)
{
    assert(lcs->has_path);
    for (;;) {
        if (lcs->a_at == 0 || lcs->b_at == 0) {
            return LCS_END;
        }
        if (is_at_match(lcs)) {
            break;
        }
        if (*steps == 0) {
            return LCS_PAUSED;
        }
        *steps -= 1;
        *(turns_along_a(lcs) ? &lcs->a_at : &lcs->b_at) -= 1;
    }
    range->a_last = lcs->a_at - 1;
    range->b_last = lcs->b_at - 1;
    while (lcs->a_at > 0 && lcs->b_at > 0 && is_at_match(lcs)) {
        lcs->a_at--;
        lcs->b_at--;
    }
    range->a_first = lcs->a_at;
    range->b_first = lcs->b_at;
    size_t length = range->a_last - range->a_first + 1;
    *steps -= length < *steps ? length : *steps;
    return LCS_RANGE;
}
