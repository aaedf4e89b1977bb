/* Expressions that are the same, and such that are not. */
#include "sql/same.h"

#include "sql/parse.h"

#include <criterion/criterion.h>

static const struct {
    const char *text; /* two items */
    bool is_same;
} pairs[] = {
    {"SELECT a + b, a + b", true},
    {"SELECT lower(a), LOWER(a)", true},
    {"SELECT (a) + 1, a+1", true},
    {"SELECT t.a, t.a", true},
    {"SELECT CAST(a AS INT), CAST(a AS int)", true},
    {"SELECT a AND b AND c, a AND (b AND c)", true},
    {"SELECT a + b, b + a", false},
    {"SELECT a, A", false},
    {"SELECT t.a, a", false},
    {"SELECT t.a, u.a", false},
    {"SELECT 1, 2", false},
    {"SELECT 'a', 'A'", false},
    {"SELECT a IS NULL, a IS NOT NULL", false},
    {"SELECT count(a), count(DISTINCT a)", false},
    {"SELECT count(*), count()", false},
    {"SELECT $1, $2", false},
    {"SELECT abs(a), abs(a, b)", false},
    {"SELECT CAST(a AS int), CAST(a AS float)", false},
    {"SELECT CASE a WHEN b THEN c END, CASE WHEN a THEN b ELSE c END", false},
    {"SELECT a + b + c, a + (b + c)", false},
    {"SELECT (SELECT 1), (SELECT 1)", false},
};

Test(sql_same, compares_trees)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct arena arena;
        struct sql_fault fault;
        const struct sql_statement *statement;
        arena_init(&arena, MEM_CLIENT, 1 << 20);
        cr_assert_eq(sql_parse(bytes_of_string(pairs[i].text), &arena, &statement, &fault), SQL_FAULT_NONE, "%s", fault.text);
        const struct sql_item *first = statement->query->selects->items;
        cr_assert_eq(sql_is_same(first->expression, first->next->expression), pairs[i].is_same, "%s", pairs[i].text);
        cr_assert(sql_is_same(first->expression, first->expression));
        arena_release(&arena);
    }
}
