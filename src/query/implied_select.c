/* implied_select.c - see implied_select.h. The clauses are words beside the command's, which become a plan like any.  */
#include "query/implied_select.h"

#include "shard/server.h"

/* In front of them: a command's name and a table's, as in TABLE.SELECT. */
enum { CLAUSES_AT = 2, CLAUSE_WORDS_MAX = 2 };

struct clauses {
    struct select_words places;
    struct bytes words[CLAUSE_WORDS_MAX];
};

static enum table_result plan_clauses(struct statement *statement, const struct exec *exec, const struct clauses *clauses, struct arena *arena,
                                      struct sql_fault *fault)
{
    const struct bytes argv[CLAUSES_AT + CLAUSE_WORDS_MAX] = {exec->argv[0], exec->argv[1], clauses->words[0], clauses->words[1]};
    statement->words = clauses->places;
    return statement_result_of(
        select_words_plan(&clauses->places, argv, statement->schema, &exec->server->secret, arena, &statement->select, fault));
}

static enum table_result read_with(struct statement *statement, const struct exec *exec, const struct clauses *clauses, struct arena *arena,
                                   struct sql_fault *fault)
{
    *statement = (struct statement){.kind = STATEMENT_SELECT};
    struct table *table = statement_table(exec);
    if (table == NULL) {
        return TABLE_MISSING;
    }
    void *memory = arena_alloc(arena, statement_bytes(exec));
    if (memory == NULL) {
        return TABLE_NO_MEMORY;
    }
    const enum table_result result = statement_parse(statement, exec, STATEMENT_SELECT, table, memory);
    if (result != TABLE_OK) {
        return result;
    }
    return select_words_are_any(&statement->words) ? TABLE_BAD_CLAUSE : plan_clauses(statement, exec, clauses, arena, fault);
}

enum table_result implied_read_count(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault)
{
    static const struct clauses count = {.places = {.columns = CLAUSES_AT + 1, .columns_end = CLAUSES_AT + 2},
                                         .words = {BYTES("COLUMNS"), BYTES("count(*)")}};
    return read_with(statement, exec, &count, arena, fault);
}

enum table_result implied_read_exists(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault)
{
    static const struct clauses exists = {.places = {.rest = CLAUSES_AT, .rest_end = CLAUSES_AT + 2}, .words = {BYTES("LIMIT"), BYTES("1")}};
    return read_with(statement, exec, &exists, arena, fault);
}
