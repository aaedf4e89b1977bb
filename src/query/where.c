/* where.c - see where.h. Operators wait on a stack until what follows binds less tightly (the shunting-yard algorithm,
 * E. W. Dijkstra, 1961); conditions and operators come out in postorder.  */
#include "query/where.h"

#include <assert.h>
#include <string.h>

enum pending {
    PENDING_OPEN,
    PENDING_OPEN_NEGATED, /* what is around the group is negated */
    PENDING_AND,
    PENDING_OR,
};

struct parser {
    struct where *where;
    const struct where_source *source;
    struct table_fault *fault;
    struct arena arena;                /* over the caller's memory: lists and patterns */
    uint32_t at;                       /* next word */
    uint32_t depth, pending_count;
    bool is_negated;                   /* an odd number of NOT stands before the groups that are open */
    uint8_t pending[WHERE_STACK_MAX];  /* enum pending */
};

/* Most words are told from a keyword by their length alone. */
static inline bool word_is(struct bytes word, const char *keyword)
{
    return word.len == strlen(keyword) && bytes_equal_ignore_case(word, bytes_of_string(keyword));
}

static uint32_t words_left(const struct parser *parser)
{
    return parser->source->count - parser->at;
}

/* The word at this distance from the next one, and is it there and this keyword? */
static inline bool next_is(const struct parser *parser, uint32_t distance, const char *keyword)
{
    return distance < words_left(parser) && word_is(parser->source->words[parser->at + distance], keyword);
}

/* Something else is expected at this distance. */
static enum table_result fail(struct parser *parser, enum table_result result, enum fault_expected expected, uint32_t distance)
{
    const struct where_source *source = parser->source;
    const uint32_t at = parser->at + distance < source->count ? parser->at + distance : source->count;
    *parser->fault = (struct table_fault){.expected = (uint8_t)expected,
                                          .is_known = true,
                                          .is_end = at == source->count,
                                          .word = at < source->count ? source->words[at] : BYTES(""),
                                          .beside = at > 0 ? source->words[at - 1] : BYTES("WHERE")};
    return result;
}

static bool is_end_word(const struct where_source *source, struct bytes word)
{
    bool is_end = false;
    for (uint32_t i = 0; i < source->end_count && !is_end; i++) {
        is_end = bytes_equal_ignore_case(word, source->ends[i]);
    }
    return is_end;
}

/* May the word stand behind a condition? */
static bool may_follow(const struct where_source *source, struct bytes word)
{
    return word_is(word, "AND") || word_is(word, "OR") || word_is(word, ")") || is_end_word(source, word);
}

/* --- conditions --- */

static void emit_operator(struct where *where, enum where_kind kind)
{
    uint16_t right = (uint16_t)(where->node_count - 1);
    uint16_t right_first = where->nodes[right].first;
    uint16_t left = (uint16_t)(right_first - 1);
    where->nodes[right_first].right_of = where->node_count;
    where->nodes[where->node_count++] = (struct where_node){.kind = (uint8_t)kind, .first = where->nodes[left].first};
}

static enum table_result emit_condition(struct parser *parser, const struct condition *condition, bool is_negated)
{
    struct where *where = parser->where;
    if (where->condition_count == WHERE_CONDITIONS_MAX) {
        return TABLE_TOO_MANY_CONDITIONS;
    }
    struct condition *into = &where->conditions[where->condition_count];
    *into = *condition;
    if (is_negated) {
        condition_negate(into);
    }
    const uint16_t node = where->node_count++;
    where->nodes[node] = (struct where_node){.kind = WHERE_CONDITION, .first = node, .condition = where->condition_count++};
    return TABLE_OK;
}

/* `name`: in the word at this distance, or all of it. */
static enum table_result find_column(struct parser *parser, struct bytes name, uint32_t distance, struct column_place *place)
{
    if (condition_find_column(parser->source->schema, name, place)) {
        return TABLE_OK;
    }
    *parser->fault = (struct table_fault){
        .is_known = true, .word = name, .beside = parser->source->words[parser->at + distance]};
    return TABLE_UNKNOWN_COLUMN;
}

static struct bytes column_name(const struct parser *parser, uint16_t column)
{
    return column == COLUMN_ROW_ID ? BYTES("_id") : schema_column_name(parser->source->schema, column);
}

static enum table_result read_operand(struct parser *parser, const struct condition *condition, struct bytes text, bool is_order,
                                      struct operand *operand)
{
    if (operand_parse(condition_form(condition), text, is_order, operand)) {
        return TABLE_OK;
    }
    *parser->fault = (struct table_fault){
        .is_known = true, .form = condition_form(condition), .word = text, .beside = column_name(parser, condition->column)};
    return TABLE_BAD_VALUE;
}

/* What stands between a column and its value, as far as it was read. */
struct beginning {
    struct condition condition;
    enum comparison comparison;
    bool is_negated;
    uint32_t words; /* of the condition, so far */
};

/* <col><op> was read: the value is the text, which stands in words that are counted already. */
static enum table_result read_value(struct parser *parser, struct beginning *begin, struct bytes text)
{
    struct operand operand;
    const bool is_order = begin->comparison != COMPARE_EQUAL && begin->comparison != COMPARE_NOT_EQUAL;
    const enum table_result result = read_operand(parser, &begin->condition, text, is_order, &operand);
    if (result != TABLE_OK) {
        return result;
    }
    condition_set_value(&begin->condition, begin->comparison, &operand);
    parser->at += begin->words;
    return emit_condition(parser, &begin->condition, begin->is_negated);
}

/* The same; the value is the next word, or COLUMN and a column's name. */
static enum table_result read_right_side(struct parser *parser, struct beginning *begin)
{
    const struct bytes *words = parser->source->words + parser->at;
    const uint32_t at = begin->words;
    struct column_place other;
    if (!next_is(parser, at, "COLUMN") || at + 1 >= words_left(parser) || may_follow(parser->source, words[at + 1])) {
        begin->words++;
        return read_value(parser, begin, words[at]);
    }
    const enum table_result result = find_column(parser, words[at + 1], at + 1, &other);
    if (result != TABLE_OK) {
        return result;
    }
    if (!condition_set_column(&begin->condition, begin->comparison, &other)) {
        *parser->fault = (struct table_fault){
            .is_known = true, .word = words[at + 1], .beside = column_name(parser, begin->condition.column)};
        return TABLE_TYPES_DIFFER;
    }
    parser->at += at + 2;
    return emit_condition(parser, &begin->condition, begin->is_negated);
}

/* BETWEEN is the last word that was read. */
static enum table_result read_between(struct parser *parser, struct beginning *begin)
{
    const struct bytes *words = parser->source->words + parser->at;
    const uint32_t at = begin->words;
    struct condition upper = begin->condition;
    struct operand operand;
    if (at >= words_left(parser)) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_VALUE, at);
    }
    if (!next_is(parser, at + 1, "AND")) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_AND, at + 1);
    }
    if (at + 2 >= words_left(parser)) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_VALUE, at + 2);
    }
    enum table_result result = read_operand(parser, &begin->condition, words[at], false, &operand);
    if (result != TABLE_OK) {
        return result;
    }
    condition_set_value(&begin->condition, COMPARE_GREATER_EQUAL, &operand);
    result = read_operand(parser, &upper, words[at + 2], false, &operand);
    if (result != TABLE_OK) {
        return result;
    }
    condition_set_value(&upper, COMPARE_LESS_EQUAL, &operand);
    parser->at += at + 3;
    result = emit_condition(parser, &begin->condition, begin->is_negated);
    if (result == TABLE_OK) {
        result = emit_condition(parser, &upper, begin->is_negated);
    }
    if (result == TABLE_OK) {
        emit_operator(parser->where, begin->is_negated ? WHERE_OR : WHERE_AND);
    }
    return result;
}

/* The values up to ")". */
static enum table_result read_list(struct parser *parser, struct beginning *begin, struct typed_value *values, uint32_t *count)
{
    uint32_t given = 0;
    *count = 0;
    for (; begin->words < words_left(parser); begin->words++) {
        const struct bytes word = parser->source->words[parser->at + begin->words];
        struct operand operand;
        if (word_is(word, ")") && given == 0) {
            return fail(parser, TABLE_BAD_CONDITION, EXPECTED_VALUE, begin->words);
        }
        if (word_is(word, ")")) {
            begin->words++;
            return TABLE_OK;
        }
        if (word_is(word, ",")) {
            continue;
        }
        if (++given > CONDITION_VALUES_MAX) {
            return TABLE_TOO_MANY_VALUES;
        }
        const enum table_result result = read_operand(parser, &begin->condition, word, false, &operand);
        if (result != TABLE_OK) {
            return result;
        }
        if (operand.side == 0) { /* no value is equal to another place */
            values[(*count)++] = operand.value;
        }
    }
    return fail(parser, TABLE_UNBALANCED, EXPECTED_CLOSE, begin->words);
}

static enum table_result read_in(struct parser *parser, struct beginning *begin)
{
    uint32_t count;
    if (!next_is(parser, begin->words, "(")) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_OPEN, begin->words);
    }
    uint32_t most = begin->words + 1;
    while (most < words_left(parser) && !next_is(parser, most, ")")) {
        most++;
    }
    struct typed_value *values = arena_alloc(&parser->arena, (most - begin->words) * sizeof *values);
    if (values == NULL) {
        return TABLE_NO_MEMORY;
    }
    begin->words++;
    const enum table_result result = read_list(parser, begin, values, &count);
    if (result != TABLE_OK) {
        return result;
    }
    condition_set_list(&begin->condition, values, count);
    parser->at += begin->words;
    return emit_condition(parser, &begin->condition, begin->is_negated);
}

static enum table_result read_like(struct parser *parser, struct beginning *begin)
{
    const struct bytes column = column_name(parser, begin->condition.column);
    if (begin->words >= words_left(parser)) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_VALUE, begin->words);
    }
    const struct bytes pattern = parser->source->words[parser->at + begin->words];
    *parser->fault = (struct table_fault){.is_known = true, .form = condition_form(&begin->condition), .word = pattern, .beside = column};
    if (begin->condition.type != COLUMN_STRING) {
        return TABLE_NOT_STRINGS;
    }
    const enum table_result result = condition_set_pattern(&begin->condition, pattern, &parser->arena);
    if (result != TABLE_OK) {
        return result;
    }
    parser->at += begin->words + 1;
    return emit_condition(parser, &begin->condition, begin->is_negated);
}

static enum table_result read_null(struct parser *parser, struct beginning *begin)
{
    const bool is_not = next_is(parser, begin->words, "NOT");
    begin->words += is_not ? 1 : 0;
    if (!next_is(parser, begin->words, "NULL")) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_NULL, begin->words);
    }
    begin->condition.kind = CONDITION_NULL;
    parser->at += begin->words + 1;
    return emit_condition(parser, &begin->condition, begin->is_negated != is_not);
}

typedef enum table_result read_fn(struct parser *parser, struct beginning *begin);

/* <col> [NOT] <keyword>; `begin` stands behind the column's name. */
static enum table_result read_keyword(struct parser *parser, struct beginning *begin)
{
    static const struct {
        const char *keyword;
        read_fn *read;
        bool takes_not;
    } keywords[] = {{"BETWEEN", read_between, true}, {"IN", read_in, true}, {"LIKE", read_like, true}, {"IS", read_null, false}};
    const bool is_not = next_is(parser, begin->words, "NOT");
    begin->words += is_not ? 1 : 0;
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (next_is(parser, begin->words, keywords[i].keyword) && (keywords[i].takes_not || !is_not)) {
            begin->words++;
            begin->is_negated = begin->is_negated != is_not;
            return keywords[i].read(parser, begin);
        }
    }
    return fail(parser, TABLE_BAD_CONDITION, EXPECTED_OPERATOR, begin->words);
}

/* <col> <op> or <col> <op><value>; the operator begins the second word. */
static enum table_result read_operator_word(struct parser *parser, struct beginning *begin, size_t len)
{
    const struct bytes word = parser->source->words[parser->at + 1];
    begin->words = 2;
    if (len < word.len && comparison_begins(word.data[len])) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_OPERATOR, 1);
    }
    if (len < word.len) {
        return read_value(parser, begin, (struct bytes){word.data + len, word.len - len});
    }
    if (words_left(parser) < 3) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_VALUE, 2);
    }
    return read_right_side(parser, begin);
}

static enum table_result read_condition(struct parser *parser, bool is_negated)
{
    const struct bytes *words = parser->source->words + parser->at;
    struct beginning begin = {.is_negated = is_negated, .words = 1};
    struct bytes name = words[0];
    struct bytes rest;
    struct column_place place;
    const bool is_glued = comparison_split(words[0], &name, &begin.comparison, &rest);
    if (words[0].len == 0 || comparison_begins(words[0].data[0])) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_CONDITION, 0);
    }
    const size_t len = is_glued || words_left(parser) < 2 ? 0 : comparison_at(words[1], &begin.comparison);
    if (!is_glued && len == 0 && !next_is(parser, 1, "NOT") && !next_is(parser, 1, "BETWEEN") && !next_is(parser, 1, "IN") &&
        !next_is(parser, 1, "LIKE") && !next_is(parser, 1, "IS")) {
        return fail(parser, TABLE_BAD_CONDITION, EXPECTED_OPERATOR, 1);
    }
    const enum table_result result = find_column(parser, is_glued ? name : words[0], 0, &place);
    if (result != TABLE_OK) {
        return result;
    }
    begin.condition = condition_of(&place);
    if (!is_glued) {
        return len > 0 ? read_operator_word(parser, &begin, len) : read_keyword(parser, &begin);
    }
    if (rest.len == 0 && words_left(parser) > 1 && !may_follow(parser->source, words[1])) {
        return read_right_side(parser, &begin);
    }
    return read_value(parser, &begin, rest);
}

/* --- groups and operators --- */

static void push(struct parser *parser, enum pending pending)
{
    assert(parser->pending_count < WHERE_STACK_MAX);
    parser->pending[parser->pending_count++] = (uint8_t)pending;
}

/* The topmost operator comes out, and changes when its group is negated. */
static void pop_operator(struct parser *parser)
{
    const bool is_and = parser->pending[--parser->pending_count] == PENDING_AND;
    emit_operator(parser->where, is_and != parser->is_negated ? WHERE_AND : WHERE_OR);
}

static bool is_open(uint8_t pending)
{
    return pending == PENDING_OPEN || pending == PENDING_OPEN_NEGATED;
}

/* NOT, and not a column of this name. */
static bool is_not(const struct parser *parser)
{
    enum comparison comparison;
    if (!next_is(parser, 0, "NOT")) {
        return false;
    }
    const struct bytes second = words_left(parser) > 2 ? parser->source->words[parser->at + 1] : BYTES("");
    return second.len == 0 || comparison_at(second, &comparison) != second.len;
}

/* What stands where a condition is expected: any number of NOT and "(", then one. */
static enum table_result read_term(struct parser *parser)
{
    bool is_first = parser->pending_count == 0 || is_open(parser->pending[parser->pending_count - 1]);
    bool is_negated = parser->is_negated;
    for (;; parser->at++) {
        if (is_not(parser)) {
            is_negated = !is_negated;
        } else if (next_is(parser, 0, "(")) {
            if (parser->depth == WHERE_DEPTH_MAX) {
                return TABLE_TOO_DEEP;
            }
            parser->depth++;
            push(parser, parser->is_negated ? PENDING_OPEN_NEGATED : PENDING_OPEN);
            parser->is_negated = is_negated;
            is_first = true;
        } else {
            break;
        }
    }
    if (words_left(parser) == 0 || next_is(parser, 0, ")")) {
        return fail(parser, is_first ? TABLE_BAD_CONDITION : TABLE_DANGLING_OPERATOR, EXPECTED_CONDITION, 0);
    }
    return read_condition(parser, is_negated);
}

/* ")" any number of times. */
static enum table_result close_groups(struct parser *parser)
{
    for (; next_is(parser, 0, ")"); parser->at++) {
        if (parser->depth == 0) {
            return fail(parser, TABLE_UNBALANCED, EXPECTED_AND_OR, 0);
        }
        while (!is_open(parser->pending[parser->pending_count - 1])) {
            pop_operator(parser);
        }
        parser->is_negated = parser->pending[--parser->pending_count] == PENDING_OPEN_NEGATED;
        parser->depth--;
    }
    return TABLE_OK;
}

/* AND or OR; what waits and binds at least as tightly comes out first. */
static enum table_result read_joint(struct parser *parser)
{
    const bool is_and = next_is(parser, 0, "AND");
    if (!is_and && !next_is(parser, 0, "OR")) {
        return fail(parser, TABLE_EXPECTED_OPERATOR, EXPECTED_AND_OR, 0);
    }
    parser->at++;
    while (parser->pending_count > 0) {
        const uint8_t top = parser->pending[parser->pending_count - 1];
        const bool comes_first = top == PENDING_AND || (top == PENDING_OR && (!is_and || parser->source->is_left_to_right));
        if (!comes_first) {
            break;
        }
        pop_operator(parser);
    }
    push(parser, is_and ? PENDING_AND : PENDING_OR);
    return TABLE_OK;
}

static bool is_at_end(const struct parser *parser)
{
    return words_left(parser) == 0 || is_end_word(parser->source, parser->source->words[parser->at]);
}

static enum table_result read_all(struct parser *parser)
{
    for (;;) {
        enum table_result result = read_term(parser);
        if (result == TABLE_OK) {
            result = close_groups(parser);
        }
        if (result != TABLE_OK) {
            return result;
        }
        if (is_at_end(parser)) {
            break;
        }
        result = read_joint(parser);
        if (result != TABLE_OK) {
            return result;
        }
    }
    if (parser->depth > 0) {
        return fail(parser, TABLE_UNBALANCED, EXPECTED_CLOSE, 0);
    }
    while (parser->pending_count > 0) {
        pop_operator(parser);
    }
    return TABLE_OK;
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

/* Of conditions and nodes. */
static size_t tree_bytes(uint32_t words)
{
    const size_t conditions = words < WHERE_CONDITIONS_MAX ? words : WHERE_CONDITIONS_MAX;
    return conditions * (sizeof(struct condition) + 2 * sizeof(struct where_node)) + ARENA_ALIGN;
}

/* Of lists and patterns, more or less: wherever the keywords stand. */
static size_t arena_bytes(const struct bytes *words, uint32_t count)
{
    size_t bytes = 0;
    size_t lists = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        lists += word_is(words[i], "IN") ? 1 : 0;
        bytes += word_is(words[i], "LIKE") ? condition_pattern_bytes(words[i + 1]) : 0;
    }
    return bytes + (lists > 0 ? condition_list_bytes(count) + lists * condition_list_bytes(0) : 0);
}

size_t where_bytes(const struct bytes *words, uint32_t count)
{
    return tree_bytes(count) + arena_bytes(words, count);
}

void where_init(struct where *where)
{
    *where = (struct where){0};
}

enum table_result where_parse(struct where *where, const struct where_source *source, void *memory, uint32_t *used,
                              struct table_fault *fault)
{
    struct parser parser = {.where = where, .source = source, .fault = fault};
    const uint32_t conditions = source->count < WHERE_CONDITIONS_MAX ? source->count : WHERE_CONDITIONS_MAX;
    *where = (struct where){.conditions = memory};
    *fault = (struct table_fault){0};
    where->nodes = (struct where_node *)(where->conditions + conditions);
    const uintptr_t tree_end = (uintptr_t)(where->nodes + 2 * (size_t)conditions);
    parser.arena.at = (char *)((tree_end + ARENA_ALIGN - 1) & ~(uintptr_t)(ARENA_ALIGN - 1));
    parser.arena.end = (char *)memory + where_bytes(source->words, source->count);
    const enum table_result result = read_all(&parser);
    assert(result != TABLE_NO_MEMORY);
    if (result == TABLE_OK) {
        mark_required(where);
        *used = parser.at;
    }
    return result;
}

void where_require(struct where *where, const struct condition *condition)
{
    const uint16_t node = where->node_count++;
    assert(where->condition_count < WHERE_CONDITIONS_MAX);
    where->conditions[where->condition_count] = *condition;
    where->conditions[where->condition_count].is_required = true;
    where->nodes[node] = (struct where_node){.kind = WHERE_CONDITION, .is_required = true, .first = node, .condition = where->condition_count};
    if (where->condition_count++ > 0) {
        emit_operator(where, WHERE_AND);
        where->nodes[where->node_count - 1].is_required = true;
    }
}

/* --- asking --- */

const struct condition *where_equality(const struct where *where, uint32_t column)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        if (condition->is_required && condition_is_equality(condition) && condition->column == column) {
            return condition;
        }
    }
    return NULL;
}

bool where_needs_index(const struct where *where, const struct schema *schema)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        const struct condition *condition = &where->conditions[i];
        const bool is_equality = condition_is_equality(condition) || (condition->kind == CONDITION_IN && !condition->is_inverted);
        if (is_equality && condition->column != COLUMN_ROW_ID && schema->columns[condition->column].index_at == COLUMN_NONE) {
            return true;
        }
    }
    return false;
}
