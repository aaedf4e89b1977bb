/* lib_text.h - bytes that a library's function makes: they grow in a userdata that lives in an upvalue of that function.
 *
 *     struct text text;
 *     text_begin(&text, L, lua_upvalueindex(1));
 *     text_add(&text, "abc", 3);
 *     text_push(&text);
 *
 * The bytes are the collector's, so an error that leaves the function at any point loses nothing; and the Lua stack keeps the depth that
 * the function's own limits count.
 *
 * Threads    The Lua state's.
 * Memory     Twice the bytes at most, while they grow. text_push and text_drop give them to the collector.
 * Limits     TEXT_BYTES_MAX, where "not enough memory" is raised as for any other memory of the state.  */
#ifndef SCRIPT_LIB_TEXT_H
#define SCRIPT_LIB_TEXT_H

#include <lua.h>
#include <stddef.h>

enum { TEXT_BYTES_FIRST = 256, TEXT_BYTES_MAX = 1 << 30 };

struct text {
    lua_State *L;
    int index; /* where the userdata is kept: an upvalue of the running function */
    char *data;
    size_t len, capacity;
};

void text_begin(struct text *text, lua_State *L, int index);

/* Room for `len` bytes more: where they begin. They count as written. Raises an error without memory; needs a slot of the Lua stack. */
char *text_room(struct text *text, size_t len);

void text_add(struct text *text, const void *data, size_t len);
void text_add_byte(struct text *text, unsigned char byte);

/* Leaves the bytes as a string on the Lua stack and gives the userdata up. */
void text_push(struct text *text);

/* Gives the userdata up, for a function that raises an error of its own. */
void text_drop(struct text *text);

#endif
