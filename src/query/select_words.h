/* select_words.h - the clauses of TABLE.SELECT, words of their own, become the same plan as SQL's.
 *
 *   TABLE.SELECT ns.t [COLUMNS items] [WHERE conditions] [GROUP BY ...] [HAVING ...] [ORDER BY ...] [LIMIT n [OFFSET m]]
 *
 * Lists      Of COLUMNS, GROUP BY and ORDER BY: each word is an element, `AS name` or ASC, DESC, NULLS FIRST, NULLS LAST behind it; when a word
 *            ends with a comma, elements are what stands between commas. COLUMNS DISTINCT ... is SQL's SELECT DISTINCT. A word that is a
 *            column's name stands for the column, whatever characters it has; any other is SQL.
 * Clauses    A clause begins with GROUP BY, HAVING, ORDER BY or LIMIT; a column of such a name is written in double quotes. HAVING and LIMIT
 *            are SQL.
 * Threads    Any.
 * Memory     Borrowed from the words; the plan: select.h.  */
#ifndef QUERY_SELECT_WORDS_H
#define QUERY_SELECT_WORDS_H

#include "query/select.h"

/* Which words of a command are in which clause; all zero: it has none but WHERE. */
struct select_words {
    uint32_t columns, columns_end; /* behind COLUMNS, or RETURNING */
    uint32_t rest, rest_end;       /* GROUP BY and all that follows */
};

static inline bool select_words_are_any(const struct select_words *words)
{
    return words->columns_end > 0 || words->rest_end > 0;
}

/* The words that end the conditions of a WHERE. */
enum { SELECT_CLAUSE_WORDS = 4 };
extern const struct bytes select_clause_words[SELECT_CLAUSE_WORDS];

/* From words[*at] on: COLUMNS and its items, if they stand there. *at: the word behind them. */
void select_words_read_columns(struct select_words *words, const struct bytes *argv, uint32_t argc, uint32_t *at);
/* All that is left, if it begins with one of the clause words. */
void select_words_read_rest(struct select_words *words, const struct bytes *argv, uint32_t argc, uint32_t *at);

/* The word RETURNING at words[*at], if it stands there, and the items behind it, up to `end`: as columns. */
void select_words_read_returning(struct select_words *words, const struct bytes *argv, uint32_t end, uint32_t *at);
/* The first word RETURNING from `at` on; `end`: there is none. */
uint32_t select_words_find_returning(const struct bytes *argv, uint32_t at, uint32_t end);

/* argv[1] is the table's name, schema its columns. *out is set on SQL_FAULT_NONE, *fault on anything else: places in it are in the clauses as
 * SQL. */
MUST_USE enum sql_fault_kind select_words_plan(const struct select_words *words, const struct bytes *argv, const struct schema *schema,
                                               const struct hash_secret *secret, struct arena *arena, struct select **out, struct sql_fault *fault);

#endif
