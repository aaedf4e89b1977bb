/* expected.c - see expected.h. Words that come together have one name: all that begins an expression, all operators.  */
#include "sql/expected.h"

#include "sql/grammar.h"
#include "sql/lexer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 160, SHOWN_MAX = 9 };

/* Words by the names that people know them by; others are called as in the grammar. NULL: shown with its group, or not at all. */
static const struct {
    int number;
    const char *shown;
} shown_words[] = {
    {SQL_TOKEN_NAME, "a name"},  {SQL_TOKEN_TEXT, "a text in quotes"}, {SQL_TOKEN_INTEGER, "an integer"}, {SQL_TOKEN_NUMBER, "a number"},
    {SQL_TOKEN_BLOB, "a blob"},  {SQL_TOKEN_QUESTION, "?"},            {SQL_TOKEN_DOLLAR, "$1"},          {SQL_TOKEN_NE, "<>"},
    {SQL_TOKEN_LE, "<="},        {SQL_TOKEN_GE, ">="},                 {SQL_TOKEN_EQ, "="},               {SQL_TOKEN_LT, "<"},
    {SQL_TOKEN_GT, ">"},         {SQL_TOKEN_PLUS, "+"},                {SQL_TOKEN_MINUS, "-"},            {SQL_TOKEN_STAR, "*"},
    {SQL_TOKEN_SLASH, "/"},      {SQL_TOKEN_PERCENT, "%"},             {SQL_TOKEN_CONCAT, "||"},          {SQL_TOKEN_ARROW, "->"},
    {SQL_TOKEN_LONG_ARROW, "->>"}, {SQL_TOKEN_LP, "("},                {SQL_TOKEN_RP, ")"},               {SQL_TOKEN_COMMA, "a comma"},
    {SQL_TOKEN_DOT, "a dot"},    {SQL_TOKEN_SEMICOLON, NULL},
};

/* A group is named when its first word could come; its other words are not shown then. */
static const struct group {
    const char *shown;
    int words[20];
} groups[] = {
    {"an expression",
     {SQL_TOKEN_CAST, SQL_TOKEN_NAME, SQL_TOKEN_TEXT, SQL_TOKEN_INTEGER, SQL_TOKEN_NUMBER, SQL_TOKEN_BLOB, SQL_TOKEN_QUESTION,
      SQL_TOKEN_DOLLAR, SQL_TOKEN_LP, SQL_TOKEN_MINUS, SQL_TOKEN_PLUS, SQL_TOKEN_NOT, SQL_TOKEN_EXISTS, SQL_TOKEN_CASE, SQL_TOKEN_NULL,
      SQL_TOKEN_TRUE, SQL_TOKEN_FALSE, SQL_TOKEN_DISTINCT, SQL_TOKEN_ALL}},
    {"an operator",
     {SQL_TOKEN_CONCAT, SQL_TOKEN_PLUS, SQL_TOKEN_MINUS, SQL_TOKEN_STAR, SQL_TOKEN_SLASH, SQL_TOKEN_PERCENT, SQL_TOKEN_ARROW,
      SQL_TOKEN_LONG_ARROW, SQL_TOKEN_LT, SQL_TOKEN_LE, SQL_TOKEN_GT, SQL_TOKEN_GE, SQL_TOKEN_EQ, SQL_TOKEN_NE, SQL_TOKEN_IS,
      SQL_TOKEN_NOT, SQL_TOKEN_IN, SQL_TOKEN_LIKE, SQL_TOKEN_BETWEEN}},
    {"a literal", {SQL_TOKEN_BLOB, SQL_TOKEN_TEXT, SQL_TOKEN_INTEGER, SQL_TOKEN_NUMBER, SQL_TOKEN_NULL, SQL_TOKEN_TRUE, SQL_TOKEN_FALSE,
                   SQL_TOKEN_MINUS, SQL_TOKEN_NAME}},
    {"a number or a parameter", {SQL_TOKEN_QUESTION, SQL_TOKEN_INTEGER, SQL_TOKEN_DOLLAR}},
};

static const char *word_name(int number)
{
    for (size_t i = 0; i < sizeof shown_words / sizeof shown_words[0]; i++) {
        if (shown_words[i].number == number) {
            return shown_words[i].shown;
        }
    }
    return sql_automaton_word(number);
}

/* Appends the name, behind "or", a comma or nothing; what has no place is left out. */
static void add_shown(char *out, const char *name, size_t index, size_t count)
{
    const char *before = index == 0 ? "" : index + 1 == count ? " or " : ", ";
    const size_t len = strlen(out);
    if (len + strlen(before) + strlen(name) < SQL_EXPECTED_MAX) {
        snprintf(out + len, SQL_EXPECTED_MAX - len, "%s%s", before, name);
    }
}

/* Of a group that could come: its words are taken out of `could`. */
static bool take_group(const struct group *group, bool *could)
{
    if (!could[group->words[0]]) {
        return false;
    }
    for (size_t i = 0; i < sizeof group->words / sizeof group->words[0] && group->words[i] != 0; i++) {
        could[group->words[i]] = false;
    }
    return true;
}

void sql_expected_list(const struct sql_automaton *automaton, char out[SQL_EXPECTED_MAX])
{
    bool could[WORDS_MAX] = {false};
    const char *shown[SHOWN_MAX + 1];
    size_t count = 0;
    const bool could_end = sql_automaton_would_take(automaton, SQL_LEX_END);
    const bool could_name = sql_automaton_would_take(automaton, SQL_TOKEN_NAME);
    for (int i = 1; i <= sql_automaton_words() && i < WORDS_MAX; i++) {
        could[i] = sql_automaton_would_take(automaton, i) && !(could_name && sql_automaton_is_name(i));
    }
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (take_group(&groups[i], could)) {
            shown[count++] = groups[i].shown;
        }
    }
    for (int i = 1; i < WORDS_MAX && count < SHOWN_MAX; i++) {
        if (could[i] && word_name(i) != NULL) {
            shown[count++] = word_name(i);
        }
    }
    if (could_end) {
        shown[count++] = "the end";
    }
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        add_shown(out, shown[i], i, count);
    }
}
