/* lua_text.c - see lua_text.h.
 *
 * Source     The Lua 5.1 reference manual, "Lexical Conventions".  */
#include "script/lua_text.h"

#include <ctype.h>
#include <stdint.h>

static char char_at(const struct lua_text *text, size_t at)
{
    return at < text->code.len ? text->code.data[at] : '\0';
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind a long bracket that opens at `at` with `level` signs; the end when it is not closed. */
static size_t skip_long(const struct lua_text *text, size_t at, size_t level)
{
    for (at += level + 2; at < text->code.len; at++) {
        size_t count = 0;
        while (char_at(text, at) == ']' && char_at(text, at + 1 + count) == '=' && count < level) {
            count++;
        }
        if (char_at(text, at) == ']' && count == level && char_at(text, at + 1 + count) == ']') {
            return at + count + 2;
        }
    }
    return at;
}

/* The level of the long bracket that opens at `at`; SIZE_MAX: none does. */
static size_t long_level(const struct lua_text *text, size_t at)
{
    size_t level = 0;
    while (char_at(text, at + 1 + level) == '=') {
        level++;
    }
    return char_at(text, at) == '[' && char_at(text, at + 1 + level) == '[' ? level : SIZE_MAX;
}

static void skip_blanks(struct lua_text *text)
{
    while (text->at < text->code.len) {
        if (isspace((unsigned char)char_at(text, text->at))) {
            text->at++;
        } else if (char_at(text, text->at) == '-' && char_at(text, text->at + 1) == '-') {
            const size_t level = long_level(text, text->at + 2);
            if (level != SIZE_MAX) {
                text->at = skip_long(text, text->at + 2, level);
            } else {
                while (text->at < text->code.len && char_at(text, text->at) != '\n') {
                    text->at++;
                }
            }
        } else {
            return;
        }
    }
}

static struct word quoted_word(struct lua_text *text)
{
    const char quote = char_at(text, text->at);
    const size_t start = ++text->at;
    bool has_escapes = false;
    while (text->at < text->code.len && char_at(text, text->at) != quote) {
        const bool is_escape = char_at(text, text->at) == '\\';
        has_escapes |= is_escape;
        text->at += is_escape ? 2 : 1;
    }
    if (text->at >= text->code.len) {
        text->at = text->code.len;
        return (struct word){WORD_UNKNOWN, {NULL, 0}};
    }
    const struct bytes inside = {text->code.data + start, text->at++ - start};
    return (struct word){has_escapes ? WORD_UNKNOWN : WORD_TEXT, inside};
}

struct word lua_text_next(struct lua_text *text)
{
    skip_blanks(text);
    const size_t start = text->at;
    const char c = char_at(text, start);
    if (start >= text->code.len) {
        return (struct word){WORD_END, {NULL, 0}};
    }
    if (c == '"' || c == '\'') {
        return quoted_word(text);
    }
    const size_t level = c == '[' ? long_level(text, start) : SIZE_MAX;
    if (level != SIZE_MAX) {
        text->at = skip_long(text, start, level);
        return (struct word){WORD_UNKNOWN, {NULL, 0}};
    }
    do {
        text->at++;
    } while (is_name_char(c) && is_name_char(char_at(text, text->at)));
    const enum word_kind kind = isdigit((unsigned char)c) ? WORD_NUMBER : is_name_char(c) ? WORD_NAME : WORD_SIGN;
    return (struct word){kind, {text->code.data + start, text->at - start}};
}
