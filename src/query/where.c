/* where.c - see where.h. Operators wait on a stack until what follows binds less tightly (the shunting-yard algorithm,
 * E. W. Dijkstra, 1961); conditions and operators come out in postorder.  */
#include "query/where.h"

#include <assert.h>
#include <string.h>

/* --- operators --- */

static bool is_operator_char(char c)
{
    return c == '=' || c == '<' || c == '>' || c == '!';
}

/* The operator that `text` begins with; 0: none. Returns its length. */
static size_t comparison_at(struct bytes text, enum comparison *comparison)
{
    static const struct {
        struct bytes text;
        enum comparison comparison;
    } operators[] = {
        {BYTES("!="), COMPARE_NOT_EQUAL},  {BYTES("<>"), COMPARE_NOT_EQUAL},     {BYTES("<="), COMPARE_LESS_EQUAL},
        {BYTES(">="), COMPARE_GREATER_EQUAL}, {BYTES("="), COMPARE_EQUAL},       {BYTES("<"), COMPARE_LESS},
        {BYTES(">"), COMPARE_GREATER},
    };
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t len = operators[i].text.len;
        if (text.len >= len && memcmp(text.data, operators[i].text.data, len) == 0) {
            *comparison = operators[i].comparison;
            return len;
        }
    }
    return 0;
}

bool comparison_split(struct bytes word, struct bytes *name, enum comparison *comparison, struct bytes *rest)
{
    for (size_t at = 0; at < word.len; at++) {
        if (!is_operator_char(word.data[at])) {
            continue;
        }
        size_t len = comparison_at((struct bytes){word.data + at, word.len - at}, comparison);
        if (len == 0) {
            continue; /* a lone '!' */
        }
        *name = (struct bytes){word.data, at};
        *rest = (struct bytes){word.data + at + len, word.len - at - len};
        return at > 0;
    }
    return false;
}

/* --- parsing --- */

enum pending { PENDING_OPEN, PENDING_AND, PENDING_OR };

struct parser {
    struct where *where;
    const struct where_source *source;
    uint32_t at;                       /* next word */
    uint32_t depth, pending_count;
    uint8_t pending[WHERE_STACK_MAX];  /* enum pending */
};

static bool word_is(struct bytes word, const char *keyword)
{
    return bytes_equal_ignore_case(word, bytes_of_string(keyword));
}

static void emit_operator(struct parser *parser, enum pending pending)
{
    struct where *where = parser->where;
    uint16_t right = (uint16_t)(where->node_count - 1);
    uint16_t right_first = where->nodes[right].first;
    uint16_t left = (uint16_t)(right_first - 1);
    where->nodes[right_first].right_of = where->node_count;
    where->nodes[where->node_count++] =
        (struct where_node){.kind = pending == PENDING_AND ? WHERE_AND : WHERE_OR, .first = where->nodes[left].first};
}

static enum table_result condition_set(struct parser *parser, struct bytes name, enum comparison comparison, struct bytes text)
{
    struct where *where = parser->where;
    const struct schema *schema = parser->source->schema;
    uint32_t column = schema_find_column(schema, name);
    if (column == COLUMN_NONE) {
        return TABLE_BAD_VALUE;
    }
    if (where->condition_count == WHERE_CONDITIONS_MAX) {
        return TABLE_TOO_MANY_CONDITIONS;
    }
    struct condition *condition = &where->conditions[where->condition_count];
    *condition = (struct condition){.column = (uint16_t)column,
                                    .slot = schema->columns[column].slot,
                                    .type = schema->columns[column].type,
                                    .comparison = (uint8_t)comparison};
    if (!typed_value_parse(column_form(&schema->columns[column]), text, &condition->value)) {
        return TABLE_BAD_VALUE;
    }
    uint16_t node = where->node_count++;
    where->nodes[node] = (struct where_node){.kind = WHERE_CONDITION, .first = node, .condition = where->condition_count++};
    return TABLE_OK;
}

/* One word, or three. */
static enum table_result read_condition(struct parser *parser)
{
    const struct bytes *words = parser->source->words + parser->at;
    uint32_t left = parser->source->count - parser->at;
    struct bytes name;
    struct bytes rest;
    enum comparison comparison;
    if (comparison_split(words[0], &name, &comparison, &rest)) {
        parser->at++;
        return condition_set(parser, name, comparison, rest);
    }
    size_t len = left >= 3 ? comparison_at(words[1], &comparison) : 0;
    if (len == 0 || len != words[1].len || words[0].len == 0 || is_operator_char(words[0].data[0])) {
        return TABLE_BAD_CONDITION;
    }
    parser->at += 3;
    return condition_set(parser, words[0], comparison, words[2]);
}

static void push(struct parser *parser, enum pending pending)
{
    assert(parser->pending_count < WHERE_STACK_MAX);
    parser->pending[parser->pending_count++] = (uint8_t)pending;
}

/* What stands where a condition is expected: any number of "(", then one. */
static enum table_result read_operand(struct parser *parser)
{
    const struct where_source *source = parser->source;
    bool is_first = parser->at == 0 || parser->pending_count == 0 ||
                    parser->pending[parser->pending_count - 1] == PENDING_OPEN;
    while (parser->at < source->count && word_is(source->words[parser->at], "(")) {
        if (parser->depth == WHERE_DEPTH_MAX) {
            return TABLE_TOO_DEEP;
        }
        parser->depth++;
        parser->at++;
        push(parser, PENDING_OPEN);
        is_first = true;
    }
    if (parser->at == source->count) {
        return is_first ? TABLE_BAD_CONDITION : TABLE_DANGLING_OPERATOR;
    }
    if (word_is(source->words[parser->at], ")")) {
        return is_first ? TABLE_BAD_CONDITION : TABLE_DANGLING_OPERATOR;
    }
    return read_condition(parser);
}

/* ")" any number of times. */
static enum table_result close_groups(struct parser *parser)
{
    const struct where_source *source = parser->source;
    while (parser->at < source->count && word_is(source->words[parser->at], ")")) {
        if (parser->depth == 0) {
            return TABLE_UNBALANCED;
        }
        while (parser->pending[parser->pending_count - 1] != PENDING_OPEN) {
            emit_operator(parser, (enum pending)parser->pending[--parser->pending_count]);
        }
        parser->pending_count--;
        parser->depth--;
        parser->at++;
    }
    return TABLE_OK;
}

/* AND or OR; what waits and binds at least as tightly comes out first. */
static enum table_result read_operator(struct parser *parser)
{
    struct bytes word = parser->source->words[parser->at];
    bool is_and = word_is(word, "AND");
    if (!is_and && !word_is(word, "OR")) {
        return TABLE_EXPECTED_OPERATOR;
    }
    parser->at++;
    while (parser->pending_count > 0) {
        enum pending top = (enum pending)parser->pending[parser->pending_count - 1];
        bool comes_first = top == PENDING_AND || (top == PENDING_OR && (!is_and || parser->source->is_left_to_right));
        if (top == PENDING_OPEN || !comes_first) {
            break;
        }
        parser->pending_count--;
        emit_operator(parser, top);
    }
    push(parser, is_and ? PENDING_AND : PENDING_OR);
    return TABLE_OK;
}

static bool is_at_end(const struct parser *parser)
{
    const struct where_source *source = parser->source;
    return parser->at == source->count || (source->ends_at_set && word_is(source->words[parser->at], "SET"));
}

/* From the root down: both sides of a required AND are required. */
static void mark_required(struct where *where)
{
    where->nodes[where->node_count - 1].is_required = true;
    for (uint32_t i = where->node_count; i-- > 0;) {
        const struct where_node *node = &where->nodes[i];
        if (node->is_required && node->kind == WHERE_AND) {
            where->nodes[i - 1].is_required = true;
            where->nodes[where->nodes[i - 1].first - 1].is_required = true;
        }
        if (node->kind == WHERE_CONDITION) {
            where->conditions[node->condition].is_required = node->is_required;
        }
    }
}

size_t where_bytes(uint32_t words)
{
    size_t conditions = words < WHERE_CONDITIONS_MAX ? words : WHERE_CONDITIONS_MAX;
    return conditions * (sizeof(struct condition) + 2 * sizeof(struct where_node));
}

void where_init(struct where *where)
{
    *where = (struct where){0};
}

enum table_result where_parse(struct where *where, const struct where_source *source, void *memory, uint32_t *used)
{
    struct parser parser = {.where = where, .source = source};
    uint32_t conditions = source->count < WHERE_CONDITIONS_MAX ? source->count : WHERE_CONDITIONS_MAX;
    *where = (struct where){.conditions = memory};
    where->nodes = (struct where_node *)(where->conditions + conditions);
    for (;;) {
        enum table_result result = read_operand(&parser);
        if (result == TABLE_OK) {
            result = close_groups(&parser);
        }
        if (result == TABLE_OK && is_at_end(&parser)) {
            break;
        }
        if (result == TABLE_OK) {
            result = read_operator(&parser);
        }
        if (result != TABLE_OK) {
            return result;
        }
    }
    if (parser.depth > 0) {
        return TABLE_UNBALANCED;
    }
    while (parser.pending_count > 0) {
        emit_operator(&parser, (enum pending)parser.pending[--parser.pending_count]);
    }
    mark_required(where);
    *used = parser.at;
    return TABLE_OK;
}

/* --- asking --- */

const struct condition *where_equality(const struct where *where, uint32_t column)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        if (condition->is_required && condition->comparison == COMPARE_EQUAL && condition->column == column) {
            return condition;
        }
    }
    return NULL;
}

bool where_needs_index(const struct where *where, const struct schema *schema)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        if (condition->comparison == COMPARE_EQUAL && schema->columns[condition->column].index_at == COLUMN_NONE) {
            return true;
        }
    }
    return false;
}
