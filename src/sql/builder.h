/* builder.h - what the grammar's rules call: they make the tree.
 *
 * After the first fault every function does nothing and returns NULL, and takes NULLs, so that the rules need not look.
 *
 * Memory     The tree is made in the arena of the builder.
 * Threads    One builder, one thread.  */
#ifndef SQL_BUILDER_H
#define SQL_BUILDER_H

#include "mem/arena.h"
#include "sql/fault.h"
#include "sql/token.h"
#include "sql/tree.h"

/* `?` and `$1` may not stand in one statement. */
enum sql_parameter_style { SQL_PARAMETERS_NONE, SQL_PARAMETERS_COUNTED, SQL_PARAMETERS_NUMBERED };

struct sql_builder {
    struct arena *arena;
    struct bytes text; /* NUL behind it */
    struct sql_fault *fault;
    struct sql_statement *statement; /* set by the last rule */
    struct sql_node *minimum;        /* 9223372036854775808 without its minus yet; NULL: none waits */
    uint32_t position; /* of the word that was given last */
    uint32_t node_count, query_depth, parameter_count;
    enum sql_parameter_style style;
    bool is_syntax_wrong; /* the word that was given last does not fit */
    bool has_queries;     /* in expressions */
    bool is_failed;       /* this or a fault that is set */
};

/* Begins *list of any kind of structure with `next` as its first field, or links one to it. */
struct sql_chain {
    void *first, *last;
};

/* --- faults --- */
void sql_build_fail(struct sql_builder *builder, enum sql_fault_kind kind, uint32_t position, const char *message);
void sql_build_reject(struct sql_builder *builder);
void sql_build_too_deep(struct sql_builder *builder);

/* --- texts --- */
/* As it stands in the statement. */
struct bytes sql_build_text(const struct sql_builder *builder, struct sql_token token);
/* What stands between quotes of either kind; a doubled one is one. */
struct bytes sql_build_unquote(struct sql_builder *builder, struct bytes quoted);
/* A name, with its quotes taken off. */
struct bytes sql_build_name(struct sql_builder *builder, struct sql_token token);

/* --- nodes --- */
struct sql_node *sql_build_leaf(struct sql_builder *builder, enum sql_kind kind, struct sql_token token);
struct sql_node *sql_build_boolean(struct sql_builder *builder, struct sql_token token, bool is_true);
struct sql_node *sql_build_typed(struct sql_builder *builder, struct sql_token type, struct sql_token text);
struct sql_node *sql_build_parameter(struct sql_builder *builder, struct sql_token token);
/* name, table.name, space.table.name: an absent part is NULL. */
struct sql_node *sql_build_column(struct sql_builder *builder, const struct sql_token *space, const struct sql_token *table, struct sql_token name);
struct sql_node *sql_build_unary(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *child);
/* A minus before a number makes it a negative literal. */
struct sql_node *sql_build_negate(struct sql_builder *builder, struct sql_token token, struct sql_node *child);
struct sql_node *sql_build_binary(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *left,
                                  struct sql_node *right);
/* AND, OR: neighbours of one kind become one node. */
struct sql_node *sql_build_logical(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *left,
                                   struct sql_node *right);
struct sql_node *sql_build_list(struct sql_builder *builder, struct sql_node *first);
struct sql_node *sql_build_append(struct sql_builder *builder, struct sql_node *list, struct sql_node *child);
/* A list becomes a node of another kind. */
struct sql_node *sql_build_turn(struct sql_builder *builder, struct sql_node *list, enum sql_kind kind, struct sql_token token);
struct sql_node *sql_build_prepend(struct sql_builder *builder, struct sql_node *list, struct sql_node *child);
struct sql_node *sql_build_call(struct sql_builder *builder, struct sql_token name, struct sql_node *list);
/* extract(YEAR FROM x) is year(x). */
struct sql_node *sql_build_extract(struct sql_builder *builder, struct sql_token name, struct sql_token part, struct sql_node *child);
struct sql_node *sql_build_cast(struct sql_builder *builder, struct sql_token token, struct sql_node *child, const struct sql_type *type);
struct sql_node *sql_build_query_node(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *child,
                                      struct sql_query *query);
struct sql_node *sql_build_negated(struct sql_node *node, bool is_negated);

/* --- parts of statements --- */
const struct sql_table *sql_build_table(struct sql_builder *builder, struct sql_token space, struct sql_token name);
const struct sql_type *sql_build_type(struct sql_builder *builder, struct sql_token name, const struct sql_token *precision,
                                      const struct sql_token *scale);
struct sql_item *sql_build_item(struct sql_builder *builder, struct sql_node *expression, struct bytes alias);
struct sql_item *sql_build_star(struct sql_builder *builder, struct sql_token star, const struct sql_token *table);
struct sql_name *sql_build_name_part(struct sql_builder *builder, struct sql_token token);
/* A zeroed block; NULL after a fault. */
void *sql_build_block(struct sql_builder *builder, size_t size);
/* One more, linked by its first field, which is `next`. The chain itself is made with the first one (chain NULL). */
struct sql_chain *sql_build_link(struct sql_builder *builder, struct sql_chain *chain, void *part);
/* The first of the chain; NULL is allowed. */
void *sql_build_chain_first(const struct sql_chain *chain);
/* SELECT begins, in a query that may stand in another. */
void sql_build_open_query(struct sql_builder *builder, struct sql_token token);
struct sql_query *sql_build_query(struct sql_builder *builder, const struct sql_chain *selects, const struct sql_chain *order);
struct sql_statement *sql_build_statement(struct sql_builder *builder, enum sql_statement_kind kind, void *part);
void sql_build_finish(struct sql_builder *builder, struct sql_statement *statement, bool is_explain);

#endif
