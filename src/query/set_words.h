/* set_words.h - col:=expression words of TABLE.UPDATE: what a row gets is computed from the row as it was.
 *
 * The expression is SQL. A word col=value is a value as ever, whatever it holds: := counts where the first operator of the word is the = in it,
 * and no column's name ends with a colon.
 *
 * Threads    Any.
 * Memory     Borrowed from the words; what is planned is in the caller's arena.
 * Read on    row_work.h  */
#ifndef QUERY_SET_WORDS_H
#define QUERY_SET_WORDS_H

#include "query/row_work.h"

/* Is it such a word? Then its two parts, which may be anything. */
bool set_word_split(struct bytes word, struct bytes *name, struct bytes *expression);

struct set_words {
    const struct schema *schema;
    struct bytes space, table;     /* the names that columns may be qualified with */
    const struct assignment *sets; /* the value's text is the expression */
    uint32_t count;
    int64_t now_us;
    bool is_upsert;                /* names may be those of the row that was to be added: row_work_upsert */
};

/* Makes the work of these sets; no row is left out by it. *out is set on SQL_FAULT_NONE, *fault on anything else. */
MUST_USE enum sql_fault_kind set_words_plan(const struct set_words *words, struct arena *arena, const struct row_work **out, struct sql_fault *fault);

#endif
