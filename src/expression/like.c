/* like.c - see like.h. The first piece is anchored at the text's begin, the last at its end; those between are looked for from the left,
 * since the first place leaves most room for what follows.  */
#include "expression/like.h"

#include <assert.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

enum expression_result like_read(struct bytes pattern, int escape, struct arena *arena, struct like *out)
{
    size_t pieces = 1;
    for (size_t i = 0; i < pattern.len; i++) {
        pieces += pattern.data[i] == '%';
    }
    char *bytes = arena_alloc(arena, pattern.len + 1);
    bool *is_any = arena_alloc_zeroed(arena, pattern.len + 1);
    struct like_piece *piece = arena_alloc_zeroed(arena, pieces * sizeof *piece);
    if (bytes == NULL || is_any == NULL || piece == NULL) {
        return EXPRESSION_NO_MEMORY;
    }
    *out = (struct like){.bytes = bytes, .is_any = is_any, .pieces = piece, .piece_count = 1};
    uint32_t len = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.data[i];
        const bool is_escaped = (unsigned char)c == escape && escape >= 0;
        if (is_escaped) {
            if (++i == pattern.len) {
                return EXPRESSION_BAD_ARGUMENT;
            }
            c = pattern.data[i];
        } else if (c == '%') {
            const bool follows_one = i > 0 && out->piece_count > 1 && piece->len == 0;
            if (!follows_one) { /* several % are one */
                *++piece = (struct like_piece){.at = len};
                out->piece_count++;
            }
            continue;
        }
        is_any[len] = !is_escaped && c == '_';
        piece->has_any = piece->has_any || is_any[len];
        bytes[len++] = c;
        piece->len++;
    }
    return EXPRESSION_OK;
}

/* The piece at the begin of text[at..]. Returns what it takes, or -1. */
static int64_t match_forward(const struct like *like, const struct like_piece *piece, struct bytes text)
{
    size_t at = 0;
    for (uint32_t i = piece->at; i < piece->at + piece->len; i++) {
        if (at == text.len || (!like->is_any[i] && text.data[at] != like->bytes[i])) {
            return -1;
        }
        at++;
        while (like->is_any[i] && at < text.len && is_continuation(text.data[at])) {
            at++;
        }
    }
    return (int64_t)at;
}

/* The piece at the end of the text. Returns what is left of the text, or -1. */
static int64_t match_backward(const struct like *like, const struct like_piece *piece, struct bytes text)
{
    size_t left = text.len;
    for (uint32_t i = piece->at + piece->len; i-- > piece->at;) {
        if (left == 0 || (!like->is_any[i] && text.data[left - 1] != like->bytes[i])) {
            return -1;
        }
        left--;
        while (like->is_any[i] && left > 0 && is_continuation(text.data[left])) {
            left--;
        }
    }
    return (int64_t)left;
}

/* The piece anywhere, as far left as it can be. Returns where it ends, or -1. */
static int64_t find_piece(const struct like *like, const struct like_piece *piece, struct bytes text)
{
    if (!piece->has_any) {
        const char *found = memmem(text.data, text.len, like->bytes + piece->at, piece->len);
        return found == NULL ? -1 : found - text.data + (int64_t)piece->len;
    }
    for (size_t at = 0; at < text.len; at++) {
        if (is_continuation(text.data[at])) {
            continue;
        }
        const int64_t taken = match_forward(like, piece, (struct bytes){text.data + at, text.len - at});
        if (taken >= 0) {
            return (int64_t)at + taken;
        }
    }
    return -1;
}

bool like_matches(const struct like *like, struct bytes text)
{
    const struct like_piece *first = &like->pieces[0];
    const struct like_piece *last = &like->pieces[like->piece_count - 1];
    const int64_t taken = match_forward(like, first, text);
    if (taken < 0) {
        return false;
    }
    text = (struct bytes){text.data + taken, text.len - (size_t)taken};
    if (first == last) {
        return text.len == 0;
    }
    const int64_t left = match_backward(like, last, text);
    if (left < 0) {
        return false;
    }
    text.len = (size_t)left;
    for (const struct like_piece *piece = first + 1; piece < last; piece++) {
        const int64_t end = find_piece(like, piece, text);
        if (end < 0) {
            return false;
        }
        text = (struct bytes){text.data + end, text.len - (size_t)end};
    }
    return true;
}

struct bytes like_prefix(const struct like *like, bool *is_all, bool *is_exact)
{
    const struct like_piece *first = &like->pieces[0];
    uint32_t len = 0;
    while (len < first->len && !like->is_any[len]) {
        len++;
    }
    const bool is_whole = len == first->len;
    *is_exact = is_whole && like->piece_count == 1;
    *is_all = is_whole && like->piece_count == 2 && like->pieces[1].len == 0;
    return (struct bytes){like->bytes, len};
}
