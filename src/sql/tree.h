/* tree.h - a statement as a tree: plain structures with a kind and the place where they stand in the text.
 *
 * An expression is a tree of nodes with links both ways, so that it is walked without recursion and without a stack (walk.h). Lists of
 * expressions (GROUP BY, a row of VALUES) are nodes of the kind SQL_LIST. Everything else is linked by `next`, in the order of the text.
 *
 * Memory     All of it, texts included, is in the arena of sql_parse.
 * Invariant  T1 A node's children know it as their parent; `count` of them are linked from `first` to `last`. A root's parent is NULL.
 *            T2 A node's height is 1 and the greatest of its children's, at most SQL_DEPTH_MAX. Queries in a node do not count.
 *            T3 Queries are at most SQL_QUERY_DEPTH_MAX deep in queries: whoever goes down from query to query may recurse.
 *            T4 AND and OR have two or more children, none of which has the same kind.  */
#ifndef SQL_TREE_H
#define SQL_TREE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SQL_DEPTH_MAX = 500,
    SQL_QUERY_DEPTH_MAX = 16,
    SQL_BYTES_MAX = 64 << 20,
    SQL_NODES_MAX = 1 << 20,
    SQL_PARAMETERS_MAX = 32766,
};

enum sql_kind {
    /* literals: no children */
    SQL_NULL,
    SQL_BOOLEAN,    /* integer: 0 or 1 */
    SQL_INTEGER,    /* integer */
    SQL_NUMBER,     /* text: digits with a point or an exponent, perhaps a sign */
    SQL_TEXT,       /* text */
    SQL_BLOB,       /* text: the bytes */
    SQL_TYPED,      /* DATE '2024-01-01': text, and the type's name in `type` */
    /* leaves */
    SQL_PARAMETER,  /* integer: which, from 1 */
    SQL_COLUMN,     /* text: its name; of: its table's, or NULL */
    /* operators */
    SQL_NEGATE,
    SQL_NOT,
    SQL_AND,        /* two children or more */
    SQL_OR,
    SQL_ADD,
    SQL_SUBTRACT,
    SQL_MULTIPLY,
    SQL_DIVIDE,
    SQL_REMAINDER,
    SQL_CONCAT,
    SQL_EQUAL,
    SQL_NOT_EQUAL,
    SQL_LESS,
    SQL_LESS_EQUAL,
    SQL_GREATER,
    SQL_GREATER_EQUAL,
    SQL_JSON_GET,   /* -> */
    SQL_JSON_TEXT,  /* ->> */
    SQL_IS_NULL,    /* is_negated: IS NOT NULL; so are the next four */
    SQL_BETWEEN,    /* children: what is looked at, from, to */
    SQL_LIKE,       /* children: text, pattern, perhaps the ESCAPE */
    SQL_IN_LIST,    /* children: what is looked for, then the list */
    SQL_IN_QUERY,   /* child: what is looked for; query */
    SQL_EXISTS,     /* query */
    SQL_QUERY,      /* query: one value */
    SQL_CASE,       /* children: [operand], WHEN, THEN, ..., [ELSE]; has_operand, has_else */
    SQL_CAST,       /* child; type */
    SQL_CALL,       /* text: the function's name; is_star: count(*); is_distinct */
    SQL_LIST,       /* children */
};

struct sql_query;

/* ns.t, or the t of t.column, where `space` is empty. */
struct sql_table {
    struct bytes space, name;
    uint32_t position;
};

/* decimal(10, 2); -1: no such number was given. */
struct sql_type {
    struct bytes name;
    int32_t precision, scale;
    uint32_t position;
};

struct sql_node {
    uint8_t kind; /* enum sql_kind */
    bool is_negated, is_distinct, is_star, has_operand, has_else;
    uint16_t height;
    uint32_t position; /* of a binary operator: the operator's; else where it begins; bytes from the text's begin */
    uint32_t count;
    uint32_t index; /* how many stood before it when it was added to its parent's list: of a CASE's WHENs even, of its THENs odd */
    struct sql_node *parent, *first, *last, *next;
    struct bytes text;
    int64_t integer;
    union {
        const struct sql_table *of;   /* SQL_COLUMN */
        const struct sql_type *type;  /* SQL_TYPED, SQL_CAST */
        struct sql_query *query;      /* SQL_IN_QUERY, SQL_EXISTS, SQL_QUERY */
    };
};

/* --- SELECT --- */

/* What is selected, or returned. */
struct sql_item {
    struct sql_item *next;
    struct sql_node *expression;  /* NULL: a star */
    const struct sql_table *star; /* t.*; NULL with a star: all columns */
    struct bytes alias;           /* empty: none */
    uint32_t position;
};

enum sql_join { SQL_JOIN_FIRST, SQL_JOIN_INNER, SQL_JOIN_LEFT };

/* A table of FROM, and how it is joined to those before it. */
struct sql_source {
    struct sql_source *next;
    const struct sql_table *table;
    struct bytes alias; /* empty: none */
    struct sql_node *on; /* NULL: of the first */
    uint8_t join;        /* enum sql_join */
};

enum sql_nulls { SQL_NULLS_DEFAULT, SQL_NULLS_FIRST, SQL_NULLS_LAST };

struct sql_order {
    struct sql_order *next;
    struct sql_node *expression;
    bool is_descending;
    uint8_t nulls; /* enum sql_nulls */
};

struct sql_select {
    struct sql_select *next; /* behind UNION */
    bool is_all;             /* it stands behind UNION ALL */
    bool is_distinct;
    uint32_t position;
    struct sql_item *items;
    struct sql_source *sources;                /* NULL: no FROM */
    struct sql_node *where, *group, *having;   /* NULL: none; group is a SQL_LIST */
};

struct sql_query {
    struct sql_select *selects;
    struct sql_order *order;           /* NULL: none */
    struct sql_node *limit, *offset;   /* SQL_INTEGER or SQL_PARAMETER; NULL: none */
    uint32_t position;
};

/* --- changes of rows --- */

/* SET name = expression. */
struct sql_set {
    struct sql_set *next;
    struct bytes name;
    struct sql_node *expression;
    uint32_t position;
};

struct sql_name {
    struct sql_name *next;
    struct bytes name;
    uint32_t position;
};

enum sql_conflict { SQL_CONFLICT_ERROR, SQL_CONFLICT_NOTHING, SQL_CONFLICT_REPLACE, SQL_CONFLICT_UPDATE };

/* INSERT, UPDATE or DELETE; what a kind does not have is NULL. */
struct sql_change {
    const struct sql_table *table;
    struct sql_name *columns;          /* INSERT; NULL: all */
    struct sql_node *rows;             /* INSERT: a SQL_LIST of SQL_LISTs */
    uint8_t conflict;                  /* enum sql_conflict */
    bool is_or;                        /* INSERT OR IGNORE (NOTHING), OR REPLACE: SQLite's, which is about missing values, too */
    struct sql_name *conflict_columns; /* NULL: any */
    struct sql_set *sets;              /* UPDATE, or ON CONFLICT DO UPDATE */
    struct sql_node *where;
    struct sql_item *returning;
};

/* --- changes of the catalogue --- */

enum sql_on_delete { SQL_ON_DELETE_DEFAULT, SQL_ON_DELETE_RESTRICT, SQL_ON_DELETE_CASCADE, SQL_ON_DELETE_SET_NULL };

struct sql_reference {
    const struct sql_table *table;
    struct bytes column;
    uint8_t on_delete; /* enum sql_on_delete */
};

struct sql_column {
    struct sql_column *next;
    struct bytes name;
    const struct sql_type *type;
    bool is_primary, is_unique, is_not_null, is_auto;
    struct sql_node *default_value;         /* a literal; NULL: none */
    struct sql_node *check;                 /* NULL: none */
    const struct sql_reference *reference;  /* NULL: none */
    uint32_t position;
};

enum sql_alter { SQL_ALTER_ADD, SQL_ALTER_DROP, SQL_ALTER_RENAME, SQL_ALTER_RENAME_COLUMN };
enum sql_using { SQL_USING_DEFAULT, SQL_USING_HASH, SQL_USING_BTREE };

/* CREATE, ALTER or DROP of a table or an index; what a kind does not have is empty. */
struct sql_definition {
    const struct sql_table *table;
    bool is_tolerant;           /* IF [NOT] EXISTS */
    struct sql_column *columns; /* CREATE TABLE; ALTER ... ADD COLUMN: one */
    uint8_t alter;              /* enum sql_alter */
    struct bytes name;          /* of the index; ALTER: the column, or the table's new name */
    struct bytes new_name;      /* RENAME COLUMN name TO new_name */
    struct sql_name *keys;      /* columns of an index */
    bool is_unique;
    uint8_t using;              /* enum sql_using */
};

enum sql_statement_kind {
    SQL_STATEMENT_SELECT,
    SQL_STATEMENT_INSERT,
    SQL_STATEMENT_UPDATE,
    SQL_STATEMENT_DELETE,
    SQL_STATEMENT_CREATE_TABLE,
    SQL_STATEMENT_ALTER_TABLE,
    SQL_STATEMENT_DROP_TABLE,
    SQL_STATEMENT_CREATE_INDEX,
    SQL_STATEMENT_DROP_INDEX,
};

struct sql_statement {
    uint8_t kind; /* enum sql_statement_kind */
    bool is_explain;
    bool has_queries;         /* in its expressions */
    uint32_t parameter_count; /* the highest number of a parameter */
    union {
        struct sql_query *query;
        struct sql_change *change;
        struct sql_definition *definition;
    };
};

#endif
