/* lib_json_decode.c - JSON as Lua values: objects and arrays as tables, null as a light userdata of NULL.
 *
 * A token is looked for, and a string's escapes are checked, before its place in the grammar: errors name the token that was found and the
 * byte where it began, or where it went wrong.
 *
 * Threads    The Lua state's.
 * Invariant  The text is a Lua string, so a NUL is behind it: no byte is looked at behind the first NUL, where the text ends.
 * Limits     Values in each other: the setting decode_depth_max, and the slots of the Lua stack, of which there are LUAI_MAXCSTACK: an array
 *            takes one a level, an object two. So the C stack is bounded whatever the setting says.
 * Source     RFC 8259; what is taken beyond it (hexadecimal numbers, NaN, infinities) is what strtod reads.  */
#include "script/lib_json_decode.h"

#include "base/bytes.h"
#include "script/lib_json.h"
#include "script/lib_text.h"

#include <assert.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

enum { SHORT_BYTES_MAX = 512, ARRAY_SLOTS = 2, OBJECT_SLOTS = 3 };

enum token_type { OBJECT_BEGIN, OBJECT_END, ARRAY_BEGIN, ARRAY_END, STRING, NUMBER, BOOLEAN, NUL, COLON, COMMA, END, ERROR };

static const char *const token_names[] = {
    [OBJECT_BEGIN] = "T_OBJ_BEGIN", [OBJECT_END] = "T_OBJ_END", [ARRAY_BEGIN] = "T_ARR_BEGIN", [ARRAY_END] = "T_ARR_END",
    [STRING] = "T_STRING", [NUMBER] = "T_NUMBER", [BOOLEAN] = "T_BOOLEAN", [NUL] = "T_NULL", [COLON] = "T_COLON",
    [COMMA] = "T_COMMA", [END] = "T_END",
};

struct token {
    enum token_type type;
    size_t index; /* of its first byte, or of what is wrong */
    union {
        struct bytes string; /* raw, without the quotes */
        double number;
        bool boolean;
        const char *error;
    };
    bool has_escapes;
};

struct decoder {
    lua_State *L;
    const struct json_settings *settings;
    const char *text, *at;
    int depth;
};

static struct token wrong(const struct decoder *decoder, const char *error)
{
    return (struct token){.type = ERROR, .index = (size_t)(decoder->at - decoder->text), .error = error};
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Four hexadecimal digits as a number; -1 where they are not. */
static int read_hex(const char *at)
{
    int number = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        number = number << 4 | digit;
    }
    return number;
}

/* The code point of the escape at `at` (a backslash, u, four digits), or of two that are a surrogate pair; -1 where it is wrong.
 * `*len` is the length of the escape or the pair.  */
static int read_code_point(const char *at, size_t *len)
{
    int code = read_hex(at + 2);
    *len = 6;
    if ((code & 0xf800) != 0xd800 || code < 0) {
        return code;
    }
    if ((code & 0x400) != 0 || at[6] != '\\' || at[7] != 'u') {
        return -1;
    }
    const int low = read_hex(at + 8);
    if (low < 0 || (low & 0xfc00) != 0xdc00) {
        return -1;
    }
    *len = 12;
    return 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
}

/* What a backslash and this byte stand for; 'u' for a code point, 0 for nothing. */
static char unescape(char byte)
{
    switch (byte) {
    case '"':
    case '\\':
    case '/':
    case 'u':
        return byte;
    case 'b':
        return '\b';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    case 'r':
        return '\r';
    default:
        return 0;
    }
}

static struct token next_string(struct decoder *decoder, size_t index)
{
    const char *begin = ++decoder->at;
    bool has_escapes = false;
    while (*decoder->at != '"') {
        size_t len = 1;
        if (*decoder->at == '\0') {
            return wrong(decoder, "unexpected end of string");
        }
        if (*decoder->at == '\\') {
            const char meaning = unescape(decoder->at[1]);
            has_escapes = true;
            len = 2;
            if (meaning == 0) {
                return wrong(decoder, "invalid escape code");
            }
            if (meaning == 'u' && read_code_point(decoder->at, &len) < 0) {
                return wrong(decoder, "invalid unicode escape code");
            }
        }
        decoder->at += len;
    }
    const struct bytes raw = {begin, (size_t)(decoder->at - begin)};
    decoder->at++;
    return (struct token){.type = STRING, .index = index, .string = raw, .has_escapes = has_escapes};
}

/* Whether what strtod would read here is a number that JSON does not have. */
static bool is_invalid_number(const char *at)
{
    if (*at == '+') {
        return true;
    }
    at += *at == '-';
    if (*at == '0') {
        return (at[1] | 0x20) == 'x' || (at[1] >= '0' && at[1] <= '9');
    }
    return *at > '9' && (strncasecmp(at, "inf", 3) == 0 || strncasecmp(at, "nan", 3) == 0);
}

static struct token next_number(struct decoder *decoder, size_t index)
{
    char *end;
    const double number = strtod(decoder->at, &end);
    if (end == decoder->at) {
        return wrong(decoder, "invalid number");
    }
    decoder->at = end;
    return (struct token){.type = NUMBER, .index = index, .number = number};
}

static struct token next_word(struct decoder *decoder, size_t index)
{
    static const struct {
        const char *word;
        enum token_type type;
        bool boolean;
    } words[] = {{"true", BOOLEAN, true}, {"false", BOOLEAN, false}, {"null", NUL, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t len = strlen(words[i].word);
        if (strncmp(decoder->at, words[i].word, len) == 0) {
            decoder->at += len;
            return (struct token){.type = words[i].type, .index = index, .boolean = words[i].boolean};
        }
    }
    const bool may_be_number = *decoder->at != '\0' && strchr("+iInN", *decoder->at) != NULL;
    if (may_be_number && decoder->settings->decode_invalid != JSON_INVALID_REFUSED && is_invalid_number(decoder->at)) {
        return next_number(decoder, index);
    }
    return wrong(decoder, "invalid token");
}

static struct token next_token(struct decoder *decoder)
{
    static const struct {
        char byte;
        enum token_type type;
    } signs[] = {{'{', OBJECT_BEGIN}, {'}', OBJECT_END}, {'[', ARRAY_BEGIN}, {']', ARRAY_END}, {':', COLON}, {',', COMMA}};
    while (*decoder->at == ' ' || *decoder->at == '\t' || *decoder->at == '\n' || *decoder->at == '\r') {
        decoder->at++;
    }
    const char byte = *decoder->at;
    const size_t index = (size_t)(decoder->at - decoder->text);
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (signs[i].byte == byte) {
            decoder->at++;
            return (struct token){.type = signs[i].type, .index = index};
        }
    }
    if (byte == '"') {
        return next_string(decoder, index);
    }
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        if (decoder->settings->decode_invalid == JSON_INVALID_REFUSED && is_invalid_number(decoder->at)) {
            return wrong(decoder, "invalid number");
        }
        return next_number(decoder, index);
    }
    if (byte == '\0') {
        return (struct token){.type = END, .index = index};
    }
    return next_word(decoder, index);
}

static void fail(const struct decoder *decoder, const char *expected, const struct token *token)
{
    const char *found = token->type == ERROR ? token->error : token_names[token->type];
    luaL_error(decoder->L, "Expected %s but found %s at character %d", expected, found, (int)token->index + 1);
}

static char *put_utf8(char *at, int code)
{
    if (code < 0x80) {
        *at++ = (char)code;
    } else if (code < 0x800) {
        *at++ = (char)(0xc0 | code >> 6);
        *at++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *at++ = (char)(0xe0 | code >> 12);
        *at++ = (char)(0x80 | (code >> 6 & 0x3f));
        *at++ = (char)(0x80 | (code & 0x3f));
    } else {
        *at++ = (char)(0xf0 | code >> 18);
        *at++ = (char)(0x80 | (code >> 12 & 0x3f));
        *at++ = (char)(0x80 | (code >> 6 & 0x3f));
        *at++ = (char)(0x80 | (code & 0x3f));
    }
    return at;
}

/* Writes what the checked string means. Returns its length, which is below the raw one's. */
static size_t unescape_all(char *to, struct bytes raw)
{
    char *at = to;
    for (size_t i = 0; i < raw.len;) {
        if (raw.data[i] != '\\') {
            *at++ = raw.data[i++];
            continue;
        }
        const char meaning = unescape(raw.data[i + 1]);
        size_t len = 2;
        if (meaning == 'u') {
            at = put_utf8(at, read_code_point(raw.data + i, &len));
        } else {
            *at++ = meaning;
        }
        i += len;
    }
    assert((size_t)(at - to) < raw.len);
    return (size_t)(at - to);
}

static void push_string(const struct decoder *decoder, const struct token *token)
{
    lua_State *L = decoder->L;
    char room[SHORT_BYTES_MAX];
    if (!token->has_escapes) {
        lua_pushlstring(L, token->string.data, token->string.len);
    } else if (token->string.len <= sizeof room) {
        lua_pushlstring(L, room, unescape_all(room, token->string));
    } else {
        struct text text;
        text_begin(&text, L, lua_upvalueindex(JSON_ROOM));
        char *to = text_room(&text, token->string.len);
        text.len = unescape_all(to, token->string);
        text_push(&text);
    }
}

static void push_value(struct decoder *decoder, const struct token *token);

static void descend(struct decoder *decoder, int slots)
{
    decoder->depth++;
    if (decoder->depth > decoder->settings->decode_depth_max || !lua_checkstack(decoder->L, slots)) {
        luaL_error(decoder->L, "Found too many nested data structures (%d) at character %d", decoder->depth,
                   (int)(decoder->at - decoder->text));
    }
}

static void push_object(struct decoder *decoder)
{
    descend(decoder, OBJECT_SLOTS);
    lua_newtable(decoder->L);
    struct token token = next_token(decoder);
    while (token.type != OBJECT_END) {
        if (token.type != STRING) {
            fail(decoder, "object key string", &token);
        }
        push_string(decoder, &token);
        token = next_token(decoder);
        if (token.type != COLON) {
            fail(decoder, "colon", &token);
        }
        token = next_token(decoder);
        push_value(decoder, &token);
        lua_rawset(decoder->L, -3);
        token = next_token(decoder);
        if (token.type == OBJECT_END) {
            break;
        }
        if (token.type != COMMA) {
            fail(decoder, "comma or object end", &token);
        }
        token = next_token(decoder);
        if (token.type == OBJECT_END) {
            fail(decoder, "object key string", &token);
        }
    }
    decoder->depth--;
}

static void push_array(struct decoder *decoder)
{
    descend(decoder, ARRAY_SLOTS);
    lua_newtable(decoder->L);
    struct token token = next_token(decoder);
    for (int i = 1; token.type != ARRAY_END; i++) {
        push_value(decoder, &token);
        lua_rawseti(decoder->L, -2, i);
        token = next_token(decoder);
        if (token.type == ARRAY_END) {
            break;
        }
        if (token.type != COMMA) {
            fail(decoder, "comma or array end", &token);
        }
        token = next_token(decoder);
        if (token.type == ARRAY_END) {
            fail(decoder, "value", &token);
        }
    }
    decoder->depth--;
}

/* Pushes the value that the token is or begins. style: values in each other recurse, within the limits named above. */
static void push_value(struct decoder *decoder, const struct token *token)
{
    lua_State *L = decoder->L;
    switch (token->type) {
    case STRING:
        push_string(decoder, token);
        break;
    case NUMBER:
        lua_pushnumber(L, token->number);
        break;
    case BOOLEAN:
        lua_pushboolean(L, token->boolean);
        break;
    case NUL:
        lua_pushlightuserdata(L, NULL);
        break;
    case OBJECT_BEGIN:
        push_object(decoder);
        break;
    case ARRAY_BEGIN:
        push_array(decoder);
        break;
    default:
        fail(decoder, "value", token);
    }
}

int json_decode(lua_State *L)
{
    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
    struct decoder decoder = {.L = L, .settings = json_settings_of(L)};
    size_t len;
    decoder.text = decoder.at = luaL_checklstring(L, 1, &len);
    if (len >= 2 && (decoder.text[0] == '\0' || decoder.text[1] == '\0')) {
        return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
    }
    struct token token = next_token(&decoder);
    push_value(&decoder, &token);
    token = next_token(&decoder);
    if (token.type != END) {
        fail(&decoder, "the end", &token);
    }
    return 1;
}
