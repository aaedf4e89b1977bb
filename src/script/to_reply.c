/* to_reply.c - see to_reply.h.
 *
 * No metamethod is called. What may need memory of Lua's (the names of fields) is done in a protected call.  */
#include "script/to_reply.h"

#include "script/state.h"

#include <lauxlib.h>
#include <stdbool.h>

#define ERROR_DEEP "ERR reached lua stack limit"

struct writing {
    struct reply *reply;
    uint8_t protocol;
};

static void write_value(lua_State *lua, struct writing *writing);

static struct bytes text_at(lua_State *lua, int index)
{
    size_t len;
    const char *text = lua_tolstring(lua, index, &len);
    return (struct bytes){text, len};
}

/* The field of the table on top of the stack: pushed if it has the type, else nothing is. */
static bool push_field(lua_State *lua, const char *name, int type)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == type) {
        return true;
    }
    lua_pop(lua, 1);
    return false;
}

/* One line: what would end it becomes blanks. */
static void write_line(struct reply *reply, char kind, struct bytes text)
{
    reply_raw(reply, (struct bytes){&kind, 1});
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.data[len] != '\r' && text.data[len] != '\n') {
            len++;
        }
        reply_raw(reply, (struct bytes){text.data, len});
        if (len < text.len) {
            reply_raw(reply, BYTES(" "));
            len++;
        }
        text = (struct bytes){text.data + len, text.len - len};
    }
    reply_raw(reply, BYTES("\r\n"));
}

static bool write_error(lua_State *lua, struct writing *writing)
{
    if (!push_field(lua, "err", LUA_TSTRING)) {
        return false;
    }
    struct reply *reply = writing->reply;
    const bool is_first = reply_len(reply) == 0;
    struct bytes text = text_at(lua, -1);
    if (text.len > 0 && text.data[0] == '-') {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    write_line(reply, '-', text);
    lua_pop(lua, 1);
    if (is_first) {
        reply->is_error = push_field(lua, "ignore_error_stats_update", LUA_TBOOLEAN) ? REPLY_ERROR_COUNTED : REPLY_ERROR;
    }
    return true;
}

static bool write_status(lua_State *lua, struct writing *writing)
{
    if (!push_field(lua, "ok", LUA_TSTRING)) {
        return false;
    }
    write_line(writing->reply, '+', text_at(lua, -1));
    lua_pop(lua, 1);
    return true;
}

static bool write_double(lua_State *lua, struct writing *writing)
{
    if (!push_field(lua, "double", LUA_TNUMBER)) {
        return false;
    }
    reply_double(writing->reply, lua_tonumber(lua, -1));
    lua_pop(lua, 1);
    return true;
}

/* {map = table} as pairs, {set = table} as the table's keys. */
static bool write_keyed(lua_State *lua, struct writing *writing, const char *name, char kind)
{
    if (!push_field(lua, name, LUA_TTABLE)) {
        return false;
    }
    size_t count = 0;
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pop(lua, 1);
        count++;
    }
    if (kind == '%') {
        reply_map(writing->reply, count);
    } else {
        reply_set(writing->reply, count);
    }
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
        lua_pushvalue(lua, -2);
        write_value(lua, writing);
        if (kind == '%') {
            write_value(lua, writing);
        } else {
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
    return true;
}

static bool write_big_number(lua_State *lua, struct writing *writing)
{
    if (!push_field(lua, "big_number", LUA_TSTRING)) {
        return false;
    }
    if (writing->reply->protocol == 2) {
        reply_bulk(writing->reply, text_at(lua, -1));
    } else {
        write_line(writing->reply, '(', text_at(lua, -1));
    }
    lua_pop(lua, 1);
    return true;
}

static bool write_verbatim(lua_State *lua, struct writing *writing)
{
    if (!push_field(lua, "verbatim_string", LUA_TTABLE)) {
        return false;
    }
    bool is_written = false;
    if (push_field(lua, "format", LUA_TSTRING)) {
        char extension[4] = "   ";
        const struct bytes format = text_at(lua, -1);
        memcpy(extension, format.data, format.len < 3 ? format.len : 3);
        lua_pop(lua, 1);
        is_written = push_field(lua, "string", LUA_TSTRING);
        if (is_written) {
            reply_verbatim(writing->reply, extension, text_at(lua, -1));
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
    return is_written;
}

static void write_array(lua_State *lua, struct writing *writing)
{
    int count = 0;
    bool is_there = true;
    while (is_there) {
        lua_rawgeti(lua, -1, count + 1);
        is_there = !lua_isnil(lua, -1);
        lua_pop(lua, 1);
        count += is_there;
    }
    reply_array(writing->reply, (size_t)count);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, -1, i);
        write_value(lua, writing);
    }
}

static void write_table(lua_State *lua, struct writing *writing)
{
    if (!write_error(lua, writing) && !write_status(lua, writing) && !write_double(lua, writing) &&
        !write_keyed(lua, writing, "map", '%') && !write_keyed(lua, writing, "set", '~') && !write_big_number(lua, writing) &&
        !write_verbatim(lua, writing)) {
        write_array(lua, writing);
    }
}

static void write_bool(struct writing *writing, bool value)
{
    if (writing->protocol >= 3) {
        reply_bool(writing->reply, value);
    } else if (value) {
        reply_integer(writing->reply, 1);
    } else {
        reply_null(writing->reply);
    }
}

static int64_t whole(lua_Number number)
{
    const bool fits = number >= -9223372036854775808.0 && number < 9223372036854775808.0;
    return fits ? (int64_t)number : INT64_MIN;
}

/* Pops the value. style: it calls itself, as deep as Lua's stack has room: some 4,000 levels. */
static void write_value(lua_State *lua, struct writing *writing)
{
    if (!lua_checkstack(lua, 4)) {
        reply_error(writing->reply, ERROR_DEEP);
        lua_pop(lua, 1);
        return;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        reply_bulk(writing->reply, text_at(lua, -1));
        break;
    case LUA_TBOOLEAN:
        write_bool(writing, lua_toboolean(lua, -1));
        break;
    case LUA_TNUMBER:
        reply_integer(writing->reply, whole(lua_tonumber(lua, -1)));
        break;
    case LUA_TTABLE:
        write_table(lua, writing);
        break;
    default:
        reply_null(writing->reply);
        break;
    }
    lua_pop(lua, 1);
}

static int write_protected(lua_State *lua)
{
    struct writing *writing = lua_touserdata(lua, 2);
    lua_pop(lua, 1);
    write_value(lua, writing);
    return 0;
}

void script_reply_value(lua_State *lua, struct reply *reply, uint8_t protocol)
{
    struct writing writing = {reply, protocol};
    if (lua_type(lua, -1) != LUA_TTABLE) {
        write_value(lua, &writing);
        return;
    }
    lua_pushcfunction(lua, write_protected);
    lua_insert(lua, -2);
    lua_pushlightuserdata(lua, &writing);
    if (script_state_call(lua, 2, 0, 0) != 0) {
        reply_rewind(reply);
        reply_error(reply, "ERR out of memory");
        lua_pop(lua, 1);
    }
}
