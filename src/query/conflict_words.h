/* conflict_words.h - ONCONFLICT of a TABLE.INSERT, behind the fields of a row or the names of COLUMNS.
 *
 *   ONCONFLICT ERROR | IGNORE | REPLACE | UPDATE col=value|col:=expression ...
 *
 * Threads    Whoever may read the schema.
 * Memory     Words are borrowed from the command; what is planned is in the caller's arena.
 * Read on    conflict.h, set_words.h  */
#ifndef QUERY_CONFLICT_WORDS_H
#define QUERY_CONFLICT_WORDS_H

#include "exec/exec.h"
#include "query/conflict.h"

/* All zero: rows whose values others have are refused. */
struct conflict_words {
    bool is_any;
    enum conflict_deed deed;
    uint32_t sets, sets_end; /* words of UPDATE */
};

/* Is it the word? */
bool conflict_word_is(struct bytes word);
/* From argv[*at] on, where the word stands, up to `end`; *at: behind what was read. TABLE_BAD_CLAUSE: *fault says which word is wrong. */
MUST_USE enum table_result conflict_words_read(struct conflict_words *words, const struct bytes *argv, uint32_t end, uint32_t *at,
                                               struct table_fault *fault);
/* What they mean; *out is NULL where rows are refused. TABLE_NO_MEMORY; TABLE_FAULT: *sql_fault is set; what statement_parse says of SET: *fault. */
MUST_USE enum table_result conflict_words_plan(const struct conflict_words *words, const struct exec *exec, struct table *table, struct arena *arena,
                                               const struct conflict **out, struct table_fault *fault, struct sql_fault *sql_fault);

#endif
