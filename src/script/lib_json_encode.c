/* lib_json_encode.c - Lua values as JSON. A table whose keys are whole numbers from 1 on is an array, any other and the empty one an object.
 *
 * Threads    The Lua state's.
 * Memory     The text grows in an upvalue (lib_text.h).
 * Limits     Tables in tables: the setting encode_depth_max, and the slots of the Lua stack, of which there are LUAI_MAXCSTACK: an array
 *            takes one a level, an object two. So the C stack is bounded whatever the setting says.
 * Source     RFC 8259.  */
#include "script/lib_json_encode.h"

#include "base/bytes.h"
#include "script/lib_json.h"
#include "script/lib_text.h"

#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { NUMBER_BYTES_MAX = 64, LEVEL_SLOTS = 3 };

struct encoder {
    struct text text;
    const struct json_settings *settings;
};

/* How a byte is written: itself if 0, \u00xx if 'u', else behind a backslash. */
static const char escapes[UCHAR_MAX + 1] = {
    [0 ... 7] = 'u', [11] = 'u', [14 ... 31] = 'u', [127] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    ['"'] = '"', ['/'] = '/', ['\\'] = '\\',
};

static int refuse(struct encoder *encoder, int type, const char *reason)
{
    lua_State *L = encoder->text.L;
    text_drop(&encoder->text);
    return luaL_error(L, "Cannot serialise %s: %s", lua_typename(L, type), reason);
}

static size_t escaped_len(struct bytes string)
{
    size_t len = string.len;
    for (size_t i = 0; i < string.len; i++) {
        const char escape = escapes[(unsigned char)string.data[i]];
        len += escape == 0 ? 0 : escape == 'u' ? 5 : 1;
    }
    return len;
}

/* style: `at` is written only within the room that escaped_len has counted. */
static void put_string(struct text *text, struct bytes string)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text_room(text, escaped_len(string) + 2);
    *at++ = '"';
    for (size_t i = 0; i < string.len; i++) {
        const unsigned char byte = (unsigned char)string.data[i];
        const char escape = escapes[byte];
        if (escape == 0) {
            *at++ = (char)byte;
            continue;
        }
        *at++ = '\\';
        *at++ = escape;
        if (escape == 'u') {
            *at++ = '0';
            *at++ = '0';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    *at = '"';
}

static void put_number(struct encoder *encoder, lua_Number number)
{
    struct text *text = &encoder->text;
    const int how = encoder->settings->encode_invalid;
    if (isfinite(number)) {
        char digits[NUMBER_BYTES_MAX];
        const int len = snprintf(digits, sizeof digits, "%.*g", encoder->settings->precision, number);
        text_add(text, digits, (size_t)len);
    } else if (how == JSON_INVALID_REFUSED) {
        refuse(encoder, LUA_TNUMBER, "must not be NaN or Inf");
    } else if (how == JSON_INVALID_NULL) {
        text_add(text, "null", 4);
    } else if (isnan(number)) {
        text_add(text, "nan", 3);
    } else {
        text_add(text, number < 0 ? "-inf" : "inf", number < 0 ? 4 : 3);
    }
}

/* The highest index of the table on the top of the stack; 0 where it is to be an object. */
static int array_len(struct encoder *encoder)
{
    lua_State *L = encoder->text.L;
    const struct json_settings *settings = encoder->settings;
    lua_Number highest = 0, count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        const lua_Number key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        lua_pop(L, 1);
        if (!(key >= 1 && key <= INT_MAX && floor(key) == key)) {
            lua_pop(L, 1);
            return 0;
        }
        highest = key > highest ? key : highest;
        count++;
    }
    if (settings->sparse_ratio > 0 && highest > count * settings->sparse_ratio && highest > settings->sparse_safe) {
        return settings->sparse_convert ? 0 : refuse(encoder, LUA_TTABLE, "excessively sparse array");
    }
    return (int)highest;
}

static void put_value(struct encoder *encoder, int depth);

static void put_array(struct encoder *encoder, int len, int depth)
{
    lua_State *L = encoder->text.L;
    text_add_byte(&encoder->text, '[');
    for (int i = 1; i <= len; i++) {
        if (i > 1) {
            text_add_byte(&encoder->text, ',');
        }
        lua_rawgeti(L, -1, i);
        put_value(encoder, depth);
        lua_pop(L, 1);
    }
    text_add_byte(&encoder->text, ']');
}

static void put_key(struct encoder *encoder)
{
    lua_State *L = encoder->text.L;
    struct bytes string;
    const int type = lua_type(L, -2);
    if (type == LUA_TSTRING) {
        string.data = lua_tolstring(L, -2, &string.len);
        put_string(&encoder->text, string);
    } else if (type == LUA_TNUMBER) {
        text_add_byte(&encoder->text, '"');
        put_number(encoder, lua_tonumber(L, -2));
        text_add_byte(&encoder->text, '"');
    } else {
        refuse(encoder, type, "table key must be a number or string");
    }
    text_add_byte(&encoder->text, ':');
}

static void put_object(struct encoder *encoder, int depth)
{
    lua_State *L = encoder->text.L;
    bool is_first = true;
    text_add_byte(&encoder->text, '{');
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (!is_first) {
            text_add_byte(&encoder->text, ',');
        }
        is_first = false;
        put_key(encoder);
        put_value(encoder, depth);
        lua_pop(L, 1);
    }
    text_add_byte(&encoder->text, '}');
}

static void put_table(struct encoder *encoder, int depth)
{
    lua_State *L = encoder->text.L;
    if (depth > encoder->settings->encode_depth_max || !lua_checkstack(L, LEVEL_SLOTS)) {
        text_drop(&encoder->text);
        luaL_error(L, "Cannot serialise, excessive nesting (%d)", depth);
    }
    const int len = array_len(encoder);
    if (len > 0) {
        put_array(encoder, len, depth);
    } else {
        put_object(encoder, depth);
    }
}

/* Writes the value on the top of the stack, in `depth` tables. style: tables in tables recurse, within the limits named above. */
static void put_value(struct encoder *encoder, int depth)
{
    lua_State *L = encoder->text.L;
    struct text *text = &encoder->text;
    struct bytes string;
    const int type = lua_type(L, -1);
    switch (type) {
    case LUA_TSTRING:
        string.data = lua_tolstring(L, -1, &string.len);
        put_string(text, string);
        break;
    case LUA_TNUMBER:
        put_number(encoder, lua_tonumber(L, -1));
        break;
    case LUA_TBOOLEAN:
        text_add(text, lua_toboolean(L, -1) ? "true" : "false", lua_toboolean(L, -1) ? 4 : 5);
        break;
    case LUA_TTABLE:
        put_table(encoder, depth + 1);
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, -1) != NULL) {
            refuse(encoder, type, "type not supported");
        } /* fall through */
    case LUA_TNIL:
        text_add(text, "null", 4);
        break;
    default:
        refuse(encoder, type, "type not supported");
    }
}

int json_encode(lua_State *L)
{
    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
    struct encoder encoder = {.settings = json_settings_of(L)};
    text_begin(&encoder.text, L, lua_upvalueindex(JSON_ROOM));
    put_value(&encoder, 0);
    text_push(&encoder.text);
    return 1;
}
