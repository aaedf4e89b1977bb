/* words.c - one line of a configuration file, cut into words.
 *
 * Memory     The words lie in one buffer of their own; the line is borrowed.
 * Limits     CONFIG_WORDS_MAX words.
 * Read on    the comments at the top of Redis's redis.conf: the quoting is the same.  */
#include "config/config_private.h"

#include <ctype.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char escape_letters[] = "nrtba";
static const char escape_bytes[] = "\n\r\t\b\a";

/* What stands behind a backslash in double quotes, at *at; moves *at behind it. */
static char read_escape(struct bytes line, size_t *at)
{
    char c = line.data[(*at)++];
    if (c == 'x' && *at + 1 < line.len) {
        int high = hex_digit(line.data[*at]);
        int low = hex_digit(line.data[*at + 1]);
        if (high >= 0 && low >= 0) {
            *at += 2;
            return (char)(high * 16 + low);
        }
    }
    const char *letter = c == '\0' ? NULL : strchr(escape_letters, c);
    return letter == NULL ? c : escape_bytes[letter - escape_letters];
}

/* The inside of a quoted word from *at (behind the opening quote) on; *at ends behind the closing one. A word is never longer
 * than the line, so `out` (room for the line) holds it. False: not closed, or closed in the middle of a word.  */
static bool read_quoted(struct bytes line, char quote, size_t *at, char *out, size_t *len)
{
    while (*at < line.len) {
        char c = line.data[(*at)++];
        if (c == quote) {
            return *at == line.len || isspace((unsigned char)line.data[*at]);
        }
        if (c == '\\' && *at < line.len) {
            if (quote == '"') {
                c = read_escape(line, at);
            } else if (line.data[*at] == '\'') {
                c = line.data[(*at)++];
            }
        }
        out[(*len)++] = c;
    }
    return false;
}

/* One word from *at on, which is not a space. */
static bool read_word(struct bytes line, size_t *at, char *out, size_t *len)
{
    while (*at < line.len && !isspace((unsigned char)line.data[*at])) {
        char c = line.data[(*at)++];
        if (c == '"' || c == '\'') {
            return read_quoted(line, c, at, out, len);
        }
        out[(*len)++] = c;
    }
    return true;
}

enum result words_split(struct bytes line, struct words *out)
{
    out->count = 0;
    out->text = BUFFER_EMPTY(MEM_SERVER);
    if (!buffer_reserve(&out->text, line.len + 1)) {
        return RESULT_NO_MEMORY;
    }
    enum result result = RESULT_OK;
    size_t at = 0;
    for (;;) {
        while (at < line.len && isspace((unsigned char)line.data[at])) {
            at++;
        }
        if (at == line.len) {
            return RESULT_OK;
        }
        if (out->count == CONFIG_WORDS_MAX) {
            result = RESULT_TOO_LONG;
            break;
        }
        char *word = out->text.data + out->text.len;
        size_t len = 0;
        if (!read_word(line, &at, word, &len)) {
            result = RESULT_SYNTAX;
            break;
        }
        out->text.len += len;
        out->items[out->count++] = (struct bytes){word, len};
    }
    words_release(out);
    return result;
}

void words_release(struct words *words)
{
    buffer_release(&words->text);
    words->count = 0;
}

static bool needs_quotes(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' || c == '#') {
            return true;
        }
    }
    return text.len == 0;
}

static bool append_escaped(struct buffer *out, char c)
{
    if (c == '"' || c == '\\') {
        return buffer_append_format(out, "\\%c", c);
    }
    const char *letter = c == '\0' ? NULL : strchr(escape_bytes, c);
    if (letter != NULL) {
        return buffer_append_format(out, "\\%c", escape_letters[letter - escape_bytes]);
    }
    unsigned char byte = (unsigned char)c;
    if (byte < 0x20 || byte >= 0x7f) {
        return buffer_append_format(out, "\\x%02x", byte);
    }
    return buffer_append(out, (struct bytes){&c, 1});
}

bool words_append_quoted(struct buffer *out, struct bytes text)
{
    if (!needs_quotes(text)) {
        return buffer_append(out, text);
    }
    bool is_done = buffer_append(out, BYTES("\""));
    for (size_t i = 0; is_done && i < text.len; i++) {
        is_done = append_escaped(out, text.data[i]);
    }
    return is_done && buffer_append(out, BYTES("\""));
}
