/* parser.c - see parser.h. The fast path takes a complete command in one pass; what is incomplete, long, inline or wrong
 * takes the careful path, which remembers how far it came.  */
#include "net/parser.h"

#include "base/number.h"
#include "mem/heap.h"

#include <assert.h>
#include <stdio.h>

enum { PROGRESS_WORDS_MIN = 32, LENGTH_DIGITS_MAX = 9 };
_Static_assert((int)PROGRESS_WORDS_MIN >= (int)PARSER_UNAUTHENTICATED_WORDS_MAX,
               "an unauthenticated client's words need no second array");
_Static_assert((int)INT64_TEXT_MAX < (int)PARSER_INLINE_MAX, "a line holds any length");

/* A word where it is, as long as the input may move; a word when all are there. */
union span {
    struct {
        size_t offset, len;
    } place;
    struct bytes word;
};
_Static_assert(sizeof(union span) == sizeof(struct bytes), "an array of places becomes one of words");

struct parser_progress {
    uint32_t wanted;    /* words announced */
    uint32_t seen;      /* words complete */
    size_t position;    /* where the next word begins */
    uint32_t capacity;
    union span *spans;
};

static size_t spans_bytes(uint32_t capacity)
{
    return capacity * sizeof(union span);
}

void parser_reset(struct parser *parser)
{
    if (parser->progress != NULL) {
        thread_free(MEM_QUERY_BUFFER, parser->progress->spans, spans_bytes(parser->progress->capacity));
        thread_free(MEM_QUERY_BUFFER, parser->progress, sizeof *parser->progress);
        parser->progress = NULL;
    }
    parser->bytes_needed = 0;
}

size_t parser_memory_bytes(const struct parser *parser)
{
    return parser->progress == NULL ? 0 : thread_block_bytes(sizeof *parser->progress) + thread_block_bytes(spans_bytes(parser->progress->capacity));
}

size_t parser_done_bytes(const struct parser *parser)
{
    return parser->progress == NULL ? 0 : parser->progress->position;
}

void parsed_words_free(struct bytes *own_words, uint32_t own_capacity)
{
    if (own_words != NULL) {
        thread_free(MEM_QUERY_BUFFER, own_words, own_capacity * sizeof *own_words);
    }
}

/* --- the fast path --- */

/* A length of at most 9 digits and its CR LF, or -1 when the bytes are anything else (or not all there, or begin with a zero too
 * many, which the careful path refuses). */
static inline int64_t take_length(const char **cursor, const char *end)
{
    const char *at = *cursor;
    int64_t value = 0;
    const char *digits = at;
    while (at < end && (unsigned char)(*at - '0') <= 9 && at - digits <= LENGTH_DIGITS_MAX) {
        value = value * 10 + (*at - '0');
        at++;
    }
    if (UNLIKELY(at == digits || at - digits > LENGTH_DIGITS_MAX || end - at < 2 || at[0] != '\r' || at[1] != '\n' ||
                 (*digits == '0' && at - digits > 1))) {
        return -1;
    }
    *cursor = at + 2;
    return value;
}

static bool parse_fast(struct bytes input, const struct parse_limits *limits, struct bytes *words, uint32_t capacity,
                       struct parsed *out)
{
    const char *at = input.data + 1;
    const char *end = input.data + input.len;
    int64_t count = take_length(&at, end);
    if (UNLIKELY(count <= 0 || count > capacity || limits->is_unauthenticated)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        if (UNLIKELY(end - at < 4 || *at != '$')) {
            return false;
        }
        at++;
        int64_t len = take_length(&at, end);
        if (UNLIKELY(len < 0 || len > limits->bulk_len_max || end - at < len + 2)) {
            return false;
        }
        words[i] = (struct bytes){at, (size_t)len};
        at += len + 2;
    }
    assert(at <= end);
    out->words = words;
    out->count = (uint32_t)count;
    out->consumed = (size_t)(at - input.data);
    out->own_words = NULL;
    return true;
}

/* --- the careful path --- */

static enum parse_status fail(struct parsed *out, const char *text)
{
    snprintf(out->error, sizeof out->error, "Protocol error: %s", text);
    return PARSE_ERROR;
}

static enum parse_status more(struct parser *parser, size_t bytes_needed)
{
    parser->bytes_needed = bytes_needed;
    return PARSE_MORE;
}

/* A line "<type><number>\r\n" at `position`. `too_big` is the complaint when no CR comes within PARSER_INLINE_MAX. */
struct line {
    const char *too_big;
    const char *invalid;
    int64_t max;
};

static enum parse_status read_length(struct bytes input, size_t position, const struct line *line, int64_t *value,
                                     size_t *next, struct parsed *out)
{
    const char *text = input.data + position + 1;
    size_t available = input.len - position - 1;
    const char *cr = memchr(text, '\r', available);
    if (cr == NULL || (size_t)(cr - text) + 1 >= available) {
        return available > PARSER_INLINE_MAX ? fail(out, line->too_big) : PARSE_MORE;
    }
    if (!int64_parse((struct bytes){text, (size_t)(cr - text)}, value) || *value > line->max) {
        return fail(out, line->invalid);
    }
    *next = (size_t)(cr - input.data) + 2;
    return PARSE_COMMAND;
}

static bool progress_grow(struct parser *parser)
{
    struct parser_progress *progress = parser->progress;
    if (progress->seen < progress->capacity) {
        return true;
    }
    const uint32_t capacity = progress->capacity * 2;
    union span *spans = thread_realloc(MEM_QUERY_BUFFER, progress->spans, spans_bytes(progress->capacity), spans_bytes(capacity));
    if (spans == NULL) {
        return false;
    }
    progress->capacity = capacity;
    progress->spans = spans;
    return true;
}

static bool progress_begin(struct parser *parser, uint32_t wanted, size_t position)
{
    struct parser_progress *progress = thread_alloc(MEM_QUERY_BUFFER, sizeof *progress);
    union span *spans = progress == NULL ? NULL : thread_alloc(MEM_QUERY_BUFFER, spans_bytes(PROGRESS_WORDS_MIN));
    if (spans == NULL) {
        thread_free(MEM_QUERY_BUFFER, progress, sizeof *progress);
        return false;
    }
    *progress = (struct parser_progress){.wanted = wanted, .position = position, .capacity = PROGRESS_WORDS_MIN, .spans = spans};
    parser->progress = progress;
    return true;
}

static enum parse_status begin_multibulk(struct parser *parser, struct bytes input, const struct parse_limits *limits,
                                         struct parsed *out)
{
    static const struct line line = {"too big mbulk count string", "invalid multibulk length", PARSER_WORDS_MAX};
    int64_t count;
    size_t next;
    enum parse_status status = read_length(input, 0, &line, &count, &next, out);
    if (status != PARSE_COMMAND) {
        return status;
    }
    if (limits->is_unauthenticated && count > PARSER_UNAUTHENTICATED_WORDS_MAX) {
        return fail(out, "unauthenticated multibulk length");
    }
    if (count <= 0) {
        out->count = 0;
        out->consumed = next;
        return PARSE_COMMAND;
    }
    return progress_begin(parser, (uint32_t)count, next) ? PARSE_COMMAND : fail(out, "out of memory");
}

static enum parse_status next_word(struct parser *parser, struct bytes input, const struct parse_limits *limits,
                                   struct parsed *out)
{
    struct parser_progress *progress = parser->progress;
    size_t position = progress->position;
    if (position >= input.len) {
        return more(parser, position + 1);
    }
    if (input.data[position] != '$') {
        char text[40];
        snprintf(text, sizeof text, "expected '$', got '%c'", input.data[position]);
        return fail(out, text);
    }
    struct line line = {"too big bulk count string", "invalid bulk length", limits->bulk_len_max};
    int64_t len;
    size_t next;
    enum parse_status status = read_length(input, position, &line, &len, &next, out);
    if (status != PARSE_COMMAND) {
        return status == PARSE_MORE ? more(parser, input.len + 1) : status;
    }
    if (len < 0) {
        return fail(out, line.invalid);
    }
    if (limits->is_unauthenticated && len > PARSER_UNAUTHENTICATED_BULK_MAX) {
        return fail(out, "unauthenticated bulk length");
    }
    if (input.len - next < (size_t)len + 2) {
        return more(parser, next + (size_t)len + 2);
    }
    if (!progress_grow(parser)) {
        return fail(out, "out of memory");
    }
    assert(progress->seen < progress->capacity);
    progress->spans[progress->seen++] = (union span){.place = {next, (size_t)len}};
    progress->position = next + (size_t)len + 2;
    return PARSE_COMMAND;
}

/* All words are there. Those that do not fit into `words` become words where their places stand. */
static enum parse_status finish_multibulk(struct parser *parser, struct bytes input, struct bytes *words,
                                          uint32_t capacity, struct parsed *out)
{
    struct parser_progress *progress = parser->progress;
    assert(progress->position <= input.len);
    const bool is_long = progress->seen > capacity;
    for (uint32_t i = 0; i < progress->seen; i++) {
        const union span span = progress->spans[i];
        struct bytes *word = is_long ? &progress->spans[i].word : &words[i];
        *word = (struct bytes){input.data + span.place.offset, span.place.len};
    }
    out->words = words;
    out->count = progress->seen;
    out->consumed = progress->position;
    if (is_long) {
        out->words = out->own_words = &progress->spans->word;
        out->own_capacity = progress->capacity;
        progress->spans = NULL;
        progress->capacity = 0;
    }
    parser_reset(parser);
    return PARSE_COMMAND;
}

static enum parse_status parse_multibulk(struct parser *parser, struct bytes input, const struct parse_limits *limits,
                                         struct bytes *words, uint32_t capacity, struct parsed *out)
{
    if (parser->progress == NULL) {
        enum parse_status status = begin_multibulk(parser, input, limits, out);
        if (status != PARSE_COMMAND || parser->progress == NULL) {
            return status;
        }
    }
    while (parser->progress->seen < parser->progress->wanted) {
        enum parse_status status = next_word(parser, input, limits, out);
        if (status != PARSE_COMMAND) {
            return status;
        }
    }
    return finish_multibulk(parser, input, words, capacity, out);
}

/* --- inline commands --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static char unescape(char c)
{
    static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
    const char *found = c != 0 ? strchr(from, c) : NULL;
    return found != NULL ? to[found - from] : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Unescapes one word in place, from *at; false: quotes do not match. The word never grows, so it is written over itself. */
static bool take_inline_word(char **at, char *end, struct bytes *word)
{
    char *from = *at, *to = *at, quote = 0;
    word->data = *at;
    for (;;) {
        if (from == end) {
            if (quote != 0) {
                return false;
            }
            break;
        }
        char c = *from;
        if (quote == 0 && is_space(c)) {
            break;
        }
        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
            from++;
        } else if (quote != 0 && c == quote) {
            from++;
            if (from < end && !is_space(*from)) {
                return false;
            }
            break;
        } else if (quote == '"' && c == '\\' && end - from >= 4 && from[1] == 'x' && hex_digit(from[2]) >= 0 &&
                   hex_digit(from[3]) >= 0) {
            *to++ = (char)(hex_digit(from[2]) * 16 + hex_digit(from[3]));
            from += 4;
        } else if (quote == '"' && c == '\\' && end - from >= 2) {
            *to++ = unescape(from[1]);
            from += 2;
        } else if (quote == '\'' && c == '\\' && end - from >= 2 && from[1] == '\'') {
            *to++ = '\'';
            from += 2;
        } else {
            if (to != from) {
                *to = c;
            }
            to++;
            from++;
        }
    }
    word->len = (size_t)(to - word->data);
    *at = from;
    return true;
}

/* Words with quotes are unescaped in a copy of the line, which stands behind the array of words in one block. */
static bool copy_line(struct parsed *out, const char **line, size_t line_len)
{
    uint32_t words = (uint32_t)(line_len / 2 + 1);
    uint32_t capacity = words + (uint32_t)(line_len / sizeof(struct bytes) + 1);
    out->own_words = thread_alloc(MEM_QUERY_BUFFER, capacity * sizeof(struct bytes));
    if (out->own_words == NULL) {
        return false;
    }
    out->own_capacity = capacity;
    out->words = out->own_words;
    memcpy(out->own_words + words, *line, line_len);
    *line = (const char *)(out->own_words + words);
    return true;
}

static enum parse_status parse_inline(struct bytes input, struct bytes *words, uint32_t capacity, struct parsed *out)
{
    const char *newline = memchr(input.data, '\n', input.len);
    /* No word on a line can have one (quoted, "\x00" can). Redis waits for a newline before it, for ever. */
    if (memchr(input.data, 0, newline == NULL ? input.len : (size_t)(newline - input.data)) != NULL) {
        return fail(out, "NUL byte in inline request");
    }
    if (newline == NULL) {
        return input.len > PARSER_INLINE_MAX ? fail(out, "too big inline request") : PARSE_MORE;
    }
    size_t line_len = (size_t)(newline - input.data);
    const char *line = input.data;
    out->words = words;
    out->consumed = line_len + 1;
    bool has_quotes = memchr(line, '"', line_len) != NULL || memchr(line, '\'', line_len) != NULL;
    if ((has_quotes || line_len / 2 + 1 > capacity) && !copy_line(out, &line, line_len)) {
        return fail(out, "out of memory");
    }
    /* A word without quotes is not written to. */
    char *at = (char *)(uintptr_t)line;
    char *end = at + line_len;
    if (end > at && end[-1] == '\r') {
        end--;
    }
    for (;;) {
        while (at < end && is_space(*at)) {
            at++;
        }
        if (at == end) {
            return PARSE_COMMAND;
        }
        assert(out->count < (out->own_words == NULL ? capacity : out->own_capacity));
        if (!take_inline_word(&at, end, &out->words[out->count])) {
            parsed_words_free(out->own_words, out->own_capacity);
            return fail(out, "unbalanced quotes in request");
        }
        out->count++;
    }
}

enum parse_status parser_next(struct parser *parser, struct bytes input, const struct parse_limits *limits,
                              struct bytes *words, uint32_t capacity, struct parsed *out)
{
    assert(capacity >= 1);
    if (input.len == 0 || input.len < parser->bytes_needed) {
        return PARSE_MORE;
    }
    if (LIKELY(input.data[0] == '*')) {
        if (LIKELY(parser->progress == NULL) && LIKELY(parse_fast(input, limits, words, capacity, out))) {
            parser->bytes_needed = 0;
            return PARSE_COMMAND;
        }
        out->count = 0;
        out->own_words = NULL;
        return parse_multibulk(parser, input, limits, words, capacity, out);
    }
    out->count = 0;
    out->own_words = NULL;
    return parse_inline(input, words, capacity, out);
}
