/* parse.c - words to the automaton, and what to say when one does not fit.
 *
 * The automaton reduces before it finds that a word does not fit, and then knows less than it did. So the words before that one are given to
 * a second one, which is asked for each word of the grammar whether it could come.  */
#include "sql/parse.h"

#include "sql/automaton.h"
#include "sql/builder.h"
#include "sql/expected.h"
#include "sql/lexer.h"

#include <assert.h>

static const char *lexical_message(int number)
{
    switch (number) {
    case SQL_LEX_OPEN_TEXT:
        return "the text has no quote at its end";
    case SQL_LEX_OPEN_NAME:
        return "the name is empty or has no quote at its end";
    case SQL_LEX_OPEN_COMMENT:
        return "the comment has no end";
    case SQL_LEX_BAD_NUMBER:
        return "the number has letters behind it";
    case SQL_LEX_BAD_BLOB:
        return "a blob is x'...' with pairs of hexadecimal digits";
    default:
        assert(number == SQL_LEX_BAD_CHARACTER);
        return "no word begins with this character";
    }
}

/* Gives words to the automaton until one fails or the last one was given, or one begins at `until`. Returns the number of the last word that
 * was looked at; *token is its place. */
static int run(struct sql_automaton *automaton, struct sql_builder *builder, uint32_t until, struct sql_token *token)
{
    uint32_t at = 0;
    for (;;) {
        const int number = sql_lex(builder->text, at, token);
        if (number < 0) {
            sql_build_fail(builder, SQL_FAULT_SYNTAX, token->position, lexical_message(number));
        }
        if (builder->is_failed || token->position >= until) {
            return number;
        }
        builder->position = token->position;
        sql_automaton_take(automaton, number, *token);
        if (builder->is_failed || number == SQL_LEX_END) {
            return number;
        }
        at = token->position + token->len;
    }
}

static void explain(struct sql_automaton *automaton, const struct sql_builder *failed, struct sql_token token)
{
    struct sql_fault other;
    struct sql_builder builder = {.arena = failed->arena, .text = failed->text, .fault = &other};
    struct sql_token last;
    char expected[SQL_EXPECTED_MAX];
    sql_automaton_begin(automaton, &builder);
    run(automaton, &builder, token.position, &last);
    sql_expected_list(automaton, expected);
    if (builder.is_failed || expected[0] == '\0') {
        memcpy(expected, "something else", sizeof "something else"); /* no memory for the words before it */
    }
    const uint32_t shown = token.len > 40 ? 40 : token.len;
    if (token.len == 0) {
        sql_fault_set(failed->fault, SQL_FAULT_SYNTAX, failed->text, token.position, "the statement ends where %s was expected", expected);
    } else {
        sql_fault_set(failed->fault, SQL_FAULT_SYNTAX, failed->text, token.position, "%s was expected, not %.*s%s", expected, (int)shown,
                      failed->text.data + token.position, shown < token.len ? "..." : "");
    }
}

enum sql_fault_kind sql_parse(struct bytes text, struct arena *arena, const struct sql_statement **statement, struct sql_fault *fault)
{
    if (text.len > SQL_BYTES_MAX) {
        sql_fault_set(fault, SQL_FAULT_LIMIT, text, SQL_BYTES_MAX, "the statement is too long");
        return fault->kind;
    }
    struct bytes copy = {arena_copy(arena, text), text.len};
    if (copy.data == NULL) {
        sql_fault_set(fault, SQL_FAULT_NO_MEMORY, text, 0, "no memory for the statement");
        return fault->kind;
    }
    struct sql_automaton automaton;
    struct sql_builder builder = {.arena = arena, .text = copy, .fault = fault};
    struct sql_token token;
    sql_automaton_begin(&automaton, &builder);
    run(&automaton, &builder, UINT32_MAX, &token);
    if (builder.is_syntax_wrong) {
        explain(&automaton, &builder, token);
    }
    if (builder.is_failed) {
        return fault->kind;
    }
    assert(builder.statement != NULL);
    *statement = builder.statement;
    return SQL_FAULT_NONE;
}
