/* info_tables.h - INFO tables, and the part of METRICS that tells of tables and their indexes.
 *
 * Figures are taken first, under a baton, and written afterwards, under none.
 *
 * Threads    One at a time.
 * Memory     info_tables_release.
 * Limits     INFO has a line for each of INFO_TABLES_MAX tables, METRICS tells METRIC_TABLES_MAX of them one by one: the first by database and
 *            name. The totals are those of all.  */
#ifndef CMD_INFO_TABLES_H
#define CMD_INFO_TABLES_H

#include "mem/buffer.h"
#include "shard/server.h"

enum { INFO_TABLES_MAX = 100, METRIC_TABLES_MAX = 1000 };

/* Of all databases. */
struct table_totals {
    int64_t namespaces, tables, left_out; /* left_out: the tables that are not told of one by one */
    int64_t rows, row_bytes, index_bytes, schema_bytes;
};

struct info_tables {
    struct buffer tables, indexes; /* structures of this file's own */
    struct table_totals totals;
};

#define INFO_TABLES_EMPTY ((struct info_tables){.tables = BUFFER_EMPTY(MEM_OUTPUT_BUFFER), .indexes = BUFFER_EMPTY(MEM_OUTPUT_BUFFER)})

/* Takes the figures, of `most` tables one by one; `tables` is empty. Other shards' are read relaxed. False: memory was refused. Cost: O(tables and
 * their columns, by shards).  */
MUST_USE bool info_tables_look(struct info_tables *tables, uint32_t most, const struct shard *shard) REQUIRES(shard->baton);
void info_tables_release(struct info_tables *tables);

#endif
