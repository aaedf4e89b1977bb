/* Any text is read as SQL over one table, or refused with a place in it. Of what is planned, conditions and work together find the rows that WHERE as a
 * whole is true for; SELECT tells as many rows as it says; SET gives values of the columns' types; the values of INSERT are valid, and those
 * that ON CONFLICT DO UPDATE gives.  */
#include "plan/plan_insert.h"
#include "plan/plan_rows.h"
#include "query/select_run.h"
#include "shard/server.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 40, ARGUMENTS_MAX = 4, COLUMNS = 6 };

struct world {
    struct heap *heap;
    struct schema *schema;
    struct table *table;
    struct server *server;
    struct exec exec;
};

static struct schema *make_schema(struct heap *heap)
{
    static const struct bytes columns[COLUMNS] = {BYTES("n:integer:hash"), BYTES("s:string:btree"), BYTES("f:float:btree"),
                                                  BYTES("d:date"),         BYTES("p:decimal(6,2)"), BYTES("b:boolean")};
    static struct schema_draft draft;
    for (size_t i = 0; i < COLUMNS; i++) {
        const enum table_result result = schema_draft_add(&draft, columns[i], NULL);
        assert(result == TABLE_OK);
    }
    return schema_create(heap, &draft);
}

static struct world *make_world(void)
{
    static const char *const texts[] = {"", "a", "AND", "a\\%", "aa"};
    struct world *world = calloc(1, sizeof *world);
    world->server = calloc(1, sizeof *world->server);
    world->server->config = calloc(1, sizeof *world->server->config);
    const bool is_drawn = hash_secret_draw(&world->server->secret);
    assert(is_drawn);
    world->exec = (struct exec){.server = world->server, .now_ms = 1700000000000};
    world->heap = heap_create();
    world->schema = make_schema(world->heap);
    world->table = calloc(1, sizeof *world->table + sizeof world->table->slices[0]);
    world->table->shard_count = 1;
    atomic_store(&world->table->schema, world->schema);
    world->table->slices[0] = slice_create(world->heap, &world->server->secret, world->schema);
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct typed_value values[COLUMNS] = {
            {.is_null = i % 11 == 0, .integer = (int64_t)(i % 20) - 10},
            {.is_null = i % 5 == 0, .text = bytes_of_string(texts[i % 5])},
            {.is_null = i % 3 == 0, .number = (double)(i % 9) / 2},
            {.is_null = i % 2 == 0, .integer = (int64_t)(i * 37 % 20000)},
            {.is_null = i % 7 == 0, .integer = (int64_t)(i % 6) * 50},
            {.is_null = i % 4 == 0, .integer = i % 3 == 0},
        };
        const enum table_result result = slice_insert(world->table->slices[0], world->schema, i + 1, values);
        assert(result == TABLE_OK);
    }
    return world;
}

/* Rows that the statement finds, all of them. False: the work has failed for one. */
static bool find_rows(const struct statement *statement, uint32_t *rows, uint32_t *count)
{
    struct gather gather;
    struct row_failure failure;
    bool is_good = true;
    *count = 0;
    gather_begin(&gather, statement->table->slices[0], statement->schema, &statement->where);
    while (!gather.is_done && is_good) {
        uint32_t found[GATHER_ROWS];
        uint32_t more = gather_step(&gather, found);
        is_good = statement_keep(statement, gather.slice, found, &more, &failure);
        for (uint32_t i = 0; i < more && is_good; i++) {
            assert(*count < ROWS);
            rows[(*count)++] = found[i];
        }
    }
    return is_good;
}

/* The same by WHERE as one program. */
static void check_rows(const struct world *world, const struct plan *plan, const struct sql_node *where, uint32_t count)
{
    struct row_names names;
    const struct program *program;
    uint32_t rows[ROWS];
    uint32_t all = ROWS;
    struct row_failure failure;
    if (where == NULL) {
        assert(count == ROWS);
        return;
    }
    if (plan_names(plan, world->schema, &names) != TABLE_OK || plan_compile(plan, &names, where, SCALAR_BOOLEAN, &program) != TABLE_OK) {
        return;
    }
    const struct row_work work = {.schema = world->schema,
                                  .inputs = names.inputs,
                                  .input_count = names.count,
                                  .conditions = &program,
                                  .condition_count = 1,
                                  .temporary_count = program->temporary_count,
                                  .parameters = plan->parameters,
                                  .now_us = world->exec.now_ms * 1000};
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = row_number(world->table->slices[0]->first, i);
    }
    assert(!row_work_keep(&work, world->table->slices[0], rows, &all, &failure) || all == count);
}

static void run_select(const struct world *world, const struct select *select, const uint32_t *rows, uint32_t count)
{
    struct select_run run;
    const struct found_row *found;
    const struct scalar *items;
    if (!select_run_create(&run, select, world->table, 1, world->exec.now_ms * 1000)) {
        abort();
    }
    if (select_part_take(&run, 0, 0, rows, count)) {
        (void)select_part_settle(&run, 0, SIZE_MAX);
    }
    enum select_status status;
    while ((status = select_run_settle(&run, 3)) == SELECT_MORE) {
    }
    if (status == SELECT_DONE) {
        const uint64_t left = select_run_left(&run);
        uint64_t told = 0;
        while ((status = select_run_next(&run, &found, &items)) == SELECT_MORE) {
            told++;
        }
        assert(status == SELECT_FAILED || told == left);
    }
    select_run_release(&run);
}

static void plan_rows(struct world *world, struct plan *plan)
{
    struct statement statement;
    uint32_t rows[ROWS];
    uint32_t count;
    if (plan_statement(plan, &world->exec, world->table, &statement) != TABLE_OK || !find_rows(&statement, rows, &count)) {
        return;
    }
    check_rows(world, plan, plan->tree->kind == SQL_STATEMENT_SELECT ? plan->tree->query->selects->where : plan->tree->change->where, count);
    if (statement.select != NULL) {
        run_select(world, statement.select, rows, count);
    }
    for (uint32_t i = 0; i < count && statement.work != NULL; i++) {
        struct assignment *set = arena_alloc(plan->arena, (statement.work->set_count + 1u) * sizeof *set);
        struct row_failure failure;
        if (set == NULL) {
            return;
        }
        const bool is_set = row_work_set(statement.work, world->table->slices[0], rows[i], plan->arena, set, &failure);
        assert(is_set || failure.result == EXPRESSION_NO_MEMORY); /* it was tried */
        for (uint32_t at = 0; at < statement.work->set_count && is_set; at++) {
            assert(typed_value_is_valid(column_form(&world->schema->columns[set[at].column]), &set[at].value));
        }
    }
}

static void check_set(const struct world *world, const struct assignment *set, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        assert(set[at].value.is_null || typed_value_is_valid(column_form(&world->schema->columns[set[at].column]), &set[at].value));
    }
}

/* ON CONFLICT DO UPDATE, as if the row met each of the table's. */
static void upsert_rows(const struct world *world, const struct plan *plan, const struct row_work *work, const struct typed_value *values)
{
    struct assignment set[TABLE_COLUMNS_MAX];
    const struct table_slice *slice = world->table->slices[0];
    for (uint32_t i = 0; i < ROWS && work != NULL; i++) {
        struct row_failure failure;
        bool is_kept;
        if (row_work_upsert(work, slice, row_number(slice->first, i), values, plan->arena, &is_kept, set, &failure) && is_kept) {
            check_set(world, set, work->set_count);
        }
    }
}

static void plan_inserted(struct world *world, struct plan *plan)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct plan_rows_in rows;
    if (plan_insert(plan, &world->exec, world->table, &rows) != TABLE_OK) {
        return;
    }
    assert(rows.row_count >= 1);
    for (uint32_t at = 0; at < rows.row_count; at++) {
        if (plan_insert_row(&rows, at, plan->arena, values) != TABLE_OK) {
            continue;
        }
        for (uint32_t i = 0; i < COLUMNS; i++) {
            assert(values[i].is_null || typed_value_is_valid(column_form(&world->schema->columns[i]), &values[i]));
        }
        upsert_rows(world, plan, rows.on_conflict.work, values);
    }
}

/* The text with none, one, ... of the same arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *world;
    struct bytes arguments[ARGUMENTS_MAX] = {BYTES("1"), BYTES("a"), BYTES("2.5"), BYTES("2024-01-01")};
    struct plan plan;
    struct arena arena;
    struct sql_fault fault = {.kind = SQL_FAULT_NONE};
    world = world == NULL ? make_world() : world;
    for (uint32_t count = 0; count <= ARGUMENTS_MAX; count++) {
        const struct plan_source source = {.text = {(const char *)data, size}, .arguments = arguments, .argument_count = count};
        arena_init(&arena, MEM_CLIENT, 4 << 20);
        if (plan_read(&plan, &source, &arena, &fault) != TABLE_OK) {
            assert(fault.text[0] != '\0');
        } else if (plan.tree->kind == SQL_STATEMENT_INSERT) {
            plan_inserted(world, &plan);
        } else if (plan.tree->kind <= SQL_STATEMENT_DELETE) {
            plan_rows(world, &plan);
        }
        arena_release(&arena);
    }
    return 0;
}
