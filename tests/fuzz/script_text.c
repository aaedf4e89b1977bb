/* Any text as a script: its shebang is read or refused; its words end; and what is changed so that errors have lines compiles exactly when the
 * text itself does.  */
#include "script/lua_text.h"
#include "script/shebang.h"
#include "script/tail_calls.h"

#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool compiles(struct bytes code)
{
    lua_State *lua = luaL_newstate();
    assert(lua != NULL);
    const bool is_good = luaL_loadbufferx(lua, code.data, code.len, "@user_script", "t") == 0;
    lua_close(lua);
    return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = {(const char *)data, size};
    char error[SHEBANG_ERROR_MAX];
    size_t code_start;
    uint32_t flags;
    if (!shebang_read(text, &code_start, &flags, error)) {
        return 0;
    }
    assert(code_start <= size);
    const struct bytes code = {text.data + code_start, text.len - code_start};
    struct lua_text words = {.code = code};
    size_t count = 0;
    while (lua_text_next(&words).kind != WORD_END) {
        assert(words.at <= code.len);
        count++;
        assert(count <= code.len);
    }
    struct buffer changed = BUFFER_EMPTY(MEM_SCRIPT);
    if (tail_calls_change(code, &changed) && compiles(code)) {
        assert(compiles(buffer_bytes(&changed)));
    }
    buffer_release(&changed);
    return 0;
}
