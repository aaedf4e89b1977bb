/* tables_sqlite.c - what the statements of bench/tables take in SQLite, in this process, with prepared statements, in memory.
 *
 *   bench-tables-sqlite ROWS          one line a statement: its name, CPU nanoseconds an operation (whole statements: microseconds a statement)
 *
 * The rows are those of bench/tables; single operations are in one transaction, so that no commit is counted.  */
#include "timing.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS = 20000, RUNS = 5 };

static sqlite3 *database;
static int64_t rows;

static void check(int is_good)
{
    if (!is_good) {
        fprintf(stderr, "bench-tables-sqlite: %s\n", sqlite3_errmsg(database));
        exit(1);
    }
}

static void run(const char *text)
{
    check(sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *prepare(const char *text)
{
    sqlite3_stmt *statement = NULL;
    check(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK);
    return statement;
}

/* To its last row, every value read. */
static void step_all(sqlite3_stmt *statement)
{
    int status;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            (void)sqlite3_column_text(statement, i);
        }
    }
    check(status == SQLITE_DONE);
    sqlite3_reset(statement);
}

static void insert_rows(void)
{
    sqlite3_stmt *statement = prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
    run("BEGIN");
    const int64_t start = cpu_ns();
    for (int64_t i = 0; i < rows; i++) {
        char email[32];
        char name[32];
        snprintf(email, sizeof email, "user%07d@mail.io", (int)i);
        snprintf(name, sizeof name, "name%04d", (int)(i * 7919 % 10000));
        sqlite3_bind_int64(statement, 1, i);
        sqlite3_bind_text(statement, 2, email, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 3, name, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(statement, 4, i * 31 % 100);
        step_all(statement);
    }
    printf("insert %.0f\n", (double)(cpu_ns() - start) / (double)rows);
    sqlite3_finalize(statement);
    run("COMMIT");
}

/* One operation for each of so many ids. */
static void single(const char *name, const char *text)
{
    sqlite3_stmt *statement = prepare(text);
    run("BEGIN");
    const int64_t start = cpu_ns();
    for (int64_t i = 0; i < OPERATIONS; i++) {
        sqlite3_bind_int64(statement, 1, i * 7919 % rows);
        step_all(statement);
    }
    printf("%s %.0f\n", name, (double)(cpu_ns() - start) / OPERATIONS);
    sqlite3_finalize(statement);
    run("COMMIT");
}

static void whole(const char *name, const char *text)
{
    double times[RUNS];
    sqlite3_stmt *statement = prepare(text);
    for (int i = 0; i < RUNS; i++) {
        const int64_t start = cpu_ns();
        step_all(statement);
        times[i] = (double)(cpu_ns() - start) / 1e3;
    }
    printf("%s %.1f\n", name, median(times, RUNS));
    sqlite3_finalize(statement);
}

static void once(const char *name, const char *text)
{
    const int64_t start = cpu_ns();
    run(text);
    printf("%s %.1f\n", name, (double)(cpu_ns() - start) / 1e3);
}

int main(int argc, char **argv)
{
    rows = argc > 1 ? atoll(argv[1]) : 1000000;
    if (rows < 1000) {
        fprintf(stderr, "bench-tables-sqlite: at least 1000 rows\n");
        return 1;
    }
    check(sqlite3_open(":memory:", &database) == SQLITE_OK);
    run("CREATE TABLE t (id INTEGER, email TEXT, name TEXT, age INTEGER); CREATE INDEX t_id ON t (id); CREATE INDEX t_email ON t (email)");
    insert_rows();
    printf("bytes %.1f\n", (double)sqlite3_memory_used() / (double)rows);
    single("point", "SELECT * FROM t WHERE id = ?");
    single("range", "SELECT * FROM t WHERE id >= ? LIMIT 100");
    single("update", "UPDATE t SET age = 7 WHERE id = ?");
    whole("count", "SELECT count(*) FROM t WHERE age < 50");
    whole("count-text", "SELECT count(*) FROM t WHERE name = 'name0042'");
    whole("group-age", "SELECT age, count(*), avg(age) FROM t GROUP BY age");
    whole("group-name", "SELECT name, count(*) FROM t GROUP BY name LIMIT 10");
    whole("order", "SELECT * FROM t ORDER BY age, id LIMIT 10");
    whole("order-index", "SELECT * FROM t ORDER BY email DESC LIMIT 10");
    once("build", "CREATE INDEX t_name ON t (name)");
    run("DROP INDEX t_name");
    single("delete", "DELETE FROM t WHERE id = ?");
    once("delete-all", "DELETE FROM t WHERE id >= 0");
    sqlite3_close(database);
    return 0;
}
