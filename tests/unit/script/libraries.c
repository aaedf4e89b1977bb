/* libraries.c - cjson, cmsgpack and struct: bytes, values and error texts as redis-server 7.0.15 gives them; every allocation fails once.
 *
 * A row is a Lua expression and the text of what it gives. Bytes are told in hexadecimal by hex(), an error by fault().  */
#include "script/libraries.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    const char *expression, *expected;
};

/* What an allocator has given, and after how many more it refuses once; 0: never. */
struct heap {
    size_t bytes;
    unsigned refuse_at;
};

static void *allocate(void *context, void *old, size_t old_size, size_t size)
{
    struct heap *heap = context;
    if (size > old_size && heap->refuse_at > 0 && --heap->refuse_at == 0) {
        return NULL;
    }
    heap->bytes += size - (old == NULL ? 0 : old_size);
    if (size == 0) {
        free(old);
        return NULL;
    }
    return realloc(old, size);
}

static const char prelude[] =
    "function hex(text) return (text:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) end\n"
    "function fault(call, ...) local is_done, message = pcall(call, ...) assert(not is_done, 'no error') return message end\n"
    "function list(...) local t = {...} for i = 1, select('#', ...) do t[i] = tostring(t[i]) end return table.concat(t, ' ') end\n"
    "function nest(n, key) local t = {} for i = 2, n do t = {[key] = t} end return t end\n";

static lua_State *begin(struct heap *heap)
{
    lua_State *L = lua_newstate(allocate, heap);
    cr_assert_not_null(L);
    luaL_openlibs(L);
    script_open_cjson(L);
    lua_setglobal(L, "cjson");
    script_open_cmsgpack(L);
    lua_setglobal(L, "cmsgpack");
    script_open_struct(L);
    lua_setglobal(L, "struct");
    cr_assert_eq(luaL_dostring(L, prelude), 0, "%s", lua_tostring(L, -1));
    cr_assert_eq(lua_gettop(L), 0);
    return L;
}

static void check_rows(const struct row *rows, size_t count)
{
    struct heap heap = {0};
    lua_State *L = begin(&heap);
    for (size_t i = 0; i < count; i++) {
        char chunk[1024];
        snprintf(chunk, sizeof chunk, "local value = %s return tostring(value)", rows[i].expression);
        cr_assert_eq(luaL_dostring(L, chunk), 0, "%s: %s", rows[i].expression, lua_tostring(L, -1));
        cr_expect_str_eq(lua_tostring(L, -1), rows[i].expected, "%s: %s", rows[i].expression, lua_tostring(L, -1));
        lua_settop(L, 0);
    }
    lua_close(L);
    cr_assert_eq(heap.bytes, 0);
}

#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

Test(libraries, struct_packs_and_unpacks)
{
    static const struct row rows[] = {
        {"hex(struct.pack('bBhHlLTiI', -1, 255, -2, 65534, -3, 3, 4, -5, 5))",
         "fffffefffefffdffffffffffffff03000000000000000400000000000000fbffffff05000000"},
        {"hex(struct.pack('>hI3i', 1, 66051, -2))", "0001010203fffffffe"},
        {"hex(struct.pack('>fd<f', 1.5, -2, 0.25))", "3fc00000c0000000000000000000803e"},
        {"hex(struct.pack('sc2c0x', 'ab', 'cde', 'fgh'))", "61620063646667680" "0"},
        {"hex(struct.pack('!4bi!8bd', 1, 2, 3, 0))", "010000000200000003000000000000000000000000000000"},
        {"hex(struct.pack('I8I8I8i8i8', 2^63, 1e30, 2^64 - 2048, -1e30, 1e19))",
         "0000000000000080000000000000000000f8ffffffffffff0000000000000080" "0000e8890423c78a"},
        {"hex(struct.pack('I32', 258))", "0201000000000000000000000000000000000000000000000000000000000000"},
        {"list(struct.unpack('>i2I2b', '\\255\\254\\255\\254\\128'))", "-2 65534 -128 6"},
        {"list(struct.unpack('<f>d', struct.pack('<f>d', 0.1, 0.1)))", "0.10000000149012 0.1 13"},
        {"list(struct.unpack('bc0s', '\\003abcd\\000e'))", "abc d 7"},
        {"list(struct.unpack('b', 'abc', 3))", "99 4"},
        {"list(struct.unpack('>i9', ('\\000'):rep(8) .. '\\128'))", "-128 10"},
        {"struct.size('!8bd b!2l')", "26"},
        {"struct.size('c2147483647c2147483647')", "4294967294"},
    };
    CHECK(rows);
}

Test(libraries, struct_refuses)
{
    static const struct row rows[] = {
        {"fault(struct.pack, 'I2147483648', 1)", "integral size overflow"},
        {"fault(struct.pack, 'c99999999999999999999', 'a')", "integral size overflow"},
        {"fault(struct.pack, 'I33', 1)", "integral size 33 is larger than limit of 32"},
        {"fault(struct.pack, '!3', 1)", "alignment 3 is not a power of 2"},
        {"fault(struct.pack, '!0', 1)", "alignment 0 is not a power of 2"},
        {"fault(struct.pack, 'c5', 'abc')", "bad argument #3 to '?' (string too short)"},
        {"fault(struct.pack, 'y')", "bad argument #1 to '?' (invalid format option 'y')"},
        {"fault(struct.pack, 'i')", "bad argument #2 to '?' (number expected, got nil)"},
        {"fault(struct.unpack, 'i', 'abc')", "bad argument #2 to '?' (data string too short)"},
        {"fault(struct.unpack, 'b', 'abc', 0)", "bad argument #3 to '?' (offset must be 1 or greater)"},
        {"fault(struct.unpack, 'b', 'abc', 2 ^ 53)", "bad argument #2 to '?' (data string too short)"},
        {"fault(struct.unpack, '!8bd', ('a'):rep(20), -9)", "bad argument #2 to '?' (data string too short)"},
        {"fault(struct.unpack, 'c2147483647', 'abc')", "bad argument #2 to '?' (data string too short)"},
        {"fault(struct.unpack, 'c0', 'abc')", "format 'c0' needs a previous size"},
        {"fault(struct.unpack, 'bc0', '\\255abc')", "bad argument #2 to '?' (data string too short)"},
        {"fault(struct.unpack, 's', 'abc')", "unfinished string in data"},
        {"fault(struct.unpack, ('b'):rep(8010), ('a'):rep(8010))", "stack overflow (too many results)"},
        {"fault(struct.size, 's')", "bad argument #1 to '?' (option 's' has no fixed size)"},
        {"fault(struct.size, 'c0')", "bad argument #1 to '?' (option 'c0' has no fixed size)"},
    };
    CHECK(rows);
}

Test(libraries, cmsgpack_packs_the_shortest_form)
{
    static const struct row rows[] = {
        {"hex(cmsgpack.pack(0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296))",
         "007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000"},
        {"hex(cmsgpack.pack(-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649))",
         "ffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffff"},
        {"hex(cmsgpack.pack(0.5, 0.1, 2 ^ 63, -2 ^ 63, 1 / 0))",
         "ca3f000000cb3fb999999999999aca5f000000d38000000000000000ca7f800000"},
        {"hex(cmsgpack.pack(nil, false, true, print, cjson.null))", "c0c2c3c0c0"},
        {"hex(cmsgpack.pack('', 'ab', ('x'):rep(32)):sub(1, 8))", "a0a26162d9207878"},
        {"hex(cmsgpack.pack(('x'):rep(256)):sub(1, 4))", "da010078"},
        {"hex(cmsgpack.pack(('x'):rep(65536)):sub(1, 6))", "db000100007" "8"},
        {"hex(cmsgpack.pack({}, {1, 'a'}, {a = 1}, {[2] = 1}, {[1.5] = 1}))", "909201a16181a1610181020181ca3fc0000001"},
        {"hex(cmsgpack.pack(nest(17, 1)))", "91919191919191919191919191919191c0"},
        {"fault(cmsgpack.pack)", "bad argument #0 to '?' (MessagePack pack needs input.)"},
    };
    CHECK(rows);
}

Test(libraries, cmsgpack_unpacks)
{
    static const struct row rows[] = {
        {"list(cmsgpack.unpack('\\001\\255\\204\\200\\208\\200\\205\\001\\000\\209\\255\\000'))", "1 -1 200 -56 256 -256"},
        {"list(cmsgpack.unpack('\\206\\255\\255\\255\\255\\210\\255\\255\\255\\255\\207\\255\\255\\255\\255\\255\\255\\255\\255'))",
         "4294967295 -1 -1"},
        {"list(cmsgpack.unpack('\\192\\194\\195\\217\\001a\\218\\000\\001b\\219\\000\\000\\000\\001c'))", "nil false true a b c"},
        {"list(unpack(cmsgpack.unpack('\\220\\000\\002\\001\\145\\002')[2]))", "2"},
        {"cmsgpack.unpack('\\129\\161a\\129\\161b\\007').a.b", "7"},
        {"list(cmsgpack.unpack_one('\\001\\002'))", "1 1"},
        {"list(cmsgpack.unpack_one('\\001\\002', 1))", "-1 2"},
        {"list(cmsgpack.unpack_limit('\\001\\002\\003', 2))", "2 1 2"},
        {"list(cmsgpack.unpack_limit('\\001\\002\\003', 2, 1))", "-1 2 3"},
        {"list(cmsgpack.unpack_limit('\\001\\002', 0, 0))", "1 2"},
        {"list(cmsgpack.unpack(''))", ""},
    };
    CHECK(rows);
}

Test(libraries, cmsgpack_refuses)
{
    static const struct row rows[] = {
        {"fault(cmsgpack.unpack, '\\193')", "Bad data format in input."},
        {"fault(cmsgpack.unpack, '\\196\\001a')", "Bad data format in input."},
        {"fault(cmsgpack.unpack, '\\217\\002a')", "Missing bytes in input."},
        {"fault(cmsgpack.unpack, '\\221\\255\\255\\255\\255')", "Missing bytes in input."},
        {"fault(cmsgpack.unpack, ('\\223\\255\\255\\255\\255'):rep(100))", "Missing bytes in input."},
        {"fault(cmsgpack.unpack, '\\129\\192\\001')", "table index is nil"},
        {"fault(cmsgpack.unpack, '\\129\\202\\255\\255\\255\\255\\001')", "table index is NaN"},
        {"fault(cmsgpack.unpack, ('\\145'):rep(10000))", "stack overflow (in function mp_decode_to_lua_array)"},
        {"fault(cmsgpack.unpack, ('\\129'):rep(10000))",
         "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)"},
        {"fault(cmsgpack.unpack_one, 'abc', 4)", "Start offset 4 greater than input length 3."},
        {"fault(cmsgpack.unpack_one, 'abc', -1)", "Invalid request to unpack with offset of -1 and limit of 3."},
    };
    CHECK(rows);
}

Test(libraries, cjson_encodes)
{
    static const struct row rows[] = {
        {"cjson.encode({1, 'a', true, false, cjson.null, 0.1, 1e20, -0.5})", "[1,\"a\",true,false,null,0.1,1e+20,-0.5]"},
        {"cjson.encode({})", "{}"},
        {"cjson.encode({a = {[2] = 1}})", "{\"a\":[null,1]}"},
        {"cjson.encode({[1.5] = 1})", "{\"1.5\":1}"},
        {"cjson.encode({[2 ^ 40] = 1})", "{\"1099511627776\":1}"},
        {"cjson.encode('/\\\\\"\\b\\f\\n\\r\\t\\001\\127')", "\"\\/\\\\\\\"\\b\\f\\n\\r\\t\\u0001\\u007f\""},
        {"#cjson.encode(('\\001'):rep(100000))", "600002"},
        {"fault(cjson.encode, {[11] = 1})", "Cannot serialise table: excessively sparse array"},
        {"fault(cjson.encode, 0 / 0)", "Cannot serialise number: must not be NaN or Inf"},
        {"fault(cjson.encode, print)", "Cannot serialise function: type not supported"},
        {"fault(cjson.encode, {[true] = 1})", "Cannot serialise boolean: table key must be a number or string"},
        {"#cjson.encode(nest(1000, 1))", "2000"},
        {"fault(cjson.encode, nest(1001, 1))", "Cannot serialise, excessive nesting (1001)"},
        {"fault(cjson.encode)", "bad argument #1 to '?' (expected 1 argument)"},
    };
    CHECK(rows);
}

Test(libraries, cjson_decodes)
{
    static const struct row rows[] = {
        {"list(unpack(cjson.decode('[1, -2.5e1, \"a\", true,\\n\\t\\r false]')))", "1 -25 a true false"},
        {"cjson.decode('[null]')[1] == cjson.null", "true"},
        {"cjson.decode('{\"a\":{\"b\":[7]}}').a.b[1]", "7"},
        {"hex(cjson.decode('\"\\\\u0041\\\\u00e9\\\\u20ac\\\\ud83d\\\\ude00\\\\n\\\\/\"'))", "41c3a9e282acf09f98800a2f"},
        {"#cjson.decode('\"' .. ('\\\\u20ac'):rep(1000) .. '\"')", "3000"},
        {"list(unpack(cjson.decode('[0x1F, 017, inf, -Infinity]')))", "31 17 inf -inf"},
        {"cjson.decode('[7]\\000x')[1]", "7"},
        {"fault(cjson.decode, '')", "Expected value but found T_END at character 1"},
        {"fault(cjson.decode, '[1 2]')", "Expected comma or array end but found T_NUMBER at character 4"},
        {"fault(cjson.decode, '[1,]')", "Expected value but found T_ARR_END at character 4"},
        {"fault(cjson.decode, '{\"a\":1,}')", "Expected object key string but found T_OBJ_END at character 8"},
        {"fault(cjson.decode, '{\"a\" 1}')", "Expected colon but found T_NUMBER at character 6"},
        {"fault(cjson.decode, '{\"a\":1')", "Expected comma or object end but found T_END at character 7"},
        {"fault(cjson.decode, '1 2')", "Expected the end but found T_NUMBER at character 3"},
        {"fault(cjson.decode, '[\"ab')", "Expected value but found unexpected end of string at character 5"},
        {"fault(cjson.decode, '\"\\\\x\"')", "Expected value but found invalid escape code at character 2"},
        {"fault(cjson.decode, '\"\\\\ud800\\\\u0041\"')", "Expected value but found invalid unicode escape code at character 2"},
        {"fault(cjson.decode, '-')", "Expected value but found invalid number at character 1"},
        {"fault(cjson.decode, '[\\000')", "JSON parser does not support UTF-16 or UTF-32"},
        {"fault(cjson.decode, ('['):rep(10000))", "Found too many nested data structures (1001) at character 1001"},
    };
    CHECK(rows);
}

Test(libraries, cjson_has_settings_of_its_own_in_each_library)
{
    static const struct row rows[] = {
        {"list(cjson.encode_sparse_array(true, 3, 4))", "true 3 4"},
        {"cjson.encode({[13] = 1})", "{\"13\":1}"},
        {"fault(cjson.new().encode, {[13] = 1})", "Cannot serialise table: excessively sparse array"},
        {"list(cjson.encode_number_precision(3), cjson.encode(1 / 3))", "3 0.333"},
        {"list(cjson.encode_invalid_numbers('null'), cjson.encode(1 / 0))", "null null"},
        {"list(cjson.encode_invalid_numbers(true), cjson.encode({1 / 0, -1 / 0, 0 / 0}))", "true [inf,-inf,nan]"},
        {"list(cjson.decode_invalid_numbers(false), fault(cjson.decode, '[0x1]'))",
         "false Expected value but found invalid number at character 2"},
        {"list(cjson.encode_keep_buffer('off'), cjson.encode_keep_buffer())", "false false"},
        {"list(cjson.decode_max_depth(2 ^ 31 - 1), fault(cjson.decode, ('['):rep(9000)))",
         "2147483647 Found too many nested data structures (7999) at character 7999"},
        {"list(cjson.encode_max_depth(2 ^ 31 - 1), fault(cjson.encode, nest(9000, 'a')))",
         "2147483647 Cannot serialise, excessive nesting (4000)"},
        {"fault(cjson.encode_max_depth, 0)", "bad argument #1 to '?' (expected integer between 1 and 2147483647)"},
        {"fault(cjson.encode_max_depth, 1, 2)", "bad argument #2 to '?' (found too many arguments)"},
        {"fault(cjson.encode_keep_buffer, 'x')", "bad argument #1 to '?' (invalid option 'x')"},
    };
    CHECK(rows);
}

Test(libraries, survive_the_failure_of_every_allocation)
{
    static const char chunk[] =
        "local text = ('\\\\n\\001'):rep(400)\n"
        "local value = {1, 'a', {b = {c = text}}, text}\n"
        "assert(cjson.decode(cjson.encode(value))[3].b.c == text)\n"
        "assert(cmsgpack.unpack(cmsgpack.pack(value))[4] == text)\n"
        "assert(struct.unpack('s', struct.pack('sb', text:gsub('%z', ''), 1)))\n";
    bool is_done = false;
    for (unsigned refuse_at = 1; !is_done; refuse_at++) {
        struct heap heap = {0};
        lua_State *L = begin(&heap);
        cr_assert_eq(luaL_loadstring(L, chunk), 0);
        heap.refuse_at = refuse_at;
        is_done = lua_pcall(L, 0, 0, 0) == 0 && heap.refuse_at > 0;
        heap.refuse_at = 0;
        if (!is_done && lua_gettop(L) > 0) {
            cr_assert_str_eq(lua_tostring(L, -1), "not enough memory");
        }
        lua_settop(L, 0);
        cr_assert_eq(luaL_dostring(L, chunk), 0, "%s", lua_tostring(L, -1));
        lua_close(L);
        cr_assert_eq(heap.bytes, 0);
    }
}
