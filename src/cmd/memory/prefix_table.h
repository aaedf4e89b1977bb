/* prefix_table.h - counts keys and bytes by the prefix of their names, in bounded memory.
 *
 * When there are too many prefixes the smaller half is merged into one row, "other": sums stay exact; what a merged prefix
 * collects later counts for it again, so single rows may then be too small.
 *
 * Threads    Its maker's only.
 * Limits     PREFIX_ROWS_MAX prefixes of at most PREFIX_NAME_MAX bytes.  */
#ifndef CMD_PREFIX_TABLE_H
#define CMD_PREFIX_TABLE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PREFIX_ROWS_MAX = 10000,
    PREFIX_ROWS_SPARE = 2000, /* prefix_table_is_full says so when no more than these are left */
    PREFIX_ROWS_KEEP = 4000,  /* stay when the table is thinned out */
    PREFIX_NAME_MAX = 120,
};

struct prefix_row {
    uint64_t hash, keys, bytes;
    uint32_t name_len;
    char name[PREFIX_NAME_MAX];
};

struct prefix_table;

/* NULL: no memory. Gives: prefix_table_destroy. */
struct prefix_table *prefix_table_create(const struct hash_secret *secret) MUST_USE;
/* NULL is allowed. */
void prefix_table_destroy(struct prefix_table *table);

/* The beginning of `name` up to and with its `depth`-th delimiter; up to its last one when it has fewer; "" when it has none.
 * Delimiters beyond PREFIX_NAME_MAX do not count. `delimiter` has a byte at least.  */
struct bytes prefix_of(struct bytes name, struct bytes delimiter, uint32_t depth);

/* Counts a key. With all rows taken, and its prefix new, it counts for "other". */
void prefix_table_add(struct prefix_table *table, struct bytes prefix, uint64_t bytes);
bool prefix_table_is_full(const struct prefix_table *table);
/* Merges all but the biggest PREFIX_ROWS_KEEP into "other". Cost: O(rows), a fraction of a millisecond. */
void prefix_table_thin_out(struct prefix_table *table);

/* Sorts the biggest `limit` rows to the front, the biggest first, and adds the others up into *other (keys, bytes). Returns
 * how many rows are in front; *is_exact: nothing was ever merged. The rows are lent until the next call.  */
uint32_t prefix_table_finish(struct prefix_table *table, uint32_t limit, const struct prefix_row **rows, struct prefix_row *other,
                             bool *is_exact);

#endif
