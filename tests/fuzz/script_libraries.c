/* Fuzz target of script's libraries: any bytes as MessagePack, as JSON, as a format of struct with its data, and as a format alone. What is
 * taken comes back the same when it is written and read once more; nothing else than an error text follows from what is refused.
 *
 * The first byte chooses which. In a format of struct a NUL ends the format, and the data follow.  */
#include "script/libraries.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written twice: the first time drops what is nested too deep, the second must not change any more. */
static const char checks[] =
    "local function again(read, write, ...)\n"
    "    local is_done, text = pcall(write, ...)\n"
    "    if not is_done then return end\n"
    "    local value\n"
    "    is_done, value = pcall(read, text)\n"
    "    if not is_done then return end\n"
    "    text = write(value)\n"
    "    assert(#write(read(text)) == #text)\n"
    "end\n"
    "local function settled(read, write, is_done, ...)\n"
    "    if is_done and select('#', ...) > 0 then\n"
    "        again(read, write, (...))\n"
    "    else\n"
    "        assert(is_done or type(...) == 'string')\n"
    "    end\n"
    "end\n"
    "return {\n"
    "    function(data) settled(cmsgpack.unpack, cmsgpack.pack, pcall(cmsgpack.unpack, data)) end,\n"
    "    function(data) settled(cjson.decode, cjson.encode, pcall(cjson.decode, data)) end,\n"
    "    function(data)\n"
    "        local format, rest = data:match('^(%Z*)%z?(.*)$')\n"
    "        local values = {pcall(struct.unpack, format, rest)}\n"
    "        if values[1] and not format:find('c0', 1, true) then\n"
    "            local is_done, text = pcall(struct.pack, format, unpack(values, 2))\n"
    "            assert(is_done and #text == values[#values] - 1)\n"
    "        end\n"
    "    end,\n"
    "    function(data)\n"
    "        local is_done, size = pcall(struct.size, data)\n"
    "        local is_packed, text = pcall(struct.pack, data, 1, 2, '3', 'abc', -5, 'a', 6, 7)\n"
    "        assert(not (is_done and is_packed) or #text == size or data:find('c0', 1, true) or data:find('%a', 1) and #text <= size)\n"
    "    end,\n"
    "}\n";

static lua_State *begin(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    script_open_cjson(L);
    lua_setglobal(L, "cjson");
    script_open_cmsgpack(L);
    lua_setglobal(L, "cmsgpack");
    script_open_struct(L);
    lua_setglobal(L, "struct");
    if (luaL_dostring(L, checks) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    if (L == NULL) {
        L = begin();
    }
    if (size == 0) {
        return 0;
    }
    lua_rawgeti(L, 1, 1 + data[0] % 4);
    lua_pushlstring(L, (const char *)data + 1, size - 1);
    if (lua_pcall(L, 1, 0, 0) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return 0;
}
