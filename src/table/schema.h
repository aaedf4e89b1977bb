/* schema.h - the columns of a table: names, types, indexes, options, and where a row's values lie.
 *
 * A schema is never changed once it is a table's: ALTER makes another one from a draft. A column is described by one word:
 *
 *     name:type[:option ...]      type      column_form_parse
 *                                 option    hash, btree, none (or true, false); notnull; unique; primary; auto; default=VALUE; in any order,
 *                                           each once
 *
 * VALUE may hold colons: it ends where nothing but further options follow.
 *
 * Memory     One block of class MEM_CATALOGUE in shard 0's heap: the columns, the defaults, then their names and texts.
 * Invariant  S1 names differ; S2 slots differ and are < slot_count; S3 index_at of the indexed columns are 0 ..
 *            index_count - 1, each once; S4 there is at least one column; S5 there are default_count columns with
 *            a default, and the defaults are in their order; S6 a unique column has an index, and a primary one, of which there is one
 *            at most, is unique and not null; S7 an auto column, of which there is one at most, holds integers and has no default.  */
#ifndef TABLE_SCHEMA_H
#define TABLE_SCHEMA_H

#include "mem/heap.h"
#include "table/table.h"
#include "table/typed_value.h"

enum {
    TABLE_COLUMNS_MAX = 256,
    COLUMN_NAME_MAX = 64,
    COLUMN_DEFAULT_MAX = 64 * 1024, /* bytes of a default, as it is given */
    COLUMN_NONE = 0xffff,
};

/* The numbers of auto columns are the row ids 1 .. COLUMN_AUTO_MAX. */
#define COLUMN_AUTO_MAX (INT64_C(1) << 62)

enum index_kind { INDEX_NONE, INDEX_HASH, INDEX_BTREE, INDEX_KIND_COUNT };

struct column {
    uint16_t name_at;  /* in the names */
    uint8_t name_len;
    uint8_t type;      /* enum column_type */
    uint8_t index;     /* enum index_kind */
    uint8_t digits;    /* struct column_form */
    uint8_t scale;
    bool is_not_null : 1; /* INSERT must give a value, or there is a default */
    bool has_default : 1;
    bool is_unique : 1;   /* no two rows have the same value: table/unique.h */
    bool is_primary : 1;
    bool is_auto : 1;     /* INSERT gives the row's id where no value is given */
    uint16_t slot;     /* which cells of a page are its own */
    uint16_t index_at; /* which index of a slice is its own; COLUMN_NONE: not indexed */
};

_Static_assert(sizeof(struct column) == 12, "a table of few columns is small");

struct schema {
    uint16_t column_count;
    uint16_t slot_count;     /* highest slot + 1 */
    uint16_t index_count;
    uint16_t routing_column; /* whose value names the shard of a row; COLUMN_NONE: its id does */
    bool is_scattered : 1;   /* there was a routing column that was dropped: nothing tells the shard of a row from before */
    bool has_rules : 1;      /* a column has a default, or must not be null */
    bool has_unique : 1;     /* a column is unique */
    bool has_auto : 1;
    uint8_t auto_at;         /* the number of the auto column, if there is one: schema_auto_column */
    uint16_t default_count;
    uint32_t texts_len;      /* of names and defaults */
    struct column columns[]; /* in the order of their declaration; the defaults follow, as struct typed_value, then the names */
};

/* A schema in the making: what CREATE and ALTER work on. About 16 KiB, for the stack. */
struct schema_draft {
    uint16_t column_count;
    bool is_scattered; /* set by schema_draft_choose_routing and what comes behind it */
    struct draft_column {
        struct bytes name; /* borrowed */
        struct column_form form;
        uint8_t index;
        bool is_routing, is_not_null, is_unique, is_primary, is_auto;
        uint16_t slot, index_at;
        struct typed_value default_value; /* null: it has none; a text is borrowed */
    } columns[TABLE_COLUMNS_MAX];
};

/* "hash", "btree", "none". */
const char *index_kind_name(enum index_kind kind);
/* The same words, and the old ones: true is hash, false is none. Case ignored. */
MUST_USE bool index_kind_parse(struct bytes word, enum index_kind *out);

/* Adds the column that the word describes, in the lowest slot that no column of the draft has and whose bit in
 * busy_slots (TABLE_COLUMNS_MAX bits, or NULL) is not set. Borrows the word. The draft is unchanged unless TABLE_OK.  */
MUST_USE enum table_result schema_draft_add(struct schema_draft *draft, struct bytes word, const uint64_t *busy_slots);
/* The primary column, if it has a hash index, or else the first one that has becomes the routing column: for CREATE. */
void schema_draft_choose_routing(struct schema_draft *draft);
/* All that `schema` says; borrows its names. */
void schema_draft_from(struct schema_draft *draft, const struct schema *schema);
void schema_draft_remove(struct schema_draft *draft, uint32_t column);
/* Borrows the name. TABLE_BAD_COLUMN_NAME; TABLE_COLUMN_TWICE: another column has it. */
MUST_USE enum table_result schema_draft_rename(struct schema_draft *draft, uint32_t column, struct bytes name);
/* Gives the column an index (the next index_at) or takes it away (those behind it move up), and then the column is not unique any more. */
void schema_draft_set_index(struct schema_draft *draft, uint32_t column, enum index_kind kind);

/* NULL: no memory. Gives: schema_destroy. */
struct schema *schema_create(struct heap *heap, const struct schema_draft *draft) MUST_USE;
/* NULL is allowed. */
void schema_destroy(struct heap *heap, struct schema *schema);
/* Of its block, as counted. */
uint64_t schema_bytes(const struct schema *schema);

static inline struct column_form column_form(const struct column *column)
{
    return (struct column_form){column->type, column->digits, column->scale};
}

struct bytes schema_column_name(const struct schema *schema, uint32_t column);
/* What INSERT takes where no value is given, lent; NULL: nothing. O(columns). */
const struct typed_value *schema_default(const struct schema *schema, uint32_t column);
/* A row that INSERT has read: values that are not given become the defaults. Returns the first column that may not be null and is, but for
 * the auto column, whose number comes later (schema_give_number); COLUMN_NONE: the row is good. values: one a column.  */
MUST_USE uint32_t schema_complete_row(const struct schema *schema, struct typed_value *values);
/* COLUMN_NONE: there is none. */
static inline uint32_t schema_auto_column(const struct schema *schema)
{
    return schema->has_auto ? schema->auto_at : COLUMN_NONE;
}
/* Has the row no value in the auto column yet? */
static inline bool schema_needs_number(const struct schema *schema, const struct typed_value *values)
{
    return schema->has_auto && values[schema->auto_at].is_null;
}
/* A row that is to get this id: it becomes the auto column's value, if it needs one. False: the id is above COLUMN_AUTO_MAX. */
MUST_USE bool schema_give_number(const struct schema *schema, uint64_t id, struct typed_value *values);
/* The column's number, COLUMN_NONE when there is none of that name. */
uint32_t schema_find_column(const struct schema *schema, struct bytes name);

#endif
