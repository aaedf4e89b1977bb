/* tail_calls.c - see tail_calls.h.  */
#include "script/tail_calls.h"

#include "script/lua_text.h"

/* Behind `return`: is it redis.call or redis.pcall with brackets? Then *start and *end are around it. */
static bool find_call(struct lua_text text, size_t *start, size_t *end)
{
    const struct word name = lua_text_next(&text);
    if (!word_is(name, WORD_NAME, "redis") || !word_is(lua_text_next(&text), WORD_SIGN, ".")) {
        return false;
    }
    *start = (size_t)(name.text.data - text.code.data);
    const struct word which = lua_text_next(&text);
    if ((!word_is(which, WORD_NAME, "call") && !word_is(which, WORD_NAME, "pcall")) || !word_is(lua_text_next(&text), WORD_SIGN, "(")) {
        return false;
    }
    for (size_t depth = 1; depth > 0;) {
        const struct word word = lua_text_next(&text);
        if (word.kind == WORD_END) {
            return false;
        }
        depth += word_is(word, WORD_SIGN, "(");
        depth -= word_is(word, WORD_SIGN, ")");
    }
    *end = text.at;
    return true;
}

static bool append(struct buffer *out, struct bytes code, size_t from, size_t to)
{
    return buffer_append(out, (struct bytes){code.data + from, to - from});
}

bool tail_calls_change(struct bytes code, struct buffer *out)
{
    struct lua_text text = {.code = code};
    size_t done = 0;
    for (struct word word = lua_text_next(&text); word.kind != WORD_END; word = lua_text_next(&text)) {
        size_t start, end;
        if (!word_is(word, WORD_NAME, "return") || !find_call(text, &start, &end)) {
            continue;
        }
        if (!append(out, code, done, start) || !buffer_append(out, BYTES("(")) || !append(out, code, start, end) ||
            !buffer_append(out, BYTES(")"))) {
            return false;
        }
        done = text.at = end;
    }
    return done > 0 && append(out, code, done, code.len);
}
