/* function_head.c - see function_head.h.  */
#include "script/function_head.h"

#include <ctype.h>

bool function_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char byte = name.data[i];
        const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '_') {
            return false;
        }
    }
    return name.len > 0;
}

static int hex_digit(char byte)
{
    return isxdigit((unsigned char)byte) == 0 ? -1 : byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
}

/* What stands behind a backslash in "...", at *at; moves behind it. */
static char escaped(struct bytes line, size_t *at)
{
    static const char *const letters = "n\nr\rt\tb\ba\a";
    const size_t left = line.len - *at;
    const char *here = line.data + *at;
    if (left >= 3 && here[0] == 'x' && hex_digit(here[1]) >= 0 && hex_digit(here[2]) >= 0) {
        *at += 3;
        return (char)(hex_digit(here[1]) * 16 + hex_digit(here[2]));
    }
    *at += 1;
    for (const char *letter = letters; *letter != '\0'; letter += 2) {
        if (*letter == here[0]) {
            return letter[1];
        }
    }
    return here[0];
}

static bool is_blank(char byte)
{
    return isspace((unsigned char)byte) != 0;
}

/* The word that begins with a quote at *at, or goes on with it; moves behind the closing one. */
static enum function_head_status read_quoted(struct bytes line, size_t *at, struct buffer *word)
{
    const char quote = line.data[(*at)++];
    while (*at < line.len) {
        char byte = line.data[(*at)++];
        if (byte == quote) {
            return *at == line.len || is_blank(line.data[*at]) ? FUNCTION_HEAD_FINE : FUNCTION_HEAD_INVALID;
        }
        if (byte == '\\' && *at < line.len) {
            if (quote == '"') {
                byte = escaped(line, at);
            } else if (line.data[*at] == '\'') {
                byte = line.data[(*at)++];
            }
        }
        if (!buffer_append(word, (struct bytes){&byte, 1})) {
            return FUNCTION_HEAD_NO_MEMORY;
        }
    }
    return FUNCTION_HEAD_INVALID;
}

/* The word at *at, which is no blank. */
static enum function_head_status read_word(struct bytes line, size_t *at, struct buffer *word)
{
    word->len = 0;
    while (*at < line.len && !is_blank(line.data[*at])) {
        const char byte = line.data[*at];
        if (byte == '"' || byte == '\'') {
            return read_quoted(line, at, word);
        }
        if (!buffer_append(word, (struct bytes){&byte, 1})) {
            return FUNCTION_HEAD_NO_MEMORY;
        }
        (*at)++;
    }
    return FUNCTION_HEAD_FINE;
}

/* A word behind the engine's. */
static enum function_head_status take_word(struct function_head *head, const struct buffer *word)
{
    static const struct bytes mark = BYTES("name=");
    const struct bytes text = buffer_bytes(word);
    const bool is_name = text.len >= mark.len && bytes_equal_ignore_case((struct bytes){text.data, mark.len}, mark);
    if (is_name && head->name.capacity > 0) {
        return FUNCTION_HEAD_TWICE;
    }
    head->name.len = 0;
    const struct bytes kept = is_name ? (struct bytes){text.data + mark.len, text.len - mark.len} : text;
    if (!buffer_reserve(&head->name, text.len + 1) || !buffer_append(&head->name, kept)) {
        return FUNCTION_HEAD_NO_MEMORY;
    }
    return is_name ? FUNCTION_HEAD_FINE : FUNCTION_HEAD_UNKNOWN;
}

static enum function_head_status read_words(struct bytes line, struct function_head *head, struct buffer *word)
{
    size_t at = 0;
    enum function_head_status status = FUNCTION_HEAD_FINE;
    for (uint32_t number = 0; status == FUNCTION_HEAD_FINE; number++) {
        while (at < line.len && is_blank(line.data[at])) {
            at++;
        }
        if (at == line.len) {
            break;
        }
        status = read_word(line, &at, number == 0 ? &head->engine : word);
        if (status == FUNCTION_HEAD_FINE && number > 0) {
            status = take_word(head, word);
        }
    }
    return status != FUNCTION_HEAD_FINE || head->name.capacity > 0 ? status : FUNCTION_HEAD_NAMELESS;
}

enum function_head_status function_head_read(struct bytes code, struct function_head *head)
{
    *head = (struct function_head){.engine = BUFFER_EMPTY(MEM_SCRIPT), .name = BUFFER_EMPTY(MEM_SCRIPT)};
    if (code.len < 2 || memcmp(code.data, "#!", 2) != 0) {
        return FUNCTION_HEAD_MISSING;
    }
    const char *end = memchr(code.data, '\n', code.len);
    if (end == NULL || memchr(code.data, '\0', (size_t)(end - code.data)) != NULL) {
        return FUNCTION_HEAD_INVALID;
    }
    head->code_start = (size_t)(end - code.data);
    struct buffer word = BUFFER_EMPTY(MEM_SCRIPT);
    const struct bytes line = {code.data + 2, head->code_start - 2};
    const bool has_engine = line.len > 0 && !is_blank(line.data[0]);
    enum function_head_status status = FUNCTION_HEAD_FINE;
    if (has_engine) {
        status = read_words(line, head, &word);
    } else { /* the engine's word is the empty one */
        status = read_words((struct bytes){code.data + 1, head->code_start - 1}, head, &word);
        head->engine.len = 0;
    }
    buffer_release(&word);
    return status;
}

void function_head_release(struct function_head *head)
{
    buffer_release(&head->engine);
    buffer_release(&head->name);
}
