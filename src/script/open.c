/* open.c - see open.h.  */
#include "script/open.h"

#include "script/api.h"
#include "script/libraries.h"
#include "script/run.h"

static const struct {
    const char *name;
    lua_CFunction open; /* leaves the library's table */
} libraries[] = {
    {"redis", script_open_redis},
    {"cjson", script_open_cjson},
    {"cmsgpack", script_open_cmsgpack},
    {"struct", script_open_struct},
};

static int open_all(lua_State *lua)
{
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        lua_pushcfunction(lua, libraries[i].open);
        lua_call(lua, 0, 1);
        script_state_protect(lua);
        script_state_set_global(lua, libraries[i].name);
    }
    script_open_handler(lua);
    return 0;
}

struct script_state *script_open(const _Atomic int64_t *limit_bytes, _Atomic uint64_t *told_bytes)
{
    struct script_state *state = script_state_create(limit_bytes, told_bytes);
    if (state != NULL && lua_cpcall(state->lua, open_all, NULL) != 0) {
        script_state_destroy(state);
        return NULL;
    }
    return state;
}
