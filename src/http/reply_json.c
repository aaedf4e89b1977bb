/* reply_json.c - see reply_json.h.  */
#include "http/reply_json.h"

#include "base/json.h"
#include "http/reply_item.h"

#include <stdint.h>

/* --- texts --- */

/* Bytes of the character at the start of `text` (not empty) as UTF-8 has it, in its shortest form, no surrogate; 0: none is there. */
static size_t character_len(struct bytes text)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } forms[] = { /* RFC 3629, 4 */
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *byte = (const unsigned char *)text.data;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (byte[0] < forms[i].first_min || byte[0] > forms[i].first_max) {
            continue;
        }
        const size_t len = forms[i].len;
        if (len > text.len || (len > 1 && (byte[1] < forms[i].second_min || byte[1] > forms[i].second_max))) {
            return 0;
        }
        for (size_t at = 2; at < len; at++) {
            if ((byte[at] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return len;
    }
    return 0;
}

/* How many bytes at the start stand for themselves in a string. */
static size_t plain_len(struct bytes text)
{
    size_t len = 0;
    while (len < text.len) {
        const unsigned char byte = (unsigned char)text.data[len];
        const size_t more = character_len((struct bytes){text.data + len, text.len - len});
        if (more == 0 || byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') {
            break;
        }
        len += more;
    }
    return len;
}

static bool append_escape(struct buffer *out, unsigned char byte)
{
    if (byte == '"' || byte == '\\') {
        return buffer_append(out, byte == '"' ? BYTES("\\\"") : BYTES("\\\\"));
    }
    return buffer_append_format(out, "\\u%04x", byte < 0x80 ? byte : 0xdc00u + byte);
}

static bool append_string(struct buffer *out, struct bytes text)
{
    bool is_done = buffer_append(out, BYTES("\""));
    while (is_done && text.len > 0) {
        const size_t len = plain_len(text);
        is_done = buffer_append(out, (struct bytes){text.data, len}) && (len == text.len || append_escape(out, (unsigned char)text.data[len]));
        const size_t taken = len == text.len ? len : len + 1;
        text = (struct bytes){text.data + taken, text.len - taken};
    }
    return is_done && buffer_append(out, BYTES("\""));
}

/* --- items --- */

/* A list or a map that has begun. */
struct level {
    uint64_t count, done; /* items */
    bool is_map;
};

static enum result result_of(bool is_appended)
{
    return is_appended ? RESULT_OK : RESULT_NO_MEMORY;
}

static bool is_json_number(struct bytes text)
{
    return text.len > 0 && (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9')) && json_is_valid(text);
}

/* What is no list and no map. */
static enum result append_scalar(struct buffer *out, const struct reply_item *item, bool is_name)
{
    if (item->kind == ITEM_TEXT || (item->kind == ITEM_NUMBER && (is_name || !is_json_number(item->text)))) {
        return result_of(append_string(out, item->text));
    }
    if (is_name) {
        return RESULT_SYNTAX;
    }
    switch (item->kind) {
    case ITEM_NUMBER:
        return result_of(buffer_append(out, item->text));
    case ITEM_NULL:
        return result_of(buffer_append(out, BYTES("null")));
    case ITEM_BOOLEAN:
        return result_of(buffer_append(out, bytes_equal(item->text, BYTES("t")) ? BYTES("true") : BYTES("false")));
    case ITEM_TEXT:
    case ITEM_ERROR:
    case ITEM_LIST:
    case ITEM_MAP:
        break;
    }
    return RESULT_SYNTAX;
}

/* What stands between the last item and the next one. */
static bool append_mark(struct buffer *out, const struct level *level)
{
    if (level->done == 0) {
        return true;
    }
    return buffer_append(out, level->is_map && level->done % 2 == 1 ? BYTES(":") : BYTES(","));
}

static enum result append_item(struct buffer *out, const struct reply_item *item, struct level levels[REPLY_DEPTH_MAX], unsigned *depth)
{
    struct level *outer = *depth == 0 ? NULL : &levels[*depth - 1];
    const bool is_name = outer != NULL && outer->is_map && outer->done % 2 == 0;
    if (outer != NULL && !append_mark(out, outer)) {
        return RESULT_NO_MEMORY;
    }
    if (outer != NULL) {
        outer->done++;
    }
    if (item->kind != ITEM_LIST && item->kind != ITEM_MAP) {
        return append_scalar(out, item, is_name);
    }
    if (is_name || *depth == REPLY_DEPTH_MAX) {
        return RESULT_SYNTAX;
    }
    levels[(*depth)++] = (struct level){.count = item->count, .is_map = item->kind == ITEM_MAP};
    return result_of(buffer_append(out, item->kind == ITEM_MAP ? BYTES("{") : BYTES("[")));
}

/* Of all that are complete. */
static bool append_ends(struct buffer *out, const struct level levels[REPLY_DEPTH_MAX], unsigned *depth)
{
    while (*depth > 0 && levels[*depth - 1].done == levels[*depth - 1].count) {
        (*depth)--;
        if (!buffer_append(out, levels[*depth].is_map ? BYTES("}") : BYTES("]"))) {
            return false;
        }
    }
    return true;
}

enum result reply_json_append(struct buffer *out, struct bytes reply)
{
    struct level levels[REPLY_DEPTH_MAX];
    unsigned depth = 0;
    size_t at = 0;
    do {
        struct reply_item item;
        if (reply_item_read(reply, &at, &item) != REPLY_FOUND) {
            return RESULT_SYNTAX;
        }
        const enum result result = append_item(out, &item, levels, &depth);
        if (result != RESULT_OK) {
            return result;
        }
        if (!append_ends(out, levels, &depth)) {
            return RESULT_NO_MEMORY;
        }
    } while (depth > 0);
    return at == reply.len ? RESULT_OK : RESULT_SYNTAX;
}
