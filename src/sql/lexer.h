/* lexer.h - a text in words. Comments (-- and slash-star) and blanks are skipped. The words' numbers are the grammar's (SQL_TOKEN_...).
 *
 * Threads    Any.  */
#ifndef SQL_LEXER_H
#define SQL_LEXER_H

#include "base/bytes.h"
#include "sql/token.h"

#include <stdint.h>

/* Numbers of what is no word. */
enum {
    SQL_LEX_END = 0,
    SQL_LEX_BAD_CHARACTER = -1,
    SQL_LEX_OPEN_TEXT = -2,
    SQL_LEX_OPEN_NAME = -3,
    SQL_LEX_OPEN_COMMENT = -4,
    SQL_LEX_BAD_NUMBER = -5,
    SQL_LEX_BAD_BLOB = -6,
};

/* The first word at or behind `from`; its place is in *token.
 *
 * text     has a NUL behind its last byte, and is shorter than 4 GiB
 * Returns  its number, SQL_LEX_END, or what is wrong there (negative)  */
int sql_lex(struct bytes text, uint32_t from, struct sql_token *token);

/* True for what can stand as a name without quotes: letters, digits, _ and $, none of the grammar's words, 128 bytes at most. */
bool sql_is_plain_name(struct bytes name);

#endif
