/* like.h - LIKE: % is any run of characters, _ one, with or without a character that takes their meaning away.
 *
 * A pattern is read once, into pieces between its %. Bytes are compared as they are: case counts. A character is a byte and the
 * continuation bytes of UTF-8 behind it.
 *
 * Threads    Any; a pattern that was read is never changed.
 * Cost       One look-up goes over the text once, whatever the number of %: a piece is looked for behind the one before it and never again.
 *            A piece with _ between two % is tried at each place: O(text x piece).  */
#ifndef EXPRESSION_LIKE_H
#define EXPRESSION_LIKE_H

#include "expression/scalar.h"
#include "mem/arena.h"

struct like_piece {
    uint32_t at, len;
    bool has_any; /* it has a _ */
};

struct like {
    const char *bytes;   /* the pattern without % and escapes; what stands for a _ is said by is_any */
    const bool *is_any;
    struct like_piece *pieces;
    uint32_t piece_count; /* one more than runs of % */
};

/* escape: the character's byte, or -1. Gives *out in the arena.
 * EXPRESSION_BAD_ARGUMENT: nothing that could be escaped stands behind the last escape character.  */
MUST_USE enum expression_result like_read(struct bytes pattern, int escape, struct arena *arena, struct like *out);
bool like_matches(const struct like *like, struct bytes text);
/* What every text that matches begins with, for an index; empty: nothing. *is_all: a text matches exactly when it begins so. *is_exact: when it
 * is that. Lends from `like`.  */
struct bytes like_prefix(const struct like *like, bool *is_all, bool *is_exact);

#endif
