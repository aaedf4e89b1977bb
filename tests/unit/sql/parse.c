/* Statements: what is taken, how it is written back, and what is said of what is not taken. */
#include "sql/parse.h"
#include "sql/write.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena new_arena(void)
{
    struct arena arena;
    arena_init(&arena, MEM_CLIENT, 256 << 20);
    return arena;
}

/* The canonical text of a statement; NULL, with the fault, when it is none. To be freed. */
static char *rewrite(struct bytes text, struct sql_fault *fault)
{
    struct arena arena = new_arena();
    const struct sql_statement *statement;
    char *written = NULL;
    if (sql_parse(text, &arena, &statement, fault) == SQL_FAULT_NONE) {
        struct buffer out = BUFFER_EMPTY(MEM_CLIENT);
        cr_assert(sql_write_statement(statement, &out));
        written = strndup(out.data, out.len);
        buffer_release(&out);
    }
    arena_release(&arena);
    return written;
}

/* `written` NULL: as it is. */
static const struct {
    const char *text, *written;
} good[] = {
    {"select 1", "SELECT 1"},
    {"SELECT 1;", "SELECT 1"},
    {"SELECT /* a * comment */ 1 -- another", "SELECT 1"},
    {"SELECT DISTINCT a, b + 1 AS c, t.*, * FROM s.t AS q", NULL},
    {"select a x from s.t q", "SELECT a AS x FROM s.t AS q"},
    {"SELECT a FROM s.t INNER JOIN s.u ON t.i = u.i LEFT OUTER JOIN s.v w ON w.i = u.i",
     "SELECT a FROM s.t JOIN s.u ON t.i = u.i LEFT JOIN s.v AS w ON w.i = u.i"},
    {"SELECT a FROM s.t WHERE a > 5 GROUP BY a, lower(b) HAVING count(*) > 3 ORDER BY a DESC NULLS LAST, b NULLS FIRST LIMIT 10 OFFSET 5", NULL},
    {"SELECT a FROM s.t ORDER BY a ASC LIMIT ?", "SELECT a FROM s.t ORDER BY a LIMIT $1"},
    {"SELECT 1 UNION ALL SELECT 2 UNION SELECT 3 ORDER BY 1 LIMIT 2", NULL},
    {"SELECT a FROM s.t WHERE a IN (SELECT b FROM s.u WHERE NOT EXISTS (SELECT 1)) AND c = (SELECT max(d) FROM s.u)", NULL},
    {"SELECT s.t.a, t.a, \"select\", \"a\"\"b\"", NULL},
    {"SELECT count(*), count(DISTINCT a), sum(a), coalesce(a, b, 1)", NULL},
    {"SELECT extract(YEAR FROM d)", "SELECT YEAR(d)"},
    {"SELECT CASE WHEN a THEN 1 ELSE 2 END, CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 END", NULL},
    {"SELECT CAST(a AS decimal(10, 2)), CAST(b AS varchar(5)), DATE '2024-01-01', TIMESTAMP '2024-01-01 10:00:00'", NULL},
    {"SELECT 'it''s', x'0aFF', X'', 1.5, .5, 1e10, 1.5E-3, TRUE, false, null",
     "SELECT 'it''s', x'0aff', x'', 1.5, .5, 1e10, 1.5E-3, TRUE, FALSE, NULL"},
    {"SELECT -5, - 5, -(5), -(-5), - -5, -1.5, -x, -(-x), a - -5",
     "SELECT -5, -5, -5, -(-5), -(-5), -1.5, -x, -(-x), a - -5"},
    {"SELECT 9223372036854775807, -9223372036854775808", NULL},
    {"SELECT +a + +5", "SELECT a + 5"},
    {"SELECT (a + b) * c, a + (b * c), (a - b) - c, a - (b - c), (a || b) || c, a || (b || c)",
     "SELECT (a + b) * c, a + b * c, a - b - c, a - (b - c), a || b || c, a || (b || c)"},
    {"SELECT a AND b AND c, a AND (b AND c), (a AND b) AND c, a OR b AND c, (a OR b) AND c",
     "SELECT a AND b AND c, a AND b AND c, a AND b AND c, a OR b AND c, (a OR b) AND c"},
    {"SELECT NOT a = b, NOT (a AND b), (NOT a) = b, NOT NOT a", "SELECT NOT a = b, NOT (a AND b), (NOT a) = b, NOT NOT a"},
    {"SELECT a IS NULL, a IS NOT NULL, a = b IS NULL, a = (b IS NULL)", NULL},
    {"SELECT a BETWEEN 1 AND 2 AND b, a NOT BETWEEN (b AND c) AND d", NULL},
    {"SELECT a LIKE 'x%', a NOT LIKE b ESCAPE '!', a LIKE (b = c)", NULL},
    {"SELECT a IN (1, 2), a NOT IN (b, c + 1), a NOT IN (SELECT 1)", NULL},
    {"SELECT j -> 'a' ->> 'b', j -> 0, j -> (a || b)", NULL},
    {"SELECT a < b = c > d, a % b, a == b, a != b", "SELECT a < b = c > d, a % b, a = b, a <> b"},
    {"SELECT $2, $1", NULL},
    {"INSERT INTO s.t VALUES (1, 2), (?, ?)", "INSERT INTO s.t VALUES (1, 2), ($1, $2)"},
    {"INSERT INTO s.t (a, b) VALUES (1, 2) ON CONFLICT DO NOTHING", NULL},
    {"INSERT OR IGNORE INTO s.t (a, b) VALUES (1, 2), (3, 4) RETURNING a", NULL},
    {"INSERT OR REPLACE INTO s.t VALUES (1)", NULL},
    {"INSERT INTO s.t (a) VALUES (1) ON CONFLICT (a, b) DO REPLACE RETURNING *", NULL},
    {"INSERT INTO s.t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b + 1, c = NULL WHERE t.b < 5 RETURNING a AS x, b", NULL},
    {"UPDATE s.t SET a = a - 1, b = lower(b) WHERE c = 5 RETURNING a", NULL},
    {"UPDATE s.t SET a = 1", NULL},
    {"DELETE FROM s.t WHERE a IS NULL RETURNING *", NULL},
    {"DELETE FROM s.t", NULL},
    {"CREATE TABLE IF NOT EXISTS s.t (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(10) NOT NULL UNIQUE DEFAULT 'x', "
     "p decimal(10,2) DEFAULT -1.5 CHECK (p > 0), r integer REFERENCES s.u(id) ON DELETE SET NULL, d date NULL)",
     "CREATE TABLE IF NOT EXISTS s.t (id integer PRIMARY KEY AUTO, name varchar(10) UNIQUE NOT NULL DEFAULT 'x', "
     "p decimal(10, 2) DEFAULT -1.5 CHECK (p > 0), r integer REFERENCES s.u (id) ON DELETE SET NULL, d date)"},
    {"CREATE TABLE s.t (a integer REFERENCES s.u (a) ON DELETE CASCADE, b integer REFERENCES s.u (a) ON DELETE RESTRICT)", NULL},
    {"ALTER TABLE s.t ADD a integer NOT NULL", "ALTER TABLE s.t ADD COLUMN a integer NOT NULL"},
    {"ALTER TABLE s.t DROP COLUMN a", NULL},
    {"ALTER TABLE s.t RENAME TO u", NULL},
    {"ALTER TABLE s.t RENAME COLUMN a TO b", NULL},
    {"ALTER TABLE s.t RENAME a TO b", "ALTER TABLE s.t RENAME COLUMN a TO b"},
    {"DROP TABLE IF EXISTS s.t", NULL},
    {"CREATE UNIQUE INDEX i ON s.t (a, b) USING btree", NULL},
    {"CREATE INDEX IF NOT EXISTS ON s.t (a) USING HASH", "CREATE INDEX IF NOT EXISTS ON s.t (a) USING hash"},
    {"DROP INDEX i ON s.t", NULL},
    {"DROP INDEX IF EXISTS ON s.t (a, b)", NULL},
    {"EXPLAIN DELETE FROM s.t", NULL},
    {"SELECT key, \"index\", replace(first, last) FROM add.update", "SELECT \"key\", \"index\", \"replace\"(\"first\", \"last\") FROM \"add\".\"update\""},
    {"SELECT \303\244 FROM s.\346\227\245", NULL},
};

Test(sql_parse, takes_statements_and_writes_them_back)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct sql_fault fault;
        char *written = rewrite(bytes_of_string(good[i].text), &fault);
        cr_assert(written != NULL, "%s: %s", good[i].text, fault.text);
        cr_assert_str_eq(written, good[i].written == NULL ? good[i].text : good[i].written);
        char *again = rewrite(bytes_of_string(written), &fault);
        cr_assert(again != NULL, "%s: %s", written, fault.text);
        cr_assert_str_eq(again, written);
        free(again);
        free(written);
    }
}

static const struct {
    const char *text, *fault;
} bad[] = {
    {"", "the statement ends where ALTER, DELETE, DROP, EXPLAIN, INSERT, UPDATE, SELECT or CREATE was expected, at byte 0"},
    {"SELECT a FROM t", "the statement ends where a dot was expected, at line 1, column 16 (byte 15)"},
    {"SELECT a FROM s.t WHERE", "the statement ends where an expression was expected, at line 1, column 24 (byte 23)"},
    {"SELECT a,\n FROM s.t", "an expression or * was expected, not FROM, at line 2, column 2 (byte 11)"},
    {"SELECT '\303\244', FROM s.t", "an expression or * was expected, not FROM, at line 1, column 13 (byte 13)"},
    {"INSERT INTO s.t (a) VALUSE (1)", "VALUES was expected, not VALUSE, at line 1, column 21 (byte 20)"},
    {"SELECT a FROM s.t LIMIT a", "a number or a parameter was expected, not a, at line 1, column 25 (byte 24)"},
    {"SELECT a FROM s.t WHERE (a = 1", "the statement ends where an operator, OR, AND or ) was expected, at line 1, column 31 (byte 30)"},
    {"CREATE TABLE s.t (a)", "a name was expected, not ), at line 1, column 20 (byte 19)"},
    {"SELECT 'abc", "the text has no quote at its end, at line 1, column 8 (byte 7)"},
    {"SELECT \"abc", "the name is empty or has no quote at its end, at line 1, column 8 (byte 7)"},
    {"SELECT \"\"", "the name is empty or has no quote at its end, at line 1, column 8 (byte 7)"},
    {"SELECT /* abc", "the comment has no end, at line 1, column 8 (byte 7)"},
    {"SELECT 12abc", "the number has letters behind it, at line 1, column 8 (byte 7)"},
    {"SELECT x'abc'", "a blob is x'...' with pairs of hexadecimal digits, at line 1, column 8 (byte 7)"},
    {"SELECT #", "no word begins with this character, at line 1, column 8 (byte 7)"},
    {"SELECT 9223372036854775808", "the integer has more than 64 bits, at line 1, column 8 (byte 7)"},
    {"SELECT 9223372036854775808 + 1", "the integer has more than 64 bits, at line 1, column 8 (byte 7)"},
    {"SELECT 1 + 99999999999999999999999", "the integer has more than 64 bits, at line 1, column 12 (byte 11)"},
    {"SELECT ? + $1", "? and $1 cannot both be in one statement, at line 1, column 12 (byte 11)"},
    {"SELECT $0", "parameters are numbered from 1 to 32766, at line 1, column 8 (byte 7)"},
    {"SELECT $99999999999999999999", "parameters are numbered from 1 to 32766, at line 1, column 8 (byte 7)"},
    {"SELECT foo(a FROM b)", "only extract takes FROM, at line 1, column 8 (byte 7)"},
    {"DROP INDEX ON s.t", "DROP INDEX needs the index's name or its columns, at line 1, column 15 (byte 14)"},
    {"SELECT 1 FROM 'a\r\nb'", "a name was expected, not 'a  b', at line 1, column 15 (byte 14)"},
    {"SELECT 1 SELECT 2", NULL},
    {"SELECT 1; SELECT 2", "the end was expected, not SELECT, at line 1, column 11 (byte 10)"},
};

Test(sql_parse, says_where_and_what_was_expected)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sql_fault fault = {0};
        cr_assert(rewrite(bytes_of_string(bad[i].text), &fault) == NULL, "%s", bad[i].text);
        if (bad[i].fault != NULL) {
            cr_assert_str_eq(fault.text, bad[i].fault);
        }
    }
}

Test(sql_parse, takes_any_bytes_without_a_nul_behind_them)
{
    static const char text[] = {'S', 'E', 'L', 'E', 'C', 'T', ' ', '\'', 0, 'a', '\'', 'x'};
    struct sql_fault fault;
    struct arena arena = new_arena();
    const struct sql_statement *statement;
    cr_assert_eq(sql_parse((struct bytes){text, sizeof text - 1}, &arena, &statement, &fault), SQL_FAULT_NONE);
    cr_assert(bytes_equal(statement->query->selects->items->expression->text, (struct bytes){"\0a", 2}));
    cr_assert_eq(sql_parse((struct bytes){"SELECT \0 1", 10}, &arena, &statement, &fault), SQL_FAULT_SYNTAX);
    arena_release(&arena);
}

/* before x count, middle, behind x count */
static char *nest(const char *before, size_t count, const char *middle, const char *behind)
{
    char *text = malloc(count * (strlen(before) + strlen(behind)) + strlen(middle) + 20);
    char *at = stpcpy(text, "SELECT ");
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, before);
    }
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, behind);
    }
    return text;
}

static const struct {
    const char *before, *middle, *behind;
    size_t good; /* so many levels are taken; twice as many, and a thousand times, are refused */
} nested[] = {
    {"(", "1", ")", 1800},
    {"NOT ", "TRUE", "", SQL_DEPTH_MAX - 1},
    {"- ", "x", "", SQL_DEPTH_MAX - 1},
    {"a + (", "1", ")", SQL_DEPTH_MAX - 1},
    {"", "1", " + a", SQL_DEPTH_MAX - 1},
    {"abs(", "1", ")", SQL_DEPTH_MAX - 1},
    {"CASE WHEN a THEN ", "1", " ELSE 2 END", SQL_DEPTH_MAX - 1},
    {"CASE ", "1", " WHEN a THEN 2 END", SQL_DEPTH_MAX - 1},
    {"a IN (b, ", "1", ")", SQL_DEPTH_MAX - 1},
    {"(SELECT ", "1", ")", SQL_QUERY_DEPTH_MAX - 1},
    {"EXISTS (SELECT a FROM s.t WHERE ", "TRUE", ")", SQL_QUERY_DEPTH_MAX - 1},
};

Test(sql_parse, refuses_what_is_nested_too_deeply)
{
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        static const size_t factors[] = {1, 3, 1000};
        for (int step = 0; step < 3; step++) {
            struct sql_fault fault = {0};
            char *text = nest(nested[i].before, nested[i].good * factors[step], nested[i].middle, nested[i].behind);
            char *written = rewrite(bytes_of_string(text), &fault);
            cr_assert((written != NULL) == (step == 0), "%s, %zu levels: %s", nested[i].before, nested[i].good * factors[step], fault.text);
            cr_assert(step == 0 || fault.kind == SQL_FAULT_LIMIT, "%s", fault.text);
            cr_assert(step == 0 || fault.position < strlen(text), "%s", fault.text);
            free(written);
            free(text);
        }
    }
}

Test(sql_parse, takes_long_chains_of_conditions)
{
    struct sql_fault fault;
    char *text = nest("", 20000, "a", " OR b = 1");
    char *written = rewrite(bytes_of_string(text), &fault);
    cr_assert(written != NULL, "%s", fault.text);
    cr_assert_str_eq(written, text);
    free(written);
    free(text);
}

Test(sql_parse, refuses_too_many_parts_and_too_long_texts)
{
    struct sql_fault fault;
    struct arena arena;
    const struct sql_statement *statement;
    arena_init(&arena, MEM_CLIENT, (size_t)1 << 30);
    char *text = nest("1,", SQL_NODES_MAX, "1", "");
    cr_assert_eq(sql_parse(bytes_of_string(text), &arena, &statement, &fault), SQL_FAULT_LIMIT);
    cr_assert(strstr(fault.text, "too many parts") != NULL, "%s", fault.text);
    free(text);
    char *blank = malloc(SQL_BYTES_MAX + 1);
    memset(blank, ' ', SQL_BYTES_MAX + 1);
    cr_assert_eq(sql_parse((struct bytes){blank, SQL_BYTES_MAX + 1}, &arena, &statement, &fault), SQL_FAULT_LIMIT);
    free(blank);
    arena_release(&arena);
}

Test(sql_parse, keeps_to_the_limit_of_its_arena)
{
    static const char text[] = "SELECT a + b, 'it''s', count(DISTINCT c) FROM s.t JOIN s.u ON t.a = u.b WHERE a IN (1, 2, 3) ORDER BY ) x";
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        const struct bytes statement_text = {text, is_whole ? strlen(text) - 3 - strlen(" ORDER BY") : strlen(text)};
        bool was_refused = false;
        bool was_read = false;
        for (size_t limit = 0; limit < 40000; limit += 200) {
            struct arena arena;
            struct sql_fault fault = {0};
            const struct sql_statement *statement;
            arena_init(&arena, MEM_CLIENT, limit);
            const enum sql_fault_kind kind = sql_parse(statement_text, &arena, &statement, &fault);
            cr_assert_leq(arena.used_bytes, limit);
            was_refused = was_refused || kind == SQL_FAULT_NO_MEMORY;
            was_read = was_read || kind == (is_whole ? SQL_FAULT_NONE : SQL_FAULT_SYNTAX);
            cr_assert(kind != SQL_FAULT_SYNTAX || !is_whole);
            arena_release(&arena);
        }
        cr_assert(was_refused && was_read);
    }
}
