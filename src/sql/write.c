/* write.c - see write.h. Goes down from query to query by recursion, which SQL_QUERY_DEPTH_MAX bounds, and over nodes by their links.  */
#include "sql/write.h"

#include "base/number.h"
#include "sql/lexer.h"
#include "sql/walk.h"

#include <assert.h>

struct writer {
    struct buffer *out;
    bool is_failed;
};

/* --- words --- */

static void put_bytes(struct writer *writer, struct bytes text)
{
    writer->is_failed = writer->is_failed || !buffer_append(writer->out, text);
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, bytes_of_string(text));
}

static void put_integer(struct writer *writer, int64_t number)
{
    char text[INT64_TEXT_MAX];
    put_bytes(writer, (struct bytes){text, int64_format(number, text)});
}

/* In quotes; those within are doubled. */
static void put_quoted(struct writer *writer, struct bytes text, char quote)
{
    const struct bytes mark = {&quote, 1};
    put_bytes(writer, mark);
    while (text.len > 0) {
        const char *found = memchr(text.data, quote, text.len);
        const size_t len = found == NULL ? text.len : (size_t)(found - text.data) + 1;
        put_bytes(writer, (struct bytes){text.data, len});
        if (found != NULL) {
            put_bytes(writer, mark);
        }
        text = (struct bytes){text.data + len, text.len - len};
    }
    put_bytes(writer, mark);
}

static void put_name(struct writer *writer, struct bytes name)
{
    if (sql_is_plain_name(name)) {
        put_bytes(writer, name);
    } else {
        put_quoted(writer, name, '"');
    }
}

static void put_table(struct writer *writer, const struct sql_table *table)
{
    if (table->space.len > 0) {
        put_name(writer, table->space);
        put(writer, ".");
    }
    put_name(writer, table->name);
}

static void put_names(struct writer *writer, const struct sql_name *names)
{
    put(writer, "(");
    for (const struct sql_name *name = names; name != NULL; name = name->next) {
        put(writer, name == names ? "" : ", ");
        put_name(writer, name->name);
    }
    put(writer, ")");
}

static void put_type(struct writer *writer, const struct sql_type *type)
{
    put_name(writer, type->name);
    if (type->precision >= 0) {
        put(writer, "(");
        put_integer(writer, type->precision);
        if (type->scale >= 0) {
            put(writer, ", ");
            put_integer(writer, type->scale);
        }
        put(writer, ")");
    }
}

static void put_blob(struct writer *writer, struct bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    put(writer, "x'");
    for (size_t i = 0; i < bytes.len; i++) {
        const unsigned char byte = (unsigned char)bytes.data[i];
        const char pair[2] = {digits[byte >> 4], digits[byte & 15]};
        put_bytes(writer, (struct bytes){pair, 2});
    }
    put(writer, "'");
}

/* --- expressions --- */

/* How tightly kinds bind, as the grammar says. */
enum binding {
    BINDS_OR = 1,
    BINDS_AND,
    BINDS_NOT,
    BINDS_EQUAL,
    BINDS_LESS,
    BINDS_ESCAPE,
    BINDS_ADD,
    BINDS_MULTIPLY,
    BINDS_CONCAT,
    BINDS_UNARY,
    BINDS_WHOLE,
};

/* `sign`: between two operands; NULL: written in another way. */
static const struct {
    enum binding binding;
    const char *sign;
} operators[SQL_LIST + 1] = {
    [SQL_NEGATE] = {BINDS_UNARY, NULL},
    [SQL_NOT] = {BINDS_NOT, NULL},
    [SQL_AND] = {BINDS_AND, " AND "},
    [SQL_OR] = {BINDS_OR, " OR "},
    [SQL_ADD] = {BINDS_ADD, " + "},
    [SQL_SUBTRACT] = {BINDS_ADD, " - "},
    [SQL_MULTIPLY] = {BINDS_MULTIPLY, " * "},
    [SQL_DIVIDE] = {BINDS_MULTIPLY, " / "},
    [SQL_REMAINDER] = {BINDS_MULTIPLY, " % "},
    [SQL_CONCAT] = {BINDS_CONCAT, " || "},
    [SQL_EQUAL] = {BINDS_EQUAL, " = "},
    [SQL_NOT_EQUAL] = {BINDS_EQUAL, " <> "},
    [SQL_LESS] = {BINDS_LESS, " < "},
    [SQL_LESS_EQUAL] = {BINDS_LESS, " <= "},
    [SQL_GREATER] = {BINDS_LESS, " > "},
    [SQL_GREATER_EQUAL] = {BINDS_LESS, " >= "},
    [SQL_JSON_GET] = {BINDS_CONCAT, " -> "},
    [SQL_JSON_TEXT] = {BINDS_CONCAT, " ->> "},
    [SQL_IS_NULL] = {BINDS_EQUAL, NULL},
    [SQL_BETWEEN] = {BINDS_EQUAL, NULL},
    [SQL_LIKE] = {BINDS_EQUAL, NULL},
    [SQL_IN_LIST] = {BINDS_EQUAL, NULL},
    [SQL_IN_QUERY] = {BINDS_EQUAL, NULL},
};

static enum binding binding_of(const struct sql_node *node)
{
    return operators[node->kind].binding == 0 ? BINDS_WHOLE : operators[node->kind].binding;
}

static bool is_negative(const struct sql_node *node)
{
    return (node->kind == SQL_INTEGER && node->integer < 0) || (node->kind == SQL_NUMBER && node->text.data[0] == '-');
}

/* True for an operand that would be read in another way without parentheses. */
static bool needs_parentheses(const struct sql_node *node)
{
    const struct sql_node *parent = node->parent;
    const enum binding binding = binding_of(node);
    const bool is_first = parent->first == node;
    switch (parent->kind) {
    case SQL_CASE:
    case SQL_CAST:
    case SQL_CALL:
    case SQL_LIST:
        return false;
    case SQL_IN_LIST:
        return is_first && binding < BINDS_EQUAL;
    case SQL_NEGATE: /* two minus signs would begin a comment */
        return binding <= BINDS_UNARY || is_negative(node);
    case SQL_NOT:
        return binding < BINDS_NOT;
    case SQL_AND:
    case SQL_OR:
        return binding <= binding_of(parent);
    case SQL_LIKE:
        return is_first ? binding < BINDS_EQUAL : binding <= BINDS_ESCAPE;
    default:
        return is_first ? binding < binding_of(parent) : binding <= binding_of(parent);
    }
}

static void put_leaf(struct writer *writer, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_NULL:
        put(writer, "NULL");
        break;
    case SQL_BOOLEAN:
        put(writer, node->integer != 0 ? "TRUE" : "FALSE");
        break;
    case SQL_INTEGER:
        put_integer(writer, node->integer);
        break;
    case SQL_NUMBER:
        put_bytes(writer, node->text);
        break;
    case SQL_TYPED:
        put_type(writer, node->type);
        put(writer, " ");
        put_quoted(writer, node->text, '\'');
        break;
    case SQL_TEXT:
        put_quoted(writer, node->text, '\'');
        break;
    case SQL_BLOB:
        put_blob(writer, node->text);
        break;
    case SQL_PARAMETER:
        put(writer, "$");
        put_integer(writer, node->integer);
        break;
    default:
        assert(node->kind == SQL_COLUMN);
        if (node->of != NULL) {
            put_table(writer, node->of);
            put(writer, ".");
        }
        put_name(writer, node->text);
        break;
    }
}

/* What stands before the first operand. */
static void put_before(struct writer *writer, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_NEGATE:
        put(writer, "-");
        break;
    case SQL_NOT:
        put(writer, "NOT ");
        break;
    case SQL_EXISTS:
        put(writer, "EXISTS ");
        break;
    case SQL_CASE:
        put(writer, node->has_operand ? "CASE " : "CASE WHEN ");
        break;
    case SQL_CAST:
        put(writer, "CAST(");
        break;
    case SQL_CALL:
        put_name(writer, node->text);
        put(writer, node->is_star ? "(*" : node->is_distinct ? "(DISTINCT " : "(");
        break;
    default:
        if (node->kind <= SQL_COLUMN) {
            put_leaf(writer, node);
        }
        break;
    }
}

static void put_between(struct writer *writer, const struct sql_node *node, const struct sql_node *child)
{
    const bool is_first = child == node->first;
    const char *sign = operators[node->kind].sign;
    if (sign != NULL) {
        put(writer, sign);
        return;
    }
    switch (node->kind) {
    case SQL_BETWEEN:
        put(writer, !is_first ? " AND " : node->is_negated ? " NOT BETWEEN " : " BETWEEN ");
        break;
    case SQL_LIKE:
        put(writer, !is_first ? " ESCAPE " : node->is_negated ? " NOT LIKE " : " LIKE ");
        break;
    case SQL_IN_LIST:
        put(writer, !is_first ? ", " : node->is_negated ? " NOT IN (" : " IN (");
        break;
    default:
        put(writer, ", ");
        break;
    }
}

static void put_between_cases(struct writer *writer, const struct sql_node *node, const struct sql_node *next)
{
    if (node->has_else && next == node->last) {
        put(writer, " ELSE ");
    } else {
        put(writer, next->index % 2 == 0 ? " WHEN " : " THEN ");
    }
}

static void put_query(struct writer *writer, const struct sql_query *query);

/* What stands behind the last operand. */
static void put_behind(struct writer *writer, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_IS_NULL:
        put(writer, node->is_negated ? " IS NOT NULL" : " IS NULL");
        break;
    case SQL_IN_QUERY:
        put(writer, node->is_negated ? " NOT IN " : " IN ");
        break;
    case SQL_CASE:
        put(writer, " END");
        break;
    case SQL_CAST:
        put(writer, " AS ");
        put_type(writer, node->type);
        put(writer, ")");
        break;
    case SQL_IN_LIST:
    case SQL_CALL:
        put(writer, ")");
        break;
    default:
        break;
    }
    if (node->kind == SQL_IN_QUERY || node->kind == SQL_EXISTS || node->kind == SQL_QUERY) {
        put(writer, "(");
        put_query(writer, node->query);
        put(writer, ")");
    }
}

static void put_expression(struct writer *writer, const struct sql_node *root)
{
    struct sql_walk walk = sql_walk_begin((struct sql_node *)(uintptr_t)root); /* it only reads */
    while (sql_walk_next(&walk)) {
        const struct sql_node *node = walk.node;
        const bool is_in_parentheses = node != root && needs_parentheses(node);
        switch (walk.event) {
        case SQL_WALK_ENTER:
            put(writer, is_in_parentheses ? "(" : "");
            put_before(writer, node);
            break;
        case SQL_WALK_BETWEEN:
            if (node->kind == SQL_CASE) {
                put_between_cases(writer, node, walk.child->next);
            } else {
                put_between(writer, node, walk.child);
            }
            break;
        default:
            put_behind(writer, node);
            put(writer, is_in_parentheses ? ")" : "");
            break;
        }
    }
}

/* --- queries --- */

static void put_items(struct writer *writer, const struct sql_item *items)
{
    for (const struct sql_item *item = items; item != NULL; item = item->next) {
        put(writer, item == items ? "" : ", ");
        if (item->expression != NULL) {
            put_expression(writer, item->expression);
        } else if (item->star != NULL) {
            put_table(writer, item->star);
            put(writer, ".*");
        } else {
            put(writer, "*");
        }
        if (item->alias.len > 0) {
            put(writer, " AS ");
            put_name(writer, item->alias);
        }
    }
}

static void put_sources(struct writer *writer, const struct sql_source *sources)
{
    static const char *const joins[] = {[SQL_JOIN_FIRST] = " FROM ", [SQL_JOIN_INNER] = " JOIN ", [SQL_JOIN_LEFT] = " LEFT JOIN "};
    for (const struct sql_source *source = sources; source != NULL; source = source->next) {
        put(writer, joins[source->join]);
        put_table(writer, source->table);
        if (source->alias.len > 0) {
            put(writer, " AS ");
            put_name(writer, source->alias);
        }
        if (source->on != NULL) {
            put(writer, " ON ");
            put_expression(writer, source->on);
        }
    }
}

/* The word and the expression; nothing when that is NULL. */
static void put_clause(struct writer *writer, const char *word, const struct sql_node *expression)
{
    if (expression != NULL) {
        put(writer, word);
        put_expression(writer, expression);
    }
}

static void put_select(struct writer *writer, const struct sql_select *select)
{
    put(writer, select->is_distinct ? "SELECT DISTINCT " : "SELECT ");
    put_items(writer, select->items);
    put_sources(writer, select->sources);
    put_clause(writer, " WHERE ", select->where);
    put_clause(writer, " GROUP BY ", select->group);
    put_clause(writer, " HAVING ", select->having);
}

static void put_query(struct writer *writer, const struct sql_query *query)
{
    static const char *const nulls[] = {
        [SQL_NULLS_DEFAULT] = "", [SQL_NULLS_FIRST] = " NULLS FIRST", [SQL_NULLS_LAST] = " NULLS LAST"};
    for (const struct sql_select *select = query->selects; select != NULL; select = select->next) {
        put(writer, select == query->selects ? "" : select->is_all ? " UNION ALL " : " UNION ");
        put_select(writer, select);
    }
    for (const struct sql_order *order = query->order; order != NULL; order = order->next) {
        put(writer, order == query->order ? " ORDER BY " : ", ");
        put_expression(writer, order->expression);
        put(writer, order->is_descending ? " DESC" : "");
        put(writer, nulls[order->nulls]);
    }
    put_clause(writer, " LIMIT ", query->limit);
    put_clause(writer, " OFFSET ", query->offset);
}

/* --- changes of rows --- */

static void put_sets(struct writer *writer, const struct sql_set *sets)
{
    for (const struct sql_set *set = sets; set != NULL; set = set->next) {
        put(writer, set == sets ? " SET " : ", ");
        put_name(writer, set->name);
        put(writer, " = ");
        put_expression(writer, set->expression);
    }
}

static void put_conflict(struct writer *writer, const struct sql_change *change)
{
    static const char *const deeds[] = {
        [SQL_CONFLICT_NOTHING] = " DO NOTHING", [SQL_CONFLICT_REPLACE] = " DO REPLACE", [SQL_CONFLICT_UPDATE] = " DO UPDATE"};
    if (change->conflict == SQL_CONFLICT_ERROR || change->is_or) {
        return;
    }
    put(writer, " ON CONFLICT");
    if (change->conflict_columns != NULL) {
        put(writer, " ");
        put_names(writer, change->conflict_columns);
    }
    put(writer, deeds[change->conflict]);
    put_sets(writer, change->sets);
    put_clause(writer, " WHERE ", change->where);
}

static void put_change(struct writer *writer, enum sql_statement_kind kind, const struct sql_change *change)
{
    const char *insert_or = change->conflict == SQL_CONFLICT_REPLACE ? "INSERT OR REPLACE INTO " : "INSERT OR IGNORE INTO ";
    const char *insert = change->is_or ? insert_or : "INSERT INTO ";
    put(writer, kind == SQL_STATEMENT_INSERT ? insert : kind == SQL_STATEMENT_UPDATE ? "UPDATE " : "DELETE FROM ");
    put_table(writer, change->table);
    if (kind == SQL_STATEMENT_INSERT) {
        if (change->columns != NULL) {
            put(writer, " ");
            put_names(writer, change->columns);
        }
        for (const struct sql_node *row = change->rows->first; row != NULL; row = row->next) {
            put(writer, row == change->rows->first ? " VALUES (" : ", (");
            put_expression(writer, row);
            put(writer, ")");
        }
        put_conflict(writer, change);
    } else {
        put_sets(writer, change->sets);
        put_clause(writer, " WHERE ", change->where);
    }
    put(writer, change->returning == NULL ? "" : " RETURNING ");
    put_items(writer, change->returning);
}

/* --- changes of the catalogue --- */

static void put_column(struct writer *writer, const struct sql_column *column)
{
    static const char *const deeds[] = {[SQL_ON_DELETE_DEFAULT] = "", [SQL_ON_DELETE_RESTRICT] = " ON DELETE RESTRICT",
                                        [SQL_ON_DELETE_CASCADE] = " ON DELETE CASCADE", [SQL_ON_DELETE_SET_NULL] = " ON DELETE SET NULL"};
    put_name(writer, column->name);
    put(writer, " ");
    put_type(writer, column->type);
    put(writer, column->is_primary ? " PRIMARY KEY" : "");
    put(writer, column->is_unique ? " UNIQUE" : "");
    put(writer, column->is_not_null ? " NOT NULL" : "");
    put(writer, column->is_auto ? " AUTO" : "");
    put_clause(writer, " DEFAULT ", column->default_value);
    if (column->check != NULL) {
        put_clause(writer, " CHECK (", column->check);
        put(writer, ")");
    }
    if (column->reference != NULL) {
        put(writer, " REFERENCES ");
        put_table(writer, column->reference->table);
        put(writer, " (");
        put_name(writer, column->reference->column);
        put(writer, ")");
        put(writer, deeds[column->reference->on_delete]);
    }
}

static void put_alteration(struct writer *writer, const struct sql_definition *definition)
{
    static const char *const deeds[] = {[SQL_ALTER_ADD] = " ADD COLUMN ", [SQL_ALTER_DROP] = " DROP COLUMN ",
                                        [SQL_ALTER_RENAME] = " RENAME TO ", [SQL_ALTER_RENAME_COLUMN] = " RENAME COLUMN "};
    put(writer, deeds[definition->alter]);
    if (definition->alter == SQL_ALTER_ADD) {
        put_column(writer, definition->columns);
        return;
    }
    put_name(writer, definition->name);
    if (definition->alter == SQL_ALTER_RENAME_COLUMN) {
        put(writer, " TO ");
        put_name(writer, definition->new_name);
    }
}

static void put_index(struct writer *writer, const struct sql_definition *definition)
{
    static const char *const kinds[] = {[SQL_USING_DEFAULT] = "", [SQL_USING_HASH] = " USING hash", [SQL_USING_BTREE] = " USING btree"};
    if (definition->name.len > 0) {
        put(writer, " ");
        put_name(writer, definition->name);
    }
    put(writer, " ON ");
    put_table(writer, definition->table);
    if (definition->keys != NULL) {
        put(writer, " ");
        put_names(writer, definition->keys);
    }
    put(writer, kinds[definition->using]);
}

static void put_definition(struct writer *writer, enum sql_statement_kind kind, const struct sql_definition *definition)
{
    const char *const unless = definition->is_tolerant ? " IF NOT EXISTS" : "";
    const char *const tolerance = definition->is_tolerant ? " IF EXISTS" : "";
    switch (kind) {
    case SQL_STATEMENT_CREATE_INDEX:
        put(writer, definition->is_unique ? "CREATE UNIQUE INDEX" : "CREATE INDEX");
        put(writer, unless);
        put_index(writer, definition);
        return;
    case SQL_STATEMENT_DROP_INDEX:
        put(writer, "DROP INDEX");
        put(writer, tolerance);
        put_index(writer, definition);
        return;
    case SQL_STATEMENT_CREATE_TABLE:
        put(writer, "CREATE TABLE");
        put(writer, unless);
        break;
    default:
        put(writer, kind == SQL_STATEMENT_ALTER_TABLE ? "ALTER TABLE" : "DROP TABLE");
        put(writer, tolerance);
        break;
    }
    put(writer, " ");
    put_table(writer, definition->table);
    if (kind == SQL_STATEMENT_ALTER_TABLE) {
        put_alteration(writer, definition);
    } else if (kind == SQL_STATEMENT_CREATE_TABLE) {
        for (const struct sql_column *column = definition->columns; column != NULL; column = column->next) {
            put(writer, column == definition->columns ? " (" : ", ");
            put_column(writer, column);
        }
        put(writer, ")");
    }
}

bool sql_write_expression(const struct sql_node *root, struct buffer *out)
{
    struct writer writer = {.out = out};
    put_expression(&writer, root);
    return !writer.is_failed;
}

bool sql_write_statement(const struct sql_statement *statement, struct buffer *out)
{
    struct writer writer = {.out = out};
    put(&writer, statement->is_explain ? "EXPLAIN " : "");
    if (statement->kind == SQL_STATEMENT_SELECT) {
        put_query(&writer, statement->query);
    } else if (statement->kind <= SQL_STATEMENT_DELETE) {
        put_change(&writer, statement->kind, statement->change);
    } else {
        put_definition(&writer, statement->kind, statement->definition);
    }
    return !writer.is_failed;
}
