/* syntax.c - reads the syntax of a command into a tree.
 *
 * The parser goes down by brackets. A sequence is first read as it stands (words, groups); then words take what follows them.
 * Recursion is bounded by SYNTAX_DEPTH_MAX, and the text is the program's own.  */
#include "cmd/introspect/syntax.h"

#include <assert.h>
#include <ctype.h>

struct parser {
    const char *at;
    struct syntax *syntax;
    unsigned depth;
    bool is_bad;
};

/* Nodes side by side. */
struct sequence {
    uint16_t items[SYNTAX_SEQUENCE_MAX];
    size_t count;
    bool ends_with_dots; /* the last thing was "..." */
};

static void skip_spaces(struct parser *parser)
{
    while (*parser->at == ' ') {
        parser->at++;
    }
}

static struct syntax_node *node_at(struct parser *parser, uint16_t place)
{
    return &parser->syntax->nodes[place];
}

/* 0, which is the root's place, when there is no room. */
static uint16_t add_node(struct parser *parser, enum syntax_kind kind)
{
    if (parser->syntax->count == SYNTAX_NODES_MAX) {
        parser->is_bad = true;
        return 0;
    }
    parser->syntax->nodes[parser->syntax->count] = (struct syntax_node){.kind = (uint8_t)kind};
    return parser->syntax->count++;
}

static void push(struct parser *parser, struct sequence *sequence, uint16_t node)
{
    if (sequence->count == SYNTAX_SEQUENCE_MAX) {
        parser->is_bad = true;
        return;
    }
    sequence->items[sequence->count++] = node;
}

static void set_children(struct parser *parser, uint16_t parent, const uint16_t *items, size_t count)
{
    node_at(parser, parent)->first_child = count == 0 ? 0 : items[0];
    for (size_t i = 0; i < count; i++) {
        node_at(parser, items[i])->next = i + 1 < count ? items[i + 1] : 0;
    }
}

/* --- words take what follows --- */

/* How many nodes from items[0] on a token takes: arguments that are not optional, or one group. */
static size_t taken_by_token(struct parser *parser, const uint16_t *items, size_t count)
{
    size_t taken = 0;
    while (taken < count) {
        const struct syntax_node *node = node_at(parser, items[taken]);
        if (node->is_optional || node->token.len > 0 || node->kind == SYNTAX_TOKEN) {
            break;
        }
        if (node->kind != SYNTAX_ARGUMENT) {
            return taken == 0 ? 1 : taken;
        }
        taken++;
    }
    return taken;
}

static void bind_tokens(struct parser *parser, struct sequence *sequence)
{
    struct sequence bound = {.count = 0};
    for (size_t i = 0; i < sequence->count; i++) {
        uint16_t place = sequence->items[i];
        if (node_at(parser, place)->kind != SYNTAX_TOKEN || node_at(parser, place)->is_optional) {
            push(parser, &bound, place);
            continue;
        }
        const uint16_t *behind = sequence->items + i + 1;
        size_t taken = taken_by_token(parser, behind, sequence->count - i - 1);
        uint16_t target = place;
        if (taken == 1) {
            target = behind[0];
        } else if (taken > 1) {
            target = add_node(parser, SYNTAX_BLOCK);
            set_children(parser, target, behind, taken);
        }
        node_at(parser, target)->token = node_at(parser, place)->token;
        push(parser, &bound, target);
        i += taken;
    }
    *sequence = bound;
}

/* The sequence as one node. */
static uint16_t collapse(struct parser *parser, struct sequence *sequence)
{
    bind_tokens(parser, sequence);
    if (sequence->count == 1) {
        return sequence->items[0];
    }
    uint16_t block = add_node(parser, SYNTAX_BLOCK);
    set_children(parser, block, sequence->items, sequence->count);
    return block;
}

/* --- reading --- */

static bool is_word_end(char c)
{
    return c == '\0' || c == ' ' || c == '|' || c == ']' || c == ')';
}

/* A bracket right behind a letter belongs to the word: col:type[:index]. */
static struct bytes read_word(struct parser *parser)
{
    const char *start = parser->at;
    while (!is_word_end(*parser->at)) {
        if (*parser->at == '[' && parser->at > start) {
            while (*parser->at != ']' && *parser->at != '\0') {
                parser->at++;
            }
        }
        if (*parser->at != '\0') {
            parser->at++;
        }
    }
    return (struct bytes){start, (size_t)(parser->at - start)};
}

static bool is_token_text(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (islower((unsigned char)word.data[i])) {
            return false;
        }
    }
    return word.len > 0;
}

/* True when a bar and another token word stand right here. */
static bool is_token_behind_bar(const struct parser *parser)
{
    struct parser ahead = *parser;
    if (*ahead.at != '|') {
        return false;
    }
    ahead.at++;
    if (is_word_end(*ahead.at) || *ahead.at == '[' || *ahead.at == '(') {
        return false;
    }
    return is_token_text(read_word(&ahead));
}

static uint16_t add_token(struct parser *parser, struct bytes word)
{
    uint16_t place = add_node(parser, SYNTAX_TOKEN);
    node_at(parser, place)->token = word;
    return place;
}

/* One word, or NX|XX. */
static uint16_t read_words(struct parser *parser)
{
    struct bytes word = read_word(parser);
    if (!is_token_text(word)) {
        uint16_t argument = add_node(parser, SYNTAX_ARGUMENT);
        node_at(parser, argument)->name = word;
        return argument;
    }
    if (!is_token_behind_bar(parser)) {
        return add_token(parser, word);
    }
    struct sequence choices = {.count = 0};
    push(parser, &choices, add_token(parser, word));
    while (!parser->is_bad && is_token_behind_bar(parser)) {
        parser->at++;
        push(parser, &choices, add_token(parser, read_word(parser)));
    }
    uint16_t oneof = add_node(parser, SYNTAX_ONEOF);
    set_children(parser, oneof, choices.items, choices.count);
    return oneof;
}

/* Do the last nodes of `sequence` say the same as all of `repeated`? */
static bool ends_with(struct parser *parser, const struct sequence *sequence, const struct sequence *repeated)
{
    if (repeated->count == 0 || repeated->count > sequence->count) {
        return false;
    }
    for (size_t i = 0; i < repeated->count; i++) {
        const struct syntax_node *a = node_at(parser, sequence->items[sequence->count - repeated->count + i]);
        const struct syntax_node *b = node_at(parser, repeated->items[i]);
        if (a->kind != b->kind || !bytes_equal(a->name, b->name) || !bytes_equal(a->token, b->token)) {
            return false;
        }
    }
    return true;
}

/* "x [x ...]": the x before becomes one node that may come several times. */
static void repeat_end(struct parser *parser, struct sequence *sequence, size_t count)
{
    struct sequence tail = {.count = 0};
    for (size_t i = sequence->count - count; i < sequence->count; i++) {
        push(parser, &tail, sequence->items[i]);
    }
    sequence->count -= count;
    uint16_t place = collapse(parser, &tail);
    node_at(parser, place)->is_multiple = true;
    node_at(parser, place)->is_token_multiple = node_at(parser, place)->token.len > 0;
    push(parser, sequence, place);
}

static struct sequence read_sequence(struct parser *parser);

/* Sequences with bars between them, as one node. */
static uint16_t read_alternatives(struct parser *parser, struct sequence *first)
{
    if (*parser->at != '|') {
        return collapse(parser, first);
    }
    struct sequence choices = {.count = 0};
    push(parser, &choices, collapse(parser, first));
    while (!parser->is_bad && *parser->at == '|') {
        parser->at++;
        struct sequence next = read_sequence(parser);
        push(parser, &choices, collapse(parser, &next));
    }
    uint16_t oneof = add_node(parser, SYNTAX_ONEOF);
    set_children(parser, oneof, choices.items, choices.count);
    return oneof;
}

static void read_group(struct parser *parser, struct sequence *outer)
{
    bool is_optional = *parser->at == '[';
    if (++parser->depth > SYNTAX_DEPTH_MAX) {
        parser->is_bad = true;
        return;
    }
    parser->at++;
    struct sequence inner = read_sequence(parser);
    if (is_optional && inner.ends_with_dots && ends_with(parser, outer, &inner)) {
        repeat_end(parser, outer, inner.count);
    } else {
        bool is_multiple = inner.ends_with_dots;
        uint16_t place = read_alternatives(parser, &inner);
        node_at(parser, place)->is_optional |= is_optional;
        node_at(parser, place)->is_multiple |= is_multiple;
        push(parser, outer, place);
    }
    if (*parser->at != (is_optional ? ']' : ')')) {
        parser->is_bad = true;
        return;
    }
    parser->at++;
    parser->depth--;
}

/* Up to a bar, a closing bracket or the end. */
static struct sequence read_sequence(struct parser *parser)
{
    struct sequence sequence = {.count = 0};
    for (;;) {
        skip_spaces(parser);
        if (parser->is_bad || *parser->at == '\0' || *parser->at == '|' || *parser->at == ']' || *parser->at == ')') {
            return sequence;
        }
        sequence.ends_with_dots = strncmp(parser->at, "...", 3) == 0;
        if (sequence.ends_with_dots) {
            parser->at += 3;
        } else if (*parser->at == '[' || *parser->at == '(') {
            read_group(parser, &sequence);
        } else {
            push(parser, &sequence, read_words(parser));
        }
    }
}

bool syntax_parse(const char *text, struct syntax *out)
{
    out->count = 0;
    struct parser parser = {.at = text == NULL ? "" : text, .syntax = out};
    uint16_t root = add_node(&parser, SYNTAX_BLOCK);
    assert(root == 0);
    struct sequence sequence = read_sequence(&parser);
    if (*parser.at == '|') {
        uint16_t whole = read_alternatives(&parser, &sequence);
        sequence = (struct sequence){.items = {whole}, .count = 1};
    } else {
        bind_tokens(&parser, &sequence);
    }
    set_children(&parser, root, sequence.items, sequence.count);
    return !parser.is_bad && *parser.at == '\0';
}
