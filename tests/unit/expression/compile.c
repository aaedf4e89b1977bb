/* Expressions compiled and computed: results, types, what is refused at once and what in a row. */
#include "expression/compile.h"
#include "expression/evaluate.h"
#include "expression/query_value.h"
#include "expression/scalar_text.h"
#include "sql/parse.h"
#include "sql/same.h"
#include "sql/walk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARAMETERS = 4, TEMPORARIES = 4000 };

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, MEM_CLIENT, 64 << 20);
}

static void end(void)
{
    arena_release(&arena);
}

TestSuite(compile, .init = begin, .fini = end);

/* The row: a column of each type, and its value as text; NULL: null. */
static const struct {
    struct bytes name;
    enum scalar_type type;
    const char *value;
} columns[] = {
    {BYTES("i"), SCALAR_INTEGER, "7"},
    {BYTES("f"), SCALAR_FLOAT, "2.5"},
    {BYTES("d"), SCALAR_DECIMAL, "10.50"},
    {BYTES("s"), SCALAR_STRING, "Ada"},
    {BYTES("b"), SCALAR_BOOLEAN, "true"},
    {BYTES("day"), SCALAR_DATE, "2024-02-29"},
    {BYTES("at"), SCALAR_DATETIME, "2024-02-29T12:30:15.5Z"},
    {BYTES("u"), SCALAR_UUID, "550e8400-e29b-41d4-a716-446655440000"},
    {BYTES("j"), SCALAR_JSON, "{\"a\": [1, null, \"x\\ty\"], \"n\": 5}"},
    {BYTES("blob"), SCALAR_BLOB, "\001\002"},
    {BYTES("n"), SCALAR_INTEGER, NULL},
    {BYTES("nb"), SCALAR_BOOLEAN, NULL},
    {BYTES("ns"), SCALAR_STRING, NULL},
    {BYTES("big"), SCALAR_INTEGER, "9007199254740993"},
    {BYTES("least"), SCALAR_INTEGER, "-9223372036854775808"},
};

enum { COLUMNS = sizeof columns / sizeof columns[0], QUERY_SLOT = COLUMNS };

static bool find(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    (void)context;
    if (node->kind == SQL_IN_QUERY || node->kind == SQL_EXISTS) {
        *slot = (struct expression_slot){QUERY_SLOT, SCALAR_BOOLEAN};
        return true;
    }
    for (uint32_t i = 0; i < COLUMNS && node->kind == SQL_COLUMN; i++) {
        if (bytes_equal(node->text, columns[i].name)) {
            *slot = (struct expression_slot){i, columns[i].type};
            return true;
        }
    }
    if (node->kind == SQL_COLUMN && bytes_equal(node->text, BYTES("twice"))) {
        *why = "twice is in two tables";
    }
    return false;
}

static void fill_row(struct scalar *row)
{
    for (uint32_t i = 0; i < COLUMNS; i++) {
        row[i] = scalar_null();
        if (columns[i].value != NULL) {
            cr_assert_eq(scalar_parse(columns[i].type, bytes_of_string(columns[i].value), &arena, &row[i]), EXPRESSION_OK);
        }
    }
    row[QUERY_SLOT] = scalar_boolean(true);
}

/* One expression; parameters are read from these texts once their types are known. */
struct wanted {
    const char *parameters[PARAMETERS];
    enum scalar_type type;
    bool is_any;
};

/* Its rows are what the query in the next expression has given; count 0: nobody knows them. */
static struct query_value given;
static struct query_values known = {.values = &given};

static void find_query(const struct sql_node *root)
{
    struct sql_walk walk = sql_walk_begin((struct sql_node *)(uintptr_t)root);
    while (sql_walk_next(&walk)) {
        if (walk.node->kind == SQL_QUERY || walk.node->kind == SQL_EXISTS || walk.node->kind == SQL_IN_QUERY) {
            given.position = walk.node->position;
        }
    }
}

/* "integer 5", "null", "! message". Lends from the arena. */
static const char *compute_as(const char *text, struct wanted wanted)
{
    static struct scalar temporaries[TEMPORARIES];
    const struct expression_resolver resolver = {.find = find};
    uint8_t types[PARAMETERS] = {SCALAR_UNKNOWN, SCALAR_UNKNOWN, SCALAR_UNKNOWN, SCALAR_UNKNOWN};
    struct scalar row[COLUMNS + 1];
    struct scalar parameters[PARAMETERS];
    const struct sql_statement *statement;
    const struct program *program;
    struct sql_fault fault;
    char *answer = arena_alloc(&arena, 10000);
    char *select = arena_alloc(&arena, strlen(text) + 8);
    cr_assert(answer != NULL && select != NULL);
    stpcpy(stpcpy(select, "SELECT "), text);
    fill_row(row);
    cr_assert_eq(sql_parse(bytes_of_string(select), &arena, &statement, &fault), SQL_FAULT_NONE, "%s: %s", text, fault.text);
    find_query(statement->query->selects->items->expression);
    const struct expression_source source = {.root = statement->query->selects->items->expression,
                                             .resolver = &resolver,
                                             .parameter_types = types,
                                             .queries = &known,
                                             .parameter_count = statement->parameter_count,
                                             .wanted = wanted.is_any ? wanted.type : SCALAR_UNKNOWN};
    if (expression_compile(&source, &arena, &program, &fault) != SQL_FAULT_NONE) {
        sprintf(answer, "! %s", fault.text);
        return answer;
    }
    for (uint32_t i = 0; i < statement->parameter_count; i++) {
        parameters[i] = scalar_null();
        if (wanted.parameters[i] != NULL && types[i] != SCALAR_UNKNOWN) { /* it stands nowhere */
            const enum expression_result result = scalar_parse(types[i], bytes_of_string(wanted.parameters[i]), &arena, &parameters[i]);
            if (result != EXPRESSION_OK) {
                sprintf(answer, "! parameter %u: no %s", i + 1, scalar_type_name(types[i]));
                return answer;
            }
        }
    }
    struct program_run_state run = {.slots = row, .parameters = parameters, .temporaries = temporaries, .arena = &arena,
                                    .now_us = 1000000};
    struct scalar value;
    cr_assert_leq(program->temporary_count, TEMPORARIES);
    const enum expression_result result = program_run(program, &run, &value);
    if (result != EXPRESSION_OK) {
        sprintf(answer, "! %s, at byte %u", expression_result_text(result), run.position);
        return answer;
    }
    cr_assert(value.type == SCALAR_NULL || value.type == program->type || (program->type == SCALAR_NUMBER && scalar_is_number(value.type)),
              "%s: type %s, value %s", text, scalar_type_name(program->type), scalar_type_name(value.type));
    char scratch[SCALAR_TEXT_MAX];
    const struct bytes shown = scalar_format(&value, scratch);
    sprintf(answer, value.type == SCALAR_NULL ? "null" : "%s %.*s", scalar_type_name(value.type), (int)shown.len, shown.data);
    return answer;
}

static const struct {
    const char *text, *answer;
} rows[] = {
    /* arithmetic */
    {"i + 1", "integer 8"},
    {"i / 2", "integer 3"},
    {"-i / 2", "integer -3"},
    {"-i % 2", "integer -1"},
    {"i * f", "float 17.5"},
    {"d + i", "decimal 17.50"},
    {"d * 1.1", "decimal 11.550"},
    {"f * 1.1", "float 2.75"},
    {"d * f", "float 26.25"},
    {"d / 3", "decimal 3.500000"},
    {"0.1 + 0.2", "float 0.30000000000000004"},
    {"CAST(0.1 AS decimal) + 0.2", "decimal 0.3"},
    {"i + NULL", "null"},
    {"i + n", "null"},
    {"-(-5)", "integer 5"},
    {"9223372036854775807 + i", "! the number is out of range, at byte 27"},
    {"least - 1", "! the number is out of range, at byte 13"},
    {"-least", "! the number is out of range, at byte 7"},
    {"least / -1", "! the number is out of range, at byte 13"},
    {"least % -1", "integer 0"},
    {"abs(least)", "! the number is out of range, at byte 7"},
    {"i / 0", "! division by zero, at byte 9"},
    {"f / 0.0", "! division by zero, at byte 9"},
    {"d / 0", "! division by zero, at byte 9"},
    {"i % 0", "! division by zero, at byte 9"},
    {"1e300 * 1e300", "! the number is out of range, at byte 13"},
    {"f % 2", "! % is for integers and decimals, not for floats, at byte 9"},
    {"s + 1", "! a number was expected here, not string, at byte 9"},
    {"-s", "! a number was expected here, not string, at byte 7"},
    {"1e999", "! the number is out of range, at byte 7"},
    /* comparisons */
    {"i > 5", "boolean true"},
    {"i = 7.0", "boolean true"},
    {"big > 9007199254740992.0", "boolean true"},
    {"big = 9007199254740992.0", "boolean false"},
    {"d = 10.5", "boolean true"},
    {"d > f", "boolean true"},
    {"i = n", "null"},
    {"s = 'Ada'", "boolean true"},
    {"s < 'ada'", "boolean true"},
    {"s = 5", "! string cannot be compared with integer, at byte 9"},
    {"i = '7'", "! integer cannot be compared with string, at byte 9"},
    {"b = 1", "! boolean cannot be compared with integer, at byte 9"},
    {"day = '2024-02-29'", "boolean true"},
    {"day < '2024-02-29T00:00:01'", "boolean true"},
    {"day < at", "boolean true"},
    {"at > DATE '2024-02-29'", "boolean true"},
    {"day = '2024-02-30'", "! '2024-02-30' is no datetime, at byte 13"},
    {"day = s", "! date cannot be compared with string, at byte 11"},
    {"u = '550E8400E29B41D4A716446655440000'", "boolean true"},
    {"u = 'x'", "! 'x' is no uuid, at byte 11"},
    {"blob = x'0102'", "boolean true"},
    {"b = TRUE", "boolean true"},
    {"i BETWEEN 1 AND 7", "boolean true"},
    {"i NOT BETWEEN n AND 5", "boolean true"},
    {"i BETWEEN n AND 10", "null"},
    {"day BETWEEN '2024-01-01' AND '2024-12-31'", "boolean true"},
    {"i IN (1, 7.0, NULL)", "boolean true"},
    {"i IN (1, 2, NULL)", "null"},
    {"i NOT IN (1, 2)", "boolean true"},
    {"i IN (1, n, 7)", "boolean true"},
    {"i NOT IN (1, n, 8)", "null"},
    {"n IN (1)", "null"},
    {"day IN ('2024-02-29', '2024-03-01')", "boolean true"},
    {"i IN (1, 'x')", "! integer cannot be compared with string, at byte 9"},
    {"i IN (SELECT 1)", "boolean true"},
    {"i NOT IN (SELECT 1)", "boolean false"},
    {"NOT EXISTS (SELECT 1)", "boolean false"},
    {"(SELECT 1)", "! a query cannot stand here, at byte 7"},
    /* logic */
    {"NOT b", "boolean false"},
    {"nb AND FALSE", "boolean false"},
    {"nb AND TRUE", "null"},
    {"nb OR TRUE", "boolean true"},
    {"FALSE OR nb", "null"},
    {"TRUE AND TRUE AND nb AND FALSE", "boolean false"},
    {"NOT nb", "null"},
    {"FALSE AND i / 0 = 1", "boolean false"},
    {"TRUE OR i / 0 = 1", "boolean true"},
    {"n IS NULL AND i IS NOT NULL", "boolean true"},
    {"i AND b", "! boolean was expected, not integer, at byte 7"},
    {"NOT s", "! boolean was expected, not string, at byte 11"},
    /* branches */
    {"CASE WHEN i > 5 THEN 'big' ELSE 'small' END", "string big"},
    {"CASE i WHEN 1 THEN 'one' WHEN 7 THEN 'seven' END", "string seven"},
    {"CASE i WHEN 1 THEN 'one' END", "null"},
    {"CASE n WHEN NULL THEN 1 ELSE 2 END", "integer 2"},
    {"CASE WHEN b THEN i ELSE f END", "float 7"},
    {"CASE WHEN b THEN i ELSE d END", "decimal 7"},
    {"CASE WHEN b THEN day ELSE at END", "datetime 2024-02-29T00:00:00Z"},
    {"CASE WHEN b THEN i ELSE s END", "! branches are integer and string: one type was expected, at byte 31"},
    {"CASE WHEN b THEN NULL ELSE i END", "null"},
    {"CASE CASE i WHEN 7 THEN 1 END WHEN 1 THEN CASE WHEN b THEN 'x' END END", "string x"},
    {"coalesce(n, NULL, i)", "integer 7"},
    {"coalesce(n, f, i / 0)", "float 2.5"},
    {"coalesce(n, 1.5)", "float 1.5"},
    {"ifnull(ns, 'x')", "string x"},
    {"coalesce(1)", "! coalesce takes two arguments or more, at byte 7"},
    {"nullif(i, 7)", "null"},
    {"nullif(i, 8)", "integer 7"},
    {"nullif(i, n)", "integer 7"},
    /* texts */
    {"s || '-' || i || f", "string Ada-72.5"},
    {"s || ns", "null"},
    {"blob || s", "! a blob can be joined with a blob only, at byte 12"},
    {"lower(s) || upper(s)", "string adaADA"},
    {"length('\303\244b')", "integer 2"},
    {"length(x'c3a4')", "integer 2"},
    {"substr('\303\244bc', 2)", "string bc"},
    {"substr(s, -2, 1)", "string d"},
    {"trim('  a ') || '.'", "string a."},
    {"s LIKE 'A%'", "boolean true"},
    {"s LIKE 'a%'", "boolean false"},
    {"s NOT LIKE '%d_'", "boolean false"},
    {"s LIKE s || '%'", "boolean true"},
    {"ns LIKE 'a'", "null"},
    {"s LIKE 'A!%' ESCAPE '!'", "boolean false"},
    {"s LIKE 'A!' ESCAPE '!'", "! the pattern ends with its escape character, at byte 14"},
    {"s LIKE 'A' ESCAPE 'ab'", "! an escape character is one character of ASCII, at byte 25"},
    {"i LIKE 'A'", "! string was expected, not integer, at byte 7"},
    {"lower(i)", "! lower takes a string, not integer, at byte 13"},
    {"substr(s)", "! substr takes 2 or more arguments, at byte 7"},
    {"nothing(s)", "! there is no function nothing, at byte 7"},
    {"lower(DISTINCT s)", "! lower is no aggregate function, at byte 7"},
    {"count(*)", "! an aggregate cannot stand here, at byte 7"},
    /* numbers */
    {"round(2.5)", "float 3"},
    {"round(-2.567, 2)", "float -2.57"},
    {"round(2.25, 1)", "float 2.3"},
    {"round(1e300, 2)", "float 1e+300"},
    {"round(d, 1)", "decimal 10.5"},
    {"round(i)", "integer 7"},
    {"floor(-2.5)", "float -3"},
    {"ceil(d)", "decimal 11"},
    {"floor(CAST(-0.5 AS decimal))", "decimal -1"},
    /* dates */
    {"year(day) * 10000 + month(at) * 100 + day(day)", "integer 20240229"},
    {"extract(HOUR FROM at) || ':' || minute(at) || ':' || second(at)", "string 12:30:15"},
    {"hour(day)", "integer 0"},
    {"year('2024-05-06')", "integer 2024"},
    {"year(s)", "! year takes a date or a datetime, not string, at byte 12"},
    {"now()", "datetime 1970-01-01T00:00:01Z"},
    {"now() < at", "boolean true"},
    {"now(1)", "! now takes no argument, at byte 7"},
    /* casts */
    {"CAST('12' AS integer)", "integer 12"},
    {"CAST('12x' AS integer)", "! the text cannot be read as that type, at byte 7"},
    {"CAST(2.9 AS integer)", "integer 2"},
    {"CAST(1e19 AS integer)", "! the number is out of range, at byte 7"},
    {"CAST(d AS decimal(10, 1))", "decimal 10.5"},
    {"CAST(10.05 AS decimal(10, 1))", "decimal 10.1"},
    {"CAST(d AS decimal(3, 2))", "! the number is out of range, at byte 7"},
    {"CAST(d AS decimal(5))", "decimal 11"},
    {"CAST(d AS decimal(19, 2))", "! a decimal has 1 to 18 digits, and no more behind the point than that, at byte 7"},
    {"CAST(at AS date)", "date 2024-02-29"},
    {"CAST(day AS datetime)", "datetime 2024-02-29T00:00:00Z"},
    {"CAST(u AS text)", "string 550e8400-e29b-41d4-a716-446655440000"},
    {"CAST(b AS integer)", "integer 1"},
    {"CAST(i AS boolean)", "boolean true"},
    {"CAST(day AS integer)", "! date cannot become integer, at byte 7"},
    {"CAST(n AS text)", "null"},
    {"CAST(i AS thing)", "! there is no type thing, at byte 7"},
    {"CAST('[1' AS json)", "! the text cannot be read as that type, at byte 7"},
    {"DATE '2024-13-01'", "! '2024-13-01' is no date, at byte 7"},
    {"thing 'x'", "! there is no type thing, at byte 7"},
    /* JSON */
    {"j -> 'a'", "json [1, null, \"x\\ty\"]"},
    {"j -> 'a' ->> 2", "string x\ty"},
    {"j ->> '$.a[1]'", "null"},
    {"j -> '$.a[1]'", "json null"},
    {"j ->> 'n'", "string 5"},
    {"CAST(j ->> 'n' AS integer) + 1", "integer 6"},
    {"j -> 'absent'", "null"},
    {"j -> '$['", "! a function cannot take that value, at byte 9"},
    {"s -> 'a'", "! json was expected before ->, not string, at byte 9"},
    {"'{\"a\": 1}' -> 'a'", "json 1"},
    {"j -> -1", "null"},
    /* names */
    {"nowhere", "! there is no column nowhere, at byte 7"},
    {"t.nowhere", "! there is no column t.nowhere, at byte 7"},
    {"twice", "! twice is in two tables, at byte 7"},
};

/* What queries have given: `count` integers, and perhaps null. */
static const struct {
    const char *text;
    uint32_t count;
    int64_t values[2];
    bool has_null;
    const char *wanted;
} queries[] = {
    {"i IN (SELECT 1)", 2, {8, 7}, false, "boolean true"},
    {"i NOT IN (SELECT 1)", 2, {8, 7}, true, "boolean false"},
    {"i IN (SELECT 1)", 1, {8}, false, "boolean false"},
    {"i NOT IN (SELECT 1)", 1, {8}, false, "boolean true"},
    {"i IN (SELECT 1)", 1, {8}, true, "null"},
    {"i NOT IN (SELECT 1)", 0, {0}, true, "null"},
    {"n IN (SELECT 1)", 1, {8}, false, "null"},
    {"n IN (SELECT 1)", 0, {0}, false, "boolean false"},
    {"n NOT IN (SELECT 1)", 0, {0}, false, "boolean true"},
    {"f * 2 IN (SELECT 1)", 2, {5, 6}, false, "boolean true"},
    {"s IN (SELECT 1)", 0, {0}, false, "! string cannot be compared with integer, at byte 9"},
    {"EXISTS (SELECT 1)", 1, {8}, false, "boolean true"},
    {"NOT EXISTS (SELECT 1)", 0, {0}, false, "boolean true"},
    {"EXISTS (SELECT 1) + 1", 1, {8}, false, "! a number was expected here, not boolean, at byte 25"},
    {"i + (SELECT 1)", 1, {8}, false, "integer 15"},
    {"i = (SELECT 1)", 1, {7}, false, "boolean true"},
    {"i = (SELECT 1)", 0, {0}, false, "null"},
    {"s = (SELECT 1)", 0, {0}, false, "! string cannot be compared with integer, at byte 9"},
};

Test(compile, takes_what_queries_have_given)
{
    static struct hash_secret secret;
    cr_assert(hash_secret_draw(&secret));
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        given = (struct query_value){
            .type = SCALAR_INTEGER, .has_row = queries[i].count > 0 || queries[i].has_null, .has_null = queries[i].has_null, .single = scalar_null()};
        value_set_begin(&given.set, &arena, &secret);
        for (uint32_t at = 0; at < queries[i].count; at++) {
            bool is_new;
            given.single = scalar_integer(queries[i].values[at]);
            cr_assert_eq(value_set_add(&given.set, &given.single, &is_new), EXPRESSION_OK);
        }
        known.count = 1;
        const char *computed = compute_as(queries[i].text, (struct wanted){.is_any = false});
        known.count = 0;
        cr_assert_str_eq(computed, queries[i].wanted, "%s", queries[i].text);
    }
}

Test(compile, computes_expressions)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = compute_as(rows[i].text, (struct wanted){.is_any = false});
        cr_assert_str_eq(answer, rows[i].answer, "%s", rows[i].text);
    }
}

static const struct {
    const char *text, *parameter, *answer;
} with_parameters[] = {
    {"i > ?", "5", "boolean true"},
    {"i > ?", "6.5", "boolean true"},
    {"i > ?", "x", "! parameter 1: no number"},
    {"i > ?", NULL, "null"},
    {"d = ?", "10.5", "boolean true"},
    {"d = ?", "1e99", "! parameter 1: no decimal"},
    {"? = s", "Ada", "boolean true"},
    {"s LIKE ?", "%d%", "boolean true"},
    {"day = ?", "2024-02-29", "boolean true"},
    {"day = ?", "yesterday", "! parameter 1: no date"},
    {"u = ?", "550e8400e29b41d4a716446655440000", "boolean true"},
    {"i + ?", "1.5", "float 8.5"},
    {"i + ?", "1", "integer 8"},
    {"i % ?", "1.5", "! a function cannot take that value, at byte 9"},
    {"i IN (1, ?)", "7", "boolean true"},
    {"? IN (1, 2)", "2", "boolean true"},
    {"i BETWEEN ? AND 10", "7", "boolean true"},
    {"NOT ?", "true", "boolean false"},
    {"? AND b", "0", "boolean false"},
    {"?", "x", "string x"},
    {"? || i", "x", "string x7"},
    {"coalesce(n, ?)", "5", "integer 5"},
    {"CASE WHEN b THEN ? ELSE s END", "x", "string x"},
    {"CAST(? AS integer)", "5", "integer 5"},
    {"substr(s, ?)", "2", "string da"},
    {"j ->> ?", "n", "string 5"},
    {"year(?)", "2024-01-01", "integer 2024"},
    {"$1 = i AND $1 < 10", "7", "boolean true"},
    {"$1 = i AND $1 = s", "7", "! number cannot be compared with string, at byte 21"},
    {"? IS NULL", NULL, "boolean true"},
    {"-?", "5", "integer -5"},
};

Test(compile, gives_parameters_types)
{
    for (size_t i = 0; i < sizeof with_parameters / sizeof with_parameters[0]; i++) {
        const char *answer = compute_as(with_parameters[i].text, (struct wanted){.parameters = {with_parameters[i].parameter}});
        cr_assert_str_eq(answer, with_parameters[i].answer, "%s", with_parameters[i].text);
    }
}

static const struct {
    const char *text;
    enum scalar_type type;
    const char *answer;
} with_types[] = {
    {"i > 5", SCALAR_BOOLEAN, "boolean true"},
    {"i", SCALAR_BOOLEAN, "! a condition was expected here, not integer, at byte 7"},
    {"NULL", SCALAR_BOOLEAN, "null"},
    {"i", SCALAR_FLOAT, "float 7"},
    {"i + $1", SCALAR_INTEGER, "integer 9"},
    {"i + $2", SCALAR_INTEGER, "! the number is not whole, at byte 9"},
    {"i", SCALAR_DECIMAL, "decimal 7"},
    {"1.10", SCALAR_DECIMAL, "decimal 1.10"},
    {"f", SCALAR_DECIMAL, "! decimal was expected here, not float, at byte 7"},
    {"f", SCALAR_INTEGER, "! integer was expected here, not float, at byte 7"},
    {"'2024-01-01'", SCALAR_DATE, "date 2024-01-01"},
    {"'2024-01-01'", SCALAR_DATETIME, "datetime 2024-01-01T00:00:00Z"},
    {"day", SCALAR_DATETIME, "datetime 2024-02-29T00:00:00Z"},
    {"'[1]'", SCALAR_JSON, "json [1]"},
    {"'[1'", SCALAR_JSON, "! '[1' is no json, at byte 7"},
    {"s", SCALAR_JSON, "! the text cannot be read as that type, at byte 7"},
    {"'ab'", SCALAR_BLOB, "blob ab"},
    {"s", SCALAR_INTEGER, "! integer was expected here, not string, at byte 7"},
};

Test(compile, makes_results_of_the_type_that_is_wanted)
{
    for (size_t i = 0; i < sizeof with_types / sizeof with_types[0]; i++) {
        const char *answer = compute_as(with_types[i].text, (struct wanted){.parameters = {"2.0", "0.5"}, .type = with_types[i].type, .is_any = true});
        cr_assert_str_eq(answer, with_types[i].answer, "%s", with_types[i].text);
    }
}

/* What GROUP BY has made: lower(s) has a slot of its own. */
static bool find_grouped(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    if (sql_is_same(node, context)) {
        *slot = (struct expression_slot){0, SCALAR_STRING};
        return true;
    }
    *why = "it must stand in GROUP BY";
    return false;
}

Test(compile, asks_for_whole_expressions_when_told_so)
{
    const struct sql_statement *statement;
    struct sql_fault fault;
    const struct program *program;
    cr_assert_eq(sql_parse(BYTES("SELECT LOWER(s) || '!', s FROM a.b GROUP BY lower(s)"), &arena, &statement, &fault), SQL_FAULT_NONE);
    const struct sql_select *select = statement->query->selects;
    const struct expression_resolver resolver = {.find = find_grouped, .context = select->group->first, .asks_all = true};
    struct expression_source source = {.root = select->items->expression, .resolver = &resolver, .wanted = SCALAR_UNKNOWN};
    cr_assert_eq(expression_compile(&source, &arena, &program, &fault), SQL_FAULT_NONE, "%s", fault.text);
    struct scalar temporaries[8];
    const struct scalar row = scalar_bytes(SCALAR_STRING, BYTES("x"));
    struct program_run_state run = {.slots = &row, .temporaries = temporaries, .arena = &arena};
    struct scalar value;
    cr_assert_eq(program_run(program, &run, &value), EXPRESSION_OK);
    cr_assert(bytes_equal(scalar_text(&value), BYTES("x!")));
    cr_assert(!program->is_constant);
    source.root = select->items->next->expression;
    cr_assert_eq(expression_compile(&source, &arena, &program, &fault), SQL_FAULT_MEANING);
    cr_assert_str_eq(fault.text, "it must stand in GROUP BY, at byte 24");
}

Test(compile, keeps_to_the_limit_of_its_arena)
{
    const struct expression_resolver resolver = {.find = find};
    const struct sql_statement *statement;
    struct sql_fault fault;
    cr_assert_eq(sql_parse(BYTES("SELECT CASE WHEN i IN (1, 2, 3, n) AND s LIKE '%x_%' AND i IN (4, 5) THEN coalesce(lower(s), 'x') ELSE CAST(i AS text) END"),
                           &arena, &statement, &fault), SQL_FAULT_NONE);
    const struct expression_source source = {
        .root = statement->query->selects->items->expression, .resolver = &resolver, .wanted = SCALAR_UNKNOWN};
    bool was_refused = false;
    bool was_compiled = false;
    for (size_t limit = 0; limit < 30000; limit += 50) {
        struct arena small;
        const struct program *program;
        arena_init(&small, MEM_CLIENT, limit);
        const enum sql_fault_kind kind = expression_compile(&source, &small, &program, &fault);
        cr_assert(kind == SQL_FAULT_NONE || kind == SQL_FAULT_NO_MEMORY);
        was_refused = was_refused || kind == SQL_FAULT_NO_MEMORY;
        was_compiled = was_compiled || kind == SQL_FAULT_NONE;
        arena_release(&small);
    }
    cr_assert(was_refused && was_compiled);
}

Test(compile, takes_long_lists_and_deep_trees)
{
    char *text = arena_alloc(&arena, 2000000);
    char *at = stpcpy(text, "i IN (8");
    for (int i = 0; i < 100000; i++) {
        at += sprintf(at, ", %d", i * 2 + 7);
    }
    strcpy(at, ")");
    cr_assert_str_eq(compute_as(text, (struct wanted){.is_any = false}), "boolean true");
    at = text;
    for (int i = 0; i < 400; i++) {
        at = stpcpy(at, i % 2 == 0 ? "coalesce(n, " : "CASE WHEN b THEN ");
    }
    at = stpcpy(at, "i");
    for (int i = 400; i-- > 0;) {
        at = stpcpy(at, i % 2 == 0 ? ")" : " END");
    }
    cr_assert_str_eq(compute_as(text, (struct wanted){.is_any = false}), "integer 7");
}
