/* What becomes of WHERE: which parts are conditions, which are computed; where a statement goes; what is refused. */
#include "plan/plan_insert.h"
#include "plan/plan_rows.h"
#include "shard/server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 4 };

static struct heap *heap;
static struct server *server;
static struct table *table;
static struct exec exec;
static struct arena arena;
static struct sql_fault fault;

static void open_world(void)
{
    static const struct bytes columns[] = {BYTES("n:integer:hash"), BYTES("s:string:btree"), BYTES("f:float"),       BYTES("d:date"),
                                           BYTES("p:decimal(6,2)"), BYTES("b:boolean"),      BYTES("u:uuid"),        BYTES("j:json"),
                                           BYTES("t:datetime"),     BYTES("r:blob"),         BYTES("c:integer:default=7")};
    static struct schema_draft draft;
    draft.column_count = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        cr_assert_eq(schema_draft_add(&draft, columns[i], NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    heap = heap_create();
    server = calloc(1, sizeof *server);
    server->config = calloc(1, sizeof *server->config);
    cr_assert(hash_secret_draw(&server->secret));
    exec = (struct exec){.server = server, .now_ms = 1700000000000};
    table = calloc(1, sizeof *table + SHARDS * sizeof table->slices[0]);
    table->shard_count = SHARDS;
    atomic_store(&table->schema, schema_create(heap, &draft));
    arena_init(&arena, MEM_CLIENT, PLAN_BYTES_MAX);
}

static void close_world(void)
{
    arena_release(&arena);
    schema_destroy(heap, atomic_load(&table->schema));
    heap_destroy(heap);
    free(server->config);
    free(server);
    free(table);
}

TestSuite(plan, .init = open_world, .fini = close_world);

static enum table_result read_text(struct plan *plan, const char *text, const struct bytes *arguments, uint32_t count)
{
    return plan_read(plan, &(struct plan_source){.text = bytes_of_string(text), .arguments = arguments, .argument_count = count}, &arena, &fault);
}

static const struct {
    const char *where;
    struct bytes argument; /* NULL: none */
    uint16_t conditions;
    uint32_t computed;
} splits[] = {
    {"n = 1", {0}, 1, 0},
    {"1 < n AND n <= 5", {0}, 2, 0},
    {"n BETWEEN 1 AND 3", {0}, 2, 0},
    {"n NOT BETWEEN 1 AND 3", {0}, 0, 1},
    {"n = 1.5", {0}, 0, 1},
    {"n IN (1, 2, 3)", {0}, 1, 0},
    {"n NOT IN (1, 2)", {0}, 1, 0},
    {"n IN (1, 2.5)", {0}, 0, 1},
    {"n IN (1, NULL)", {0}, 0, 1},
    {"n = NULL", {0}, 0, 1},
    {"s LIKE 'a%' AND s NOT LIKE '_'", {0}, 2, 0},
    {"s LIKE 'a\\%'", {0}, 0, 1},
    {"s LIKE 'a!%' ESCAPE '!'", {0}, 0, 1},
    {"s IS NULL AND n IS NOT NULL", {0}, 2, 0},
    {"f = 2 AND f < 2.5", {0}, 2, 0},
    {"f = 9007199254740993", {0}, 0, 1},
    {"p = 1.50 AND p < 2", {0}, 2, 0},
    {"p = 1.555", {0}, 0, 1},
    {"d = '2024-01-01' AND d < DATE '2025-01-01'", {0}, 2, 0},
    {"d < '2024-01-01T12:00:00Z'", {0}, 0, 1},
    {"t > '2024-01-01T12:00:00Z'", {0}, 1, 0},
    {"u = '00112233-4455-6677-8899-aabbccddeeff'", {0}, 1, 0},
    {"b = TRUE", {0}, 1, 0},
    {"b", {0}, 0, 1},
    {"j = '[1]'", {0}, 0, 1},
    {"_id = 3", {0}, 1, 0},
    {"n = c", {0}, 0, 1},
    {"n = 1 OR n = 2", {0}, 0, 1},
    {"n = 1 AND (s = 'a' OR n + 1 = 3) AND s >= 'b'", {0}, 2, 1},
    {"n = ?", BYTES("7"), 1, 0},
    {"n < ?", BYTES("7.5"), 0, 1},
    {"s = ?", BYTES("7"), 1, 0},
    {"p = ?", BYTES("7.25"), 1, 0},
    {"t = ?", BYTES("2024-01-01"), 1, 0},
    {"r = ?", BYTES("bytes"), 1, 0},
};

Test(plan, parts_of_where_become_conditions_where_that_means_the_same)
{
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        char text[200];
        struct plan plan;
        struct statement statement;
        snprintf(text, sizeof text, "SELECT n FROM s.t WHERE %s", splits[i].where);
        cr_assert_eq(read_text(&plan, text, &splits[i].argument, splits[i].argument.data != NULL), TABLE_OK, "%s: %s", text, fault.text);
        cr_assert_eq(plan_statement(&plan, &exec, table, &statement), TABLE_OK, "%s: %s", text, fault.text);
        const uint32_t computed = statement.work == NULL ? 0 : statement.work->condition_count;
        cr_assert(statement.where.condition_count == splits[i].conditions && computed == splits[i].computed, "%s: %u conditions, %u computed", text,
                  statement.where.condition_count, computed);
    }
}

Test(plan, many_parts_are_conditions_as_long_as_there_is_room)
{
    enum { PARTS = 1000 };
    static char text[PARTS * 20];
    struct plan plan;
    struct statement statement;
    size_t len = (size_t)sprintf(text, "DELETE FROM s.t WHERE n <> 0");
    for (int i = 1; i < PARTS; i++) {
        len += (size_t)sprintf(text + len, " AND n <> %d", i);
    }
    cr_assert_eq(read_text(&plan, text, NULL, 0), TABLE_OK);
    cr_assert_eq(plan_statement(&plan, &exec, table, &statement), TABLE_OK, "%s", fault.text);
    cr_assert_gt(statement.where.condition_count, 100);
    cr_assert_leq(statement.where.condition_count, WHERE_CONDITIONS_MAX);
    cr_assert_eq(statement.where.condition_count + statement.work->condition_count, PARTS);
    cr_assert_eq(statement.where.node_count, 2 * statement.where.condition_count - 1);
}

static int32_t shard_of(const char *text)
{
    struct plan plan;
    struct statement statement;
    cr_assert_eq(read_text(&plan, text, NULL, 0), TABLE_OK, "%s", fault.text);
    cr_assert_eq(plan_statement(&plan, &exec, table, &statement), TABLE_OK, "%s", fault.text);
    return statement_shard(&statement, &exec);
}

Test(plan, an_equality_on_the_routing_column_names_the_shard)
{
    cr_assert_neq(shard_of("SELECT s FROM s.t WHERE 5 = n AND length(s) = 1"), STATEMENT_ALL_SHARDS);
    cr_assert_eq(shard_of("SELECT s FROM s.t WHERE n = 5 OR s = 'a'"), STATEMENT_ALL_SHARDS);
    cr_assert_eq(shard_of("SELECT s FROM s.t WHERE s = 'a'"), STATEMENT_ALL_SHARDS);
    cr_assert_eq(shard_of("UPDATE s.t SET s = 'b' WHERE n = 5"), shard_of("DELETE FROM s.t WHERE n = 5"));
    cr_assert_eq(shard_of("UPDATE s.t SET n = n + 1 WHERE n = 5"), STATEMENT_ALL_SHARDS);
}

Test(plan, a_row_has_what_is_given_defaults_and_nulls)
{
    struct plan plan;
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct plan_rows_in rows;
    const struct bytes argument = BYTES("x");
    cr_assert_eq(read_text(&plan, "INSERT INTO s.t (p, s, n) VALUES (1.005, ? || 'y', 2 * 3), (1, 'z', 3), (0, 's', 1 / 0)", &argument, 1), TABLE_OK);
    cr_assert_eq(plan_insert(&plan, &exec, table, &rows), TABLE_OK, "%s", fault.text);
    cr_assert_eq(rows.row_count, 3);
    cr_assert_eq(plan_insert_row(&rows, 1, plan.arena, values), TABLE_OK, "%s", fault.text);
    cr_assert(values[0].integer == 3 && values[4].integer == 100 && bytes_equal(typed_value_text(&values[1]), BYTES("z")));
    cr_assert_eq(plan_insert_row(&rows, 2, plan.arena, values), TABLE_FAULT);
    cr_assert_eq(plan_insert_row(&rows, 0, plan.arena, values), TABLE_OK, "%s", fault.text);
    cr_assert(values[0].integer == 6 && values[4].integer == 101 && values[10].integer == 7 && values[2].is_null);
    cr_assert(bytes_equal(typed_value_text(&values[1]), BYTES("xy")));
    cr_assert_eq(read_text(&plan, "INSERT INTO s.t (c) VALUES (NULL)", NULL, 0), TABLE_OK);
    cr_assert_eq(plan_insert(&plan, &exec, table, &rows), TABLE_OK, "%s", fault.text);
    cr_assert_eq(plan_insert_row(&rows, 0, plan.arena, values), TABLE_OK, "%s", fault.text);
    cr_assert(values[10].is_null); /* the default is for columns that are not named */
    cr_assert_eq(read_text(&plan, "INSERT INTO s.t (n) VALUES (CAST(length(CAST(now() AS TEXT)) AS INTEGER))", NULL, 0), TABLE_OK, "%s", fault.text);
    cr_assert_eq(plan_insert(&plan, &exec, table, &rows), TABLE_FAULT);
    cr_assert(strstr(fault.text, "now()") != NULL);
}
