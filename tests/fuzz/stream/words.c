/* words.c - see words.h.
 *
 * A command is made by walking the tree of its syntax (cmd/introspect/syntax.h) and written as an inline command: a line, which stays a command when
 * a byte of it changes, as the lengths of a RESP array do not allow.  */
#include "stream/words.h"

#include "cmd/commands.h"
#include "cmd/introspect/syntax.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE_MAX_BYTES = 2048, REPEATS_MAX = 3, WORDS_OF_LINE_MAX = 64 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static struct command_table commands;

/* --- words for arguments --- */

static const char *const keys[] = {"k", "k1", "k2", "l", "s", "h", "z", "x", "str", "{k}1", "absent"};
static const char *const numbers[] = {"0", "1", "-1", "2", "3", "-3", "10", "128", "1000", "65536", "4294967296", "9223372036854775807", "3.5",
                                      "-9223372036854775808", "18446744073709551615", "1e300", "-inf", "+inf", "(1", "nan", "0.1", "-0"};
static const char *const texts[] = {"", "a", "b", "m", "field", "*", "[a", "(b", "-", "+", "a*", "hello world",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
static const char *const ids[] = {"*", "$", ">", "0", "0-0", "1-1", "5-*", "-", "+", "(1-1", "1526919030474-55",
                                  "18446744073709551615-18446744073709551615"};
static const char *const tables[] = {"t.t", "t.u", "shop.users", "t.absent", "t"};
static const char *const columns[] = {"n:integer:hash", "s:string", "f:float:btree", "d:date", "p:decimal(8,2)", "b:boolean", "u:uuid",
                                      "j:json:unique", "n=1", "s=a", "f=1.5", "d=2024-02-29", "p=2.25", "b=true", "s=NULL", "n:=n+1", "n>0", "n",
                                      "s", "_id", "(", ")", "NOT", "AND", "OR", "WHERE", "count(*)", "n+f", "BETWEEN", "IN", "LIKE", "IS", "NULL",
                                      "COLUMN", "DISTINCT"};
static const char *const statements[] = {
    "CREATE TABLE t.u (id INTEGER PRIMARY KEY, name VARCHAR DEFAULT 'x', p DECIMAL(8,2))",
    "INSERT INTO t.t (n, s, f, d, p, b) VALUES (1 + 2, 'a', 2, '2024-01-01', 2.345, NULL), (?, 'b', 1, NULL, 1, TRUE) RETURNING *",
    "SELECT n, s AS x, f * 2, count(*) FROM t.t WHERE n BETWEEN 1 AND 5 GROUP BY n, s, f HAVING count(*) > 0 ORDER BY n DESC LIMIT 3",
    "SELECT * FROM t.t a JOIN t.u b ON a.n = b.id WHERE b.name LIKE '_%' ORDER BY a.n",
    "SELECT a.n FROM t.t a LEFT JOIN t.u b ON a.n = b.id WHERE a.s IN (SELECT name FROM t.u)",
    "UPDATE t.t SET n = n + 1, s = s || 'x' WHERE n < ? RETURNING n", "DELETE FROM t.t WHERE s = 'a' AND n + 1 > 0",
    "ALTER TABLE t.t ADD COLUMN c INTEGER", "DROP TABLE t.u", "EXPLAIN SELECT n FROM t.t WHERE n = 1"};
static const char *const scripts[] = {
    "return redis.call(ARGV[1], KEYS[1])", "return {1, 'a', {2}, redis.pcall('GET', KEYS[1])}", "return cjson.decode(ARGV[1])",
    "return cmsgpack.unpack(ARGV[1])", "redis.setresp(3) return redis.call('HGETALL', 'h')", "return redis.error_reply('x')",
    "return struct.unpack('>i4', ARGV[1])", "for i = 1, 100 do redis.call('RPUSH', 'l', i) end return redis.call('LRANGE', 'l', 0, -1)",
    "#!lua name=lib\nredis.register_function('f', function(keys, args) return redis.call('GET', keys[1]) end)",
    "return redis.call('TABLE.QUERY', 'SELECT * FROM t.t')"};

struct pool {
    const char *of;               /* a part of the argument's name */
    const char *const *words;
    size_t count;
};
#define POOL(of, words) {of, words, sizeof words / sizeof words[0]}
static const struct pool pools[] = {
    POOL("namespace.table", tables), POOL("sql", statements), POOL("script", scripts), POOL("function", scripts), POOL("key", keys),
    POOL("source", keys), POOL("destination", keys), POOL("id", ids), POOL("column", columns), POOL("condition", columns), POOL("item", columns),
    POOL("expression", columns), POOL("", numbers), POOL("", texts),
};
enum { POOLS = sizeof pools / sizeof pools[0], POOLS_OF_ANYTHING = 2 };

/* --- chance --- */

static uint64_t chance_state;

static size_t chance(size_t below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state % below;
}

/* --- lines --- */

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

static void add_char(struct line *line, char byte)
{
    if (line->len < sizeof line->text) {
        line->text[line->len++] = byte;
    }
}

static bool is_plain(struct bytes word)
{
    bool is_plain = word.len > 0;
    for (size_t i = 0; i < word.len; i++) {
        is_plain &= isgraph((unsigned char)word.data[i]) != 0 && word.data[i] != '"' && word.data[i] != '\'' && word.data[i] != '\\';
    }
    return is_plain;
}

static void add_quoted(struct line *line, struct bytes word)
{
    add_char(line, '"');
    for (size_t i = 0; i < word.len; i++) {
        const char byte = word.data[i];
        if (byte == '"' || byte == '\\' || byte == '\n') {
            add_char(line, '\\');
        }
        add_char(line, byte == '\n' ? 'n' : byte);
    }
    add_char(line, '"');
}

static void add_word(struct line *line, struct bytes word)
{
    if (line->len > 0) {
        add_char(line, ' ');
    }
    if (!is_plain(word)) {
        add_quoted(line, word);
        return;
    }
    for (size_t i = 0; i < word.len; i++) {
        add_char(line, word.data[i]);
    }
}

static bool has_part(struct bytes name, const char *part)
{
    return memmem(name.data, name.len, part, strlen(part)) != NULL;
}

/* A word for an argument of this name; now and then any at all. */
static struct bytes word_for(struct bytes name)
{
    size_t p = 0;
    while (p < POOLS - POOLS_OF_ANYTHING && !has_part(name, pools[p].of)) {
        p++;
    }
    p = p == POOLS - POOLS_OF_ANYTHING ? p + chance(POOLS_OF_ANYTHING) : p;
    p = chance(8) == 0 ? chance(POOLS) : p;
    return bytes_of_string(pools[p].words[chance(pools[p].count)]);
}

/* --- commands --- */

static void add_children(struct line *line, const struct syntax *syntax, const struct syntax_node *node);

static void add_once(struct line *line, const struct syntax *syntax, const struct syntax_node *node)
{
    if (node->kind == SYNTAX_ARGUMENT) {
        add_word(line, word_for(node->name));
    } else if (node->kind != SYNTAX_TOKEN) {
        add_children(line, syntax, node);
    }
}

static void add_node(struct line *line, const struct syntax *syntax, const struct syntax_node *node)
{
    if (node->is_optional && chance(2) == 0) {
        return;
    }
    const size_t times = node->is_multiple ? 1 + chance(REPEATS_MAX) : 1;
    for (size_t i = 0; i < times; i++) {
        if (node->token.len > 0 && (i == 0 || node->is_token_multiple)) {
            add_word(line, node->token);
        }
        add_once(line, syntax, node);
    }
}

static size_t child_count(const struct syntax *syntax, const struct syntax_node *node)
{
    size_t count = 0;
    for (uint16_t at = node->first_child; at != 0; at = syntax->nodes[at].next) {
        count++;
    }
    return count;
}

/* All of them, or of a choice one. The depth is that of the table's own syntax: SYNTAX_DEPTH_MAX. */
static void add_children(struct line *line, const struct syntax *syntax, const struct syntax_node *node)
{
    const size_t count = child_count(syntax, node);
    const size_t chosen = count == 0 ? 0 : chance(count);
    size_t i = 0;
    for (uint16_t at = node->first_child; at != 0; at = syntax->nodes[at].next, i++) {
        if (node->kind != SYNTAX_ONEOF || i == chosen) {
            add_node(line, syntax, &syntax->nodes[at]);
        }
    }
}

static void make_command(struct line *line)
{
    static struct syntax syntax;
    const struct command_spec *spec = commands.rows[chance(commands.count)];
    line->len = 0;
    if (spec->parent != NULL) {
        add_word(line, bytes_of_string(spec->parent->name));
    }
    add_word(line, bytes_of_string(spec->name));
    if (syntax_parse(spec->syntax, &syntax)) {
        add_children(line, &syntax, &syntax.nodes[0]);
    }
    add_char(line, '\r');
    add_char(line, '\n');
}

/* --- mutations --- */

/* `take` bytes at `at` become `line`. Returns the new size; without room nothing changes. */
static size_t replace(uint8_t *data, size_t size, size_t max_size, size_t at, size_t take, const struct line *line)
{
    const size_t result = size - take + line->len;
    if (result > max_size) {
        return size;
    }
    memmove(data + at + line->len, data + at + take, size - at - take);
    memcpy(data + at, line->text, line->len);
    return result;
}

/* The place behind a line end, at or before `at`. */
static size_t line_begin(const uint8_t *data, size_t at)
{
    while (at > 0 && data[at - 1] != '\n') {
        at--;
    }
    return at;
}

static size_t line_end(const uint8_t *data, size_t size, size_t at)
{
    const uint8_t *end = at >= size ? NULL : memchr(data + at, '\n', size - at);
    return end == NULL ? size : (size_t)(end - data) + 1;
}

static size_t add_command(uint8_t *data, size_t size, size_t max_size)
{
    static struct line line;
    make_command(&line);
    return replace(data, size, max_size, line_begin(data, chance(size + 1)), 0, &line);
}

static size_t drop_line(uint8_t *data, size_t size, size_t max_size)
{
    static const struct line nothing;
    const size_t at = line_begin(data, chance(size + 1));
    return replace(data, size, max_size, at, line_end(data, size, at) - at, &nothing);
}

/* A line comes a second time, anywhere. */
static size_t repeat_line(uint8_t *data, size_t size, size_t max_size)
{
    static struct line line;
    const size_t at = line_begin(data, chance(size + 1));
    const size_t len = line_end(data, size, at) - at;
    line.len = len < sizeof line.text ? len : sizeof line.text;
    memcpy(line.text, data + at, line.len);
    return replace(data, size, max_size, line_begin(data, chance(size + 1)), 0, &line);
}

static size_t change_word(uint8_t *data, size_t size, size_t max_size)
{
    static struct line word;
    size_t at = chance(size + 1);
    while (at > 0 && data[at - 1] != ' ' && data[at - 1] != '\n') {
        at--;
    }
    size_t end = at;
    while (end < size && data[end] != ' ' && data[end] != '\r' && data[end] != '\n') {
        end++;
    }
    word.len = 0;
    const struct pool *pool = &pools[chance(POOLS)];
    add_word(&word, bytes_of_string(pool->words[chance(pool->count)]));
    return replace(data, size, max_size, at, end - at, &word);
}

/* What follows goes over the next connection. */
static size_t change_client(uint8_t *data, size_t size, size_t max_size)
{
    static const struct line next = {.text = "\xFE", .len = 1};
    return replace(data, size, max_size, line_begin(data, chance(size + 1)), 0, &next);
}

size_t stream_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static size_t (*const mutations[])(uint8_t *, size_t, size_t) = {add_command, add_command, add_command,  drop_line, repeat_line,
                                                                     change_word, change_word, change_client, NULL};
    enum { MUTATIONS = sizeof mutations / sizeof mutations[0], BYTES_OF = 3 };
    chance_state = ((uint64_t)seed << 20) + 0x9E3779B97F4A7C15;
    const size_t chosen = chance(MUTATIONS + BYTES_OF);
    if (chosen >= MUTATIONS - 1) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    const size_t result = mutations[chosen](data, size, max_size);
    return result == 0 ? LLVMFuzzerMutate(data, size, max_size) : result;
}

/* --- the dictionary --- */

static void write_entry(FILE *file, struct bytes word)
{
    fputc('"', file);
    for (size_t i = 0; i < word.len; i++) {
        const unsigned char byte = (unsigned char)word.data[i];
        fprintf(file, isalnum(byte) ? "%c" : "\\x%02X", byte);
    }
    fputs("\"\n", file);
}

static void write_command(FILE *file, const struct command_spec *spec)
{
    static struct syntax syntax;
    write_entry(file, bytes_of_string(spec->name));
    if (!syntax_parse(spec->syntax, &syntax)) {
        return;
    }
    for (uint16_t i = 0; i < syntax.count; i++) {
        if (syntax.nodes[i].token.len > 0) {
            write_entry(file, syntax.nodes[i].token);
        }
    }
}

static void write_dictionary(FILE *file)
{
    for (uint32_t i = 0; i < commands.count; i++) {
        write_command(file, commands.rows[i]);
    }
    for (size_t p = 0; p < POOLS; p++) {
        for (size_t i = 0; i < pools[p].count; i++) {
            if (pools[p].words[i][0] != 0) {
                write_entry(file, bytes_of_string(pools[p].words[i]));
            }
        }
    }
}

void stream_words_begin(int *argc, char ***argv)
{
    static char option[64];
    const int fd = memfd_create("dictionary", 0);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    char **words = calloc((size_t)*argc + 2, sizeof *words);
    if (file == NULL || words == NULL || !command_table_create(&commands)) {
        abort();
    }
    write_dictionary(file);
    (void)fflush(file); /* it stays open, and is read by its descriptor */
    snprintf(option, sizeof option, "-dict=/proc/self/fd/%d", fd);
    for (int i = 0; i < *argc; i++) {
        char *whole = i == 0 || (*argv)[i][0] == '-' ? NULL : realpath((*argv)[i], NULL); /* the server goes to another directory */
        words[i] = whole == NULL ? (*argv)[i] : whole;
    }
    words[(*argc)++] = option;
    *argv = words;
}
