/* main.c - evaluates the expressions that come as lines, for tests/expressions/compare.py.
 *
 *     row<TAB>value<TAB>...     the values of the columns a, b (integer), x, y (float), s, t (string); \N is null
 *     expr<TAB>text             an expression over that row; answered by one line
 *
 *     integer 5      float 0.5      string 616263 (its bytes in hexadecimal)      boolean true      null
 *     ! sentence                                                                  it cannot be read, compiled or computed  */
#include "expression/compile.h"
#include "expression/evaluate.h"
#include "expression/scalar_text.h"
#include "sql/parse.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 6, ARENA_MAX = 64 << 20, TEMPORARIES_MAX = 4096 };

static const struct {
    struct bytes name;
    enum scalar_type type;
} columns[COLUMNS] = {
    {BYTES("a"), SCALAR_INTEGER}, {BYTES("b"), SCALAR_INTEGER}, {BYTES("x"), SCALAR_FLOAT},
    {BYTES("y"), SCALAR_FLOAT},   {BYTES("s"), SCALAR_STRING},  {BYTES("t"), SCALAR_STRING},
};

static bool find_column(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    (void)context;
    (void)why;
    for (uint32_t i = 0; i < COLUMNS && node->kind == SQL_COLUMN; i++) {
        if (bytes_equal(node->text, columns[i].name)) {
            *slot = (struct expression_slot){i, columns[i].type};
            return true;
        }
    }
    return false;
}

static void read_row(char *text, struct arena *arena, struct scalar row[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        char *end = strchr(text, '\t');
        if (end != NULL) {
            *end = '\0';
        }
        row[i] = scalar_null();
        if (strcmp(text, "\\N") != 0) {
            char *copy = arena_copy(arena, bytes_of_string(text));
            if (copy == NULL || scalar_parse(columns[i].type, bytes_of_string(copy), arena, &row[i]) != EXPRESSION_OK) {
                fprintf(stderr, "bad value %s\n", text);
                exit(2);
            }
        }
        text = end == NULL ? text + strlen(text) : end + 1;
    }
}

static void print_value(const struct scalar *value)
{
    char scratch[SCALAR_TEXT_MAX];
    const struct bytes text = scalar_format(value, scratch);
    printf("%s ", scalar_type_name(value->type));
    if (value->type != SCALAR_STRING) {
        printf("%.*s\n", (int)text.len, text.data);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        printf("%02x", (unsigned char)text.data[i]);
    }
    printf("\n");
}

static void evaluate(const char *text, struct arena *arena, const struct scalar row[COLUMNS])
{
    static struct scalar temporaries[TEMPORARIES_MAX];
    const struct expression_resolver resolver = {.find = find_column};
    const struct sql_statement *statement;
    const struct program *program;
    struct sql_fault fault;
    char *select = arena_alloc(arena, strlen(text) + sizeof "SELECT ");
    if (select == NULL) {
        exit(2);
    }
    sprintf(select, "SELECT %s", text);
    if (sql_parse(bytes_of_string(select), arena, &statement, &fault) != SQL_FAULT_NONE) {
        printf("! %s\n", fault.text);
        return;
    }
    const struct expression_source source = {.root = statement->query->selects->items->expression,
                                             .text = bytes_of_string(select),
                                             .resolver = &resolver,
                                             .wanted = SCALAR_UNKNOWN};
    if (expression_compile(&source, arena, &program, &fault) != SQL_FAULT_NONE) {
        printf("! %s\n", fault.text);
        return;
    }
    struct program_run_state run = {.slots = row, .temporaries = temporaries, .arena = arena};
    struct scalar value;
    if (program->temporary_count > TEMPORARIES_MAX) {
        exit(2);
    }
    const enum expression_result result = program_run(program, &run, &value);
    if (result != EXPRESSION_OK) {
        printf("! %s, at byte %u\n", expression_result_text(result), run.position);
        return;
    }
    print_value(&value);
}

int main(void)
{
    struct arena rows;
    struct arena arena;
    struct scalar row[COLUMNS] = {{.type = SCALAR_NULL}};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    arena_init(&rows, MEM_CLIENT, ARENA_MAX);
    arena_init(&arena, MEM_CLIENT, ARENA_MAX);
    while ((len = getline(&line, &room, stdin)) > 0) {
        line[len - 1] = '\0';
        if (strncmp(line, "row\t", 4) == 0) {
            arena_empty(&rows);
            read_row(line + 4, &rows, row);
        } else if (strncmp(line, "expr\t", 5) == 0) {
            evaluate(line + 5, &arena, row);
            arena_empty(&arena);
        }
    }
    free(line);
    arena_release(&rows);
    arena_release(&arena);
    return 0;
}
