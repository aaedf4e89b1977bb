/* parser.h - finds commands in what a client sent: RESP arrays of bulk strings, and inline commands.
 *
 * A command's words stay where they were received, which is not written to: the same bytes may be parsed again.
 *
 * Threads    The connection's.
 * Memory     `words` is the caller's; a command with more words than fit gets an array of its own (parsed.own_words).
 * Limits     Nothing is allocated by a number that the client only claims.
 * Read on    the RESP specification; texts and limits are those of Redis 7.0 (networking.c's behaviour, observed).  */
#ifndef NET_PARSER_H
#define NET_PARSER_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PARSER_INLINE_MAX = 65536,         /* a line: inline command or a length */
    PARSER_WORDS_MAX = 2147483647,     /* Redis 7.0: a multibulk length */
    PARSER_UNAUTHENTICATED_WORDS_MAX = 10, /* before AUTH */
    PARSER_UNAUTHENTICATED_BULK_MAX = 16384,
};

enum parse_status { PARSE_COMMAND, PARSE_MORE, PARSE_ERROR };

/* Progress on a command of many words that has not arrived completely: offsets from its first byte. */
struct parser_progress;

/* A connection's parser; all zero at the start. */
struct parser {
    struct parser_progress *progress; /* NULL: none */
    size_t bytes_needed;              /* looking again is useless below this many bytes of the command; 0 unknown */
};

struct parse_limits {
    int64_t bulk_len_max;   /* proto-max-bulk-len */
    bool is_unauthenticated; /* has not authenticated, and must */
};

struct parsed {
    struct bytes *words;       /* the caller's array, or own_words */
    uint32_t count;            /* 0: an empty line or an empty array, to be ignored */
    size_t consumed;           /* bytes of `input` that belong to it */
    struct bytes *own_words;   /* NULL, or thread_alloc'd: parsed_words_free */
    uint32_t own_capacity;
    char error[80];            /* PARSE_ERROR: "Protocol error: ..." without code */
};

/* Looks for one command at the start of `input`. On PARSE_MORE call again with the same bytes and more behind them (they may have
 * moved). `words` has room for `capacity` (>= 1).  */
enum parse_status parser_next(struct parser *parser, struct bytes input, const struct parse_limits *limits,
                              struct bytes *words, uint32_t capacity, struct parsed *out);
void parsed_words_free(struct bytes *own_words, uint32_t own_capacity);
/* Forgets progress and frees it. */
void parser_reset(struct parser *parser);
/* Bytes of an unfinished command whose words are complete. */
size_t parser_done_bytes(const struct parser *parser);
/* Bytes that an unfinished command keeps besides the query buffer. */
size_t parser_memory_bytes(const struct parser *parser);

#endif
