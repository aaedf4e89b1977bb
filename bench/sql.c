/* sql.c - statements read and conditions computed, beside SQLite's in the same run. Both hold nothing but this thread's CPU.
 *
 *   bench-sql          medians of 9 runs
 *
 * Reading: sql_parse, and that with its conditions compiled, against sqlite3_prepare_v2 and sqlite3_finalize (which also plan). Computing:
 * one condition over rows that lie ready in memory, against SELECT count(*) with it over the same rows of a table in memory, which has to
 * find and unpack each row, too.  */
#include "expression/compile.h"
#include "expression/evaluate.h"
#include "sql/parse.h"
#include "timing.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 9, PARSES = 20000, ROWS = 100000, ROUNDS = 10 };

static void check(bool is_good, const char *what)
{
    if (!is_good) {
        fprintf(stderr, "bench-sql: %s\n", what);
        exit(1);
    }
}

static bool find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    (void)context;
    (void)why;
    const bool is_a = bytes_equal(node->text, BYTES("a"));
    *slot = (struct expression_slot){is_a ? 0 : 1, is_a ? SCALAR_INTEGER : SCALAR_STRING};
    return node->kind == SQL_COLUMN;
}

static const struct expression_resolver resolver = {.find = find};

static const struct program *compile_where(struct bytes text, struct arena *arena)
{
    static uint8_t types[8];
    const struct sql_statement *statement;
    const struct program *program = NULL;
    struct sql_fault fault;
    check(sql_parse(text, arena, &statement, &fault) == SQL_FAULT_NONE, "a statement is wrong");
    memset(types, SCALAR_UNKNOWN, sizeof types);
    const struct expression_source source = {.root = statement->query->selects->where,
                                             .resolver = &resolver,
                                             .parameter_types = types,
                                             .parameter_count = statement->parameter_count,
                                             .wanted = SCALAR_BOOLEAN};
    check(expression_compile(&source, arena, &program, &fault) == SQL_FAULT_NONE, "a condition is wrong");
    return program;
}

static void bench_parse(sqlite3 *database, const char *text)
{
    double times[3][RUNS];
    struct arena arena;
    arena_init(&arena, MEM_CLIENT, 1 << 20);
    for (int run = 0; run < RUNS; run++) {
        int64_t begin = cpu_ns();
        for (int i = 0; i < PARSES; i++) {
            const struct sql_statement *statement;
            struct sql_fault fault;
            check(sql_parse(bytes_of_string(text), &arena, &statement, &fault) == SQL_FAULT_NONE, "a statement is wrong");
            arena_empty(&arena);
        }
        times[0][run] = (double)(cpu_ns() - begin) / PARSES / 1000;
        begin = cpu_ns();
        for (int i = 0; i < PARSES; i++) {
            check(compile_where(bytes_of_string(text), &arena) != NULL, "no program");
            arena_empty(&arena);
        }
        times[1][run] = (double)(cpu_ns() - begin) / PARSES / 1000;
        begin = cpu_ns();
        for (int i = 0; i < PARSES; i++) {
            sqlite3_stmt *statement;
            check(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(database));
            sqlite3_finalize(statement);
        }
        times[2][run] = (double)(cpu_ns() - begin) / PARSES / 1000;
    }
    const double sqlite = median(times[2], RUNS);
    const double parse = median(times[0], RUNS);
    const double both = median(times[1], RUNS);
    printf("%s\n  read %.2f us (%.2f of SQLite's), with its WHERE compiled %.2f us (%.2f), sqlite3_prepare_v2 %.2f us\n", text, parse, parse / sqlite,
           both, both / sqlite, sqlite);
    arena_release(&arena);
}

static int64_t count_rows(sqlite3_stmt *statement)
{
    check(sqlite3_step(statement) == SQLITE_ROW, "no row");
    const int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return count;
}

static void bench_condition(sqlite3 *database, const struct scalar *rows, const char *condition)
{
    char text[300];
    double times[2][RUNS];
    sqlite3_stmt *statement;
    struct scalar temporaries[64];
    struct arena arena;
    int64_t ours = 0;
    int64_t theirs = 0;
    arena_init(&arena, MEM_CLIENT, 1 << 20);
    snprintf(text, sizeof text, "SELECT count(*) FROM main.r WHERE %s", condition);
    const struct program *program = compile_where(bytes_of_string(text), &arena);
    check(program->temporary_count <= 64, "too many temporaries");
    check(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(database));
    for (int run = 0; run < RUNS; run++) {
        int64_t begin = cpu_ns();
        for (int round = 0; round < ROUNDS; round++) {
            ours = 0;
            for (int i = 0; i < ROWS; i++) {
                struct program_run_state state = {.slots = rows + 2 * i, .temporaries = temporaries, .arena = &arena};
                bool is_true;
                check(program_is_true(program, &state, &is_true) == EXPRESSION_OK, "a row failed");
                ours += is_true;
            }
        }
        times[0][run] = (double)(cpu_ns() - begin) / ROUNDS / ROWS;
        begin = cpu_ns();
        for (int round = 0; round < ROUNDS; round++) {
            theirs = count_rows(statement);
        }
        times[1][run] = (double)(cpu_ns() - begin) / ROUNDS / ROWS;
    }
    check(ours == theirs, "different counts");
    const double own = median(times[0], RUNS);
    const double sqlite = median(times[1], RUNS);
    printf("%s\n  %.1f ns a row, SQLite's scan %.1f: %.2f\n", condition, own, sqlite, own / sqlite);
    sqlite3_finalize(statement);
    arena_release(&arena);
}

int main(void)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *insert;
    static char texts[ROWS][16];
    struct scalar *rows = malloc(2 * ROWS * sizeof *rows);
    check(rows != NULL && sqlite3_open(":memory:", &database) == SQLITE_OK, "no database");
    check(sqlite3_exec(database,
                       "PRAGMA case_sensitive_like = ON; CREATE TABLE r (a INTEGER, b TEXT); CREATE TABLE t (a INTEGER, b TEXT); "
                       "CREATE TABLE u (a INTEGER, b TEXT); BEGIN", NULL, NULL, NULL) == SQLITE_OK, "no tables");
    check(sqlite3_prepare_v2(database, "INSERT INTO r VALUES (?, ?)", -1, &insert, NULL) == SQLITE_OK, "no insert");
    for (int i = 0; i < ROWS; i++) {
        snprintf(texts[i], sizeof texts[i], "%c%d", 'w' + i % 3, i);
        rows[2 * i] = scalar_integer(i * 7 % 13);
        rows[2 * i + 1] = scalar_bytes(SCALAR_STRING, bytes_of_string(texts[i]));
        sqlite3_bind_int64(insert, 1, rows[2 * i].integer);
        sqlite3_bind_text(insert, 2, texts[i], -1, SQLITE_STATIC);
        check(sqlite3_step(insert) == SQLITE_DONE, "no row");
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    check(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "no commit");
    bench_parse(database, "SELECT a, b FROM main.t WHERE a = ?");
    bench_parse(database, "SELECT a, lower(b) AS name, count(*) FROM main.t WHERE a > 5 AND b LIKE 'x%' AND a IN (1, 2, 3) OR b = 'it''s' "
                          "GROUP BY a, lower(b) HAVING count(*) > 2 ORDER BY a DESC, b LIMIT 10 OFFSET 20");
    bench_condition(database, rows, "a > 5 AND b LIKE 'x%'");
    bench_condition(database, rows, "a > 5");
    bench_condition(database, rows, "b LIKE '%9_1%'");
    bench_condition(database, rows, "a + 1 > 5 AND a * 2 < 20");
    bench_condition(database, rows, "a IN (1, 3, 5, 7, 9, 11)");
    sqlite3_close(database);
    free(rows);
    return 0;
}
