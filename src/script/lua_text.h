/* lua_text.h - the text of a Lua script, cut into words. What is wrong with it, Lua says when it compiles it.
 *
 * Threads    Any. Words are lent from the text.  */
#ifndef SCRIPT_LUA_TEXT_H
#define SCRIPT_LUA_TEXT_H

#include "base/bytes.h"

#include <stdbool.h>

enum word_kind {
    WORD_END,
    WORD_NAME,    /* a keyword, too */
    WORD_NUMBER,  /* or the part of one before its point */
    WORD_TEXT,    /* quoted, without escapes */
    WORD_SIGN,    /* one character */
    WORD_UNKNOWN, /* any other text */
};

struct word {
    enum word_kind kind;
    struct bytes text; /* of a WORD_TEXT: between its quotes */
};

/* Zeroed but for `code` at first. */
struct lua_text {
    struct bytes code;
    size_t at; /* behind the last word */
};

/* Comments are passed over. WORD_END, again and again, at the end. */
struct word lua_text_next(struct lua_text *text);

static inline bool word_is(struct word word, enum word_kind kind, const char *text)
{
    return word.kind == kind && bytes_equal(word.text, bytes_of_string(text));
}

#endif
