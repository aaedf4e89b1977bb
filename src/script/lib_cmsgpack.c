/* lib_cmsgpack.c - cmsgpack: Lua values as MessagePack and back.
 *
 * Written are nil, booleans, numbers as the shortest integer or float that keeps them, strings as str, tables as array if their keys are
 * 1 .. n, else as map. What else Lua has, and tables in NESTING_MAX others, are nil. Read is all of that; bin, ext and the unused byte are
 * bad format, as redis-server's library says.
 *
 * Threads    The Lua state's.
 * Invariant  A byte is read only after need() has said that it is there. A length that the input claims allocates nothing by itself.
 * Limits     Values in each other are read up to the depth that the Lua stack has: at most STACK_SLOTS_MAX slots, one or two a level.
 * Source     https://github.com/msgpack/msgpack/blob/master/spec.md  */
#include "base/bytes.h"
#include "script/lib_text.h"
#include "script/libraries.h"

#include <assert.h>
#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { NESTING_MAX = 16, STACK_SLOTS_MAX = LUAI_MAXCSTACK };

enum {
    BYTE_MAP = 0x80,      /* and up to 15 pairs in the low bits */
    BYTE_ARRAY = 0x90,    /* and up to 15 values */
    BYTE_STRING = 0xa0,   /* and up to 31 bytes */
    BYTE_NIL = 0xc0,
    BYTE_FALSE = 0xc2,
    BYTE_TRUE = 0xc3,
    BYTE_FLOAT = 0xca,
    BYTE_DOUBLE = 0xcb,
    BYTE_UINT8 = 0xcc,    /* 16, 32 and 64 bits follow */
    BYTE_INT8 = 0xd0,     /* 16, 32 and 64 bits follow */
    BYTE_STRING8 = 0xd9,  /* 16 and 32 bits follow */
    BYTE_ARRAY16 = 0xdc,  /* 32 bits follow */
    BYTE_MAP16 = 0xde,    /* 32 bits follow */
    BYTE_NEGATIVE = 0xe0, /* -32 .. -1 */
};

/* A first byte and the lowest `width` bytes of a number, big-endian. */
static void put(struct text *text, unsigned char first, uint64_t number, unsigned width)
{
    unsigned char *room = (unsigned char *)text_room(text, 1 + width);
    *room = first;
    for (unsigned i = 0; i < width; i++) {
        room[width - i] = (unsigned char)(number >> (8 * i));
    }
}

/* The first of four forms, of 1, 2, 4 and 8 bytes, whose largest number is enough. */
static void put_wide(struct text *text, unsigned char first, uint64_t number, uint64_t size)
{
    const unsigned power = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : size <= UINT32_MAX ? 2 : 3;
    put(text, (unsigned char)(first + power), number, 1U << power);
}

static void put_integer(struct text *text, int64_t number)
{
    if (number >= -32 && number <= INT8_MAX) {
        text_add_byte(text, (unsigned char)number);
    } else if (number > 0) {
        put_wide(text, BYTE_UINT8, (uint64_t)number, (uint64_t)number);
    } else {
        const uint64_t size = 2 * (uint64_t)(-1 - number); /* -128 is as long as 255 */
        put_wide(text, BYTE_INT8, (uint64_t)number, size);
    }
}

static void put_number(struct text *text, lua_Number number)
{
    if (number >= -0x1p63 && number < 0x1p63 && (lua_Number)(int64_t)number == number) {
        put_integer(text, (int64_t)number);
        return;
    }
    const float single = (float)number;
    uint32_t bits;
    uint64_t long_bits;
    if ((lua_Number)single == number) {
        memcpy(&bits, &single, sizeof bits);
        put(text, BYTE_FLOAT, bits, sizeof bits);
    } else {
        memcpy(&long_bits, &number, sizeof long_bits);
        put(text, BYTE_DOUBLE, long_bits, sizeof long_bits);
    }
}

static void put_string(struct text *text, struct bytes string)
{
    if (string.len < 32) {
        text_add_byte(text, (unsigned char)(BYTE_STRING | string.len));
    } else {
        put_wide(text, BYTE_STRING8, string.len, string.len);
    }
    text_add(text, string.data, string.len);
}

/* How many values or pairs follow, in the low bits of `few`, or behind `first` in 16 or 32 bits. */
static void put_count(struct text *text, unsigned char few, unsigned char first, size_t count)
{
    if (count <= 15) {
        text_add_byte(text, (unsigned char)(few | count));
    } else if (count <= UINT16_MAX) {
        put(text, first, count, 2);
    } else {
        put(text, (unsigned char)(first + 1), count, 4);
    }
}

/* What the table on the top of the stack holds. Returns whether its keys are 1 .. count. */
static bool table_is_array(lua_State *L, size_t *count)
{
    lua_Number highest = 0;
    bool is_array = true;
    *count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        lua_pop(L, 1);
        (*count)++;
        if (!is_array || lua_type(L, -1) != LUA_TNUMBER) {
            is_array = false;
            continue;
        }
        const lua_Number key = lua_tonumber(L, -1);
        is_array = key > 0 && key <= INT_MAX && (lua_Number)(int)key == key;
        highest = key > highest ? key : highest;
    }
    return is_array && highest == (lua_Number)*count;
}

static void put_value(struct text *text, unsigned depth);

static void put_table(struct text *text, unsigned depth)
{
    lua_State *L = text->L;
    size_t count;
    luaL_checkstack(L, 3 + 1, "in function mp_encode_lua_table_as_map"); /* a key, a value, what reads them; and the text's slot */
    if (table_is_array(L, &count)) {
        put_count(text, BYTE_ARRAY, BYTE_ARRAY16, count);
        for (size_t i = 1; i <= count; i++) {
            lua_rawgeti(L, -1, (int)i);
            put_value(text, depth + 1);
        }
        return;
    }
    put_count(text, BYTE_MAP, BYTE_MAP16, count);
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        lua_pushvalue(L, -2);
        put_value(text, depth + 1);
        put_value(text, depth + 1);
    }
}

/* Writes the value on the top of the stack, which goes. style: tables in tables recurse, NESTING_MAX deep. */
static void put_value(struct text *text, unsigned depth)
{
    lua_State *L = text->L;
    struct bytes string;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        string.data = lua_tolstring(L, -1, &string.len);
        put_string(text, string);
        break;
    case LUA_TBOOLEAN:
        text_add_byte(text, lua_toboolean(L, -1) ? BYTE_TRUE : BYTE_FALSE);
        break;
    case LUA_TNUMBER:
        put_number(text, lua_tonumber(L, -1));
        break;
    case LUA_TTABLE:
        if (depth < NESTING_MAX) {
            put_table(text, depth);
            break;
        } /* fall through */
    default:
        text_add_byte(text, BYTE_NIL);
    }
    lua_pop(L, 1);
}

static int cmsgpack_pack(lua_State *L)
{
    const int count = lua_gettop(L);
    if (count == 0) {
        return luaL_argerror(L, 0, "MessagePack pack needs input.");
    }
    if (!lua_checkstack(L, count)) {
        return luaL_argerror(L, 0, "Too many arguments for MessagePack pack.");
    }
    struct text text;
    text_begin(&text, L, lua_upvalueindex(1));
    for (int i = 1; i <= count; i++) {
        luaL_checkstack(L, 2, "in function mp_check");
        lua_pushvalue(L, i);
        put_value(&text, 0);
    }
    text_push(&text);
    return 1;
}

/* --- reading --- */

struct input {
    lua_State *L;
    const unsigned char *at;
    size_t left;
};

/* A table that is being read. */
struct frame {
    uint32_t left;  /* values or pairs that it still gets */
    uint32_t index; /* array: of the next value */
    bool is_map;
    bool has_key; /* map: the next pair's key is on the stack */
};

static void need(struct input *input, size_t len)
{
    if (input->left < len) {
        luaL_error(input->L, "Missing bytes in input.");
    }
}

static uint64_t get(struct input *input, unsigned width)
{
    need(input, width);
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++) {
        number = number << 8 | input->at[i];
    }
    input->at += width;
    input->left -= width;
    return number;
}

static void push_string(struct input *input, size_t len)
{
    need(input, len);
    lua_pushlstring(input->L, (const char *)input->at, len);
    input->at += len;
    input->left -= len;
}

static void push_float(struct input *input, unsigned char first)
{
    float single;
    double number;
    if (first == BYTE_FLOAT) {
        const uint32_t bits = (uint32_t)get(input, sizeof bits);
        memcpy(&single, &bits, sizeof single);
        number = (double)single;
    } else {
        const uint64_t bits = get(input, sizeof bits);
        memcpy(&number, &bits, sizeof number);
    }
    lua_pushnumber(input->L, number);
}

/* Pushes the table, empty, and says in *frame what is to come. */
static void push_table(lua_State *L, bool is_map, uint64_t count, struct frame *frame)
{
    *frame = (struct frame){.left = (uint32_t)count, .is_map = is_map};
    lua_newtable(L);
    if (!is_map) {
        luaL_checkstack(L, 1, "in function mp_decode_to_lua_array");
    }
}

/* What the first byte says behind 0xc0. True if it began a table, which *frame tells about. */
static bool push_tagged(struct input *input, unsigned char first, struct frame *frame)
{
    lua_State *L = input->L;
    if (first == BYTE_NIL) {
        lua_pushnil(L);
    } else if (first == BYTE_FALSE || first == BYTE_TRUE) {
        lua_pushboolean(L, first == BYTE_TRUE);
    } else if (first == BYTE_FLOAT || first == BYTE_DOUBLE) {
        push_float(input, first);
    } else if (first >= BYTE_UINT8 && first < BYTE_UINT8 + 4) { /* from 2^63 on: negative, as redis-server reads them */
        lua_pushnumber(L, (lua_Number)(int64_t)get(input, 1U << (first - BYTE_UINT8)));
    } else if (first >= BYTE_INT8 && first < BYTE_INT8 + 4) {
        const unsigned width = 1U << (first - BYTE_INT8), unused = 64 - 8 * width;
        lua_pushnumber(L, (lua_Number)((int64_t)(get(input, width) << unused) >> unused));
    } else if (first >= BYTE_STRING8 && first < BYTE_STRING8 + 3) {
        push_string(input, get(input, 1U << (first - BYTE_STRING8)));
    } else if (first >= BYTE_ARRAY16 && first < BYTE_ARRAY16 + 2) {
        push_table(L, false, get(input, 2U << (first - BYTE_ARRAY16)), frame);
        return true;
    } else if (first >= BYTE_MAP16 && first < BYTE_MAP16 + 2) {
        push_table(L, true, get(input, 2U << (first - BYTE_MAP16)), frame);
        return true;
    } else {
        luaL_error(L, "Bad data format in input.");
    }
    return false;
}

/* Pushes the next value, or the empty table that it begins: then true, and *frame tells about it. */
static bool push_next(struct input *input, struct frame *frame)
{
    lua_State *L = input->L;
    need(input, 1);
    luaL_checkstack(L, 1, "too many return values at once; use unpack_one or unpack_limit instead.");
    const unsigned char first = (unsigned char)get(input, 1);
    if (first < BYTE_MAP) {
        lua_pushnumber(L, first);
    } else if (first >= BYTE_NEGATIVE) {
        lua_pushnumber(L, (signed char)first);
    } else if (first < BYTE_STRING) {
        push_table(L, first < BYTE_ARRAY, first & 15, frame);
        return true;
    } else if (first < BYTE_NIL) {
        push_string(input, first & 31);
    } else {
        return push_tagged(input, first, frame);
    }
    return false;
}

/* Puts the pair on the top of the stack into the table below it. Lua's own errors would name a place in the script. */
static void set_pair(lua_State *L)
{
    const bool is_nil = lua_isnil(L, -2);
    if (is_nil || (lua_type(L, -2) == LUA_TNUMBER && isnan(lua_tonumber(L, -2)))) {
        lua_pushstring(L, is_nil ? "table index is nil" : "table index is NaN");
        lua_error(L);
    }
    lua_rawset(L, -3);
}

/* A whole value is on the top of the stack: it goes into the innermost table, and so does that table if it is whole then. Returns how many
 * tables are still being read.  */
static unsigned put_away(lua_State *L, struct frame *frames, unsigned depth)
{
    while (depth > 0) {
        struct frame *frame = &frames[depth - 1];
        if (frame->is_map && !frame->has_key) {
            frame->has_key = true;
            return depth;
        }
        set_pair(L);
        frame->has_key = false;
        frame->left--;
        if (frame->left > 0) {
            return depth;
        }
        depth--;
    }
    return 0;
}

/* Pushes one value, with all that is in it. */
static void push_value(struct input *input)
{
    lua_State *L = input->L;
    struct frame frames[STACK_SLOTS_MAX];
    unsigned depth = 0;
    do {
        if (depth > 0 && !frames[depth - 1].is_map) {
            lua_pushnumber(L, ++frames[depth - 1].index);
        }
        struct frame begun;
        if (push_next(input, &begun) && begun.left > 0) {
            assert(depth < STACK_SLOTS_MAX);
            frames[depth++] = begun;
        } else {
            depth = put_away(L, frames, depth);
        }
    } while (depth > 0);
}

/* Pushes up to `limit` values behind `offset` bytes of argument 1, the only one on the stack; all if both are 0. */
static int unpack(lua_State *L, lua_Integer limit, lua_Integer offset)
{
    struct bytes in;
    in.data = luaL_checklstring(L, 1, &in.len);
    const bool is_all = limit == 0 && offset == 0;
    if (offset < 0 || limit < 0) {
        return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.", (int)offset, (int)in.len);
    }
    if ((size_t)offset > in.len) {
        return luaL_error(L, "Start offset %d greater than input length %d.", (int)offset, (int)in.len);
    }
    struct input input = {L, (const unsigned char *)in.data + offset, in.len - (size_t)offset};
    int count = 0;
    for (; input.left > 0 && (is_all || count < limit); count++) {
        push_value(&input);
    }
    if (is_all) {
        return count;
    }
    luaL_checkstack(L, 1, "in function mp_unpack_full");
    lua_pushinteger(L, input.left == 0 ? -1 : (lua_Integer)(in.len - input.left));
    lua_insert(L, 2);
    return count + 1;
}

static int cmsgpack_unpack(lua_State *L)
{
    return unpack(L, 0, 0);
}

static int cmsgpack_unpack_one(lua_State *L)
{
    const lua_Integer offset = luaL_optinteger(L, 2, 0);
    lua_settop(L, 1);
    return unpack(L, 1, offset);
}

static int cmsgpack_unpack_limit(lua_State *L)
{
    const lua_Integer limit = luaL_checkinteger(L, 2);
    const lua_Integer offset = luaL_optinteger(L, 3, 0);
    lua_settop(L, 1);
    return unpack(L, limit, offset);
}

int script_open_cmsgpack(lua_State *L)
{
    static const luaL_Reg functions[] = {{"pack", cmsgpack_pack}, {"unpack", cmsgpack_unpack}, {"unpack_one", cmsgpack_unpack_one},
                                         {"unpack_limit", cmsgpack_unpack_limit}};
    static const char *const words[][2] = {{"_NAME", "cmsgpack"}, {"_VERSION", "lua-cmsgpack 0.4.0"},
        {"_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"}, {"_DESCRIPTION", "MessagePack C implementation for Lua"}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushnil(L);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setfield(L, -2, functions[i].name);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        lua_pushstring(L, words[i][1]);
        lua_setfield(L, -2, words[i][0]);
    }
    return 1;
}
