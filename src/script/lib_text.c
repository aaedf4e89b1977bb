/* lib_text.c - bytes that grow in a userdata; lib_text.h.  */
#include "script/lib_text.h"

#include <assert.h>
#include <lauxlib.h>
#include <string.h>

void text_begin(struct text *text, lua_State *L, int index)
{
    *text = (struct text){.L = L, .index = index};
}

static void grow(struct text *text, size_t len)
{
    if (len > TEXT_BYTES_MAX - text->len) {
        text_drop(text);
        lua_pushliteral(text->L, "not enough memory");
        lua_error(text->L);
    }
    size_t capacity = text->capacity == 0 ? TEXT_BYTES_FIRST : text->capacity;
    while (capacity < text->len + len) {
        capacity *= 2;
    }
    char *data = lua_newuserdata(text->L, capacity);
    if (text->len > 0) {
        memcpy(data, text->data, text->len);
    }
    lua_replace(text->L, text->index);
    text->data = data;
    text->capacity = capacity;
}

char *text_room(struct text *text, size_t len)
{
    if (text->data == NULL || len > text->capacity - text->len) {
        grow(text, len);
    }
    char *room = text->data + text->len;
    text->len += len;
    assert(text->len <= text->capacity);
    return room;
}

void text_add(struct text *text, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(text_room(text, len), data, len);
    }
}

void text_add_byte(struct text *text, unsigned char byte)
{
    *text_room(text, 1) = (char)byte;
}

void text_push(struct text *text)
{
    lua_pushlstring(text->L, text->data == NULL ? "" : text->data, text->len);
    text_drop(text);
}

void text_drop(struct text *text)
{
    lua_pushnil(text->L);
    lua_replace(text->L, text->index);
    text_begin(text, text->L, text->index);
}
