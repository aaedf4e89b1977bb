/* to_lua.c - see to_lua.h.  */
#include "script/to_lua.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* What is left of the reply. It is the server's own, so it is well formed. */
struct input {
    const char *at, *end;
};

static struct bytes take_line(struct input *in)
{
    const char *end = memchr(in->at, '\r', (size_t)(in->end - in->at));
    const struct bytes line = {in->at, (size_t)(end - in->at)};
    in->at = end + 2;
    return line;
}

static int64_t take_number(struct input *in)
{
    const char *at = in->at;
    const bool is_negative = *at == '-';
    uint64_t number = 0;
    for (at += is_negative; *at != '\r'; at++) {
        number = number * 10 + (uint64_t)(*at - '0');
    }
    in->at = at + 2;
    return is_negative ? (int64_t)(0 - number) : (int64_t)number;
}

static struct bytes take_text(struct input *in, int64_t len)
{
    const struct bytes text = {in->at, (size_t)len};
    in->at += len + 2;
    return text;
}

static void push_text(lua_State *lua, struct bytes text)
{
    lua_pushlstring(lua, text.data, text.len);
}

/* {name = text} */
static void push_named_text(lua_State *lua, const char *name, struct bytes text)
{
    lua_createtable(lua, 0, 1);
    push_text(lua, text);
    lua_setfield(lua, -2, name);
}

static void push_error(lua_State *lua, struct bytes text)
{
    push_named_text(lua, "err", text);
    lua_pushboolean(lua, true);
    lua_setfield(lua, -2, "ignore_error_stats_update");
}

static void push_value(lua_State *lua, struct input *in);

static void push_array(lua_State *lua, struct input *in, int64_t count)
{
    lua_createtable(lua, count > INT32_MAX ? 0 : (int)count, 0);
    for (int64_t i = 1; i <= count; i++) {
        push_value(lua, in);
        lua_rawseti(lua, -2, (int)i);
    }
}

/* {map = {key = value}} or {set = {member = true}} */
static void push_keyed(lua_State *lua, struct input *in, int64_t count, bool is_map)
{
    lua_createtable(lua, 0, 1);
    lua_createtable(lua, 0, count > INT32_MAX ? 0 : (int)count);
    for (int64_t i = 0; i < count; i++) {
        push_value(lua, in);
        if (is_map) {
            push_value(lua, in);
        } else {
            lua_pushboolean(lua, true);
        }
        if (lua_isnil(lua, -2)) {
            lua_pop(lua, 2); /* nothing can stand below nil */
        } else {
            lua_rawset(lua, -3);
        }
    }
    lua_setfield(lua, -2, is_map ? "map" : "set");
}

static void push_verbatim(lua_State *lua, struct bytes text)
{
    lua_createtable(lua, 0, 1);
    lua_createtable(lua, 0, 2);
    lua_pushlstring(lua, text.data + 4, text.len - 4);
    lua_setfield(lua, -2, "string");
    lua_pushlstring(lua, text.data, 3);
    lua_setfield(lua, -2, "format");
    lua_setfield(lua, -2, "verbatim_string");
}

static void push_double(lua_State *lua, struct bytes text)
{
    char copy[64];
    const size_t len = text.len < sizeof copy ? text.len : sizeof copy - 1;
    memcpy(copy, text.data, len);
    copy[len] = 0;
    lua_createtable(lua, 0, 1);
    lua_pushnumber(lua, strtod(copy, NULL));
    lua_setfield(lua, -2, "double");
}

static void push_counted(lua_State *lua, struct input *in, char kind)
{
    const int64_t count = take_number(in);
    if (count < 0) {
        lua_pushboolean(lua, false);
    } else if (kind == '$') {
        push_text(lua, take_text(in, count));
    } else if (kind == '=') {
        push_verbatim(lua, take_text(in, count));
    } else if (kind == '%' || kind == '~') {
        push_keyed(lua, in, count, kind == '%');
    } else {
        push_array(lua, in, count);
    }
}

/* style: it calls itself, as deep as replies of commands are nested: 5 at most. */
static void push_value(lua_State *lua, struct input *in)
{
    const char kind = *in->at++;
    luaL_checkstack(lua, 8, "reply is nested too deeply");
    switch (kind) {
    case ':':
        lua_pushnumber(lua, (lua_Number)take_number(in));
        break;
    case '+':
        push_named_text(lua, "ok", take_line(in));
        break;
    case '-':
        push_error(lua, take_line(in));
        break;
    case '_':
        (void)take_line(in);
        lua_pushnil(lua);
        break;
    case '#':
        lua_pushboolean(lua, take_line(in).data[0] == 't');
        break;
    case ',':
        push_double(lua, take_line(in));
        break;
    case '(':
        push_named_text(lua, "big_number", take_line(in));
        break;
    default:
        push_counted(lua, in, kind);
        break;
    }
}

void script_push_reply(lua_State *lua, struct bytes reply)
{
    struct input in = {reply.data, reply.data + reply.len};
    push_value(lua, &in);
}
