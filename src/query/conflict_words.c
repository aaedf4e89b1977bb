/* conflict_words.c - see conflict_words.h.  */
#include "query/conflict_words.h"

#include "query/statement.h"

#include <string.h>

static const struct {
    struct bytes word;
    bool is_any;
    enum conflict_deed deed;
} deeds[] = {{BYTES("ERROR"), false, CONFLICT_IGNORE},
             {BYTES("IGNORE"), true, CONFLICT_IGNORE},
             {BYTES("REPLACE"), true, CONFLICT_REPLACE},
             {BYTES("UPDATE"), true, CONFLICT_UPDATE}};
enum { DEEDS = sizeof deeds / sizeof deeds[0] };

bool conflict_word_is(struct bytes word)
{
    return bytes_equal_ignore_case(word, BYTES("ONCONFLICT"));
}

enum table_result conflict_words_read(struct conflict_words *words, const struct bytes *argv, uint32_t end, uint32_t *at, struct table_fault *fault)
{
    const uint32_t place = *at + 1;
    uint32_t deed = 0;
    while (place < end && deed < DEEDS && !bytes_equal_ignore_case(argv[place], deeds[deed].word)) {
        deed++;
    }
    if (place >= end || deed == DEEDS) {
        *fault = (struct table_fault){.expected = EXPECTED_DEED, .is_known = true, .is_end = place >= end, .beside = argv[*at]};
        fault->word = place < end ? argv[place] : fault->word;
        return TABLE_BAD_CLAUSE;
    }
    *words = (struct conflict_words){.is_any = deeds[deed].is_any, .deed = deeds[deed].deed, .sets = place + 1};
    *at = words->sets;
    while (words->is_any && words->deed == CONFLICT_UPDATE && *at < end && memchr(argv[*at].data, '=', argv[*at].len) != NULL) {
        (*at)++;
    }
    words->sets_end = *at;
    return TABLE_OK;
}

enum table_result conflict_words_plan(const struct conflict_words *words, const struct exec *exec, struct table *table, struct arena *arena,
                                      const struct conflict **out, struct table_fault *fault, struct sql_fault *sql_fault)
{
    *out = NULL;
    if (!words->is_any) {
        return TABLE_OK;
    }
    struct conflict *conflict = arena_alloc_zeroed(arena, sizeof *conflict);
    if (conflict == NULL) {
        return TABLE_NO_MEMORY;
    }
    conflict->deed = words->deed;
    conflict->target = COLUMN_NONE;
    *out = conflict;
    if (words->deed != CONFLICT_UPDATE) {
        return TABLE_OK;
    }
    struct statement statement = {.kind = STATEMENT_UPDATE, .table = table, .schema = table_schema(table)};
    const enum table_result result = statement_parse_upsert(&statement, exec, words->sets, words->sets_end, arena, sql_fault);
    *fault = statement.fault;
    conflict->set = statement.set;
    conflict->set_count = statement.set_count;
    conflict->work = statement.work;
    conflict->asks_all = statement.moves_rows || statement.sets_unique;
    return result;
}
