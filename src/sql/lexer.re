/* lexer.re - see lexer.h. re2c makes a C file of it: rules are tried together, the longest wins, then the first.
 *
 * The text ends with a NUL that is no part of it, so that the end is looked for only where a NUL is met (re2c:eof).  */
#include "sql/lexer.h"

#include "sql/grammar.h"

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = cursor;
    re2c:define:YYMARKER = marker;
    re2c:define:YYLIMIT = limit;
    re2c:yyfill:enable = 0;
    re2c:eof = 0;

    digit = [0-9];
    letter = [A-Za-z_\x80-\xff];
    inner = [A-Za-z0-9_$\x80-\xff];
    exponent = [eE] [+-]? digit+;
    number = digit+ "." digit* exponent? | "." digit+ exponent? | digit+ exponent;
*/

int sql_lex(struct bytes text, uint32_t from, struct sql_token *token)
{
    const unsigned char *const base = (const unsigned char *)text.data;
    const unsigned char *const limit = base + text.len;
    const unsigned char *cursor = base + from;
    const unsigned char *marker;
    const unsigned char *begin;
    int number;

again:
    begin = cursor;
    /*!re2c
        [ \t\r\n\f\v]+                            { goto again; }
        "--" [^\n]*                               { goto again; }
        "/*" ([^*] | "*"+ [^*/])* "*"+ "/"        { goto again; }
        "/*"                                      { number = SQL_LEX_OPEN_COMMENT; goto found; }

        'add' { number = SQL_TOKEN_ADD; goto found; }
        'all' { number = SQL_TOKEN_ALL; goto found; }
        'alter' { number = SQL_TOKEN_ALTER; goto found; }
        'and' { number = SQL_TOKEN_AND; goto found; }
        'as' { number = SQL_TOKEN_AS; goto found; }
        'asc' { number = SQL_TOKEN_ASC; goto found; }
        'auto' { number = SQL_TOKEN_AUTO; goto found; }
        'autoincrement' { number = SQL_TOKEN_AUTO; goto found; }
        'auto_increment' { number = SQL_TOKEN_AUTO; goto found; }
        'between' { number = SQL_TOKEN_BETWEEN; goto found; }
        'btree' { number = SQL_TOKEN_BTREE; goto found; }
        'by' { number = SQL_TOKEN_BY; goto found; }
        'cascade' { number = SQL_TOKEN_CASCADE; goto found; }
        'case' { number = SQL_TOKEN_CASE; goto found; }
        'cast' { number = SQL_TOKEN_CAST; goto found; }
        'check' { number = SQL_TOKEN_CHECK; goto found; }
        'column' { number = SQL_TOKEN_COLUMN; goto found; }
        'conflict' { number = SQL_TOKEN_CONFLICT; goto found; }
        'create' { number = SQL_TOKEN_CREATE; goto found; }
        'default' { number = SQL_TOKEN_DEFAULT; goto found; }
        'delete' { number = SQL_TOKEN_DELETE; goto found; }
        'desc' { number = SQL_TOKEN_DESC; goto found; }
        'distinct' { number = SQL_TOKEN_DISTINCT; goto found; }
        'do' { number = SQL_TOKEN_DO; goto found; }
        'drop' { number = SQL_TOKEN_DROP; goto found; }
        'else' { number = SQL_TOKEN_ELSE; goto found; }
        'end' { number = SQL_TOKEN_END; goto found; }
        'escape' { number = SQL_TOKEN_ESCAPE; goto found; }
        'exists' { number = SQL_TOKEN_EXISTS; goto found; }
        'explain' { number = SQL_TOKEN_EXPLAIN; goto found; }
        'false' { number = SQL_TOKEN_FALSE; goto found; }
        'first' { number = SQL_TOKEN_FIRST; goto found; }
        'from' { number = SQL_TOKEN_FROM; goto found; }
        'group' { number = SQL_TOKEN_GROUP; goto found; }
        'hash' { number = SQL_TOKEN_HASH; goto found; }
        'having' { number = SQL_TOKEN_HAVING; goto found; }
        'if' { number = SQL_TOKEN_IF; goto found; }
        'in' { number = SQL_TOKEN_IN; goto found; }
        'index' { number = SQL_TOKEN_INDEX; goto found; }
        'inner' { number = SQL_TOKEN_INNER; goto found; }
        'ignore' { number = SQL_TOKEN_IGNORE; goto found; }
        'insert' { number = SQL_TOKEN_INSERT; goto found; }
        'into' { number = SQL_TOKEN_INTO; goto found; }
        'is' { number = SQL_TOKEN_IS; goto found; }
        'join' { number = SQL_TOKEN_JOIN; goto found; }
        'key' { number = SQL_TOKEN_KEY; goto found; }
        'last' { number = SQL_TOKEN_LAST; goto found; }
        'left' { number = SQL_TOKEN_LEFT; goto found; }
        'like' { number = SQL_TOKEN_LIKE; goto found; }
        'limit' { number = SQL_TOKEN_LIMIT; goto found; }
        'not' { number = SQL_TOKEN_NOT; goto found; }
        'nothing' { number = SQL_TOKEN_NOTHING; goto found; }
        'null' { number = SQL_TOKEN_NULL; goto found; }
        'nulls' { number = SQL_TOKEN_NULLS; goto found; }
        'offset' { number = SQL_TOKEN_OFFSET; goto found; }
        'on' { number = SQL_TOKEN_ON; goto found; }
        'or' { number = SQL_TOKEN_OR; goto found; }
        'order' { number = SQL_TOKEN_ORDER; goto found; }
        'outer' { number = SQL_TOKEN_OUTER; goto found; }
        'primary' { number = SQL_TOKEN_PRIMARY; goto found; }
        'references' { number = SQL_TOKEN_REFERENCES; goto found; }
        'rename' { number = SQL_TOKEN_RENAME; goto found; }
        'replace' { number = SQL_TOKEN_REPLACE; goto found; }
        'restrict' { number = SQL_TOKEN_RESTRICT; goto found; }
        'returning' { number = SQL_TOKEN_RETURNING; goto found; }
        'select' { number = SQL_TOKEN_SELECT; goto found; }
        'set' { number = SQL_TOKEN_SET; goto found; }
        'table' { number = SQL_TOKEN_TABLE; goto found; }
        'then' { number = SQL_TOKEN_THEN; goto found; }
        'to' { number = SQL_TOKEN_TO; goto found; }
        'true' { number = SQL_TOKEN_TRUE; goto found; }
        'union' { number = SQL_TOKEN_UNION; goto found; }
        'unique' { number = SQL_TOKEN_UNIQUE; goto found; }
        'update' { number = SQL_TOKEN_UPDATE; goto found; }
        'using' { number = SQL_TOKEN_USING; goto found; }
        'values' { number = SQL_TOKEN_VALUES; goto found; }
        'when' { number = SQL_TOKEN_WHEN; goto found; }
        'where' { number = SQL_TOKEN_WHERE; goto found; }

        letter inner*                             { number = SQL_TOKEN_NAME; goto found; }
        ["] ([^"] | ["] ["])+ ["]                 { number = SQL_TOKEN_NAME; goto found; }
        ["] ([^"] | ["] ["])*                     { number = SQL_LEX_OPEN_NAME; goto found; }
        ['] ([^'] | ['] ['])* [']                 { number = SQL_TOKEN_TEXT; goto found; }
        ['] ([^'] | ['] ['])*                     { number = SQL_LEX_OPEN_TEXT; goto found; }
        [xX] ['] ([0-9a-fA-F] [0-9a-fA-F])* [']   { number = SQL_TOKEN_BLOB; goto found; }
        [xX] ['] [^']* [']?                       { number = SQL_LEX_BAD_BLOB; goto found; }
        digit+                                    { number = SQL_TOKEN_INTEGER; goto found; }
        number                                    { number = SQL_TOKEN_NUMBER; goto found; }
        (digit+ | number) letter inner*           { number = SQL_LEX_BAD_NUMBER; goto found; }
        "?"                                       { number = SQL_TOKEN_QUESTION; goto found; }
        "$" digit+                                { number = SQL_TOKEN_DOLLAR; goto found; }

        "<>" | "!="  { number = SQL_TOKEN_NE; goto found; }
        "<="  { number = SQL_TOKEN_LE; goto found; }
        ">="         { number = SQL_TOKEN_GE; goto found; }
        "=" | "==" { number = SQL_TOKEN_EQ; goto found; }
        "<"          { number = SQL_TOKEN_LT; goto found; }
        ">"   { number = SQL_TOKEN_GT; goto found; }
        "+"          { number = SQL_TOKEN_PLUS; goto found; }
        "-"   { number = SQL_TOKEN_MINUS; goto found; }
        "*"          { number = SQL_TOKEN_STAR; goto found; }
        "/"   { number = SQL_TOKEN_SLASH; goto found; }
        "%"          { number = SQL_TOKEN_PERCENT; goto found; }
        "||"  { number = SQL_TOKEN_CONCAT; goto found; }
        "->"         { number = SQL_TOKEN_ARROW; goto found; }
        "->>" { number = SQL_TOKEN_LONG_ARROW; goto found; }
        "("          { number = SQL_TOKEN_LP; goto found; }
        ")"   { number = SQL_TOKEN_RP; goto found; }
        ","          { number = SQL_TOKEN_COMMA; goto found; }
        "."   { number = SQL_TOKEN_DOT; goto found; }
        ";"          { number = SQL_TOKEN_SEMICOLON; goto found; }

        $                                         { number = SQL_LEX_END; goto found; }
        *                                         { number = SQL_LEX_BAD_CHARACTER; goto found; }
    */
found:
    token->position = (uint32_t)(begin - base);
    token->len = (uint32_t)(cursor - begin);
    return number;
}

bool sql_is_plain_name(struct bytes name)
{
    enum { PLAIN_MAX = 128 };
    char copy[PLAIN_MAX + 1];
    struct sql_token token;
    if (name.len == 0 || name.len > PLAIN_MAX || name.data[0] == '"') {
        return false;
    }
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    return sql_lex((struct bytes){copy, name.len}, 0, &token) == SQL_TOKEN_NAME && token.len == name.len;
}
