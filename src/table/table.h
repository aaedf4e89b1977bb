/* table.h - tables as the rest of the server sees them: finding one, its figures, checking them.
 *
 * A table's description (name, schema) lives in shard 0's heap and changes only while all batons are held; its rows and
 * indexes live in one slice per shard, in that shard's heap.
 *
 * Threads    A struct table * is good while one baton is held, or inside an epoch section. Counters are written under
 *            the slice's baton and read relaxed: with all batons held they are exact together.
 * Invariant  T1 MEM_CATALOGUE of all heaps = catalogue_bytes; T2 MEM_TABLE_ROW of a shard's heap = the sum of row_bytes
 *            over all tables for that shard; T3 the same for MEM_TABLE_INDEX and index_bytes. Tables that were dropped and
 *            still wait for lazy free, or are held by a running statement, are outside of these sums until they are freed.
 * Read on    README.md of this folder; catalogue.h to change what exists, slice.h for rows.  */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalogue;
struct heap;
struct schema;
struct table;

/* What can go wrong with a table command; src/cmd has the one table from these to texts. */
enum table_result {
    TABLE_OK = 0,
    TABLE_NO_MEMORY,
    TABLE_FULL,                 /* a slice holds TABLE_ROWS_MAX rows, or a value is longer than TABLE_TEXT_MAX */
    TABLE_BAD_NAME,             /* not namespace.table */
    TABLE_NAMESPACE_TOO_LONG,
    TABLE_NAME_TOO_LONG,
    TABLE_NAMESPACE_BAD,        /* empty, or with a dot in it */
    TABLE_NAMESPACE_EXISTS,
    TABLE_NAMESPACE_MISSING,
    TABLE_EXISTS,
    TABLE_MISSING,
    TABLE_BAD_COLUMN_WORD,      /* not col:type or col:type:option... */
    TABLE_BAD_COLUMN_NAME,
    TABLE_BAD_TYPE,
    TABLE_BAD_DIGITS,           /* of decimal(digits,scale) */
    TABLE_BAD_INDEX_KIND,
    TABLE_BAD_OPTION,           /* of a column: none that is known */
    TABLE_LATER_OPTION,         /* ref, check: not there yet */
    TABLE_OPTION_TWICE,
    TABLE_BAD_DEFAULT,          /* the text is no value of the column's type, or too long */
    TABLE_OPTION_NEEDS_EMPTY,   /* ALTER ADD COLUMN with notnull and no default, and there are rows */
    TABLE_UNIQUE_NEEDS_INDEX,   /* unique or primary, and none */
    TABLE_PRIMARY_TWICE,        /* a table has one primary column at most */
    TABLE_PRIMARY_INDEX,        /* DROP INDEX of the primary column */
    TABLE_NOT_UNIQUE,           /* another row has the value of a unique column, or would get it, too */
    TABLE_REPEATED,             /* ADD INDEX: two rows have the same value, so the column cannot become unique */
    TABLE_NULL_VALUE,           /* INSERT gives no value to a column that must have one */
    TABLE_COLUMN_TWICE,         /* in a schema */
    TABLE_COLUMN_MISSING,       /* ALTER names none that exists */
    TABLE_LAST_COLUMN,          /* a table keeps at least one */
    TABLE_TOO_MANY_COLUMNS,
    TABLE_BAD_FIELD,            /* INSERT: not col=value */
    TABLE_BAD_ASSIGNMENT,       /* SET: not col=value */
    TABLE_FIELD_TWICE,          /* INSERT and SET name a column once */
    TABLE_UNKNOWN_COLUMN,
    TABLE_BAD_VALUE,            /* it is not of its column's type; APPLY: or the column is unknown */
    TABLE_BAD_CLAUSE,           /* a word that is not WHERE (or SET) stands where it should */
    TABLE_MISSING_SET,
    TABLE_BAD_CONDITION,        /* none of the forms of query/where.h */
    TABLE_TYPES_DIFFER,         /* two columns cannot be compared */
    TABLE_NOT_STRINGS,          /* LIKE, and another column */
    TABLE_BAD_PATTERN,          /* LIKE: nothing stands behind the last backslash */
    TABLE_TOO_MANY_VALUES,      /* IN */
    TABLE_EXPECTED_OPERATOR,    /* AND or OR should stand here */
    TABLE_DANGLING_OPERATOR,
    TABLE_UNBALANCED,           /* parentheses */
    TABLE_TOO_MANY_CONDITIONS,
    TABLE_TOO_DEEP,             /* parentheses */
    TABLE_BAD_ROW_ID,
    TABLE_ROW_EXISTS,           /* APPLY: the id is another row's */
    TABLE_ROW_MISSING,          /* APPLY: no row has the id, or not where the value behind AT says */
    TABLE_NOT_INDEXED,          /* table-require-index */
    TABLE_SCAN_LIMIT,           /* table-max-scan-rows */
    TABLE_FAULT,                /* a fault of the statement's, which has a text of its own */
    TABLE_BAD_AUTO,             /* auto: of another type, with a default, or a second one */
    TABLE_NO_NUMBER,            /* the auto column's numbers are at their end */
    TABLE_INDEX_COMES_LATER,    /* ALTER ADD COLUMN with an index and a default, and there are rows */
    TABLE_RESULT_COUNT
};

/* --- finding --- */

/* The table named "namespace.table" in database `db`; NULL when there is none. `catalogue` may be NULL (nothing exists).
 * Cost: one hash, no allocation.  */
struct table *catalogue_find(const struct catalogue *catalogue, uint32_t db, struct bytes name);

/* Frees everything: all tables with their rows, and the catalogue itself. For the server's end. NULL is allowed. */
void catalogue_free_with_tables(struct heap *heap, struct catalogue *catalogue);

/* Visits every table of every database, by database and name. */
typedef void catalogue_visit_fn(uint32_t db, const struct table *table, void *arg);
void catalogue_visit(const struct catalogue *catalogue, catalogue_visit_fn *visit, void *arg);
/* Visits every namespace (`name`), by database and name. */
typedef void catalogue_visit_namespace_fn(uint32_t db, struct bytes name, void *arg);
void catalogue_visit_namespaces(const struct catalogue *catalogue, catalogue_visit_namespace_fn *visit, void *arg);

uint32_t catalogue_table_count(const struct catalogue *catalogue);
uint32_t catalogue_namespace_count(const struct catalogue *catalogue);
/* Everything of class MEM_CATALOGUE that is reachable: the catalogue itself, namespaces, tables, schemas. O(tables). */
uint64_t catalogue_bytes(const struct catalogue *catalogue);

/* "namespace.table", lent. */
struct bytes table_name(const struct table *table);
/* How many slices it has: the number of shards. */
uint32_t table_shard_count(const struct table *table);

uint32_t table_column_count(const struct table *table);
/* The column's name (lent); *is_indexed when it has an index of either kind. index < table_column_count. */
struct bytes table_column(const struct table *table, uint32_t index, bool *is_indexed);

/* --- figures --- */

struct table_memory {
    uint64_t row_count;
    uint64_t row_bytes;       /* MEM_TABLE_ROW: pages, strings, the slices themselves, the indexes of row ids */
    uint64_t index_bytes;     /* MEM_TABLE_INDEX, all indexes together */
    uint64_t catalogue_bytes; /* MEM_CATALOGUE: name and schema */
    uint64_t slots;           /* of pages: for rows that are there, that were deleted, or that may come at the end */
    uint64_t moved_rows;      /* by compaction, since the start */
};

/* All shards together; the three byte figures add up to MEMORY USAGE TABLE. O(shards x indexes). */
void table_memory(const struct table *table, struct table_memory *out);
/* One shard's part; catalogue_bytes is all of it for shard 0, else 0. */
void table_memory_of_shard(const struct table *table, uint32_t shard, struct table_memory *out);
/* Bytes of one column's index over all shards; 0 when it has none. False: no such column. */
MUST_USE bool table_index_memory(const struct table *table, struct bytes column, uint64_t *bytes);

/* What a walk over one shard's pages adds up. */
enum { TABLE_WALK_COLUMNS_MAX = 256 };
struct table_walk {
    uint64_t rows, slots;        /* slots: rows that live and rows that were deleted */
    uint64_t hole_bytes;         /* what deleted rows keep occupied in their pages */
    uint64_t row_id_bytes;
    uint64_t column_bytes[TABLE_WALK_COLUMNS_MAX]; /* by number of the column; without its index */
};
/* Goes on from *page (0 begins) over `limit` pages. True at the end. Under that shard's baton. Cost: well under a microsecond a
 * page; columns with strings over CELLS_INLINE_MAX bytes are walked row by row.  */
MUST_USE bool table_walk_slice(const struct table *table, uint32_t shard, uint32_t *page, uint32_t limit, struct table_walk *out);

/* --- defragmentation: see mem/heap.h --- */

/* How far a walk over one shard's rows and indexes has come; all 0 starts. */
struct table_defrag {
    uint32_t table;       /* by number in the catalogue */
    struct slice_defrag {
        uint32_t page;    /* by id */
        struct page_cursor {
            uint32_t cells; /* 0: the row ids; then the columns' by slot */
            uint32_t slot;
        } in_page;
        uint32_t index;
        uint64_t entry;   /* of that index */
    } in_slice;
};
/* Moves what stands in sparse pages: of all tables, but for those that a statement has locked in this shard. About `limit` blocks
 * are looked at. True at the end. What comes, goes or moves between two calls may be left out. Under that shard's baton.  */
bool catalogue_defrag_slice(const struct catalogue *catalogue, uint32_t shard, struct table_defrag *state, size_t limit);

/* --- checking --- */

/* Walks one shard's slice, counts again what is there, and checks it against the running counters and the structures'
 * invariants. What was found is added to *found (catalogue_bytes untouched). False and one line in `finding` when
 * something does not fit. Under that shard's baton. Cost: O(pages + index nodes), about 1 ms for a million rows; columns
 * with strings over CELLS_INLINE_MAX bytes are walked row by row.  */
MUST_USE bool table_audit(const struct table *table, uint32_t shard, struct table_memory *found, char finding[200]);

#endif
