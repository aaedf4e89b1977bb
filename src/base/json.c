/* json.c - see json.h. One function goes over a value of any kind; what it is in (objects or arrays) is a bit a level.  */
#include "base/json.h"

#include <string.h>

struct reader {
    const char *at, *end;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r')) {
        reader->at++;
    }
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c) {
        return false;
    }
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, struct bytes word)
{
    if ((size_t)(reader->end - reader->at) < word.len || memcmp(reader->at, word.data, word.len) != 0) {
        return false;
    }
    reader->at += word.len;
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* Four digits behind \u; -1: bad. */
static int take_hex(struct reader *reader)
{
    int code = 0;
    if (reader->end - reader->at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        const int digit = hex_value(*reader->at++);
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

static bool skip_string(struct reader *reader)
{
    if (!take(reader, '"')) {
        return false;
    }
    while (reader->at < reader->end) {
        const unsigned char c = (unsigned char)*reader->at++;
        if (c == '"') {
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            if (reader->at == reader->end) {
                return false;
            }
            const char escape = *reader->at++;
            if (escape == '\0' || strchr("\"\\/bfnrtu", escape) == NULL || (escape == 'u' && take_hex(reader) < 0)) {
                return false;
            }
        }
    }
    return false;
}

static bool skip_digits(struct reader *reader)
{
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return reader->at > begin;
}

static bool skip_number(struct reader *reader)
{
    (void)take(reader, '-');
    if (!take(reader, '0') && !skip_digits(reader)) {
        return false;
    }
    if (take(reader, '.') && !skip_digits(reader)) {
        return false;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        (void)(take(reader, '-') || take(reader, '+'));
        return skip_digits(reader);
    }
    return true;
}

static bool skip_plain(struct reader *reader)
{
    if (reader->at == reader->end) {
        return false;
    }
    switch (*reader->at) {
    case '"':
        return skip_string(reader);
    case 't':
        return take_word(reader, BYTES("true"));
    case 'f':
        return take_word(reader, BYTES("false"));
    case 'n':
        return take_word(reader, BYTES("null"));
    default:
        return skip_number(reader);
    }
}

/* "name": and blanks. */
static bool skip_name(struct reader *reader)
{
    skip_blanks(reader);
    if (!skip_string(reader)) {
        return false;
    }
    skip_blanks(reader);
    return take(reader, ':');
}

/* One value, without blanks around it. */
static bool skip_value(struct reader *reader)
{
    bool is_object[JSON_DEPTH_MAX];
    unsigned depth = 0;
    for (;;) {
        skip_blanks(reader);
        const bool opens_object = take(reader, '{');
        if (opens_object || take(reader, '[')) {
            if (depth == JSON_DEPTH_MAX) {
                return false;
            }
            is_object[depth++] = opens_object;
            skip_blanks(reader);
            if (!take(reader, opens_object ? '}' : ']')) {
                if (opens_object && !skip_name(reader)) {
                    return false;
                }
                continue;
            }
            depth--;
        } else if (!skip_plain(reader)) {
            return false;
        }
        for (;;) { /* behind a value: its containers end, or go on */
            if (depth == 0) {
                return true;
            }
            skip_blanks(reader);
            if (take(reader, ',')) {
                if (is_object[depth - 1] && !skip_name(reader)) {
                    return false;
                }
                break;
            }
            if (!take(reader, is_object[depth - 1] ? '}' : ']')) {
                return false;
            }
            depth--;
        }
    }
}

bool json_is_valid(struct bytes text)
{
    struct reader reader = {text.data, text.data + text.len};
    skip_blanks(&reader);
    if (!skip_value(&reader)) {
        return false;
    }
    skip_blanks(&reader);
    return reader.at == reader.end;
}

/* --- strings --- */

static size_t put_code(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Behind \u: one code, or two that are a pair. An unpaired half is U+FFFD. */
static unsigned take_code(struct reader *reader)
{
    const int code = take_hex(reader);
    if (code < 0xd800 || code > 0xdfff) {
        return (unsigned)code;
    }
    struct reader ahead = *reader;
    if (code < 0xdc00 && take(&ahead, '\\') && take(&ahead, 'u')) {
        const int low = take_hex(&ahead);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *reader = ahead;
            return 0x10000u + ((unsigned)code - 0xd800u) * 0x400u + ((unsigned)low - 0xdc00u);
        }
    }
    return 0xfffd;
}

bool json_unquote(struct bytes quoted, char *out, size_t *len)
{
    struct reader check = {quoted.data, quoted.data + quoted.len};
    if (!skip_string(&check) || check.at != check.end) {
        return false;
    }
    struct reader reader = {quoted.data + 1, quoted.data + quoted.len - 1};
    size_t at = 0;
    while (reader.at < reader.end) {
        char c = *reader.at++;
        if (c != '\\') {
            out[at++] = c;
            continue;
        }
        c = *reader.at++;
        if (c == 'u') {
            at += put_code(take_code(&reader), out + at); /* no longer than what stands for it */
            continue;
        }
        static const char from[] = "bfnrt";
        static const char to[] = "\b\f\n\r\t";
        const char *found = strchr(from, c);
        out[at++] = found == NULL ? c : to[found - from];
    }
    *len = at;
    return true;
}

/* --- paths --- */

/* True when the string of JSON, in quotes, is `name`. */
static bool name_is(struct bytes quoted, struct bytes name)
{
    struct bytes inner = {quoted.data + 1, quoted.len - 2};
    if (memchr(inner.data, '\\', inner.len) == NULL) {
        return bytes_equal(inner, name);
    }
    char text[256]; /* a longer name with escapes is found by nobody */
    size_t len;
    return quoted.len <= sizeof text && json_unquote(quoted, text, &len) && bytes_equal((struct bytes){text, len}, name);
}

/* The reader stands before a value; afterwards before the member's. */
static enum json_found enter_member(struct reader *reader, struct bytes name)
{
    if (!take(reader, '{')) {
        return JSON_ABSENT;
    }
    skip_blanks(reader);
    if (take(reader, '}')) {
        return JSON_ABSENT;
    }
    for (;;) {
        skip_blanks(reader);
        const char *begin = reader->at;
        if (!skip_string(reader)) {
            return JSON_BAD_TEXT;
        }
        const struct bytes quoted = {begin, (size_t)(reader->at - begin)};
        skip_blanks(reader);
        if (!take(reader, ':')) {
            return JSON_BAD_TEXT;
        }
        skip_blanks(reader);
        if (name_is(quoted, name)) {
            return JSON_FOUND;
        }
        if (!skip_value(reader)) {
            return JSON_BAD_TEXT;
        }
        skip_blanks(reader);
        if (!take(reader, ',')) {
            return take(reader, '}') ? JSON_ABSENT : JSON_BAD_TEXT;
        }
    }
}

static enum json_found enter_element(struct reader *reader, uint64_t index)
{
    if (!take(reader, '[')) {
        return JSON_ABSENT;
    }
    skip_blanks(reader);
    if (take(reader, ']')) {
        return JSON_ABSENT;
    }
    for (;; index--) {
        skip_blanks(reader);
        if (index == 0) {
            return JSON_FOUND;
        }
        if (!skip_value(reader)) {
            return JSON_BAD_TEXT;
        }
        skip_blanks(reader);
        if (!take(reader, ',')) {
            return take(reader, ']') ? JSON_ABSENT : JSON_BAD_TEXT;
        }
    }
}

/* The whole value that the reader stands before. */
static enum json_found lend_value(struct reader *reader, struct bytes *out)
{
    const char *begin = reader->at;
    if (!skip_value(reader)) {
        return JSON_BAD_TEXT;
    }
    *out = (struct bytes){begin, (size_t)(reader->at - begin)};
    return JSON_FOUND;
}

/* [12] */
static bool take_index(struct reader *path, uint64_t *index)
{
    const char *begin = path->at;
    *index = 0;
    while (path->at < path->end && *path->at >= '0' && *path->at <= '9' && path->at - begin < 18) {
        *index = *index * 10 + (uint64_t)(*path->at++ - '0');
    }
    return path->at > begin && take(path, ']');
}

/* name or "name", behind a dot. */
static bool take_name(struct reader *path, struct bytes *name)
{
    const bool is_quoted = take(path, '"');
    const char *begin = path->at;
    while (path->at < path->end && (is_quoted ? *path->at != '"' : *path->at != '.' && *path->at != '[')) {
        path->at++;
    }
    *name = (struct bytes){begin, (size_t)(path->at - begin)};
    return is_quoted ? take(path, '"') : name->len > 0;
}

enum json_found json_find(struct bytes text, struct bytes path_text, struct bytes *out)
{
    struct reader reader = {text.data, text.data + text.len};
    struct reader path = {path_text.data, path_text.data + path_text.len};
    enum json_found found = JSON_FOUND;
    skip_blanks(&reader);
    if (!take(&path, '$')) {
        found = enter_member(&reader, path_text);
        path.at = path.end;
    }
    while (found == JSON_FOUND && path.at < path.end) {
        struct bytes name;
        uint64_t index;
        if (take(&path, '.')) {
            found = take_name(&path, &name) ? enter_member(&reader, name) : JSON_BAD_PATH;
        } else if (take(&path, '[')) {
            found = take_index(&path, &index) ? enter_element(&reader, index) : JSON_BAD_PATH;
        } else {
            found = JSON_BAD_PATH;
        }
    }
    return found == JSON_FOUND ? lend_value(&reader, out) : found;
}

enum json_found json_element(struct bytes text, uint64_t index, struct bytes *out)
{
    struct reader reader = {text.data, text.data + text.len};
    skip_blanks(&reader);
    const enum json_found found = enter_element(&reader, index);
    return found == JSON_FOUND ? lend_value(&reader, out) : found;
}
