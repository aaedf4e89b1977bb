/* The language of command_spec.syntax, read into trees. The trees are compared as text: (a b) a block, {a|b} one of them,
 * ? optional, + multiple, & multiple with its token, TOKEN=x an argument with a token.  */
#include "cmd/introspect/syntax.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static size_t print_node(const struct syntax *syntax, uint16_t place, char *out, size_t len);

static size_t print_children(const struct syntax *syntax, uint16_t place, char separator, char *out, size_t len)
{
    for (uint16_t child = syntax->nodes[place].first_child; child != 0; child = syntax->nodes[child].next) {
        len = print_node(syntax, child, out, len);
        if (syntax->nodes[child].next != 0) {
            out[len++] = separator;
        }
    }
    return len;
}

static size_t print_node(const struct syntax *syntax, uint16_t place, char *out, size_t len)
{
    const struct syntax_node *node = &syntax->nodes[place];
    len += (size_t)sprintf(out + len, "%.*s%s", (int)node->token.len, node->token.len == 0 ? "" : node->token.data,
                           node->token.len > 0 && node->kind != SYNTAX_TOKEN ? "=" : "");
    if (node->kind == SYNTAX_ARGUMENT) {
        len += (size_t)sprintf(out + len, "%.*s", (int)node->name.len, node->name.data);
    } else if (node->kind != SYNTAX_TOKEN) {
        out[len++] = node->kind == SYNTAX_ONEOF ? '{' : '(';
        len = print_children(syntax, place, node->kind == SYNTAX_ONEOF ? '|' : ' ', out, len);
        out[len++] = node->kind == SYNTAX_ONEOF ? '}' : ')';
    }
    len += (size_t)sprintf(out + len, "%s%s", node->is_optional ? "?" : "",
                           node->is_token_multiple ? "&" : node->is_multiple ? "+" : "");
    return len;
}

static const struct {
    const char *text, *tree;
} examples[] = {
    {NULL, ""},
    {"", ""},
    {"key", "key"},
    {"key value", "key value"},
    {"[message]", "message?"},
    {"key [key ...]", "key+"},
    {"key value [key value ...]", "(key value)+"},
    {"[event ...]", "event?+"},
    {"[event [event ...]]", "event?+"},
    {"ON|OFF|SKIP", "{ON|OFF|SKIP}"},
    {"timeout [WRITE|ALL]", "timeout {WRITE|ALL}?"},
    {"key [EX seconds|PX milliseconds|PERSIST]", "key {EX=seconds|PX=milliseconds|PERSIST}?"},
    {"key value [NX|XX] [GET] [EX seconds|KEEPTTL]", "key value {NX|XX}? GET? {EX=seconds|KEEPTTL}?"},
    {"[TYPE NORMAL|MASTER] [ID client-id [client-id ...]]", "TYPE={NORMAL|MASTER}? ID=client-id?+"},
    {"LIB-NAME libname|LIB-VER libver", "{LIB-NAME=libname|LIB-VER=libver}"},
    {"[protover [AUTH username password] [SETNAME clientname]]",
     "(protover AUTH=(username password)? SETNAME=clientname?)?"},
    {"[FILTERBY (MODULE module-name|ACLCAT category|PATTERN pattern)]",
     "FILTERBY={MODULE=module-name|ACLCAT=category|PATTERN=pattern}?"},
    {"ip:port|([ID client-id] [SKIPME yes/no])", "{ip:port|(ID=client-id? SKIPME=yes/no?)}"},
    {"key [GET pattern [GET pattern ...]]", "key GET=pattern?&"},
    {"cursor [MATCH pattern] [COUNT count] [TYPE type]", "cursor MATCH=pattern? COUNT=count? TYPE=type?"},
    {"name col:type[:index] [col:type[:index] ...]", "name col:type[:index]+"},
    {"key LEFT|RIGHT [COUNT count]", "key {LEFT|RIGHT} COUNT=count?"},
    {"key BEFORE|AFTER pivot element", "key {BEFORE|AFTER} pivot element"},
    {"name FORCE", "name FORCE"},
    {"name [WHERE condition [AND|OR condition ...]]", "name (WHERE=condition ({AND|OR} condition)?+)?"},
};

Test(syntax, reads_what_the_rows_say)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct syntax syntax;
        char tree[512] = "";
        cr_assert(syntax_parse(examples[i].text, &syntax), "%s", examples[i].text);
        tree[print_children(&syntax, 0, ' ', tree, 0)] = '\0';
        cr_assert_str_eq(tree, examples[i].tree, "%s: %s", examples[i].text, tree);
    }
}

Test(syntax, refuses_what_is_not_of_the_language)
{
    const char *const bad[] = {"[key", "key]", "(a|b", "a)", "[[[[[[[[[a]]]]]]]]]", "[a)", "a || b ]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct syntax syntax;
        cr_assert_not(syntax_parse(bad[i], &syntax), "%s", bad[i]);
    }
}

Test(syntax, refuses_what_is_too_big)
{
    char text[4 * SYNTAX_NODES_MAX + 1];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i % 2 == 0 ? 'a' : ' ';
    }
    text[sizeof text - 1] = '\0';
    struct syntax syntax;
    cr_assert_not(syntax_parse(text, &syntax));
}

/* No text may lead the parser out of its bounds. */
Test(syntax, survives_any_text)
{
    static const char letters[] = "aB [](|.)x";
    unsigned seed = 777;
    for (int round = 0; round < 200000; round++) {
        char text[24];
        size_t len = 0;
        for (; len < sizeof text - 1; len++) {
            seed = seed * 1103515245u + 12345u;
            text[len] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        text[len] = '\0';
        struct syntax syntax;
        if (syntax_parse(text, &syntax)) {
            cr_assert_leq(syntax.count, SYNTAX_NODES_MAX);
        }
    }
}
