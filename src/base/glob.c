/* glob.c - Redis's glob patterns.
 *
 * Threads    Any.
 * Reason     Every element but '*' takes exactly one byte, so only the last star can still matter: on a mismatch the text
 *            is tried one byte later behind it. Earlier stars need no second look, and nothing recurses.
 * Limits     O(pattern x text) steps. Bytes are unsigned in ranges.  */
#include "base/glob.h"

#include <stdint.h>

static unsigned char fold(unsigned char c, bool ignore_case)
{
    return ignore_case && (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

/* Does `c` stand in the class whose '[' is at pattern[*at]? Moves *at behind the class. A class without ']' ends with the
 * pattern; ']' right behind '[' closes an empty class, which nothing matches.  */
static bool class_match(struct bytes pattern, size_t *at, unsigned char c, bool ignore_case)
{
    const unsigned char *p = (const unsigned char *)pattern.data;
    size_t i = *at + 1;
    bool is_negated = i < pattern.len && p[i] == '^';
    bool is_member = false;
    c = fold(c, ignore_case);
    i += is_negated;
    while (i < pattern.len && p[i] != ']') {
        unsigned char low, high;
        if (p[i] == '\\' && i + 1 < pattern.len) {
            low = high = fold(p[i + 1], ignore_case);
            i += 2;
        } else if (i + 2 < pattern.len && p[i + 1] == '-') {
            bool is_swapped = p[i] > p[i + 2];
            low = fold(p[is_swapped ? i + 2 : i], ignore_case);
            high = fold(p[is_swapped ? i : i + 2], ignore_case);
            i += 3;
        } else {
            low = high = fold(p[i], ignore_case);
            i++;
        }
        is_member |= c >= low && c <= high;
    }
    *at = i < pattern.len ? i + 1 : i;
    return is_member != is_negated;
}

/* Matches one byte with the element at pattern[*at], which is no star, and moves *at behind the element. */
static bool element_match(struct bytes pattern, size_t *at, unsigned char c, bool ignore_case)
{
    char element = pattern.data[*at];
    if (element == '[') {
        return class_match(pattern, at, c, ignore_case);
    }
    if (element == '?') {
        *at += 1;
        return true;
    }
    if (element == '\\' && *at + 1 < pattern.len) {
        *at += 1;
        element = pattern.data[*at];
    }
    *at += 1;
    return fold((unsigned char)element, ignore_case) == fold(c, ignore_case);
}

bool glob_match(struct bytes pattern, struct bytes text, bool ignore_case)
{
    if (text.len == 0) {
        return pattern.len == 0;
    }
    size_t at = 0;
    size_t text_at = 0;
    size_t behind_star = SIZE_MAX; /* the last star seen: where the pattern goes on */
    size_t star_text_at = 0;       /* and the text that it leaves to the rest */
    while (text_at < text.len) {
        if (at < pattern.len && pattern.data[at] == '*') {
            at++;
            behind_star = at;
            star_text_at = text_at;
            if (at == pattern.len) {
                return true;
            }
            continue;
        }
        if (at < pattern.len && element_match(pattern, &at, (unsigned char)text.data[text_at], ignore_case)) {
            text_at++;
            continue;
        }
        if (behind_star == SIZE_MAX) {
            return false;
        }
        star_text_at++;
        text_at = star_text_at;
        at = behind_star;
    }
    while (at < pattern.len && pattern.data[at] == '*') {
        at++;
    }
    return at == pattern.len;
}
