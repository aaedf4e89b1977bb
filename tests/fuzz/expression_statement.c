/* Any text as a statement: it is read or refused; what is read is written, and that reads as the same again; its expressions are compiled
 * or refused, and computed over some rows.  */
#include "expression/compile.h"
#include "expression/evaluate.h"
#include "expression/scalar_text.h"
#include "sql/parse.h"
#include "sql/write.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 10, ROWS = 3, MEMORY_MAX = 16 << 20, TEMPORARIES_MAX = 10000, PARAMETERS_MAX = 64 };

static const struct {
    struct bytes name;
    enum scalar_type type;
    struct bytes values[ROWS]; /* empty: null */
} columns[COLUMNS] = {
    {BYTES("a"), SCALAR_INTEGER, {BYTES("5"), BYTES("-9223372036854775808"), BYTES("")}},
    {BYTES("b"), SCALAR_INTEGER, {BYTES("0"), BYTES("9223372036854775807"), BYTES("9007199254740993")}},
    {BYTES("f"), SCALAR_FLOAT, {BYTES("0.5"), BYTES("-inf"), BYTES("1e300")}},
    {BYTES("p"), SCALAR_DECIMAL, {BYTES("10.50"), BYTES("-0.000000000000000001"), BYTES("999999999999999999")}},
    {BYTES("s"), SCALAR_STRING, {BYTES("Ada"), BYTES("a%_\303\244\200"), BYTES("")}},
    {BYTES("c"), SCALAR_BOOLEAN, {BYTES("true"), BYTES("false"), BYTES("")}},
    {BYTES("d"), SCALAR_DATE, {BYTES("2024-02-29"), BYTES("0001-01-01"), BYTES("9999-12-31")}},
    {BYTES("t"), SCALAR_DATETIME, {BYTES("2024-02-29T12:00:00Z"), BYTES("0001-01-01"), BYTES("")}},
    {BYTES("u"), SCALAR_UUID, {BYTES("550e8400e29b41d4a716446655440000"), BYTES(""), BYTES("")}},
    {BYTES("j"), SCALAR_JSON, {BYTES("{\"a\": [1, \"x\"]}"), BYTES("[[]]"), BYTES("null")}},
};

static bool find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    (void)context;
    (void)why;
    for (uint32_t i = 0; i < COLUMNS && node->kind == SQL_COLUMN; i++) {
        if (bytes_equal(node->text, columns[i].name)) {
            *slot = (struct expression_slot){i, columns[i].type};
            return true;
        }
    }
    *slot = (struct expression_slot){5, SCALAR_BOOLEAN};
    return node->kind == SQL_EXISTS || node->kind == SQL_IN_QUERY;
}

static void compute(const struct program *program, uint32_t parameter_count, struct arena *arena)
{
    static struct scalar temporaries[TEMPORARIES_MAX];
    struct scalar parameters[PARAMETERS_MAX] = {{.type = SCALAR_NULL}};
    if (program->temporary_count > TEMPORARIES_MAX || parameter_count > PARAMETERS_MAX) {
        return;
    }
    for (int row = 0; row < ROWS; row++) {
        struct scalar slots[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            slots[i] = scalar_null();
            if (columns[i].values[row].len > 0 &&
                scalar_parse(columns[i].type, columns[i].values[row], arena, &slots[i]) == EXPRESSION_NO_MEMORY) {
                return;
            }
        }
        struct program_run_state run = {.slots = slots, .parameters = parameters, .temporaries = temporaries, .arena = arena};
        struct scalar value;
        if (program_run(program, &run, &value) == EXPRESSION_OK) {
            char scratch[SCALAR_TEXT_MAX];
            const struct bytes text = scalar_format(&value, scratch);
            const bool fits = value.type == SCALAR_NULL || value.type == program->type ||
                              (program->type == SCALAR_NUMBER && scalar_is_number(value.type));
            assert(fits);
            assert(text.len <= SCALAR_TEXT_BYTES_MAX);
        }
    }
}

static void compile(const struct sql_node *root, uint32_t parameter_count, struct arena *arena)
{
    static uint8_t types[SQL_PARAMETERS_MAX];
    const struct expression_resolver resolver = {.find = find};
    const struct program *program;
    struct sql_fault fault = {.kind = SQL_FAULT_NONE};
    if (root == NULL) {
        return;
    }
    memset(types, SCALAR_UNKNOWN, parameter_count);
    const struct expression_source source = {.root = root,
                                             .resolver = &resolver,
                                             .parameter_types = types,
                                             .parameter_count = parameter_count,
                                             .wanted = SCALAR_UNKNOWN};
    if (expression_compile(&source, arena, &program, &fault) == SQL_FAULT_NONE) {
        compute(program, parameter_count, arena);
    } else {
        assert(fault.text[0] != '\0');
    }
}

static void compile_statement(const struct sql_statement *statement, struct arena *arena)
{
    const uint32_t parameters = statement->parameter_count;
    if (statement->kind == SQL_STATEMENT_SELECT) {
        for (const struct sql_item *item = statement->query->selects->items; item != NULL; item = item->next) {
            compile(item->expression, parameters, arena);
        }
        compile(statement->query->selects->where, parameters, arena);
    } else if (statement->kind <= SQL_STATEMENT_DELETE) {
        for (const struct sql_set *set = statement->change->sets; set != NULL; set = set->next) {
            compile(set->expression, parameters, arena);
        }
        compile(statement->change->where, parameters, arena);
    }
}

static void write_again(const struct sql_statement *statement, struct arena *arena)
{
    struct buffer first = BUFFER_EMPTY(MEM_CLIENT);
    struct buffer second = BUFFER_EMPTY(MEM_CLIENT);
    const struct sql_statement *again;
    struct sql_fault fault;
    bool is_written = sql_write_statement(statement, &first);
    assert(is_written);
    const enum sql_fault_kind kind = sql_parse(buffer_bytes(&first), arena, &again, &fault);
    assert(kind == SQL_FAULT_NONE || kind == SQL_FAULT_NO_MEMORY || kind == SQL_FAULT_LIMIT);
    if (kind == SQL_FAULT_NONE) {
        is_written = sql_write_statement(again, &second);
        assert(is_written && bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    }
    buffer_release(&first);
    buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    const struct sql_statement *statement;
    struct sql_fault fault = {.kind = SQL_FAULT_NONE};
    arena_init(&arena, MEM_CLIENT, MEMORY_MAX);
    if (sql_parse((struct bytes){(const char *)data, size}, &arena, &statement, &fault) == SQL_FAULT_NONE) {
        write_again(statement, &arena);
        compile_statement(statement, &arena);
    } else {
        assert(fault.text[0] != '\0' && fault.position <= size);
    }
    arena_release(&arena);
    return 0;
}
