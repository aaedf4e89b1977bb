/* question.c - see question.h.  */
#include "http/question.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 10000, ASK_LONG_MS = 60000, DB_MAX = INT32_MAX - 1, DEPTH_MAX = 32 };

/* Those of the explorer are costly in the order of what it asks seldom: docs/MEMORY.md, "What asking costs". */
static const struct question questions[] = {
    {"/metrics", QUESTION_TEXT, false, ASK_MS, {"metrics"}},
    {"/", QUESTION_EXPLORER, false, ASK_MS, {"ping"}},
    {"/api/recent", QUESTION_JSON, false, ASK_MS, {"memory", "HISTORY", "COUNT", "20"}},
    {"/api/history", QUESTION_JSON, false, ASK_MS, {"memory", "HISTORY", "COUNT", "2040"}},
    {"/api/server", QUESTION_JSON, false, ASK_MS, {"info", "server", "clients", "stats", "keyspace"}},
    {"/api/slow", QUESTION_JSON, false, ASK_MS, {"slowlog", "GET", "50"}},
    {"/api/shards", QUESTION_JSON, false, ASK_MS, {"info", "memory", "shards"}},
    {"/api/top", QUESTION_JSON, false, ASK_MS, {"memory", "TOP", "COUNT", "50"}},
    {"/api/doctor", QUESTION_JSON, false, ASK_LONG_MS, {"memory", "DOCTOR"}},
    {"/api/prefixes", QUESTION_JSON, true, ASK_LONG_MS, {"memory", "PREFIX", "COUNT", "200"}},
};

const struct question *question_find(struct bytes path)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (bytes_equal(path, bytes_of_string(questions[i].path))) {
            return &questions[i];
        }
    }
    return NULL;
}

/* --- queries --- */

struct place {
    uint64_t db, depth;
};

/* "db=2&depth=1", each at most once. False: anything else. */
static bool read_place(struct bytes query, struct place *out)
{
    const struct {
        struct bytes start;
        uint64_t min, max, *number;
    } parameters[] = {{BYTES("db="), 0, DB_MAX, &out->db}, {BYTES("depth="), 1, DEPTH_MAX, &out->depth}};
    unsigned seen = 0;
    while (query.len > 0) {
        const char *end = memchr(query.data, '&', query.len);
        const struct bytes pair = {query.data, end == NULL ? query.len : (size_t)(end - query.data)};
        const size_t taken = end == NULL ? query.len : pair.len + 1;
        query = (struct bytes){query.data + taken, query.len - taken};
        const unsigned which = pair.len > 1 && pair.data[1] == 'b' ? 0 : 1;
        const struct bytes start = parameters[which].start;
        uint64_t number;
        if (pair.len < start.len || memcmp(pair.data, start.data, start.len) != 0 || (seen >> which & 1) != 0 ||
            !uint64_parse((struct bytes){pair.data + start.len, pair.len - start.len}, &number) || number < parameters[which].min ||
            number > parameters[which].max) {
            return false;
        }
        *parameters[which].number = number;
        seen |= 1u << which;
    }
    return true;
}

/* --- writing --- */

static bool append_word(struct buffer *out, struct bytes word)
{
    return buffer_append_format(out, "$%zu\r\n", word.len) && buffer_append(out, word) && buffer_append(out, BYTES("\r\n"));
}

static bool append_command(struct buffer *out, const struct bytes *words, unsigned count)
{
    bool is_done = buffer_append_format(out, "*%u\r\n", count);
    for (unsigned i = 0; is_done && i < count; i++) {
        is_done = append_word(out, words[i]);
    }
    return is_done;
}

static struct bytes name_of(const struct question_names *names, const char *own)
{
    return bytes_of_string(names->name_of(names->context, own));
}

static bool append_login(struct buffer *out, const struct question_names *names, const struct basic_user *user)
{
    const struct bytes words[] = {name_of(names, "auth"), user->name.len == 0 ? BYTES("default") : user->name, user->password};
    return append_command(out, words, 3);
}

static bool append_select(struct buffer *out, const struct question_names *names, uint64_t db)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)db);
    return append_command(out, (const struct bytes[]){name_of(names, "select"), bytes_of_string(text)}, 2);
}

static bool append_words(struct buffer *out, const struct question *question, const struct question_names *names, uint64_t depth)
{
    struct bytes words[QUESTION_WORDS_MAX + 2] = {name_of(names, question->words[0])};
    unsigned count = 1;
    char text[24];
    while (count < QUESTION_WORDS_MAX && question->words[count] != NULL) {
        words[count] = bytes_of_string(question->words[count]);
        count++;
    }
    if (question->has_place) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)depth);
        words[count++] = BYTES("DEPTH");
        words[count++] = bytes_of_string(text);
    }
    return append_command(out, words, count);
}

enum http_status question_append(struct buffer *out, const struct question *question, const struct question_names *names, struct bytes query,
                                 const struct basic_user *user, uint32_t *replies)
{
    struct place place = {.depth = 1};
    if (question->has_place && !read_place(query, &place)) {
        return HTTP_BAD_REQUEST;
    }
    const bool is_json = question->format == QUESTION_JSON;
    *replies = 1u + (user != NULL) + is_json + (place.db > 0);
    const bool is_done = (user == NULL || append_login(out, names, user)) &&
                         (!is_json || append_command(out, (const struct bytes[]){name_of(names, "hello"), BYTES("3")}, 2)) &&
                         (place.db == 0 || append_select(out, names, place.db)) && append_words(out, question, names, place.depth);
    return is_done ? HTTP_OK : HTTP_UNAVAILABLE;
}
