/* lib_struct.c - struct.pack, struct.unpack, struct.size: Lua values as the bytes of a C structure and back.
 *
 * A format is a row of letters:
 *
 *     > <      big-endian; little-endian, which is how a format begins
 *     !n       items are aligned to n bytes at most, a power of two: 8 without n; a format begins with 1
 *     x        a byte of padding
 *     b B h H l L T i I    integers, signed and unsigned, of 1, 2, 8, 8 (T) and 4 bytes; in and In have n bytes
 *     f d      float and double
 *     cn       n bytes of a string, 1 without n; c0 packs all of it, and unpacks as many as the number before it says
 *     s        a string and the NUL behind it
 *
 * Threads    The Lua state's.
 * Invariant  A size has been checked against what is there before a byte is read; sizes add up in size_t, and each is an int at most.
 * Limits     Integers of INTEGER_BYTES_MAX bytes. Those of more than 8 have 64 bits of value; the sign of a signed one is looked for
 *            where the shift by its width modulo 64 finds it, as redis-server does on this machine's kind of processor.  */
#include "base/bytes.h"
#include "script/lib_text.h"
#include "script/libraries.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INTEGER_BYTES_MAX = 32, ALIGN_DEFAULT = 8, VALUE_BITS = 64 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are turned round for big-endian formats alone");

enum kind { KIND_CONTROL, KIND_SIGNED, KIND_UNSIGNED, KIND_FLOAT, KIND_DOUBLE, KIND_PADDING, KIND_BYTES, KIND_STRING };

/* A letter of the format, with the number behind it; and the state that the letters before it have left. */
struct format {
    lua_State *L;
    const char *next;
    size_t align_max;
    bool is_big;
    char letter;
    enum kind kind;
    size_t size; /* bytes of the item, 0 where it has no fixed size or is no item */
};

static const struct option {
    char letter;
    enum kind kind;
    unsigned char size;
    bool has_number;
} options[] = {
    {'b', KIND_SIGNED, 1, false}, {'B', KIND_UNSIGNED, 1, false}, {'h', KIND_SIGNED, 2, false}, {'H', KIND_UNSIGNED, 2, false},
    {'l', KIND_SIGNED, 8, false}, {'L', KIND_UNSIGNED, 8, false}, {'T', KIND_UNSIGNED, 8, false}, {'i', KIND_SIGNED, 4, true},
    {'I', KIND_UNSIGNED, 4, true}, {'f', KIND_FLOAT, 4, false}, {'d', KIND_DOUBLE, 8, false}, {'x', KIND_PADDING, 1, false},
    {'c', KIND_BYTES, 1, true}, {'s', KIND_STRING, 0, false},
};

static void format_begin(struct format *format, lua_State *L)
{
    *format = (struct format){.L = L, .next = luaL_checkstring(L, 1), .align_max = 1};
}

static int read_number(struct format *format, int otherwise)
{
    if (*format->next < '0' || *format->next > '9') {
        return otherwise;
    }
    int number = 0;
    for (; *format->next >= '0' && *format->next <= '9'; format->next++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *format->next - '0', &number)) {
            luaL_error(format->L, "integral size overflow");
        }
    }
    return number;
}

/* Reads the next letter; false at the end. */
static bool format_next(struct format *format)
{
    if (*format->next == '\0') {
        return false;
    }
    format->letter = *format->next++;
    format->kind = KIND_CONTROL;
    format->size = 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct option *option = &options[i];
        if (option->letter == format->letter) {
            format->kind = option->kind;
            const int size = option->has_number ? read_number(format, option->size) : option->size;
            if (option->has_number && format->kind != KIND_BYTES && size > INTEGER_BYTES_MAX) {
                luaL_error(format->L, "integral size %d is larger than limit of %d", size, INTEGER_BYTES_MAX);
            }
            format->size = (size_t)size;
        }
    }
    return true;
}

/* The bytes between `at` and the item's own alignment. */
static size_t format_gap(const struct format *format, size_t at)
{
    if (format->size == 0 || format->kind == KIND_BYTES) {
        return 0;
    }
    const size_t align = format->size > format->align_max ? format->align_max : format->size;
    return (align - (at & (align - 1))) & (align - 1);
}

/* Obeys a letter that is no item. */
static void format_control(struct format *format)
{
    switch (format->letter) {
    case ' ':
        break;
    case '>':
        format->is_big = true;
        break;
    case '<':
        format->is_big = false;
        break;
    case '!': {
        const int align = read_number(format, ALIGN_DEFAULT);
        if (align <= 0 || (align & (align - 1)) != 0) {
            luaL_error(format->L, "alignment %d is not a power of 2", align);
        }
        format->align_max = (size_t)align;
        break;
    }
    default:
        luaL_argerror(format->L, 1, lua_pushfstring(format->L, "invalid format option '%c'", format->letter));
    }
}

/* A number as 64 bits: what does not fit into int64, or uint64 from zero on, becomes what the processor's conversions make of it. */
static uint64_t number_bits(lua_Number number)
{
    if (number < 0) {
        return number >= -0x1p63 ? (uint64_t)(int64_t)number : (uint64_t)INT64_MIN;
    }
    if (number < 0x1p64) {
        return (uint64_t)number;
    }
    return number != number ? (uint64_t)INT64_MIN : 0;
}

static void put_integer(struct text *text, const struct format *format, uint64_t value)
{
    unsigned char *room = (unsigned char *)text_room(text, format->size);
    for (size_t i = 0; i < format->size; i++) {
        room[format->is_big ? format->size - 1 - i : i] = (unsigned char)value;
        value >>= 8;
    }
}

static lua_Number get_integer(const struct format *format, const char *data)
{
    uint64_t value = 0;
    for (size_t i = 0; i < format->size; i++) {
        value = value << 8 | (unsigned char)data[format->is_big ? i : format->size - 1 - i];
    }
    if (format->kind == KIND_UNSIGNED) {
        return (lua_Number)value;
    }
    const uint64_t sign = UINT64_MAX << ((format->size * 8 + VALUE_BITS - 1) % VALUE_BITS);
    return (lua_Number)(int64_t)((value & sign) != 0 ? value | sign : value);
}

/* The bytes of a float or a double, turned round for a big-endian format. */
static void copy_float(char *to, const char *from, const struct format *format)
{
    for (size_t i = 0; i < format->size; i++) {
        to[i] = from[format->is_big ? format->size - 1 - i : i];
    }
}

static void put_float(struct text *text, const struct format *format, lua_Number number)
{
    char bytes[sizeof(double)];
    const float single = (float)number;
    if (format->kind == KIND_FLOAT) {
        memcpy(bytes, &single, sizeof single);
    } else {
        memcpy(bytes, &number, sizeof number);
    }
    copy_float(text_room(text, format->size), bytes, format);
}

static lua_Number get_float(const struct format *format, const char *data)
{
    char bytes[sizeof(double)];
    copy_float(bytes, data, format);
    float single;
    double number;
    if (format->kind == KIND_FLOAT) {
        memcpy(&single, bytes, sizeof single);
        return (lua_Number)single;
    }
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* The string that is argument `arg`, or as much of it as the format says. An error names the argument behind it, as redis-server does. */
static void put_string(struct text *text, const struct format *format, int arg)
{
    size_t len;
    const char *data = luaL_checklstring(format->L, arg, &len);
    luaL_argcheck(format->L, len >= format->size, arg + 1, "string too short");
    text_add(text, data, format->size == 0 ? len : format->size);
    if (format->kind == KIND_STRING) {
        text_add_byte(text, '\0');
    }
}

static int struct_pack(lua_State *L)
{
    struct format format;
    struct text text;
    format_begin(&format, L);
    text_begin(&text, L, lua_upvalueindex(1));
    lua_pushnil(L); /* an argument that is not there is nil, whatever is pushed later */
    int arg = 2;
    while (format_next(&format)) {
        const size_t gap = format_gap(&format, text.len);
        memset(text_room(&text, gap), 0, gap);
        switch (format.kind) {
        case KIND_CONTROL:
            format_control(&format);
            break;
        case KIND_PADDING:
            text_add_byte(&text, '\0');
            break;
        case KIND_SIGNED:
        case KIND_UNSIGNED:
            put_integer(&text, &format, number_bits(luaL_checknumber(L, arg++)));
            break;
        case KIND_FLOAT:
        case KIND_DOUBLE:
            put_float(&text, &format, luaL_checknumber(L, arg++));
            break;
        case KIND_BYTES:
        case KIND_STRING:
            put_string(&text, &format, arg++);
            break;
        }
    }
    text_push(&text);
    return 1;
}

static void check_there(lua_State *L, size_t size, size_t at, size_t len)
{
    luaL_argcheck(L, size <= len && at <= len - size, 2, "data string too short");
}

/* c0: the size is the number that was unpacked last, which goes. */
static size_t take_size(lua_State *L, unsigned count)
{
    if (count == 0 || !lua_isnumber(L, -1)) {
        luaL_error(L, "format 'c0' needs a previous size");
    }
    const uint64_t size = number_bits(lua_tonumber(L, -1));
    lua_pop(L, 1);
    return size;
}

/* Pushes the item at `at`. Returns how many bytes it has. */
static size_t unpack_item(const struct format *format, struct bytes in, size_t at, unsigned *count)
{
    lua_State *L = format->L;
    size_t size = format->size;
    switch (format->kind) {
    case KIND_SIGNED:
    case KIND_UNSIGNED:
        lua_pushnumber(L, get_integer(format, in.data + at));
        break;
    case KIND_FLOAT:
    case KIND_DOUBLE:
        lua_pushnumber(L, get_float(format, in.data + at));
        break;
    case KIND_BYTES:
        if (size == 0) {
            size = take_size(L, *count);
            (*count)--;
            check_there(L, size, at, in.len);
        }
        lua_pushlstring(L, in.data + at, size);
        break;
    case KIND_STRING: {
        const char *end = memchr(in.data + at, '\0', in.len - at);
        if (end == NULL) {
            luaL_error(L, "unfinished string in data");
        }
        size = (size_t)(end - (in.data + at)) + 1;
        lua_pushlstring(L, in.data + at, size - 1);
        break;
    }
    case KIND_CONTROL:
    case KIND_PADDING:
        return size;
    }
    (*count)++;
    return size;
}

static int struct_unpack(lua_State *L)
{
    struct format format;
    format_begin(&format, L);
    struct bytes in;
    in.data = luaL_checklstring(L, 2, &in.len);
    size_t at = (size_t)luaL_optinteger(L, 3, 1);
    luaL_argcheck(L, at > 0, 3, "offset must be 1 or greater");
    at--;
    unsigned count = 0;
    while (format_next(&format)) {
        at += format_gap(&format, at);
        check_there(L, format.size, at, in.len);
        luaL_checkstack(L, 2, "too many results");
        if (format.kind == KIND_CONTROL) {
            format_control(&format);
        }
        at += unpack_item(&format, in, at, &count);
    }
    lua_pushinteger(L, (lua_Integer)(at + 1));
    return (int)count + 1;
}

static int struct_size(lua_State *L)
{
    struct format format;
    format_begin(&format, L);
    size_t at = 0;
    while (format_next(&format)) {
        at += format_gap(&format, at);
        if (format.kind == KIND_STRING) {
            luaL_argerror(L, 1, "option 's' has no fixed size");
        } else if (format.kind == KIND_BYTES && format.size == 0) {
            luaL_argerror(L, 1, "option 'c0' has no fixed size");
        } else if (!isalnum((unsigned char)format.letter)) {
            format_control(&format);
        }
        at += format.size;
    }
    lua_pushinteger(L, (lua_Integer)at);
    return 1;
}

int script_open_struct(lua_State *L)
{
    static const luaL_Reg functions[] = {{"pack", struct_pack}, {"unpack", struct_unpack}, {"size", struct_size}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushnil(L);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setfield(L, -2, functions[i].name);
    }
    return 1;
}
