/* automaton.h - the parser that lemon makes of the grammar, as parse.c calls it.
 *
 * It is a stack automaton in memory of the caller's: words go in one by one, and its rules call the builder.
 *
 * Threads    One automaton, one thread.  */
#ifndef SQL_AUTOMATON_H
#define SQL_AUTOMATON_H

#include "sql/token.h"

#include <stdbool.h>
#include <stdint.h>

struct sql_builder;

/* Stack entries are 16 bytes. A level of nesting takes up to 7 of them; levels are limited before (SQL_DEPTH_MAX, SQL_QUERY_DEPTH_MAX). */
enum { SQL_AUTOMATON_STACK = 4000, SQL_AUTOMATON_BYTES = SQL_AUTOMATON_STACK * 16 + 128 };

struct sql_automaton {
    _Alignas(16) char bytes[SQL_AUTOMATON_BYTES];
};

/* Nothing has to be ended. */
void sql_automaton_begin(struct sql_automaton *automaton, struct sql_builder *builder);
/* The next word; 0 is the last one, the end. Faults are the builder's (builder.h); after one nothing more may be given. */
void sql_automaton_take(struct sql_automaton *automaton, int number, struct sql_token token);
/* True when a word of this number could come now. O(stack). */
bool sql_automaton_would_take(const struct sql_automaton *automaton, int number);
/* True when it could come as a name alone, since it is a word that is not reserved. */
bool sql_automaton_is_name(int number);
/* "SELECT", "NAME", "LP": as the grammar calls it; numbers from 1 to sql_automaton_words(). */
const char *sql_automaton_word(int number);
int sql_automaton_words(void);

#endif
