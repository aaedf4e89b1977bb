/* metric_tables.h - the part of METRICS that tells of tables and their indexes.
 *
 * Figures are taken first, under a baton, and written afterwards, under none.
 *
 * Threads    One at a time.
 * Memory     metric_tables_release.
 * Limits     METRIC_TABLES_MAX tables are told of one by one, the first by database and name; tessera_tables counts all.  */
#ifndef CMD_METRIC_TABLES_H
#define CMD_METRIC_TABLES_H

#include "mem/buffer.h"
#include "shard/server.h"

enum { METRIC_TABLES_MAX = 1000 };

struct metric_tables {
    struct buffer tables, indexes; /* structures of this file's own */
    uint64_t count;                /* of all tables */
};

#define METRIC_TABLES_EMPTY ((struct metric_tables){BUFFER_EMPTY(MEM_OUTPUT_BUFFER), BUFFER_EMPTY(MEM_OUTPUT_BUFFER), 0})

/* Takes the figures; `tables` is empty. Other shards' are read relaxed. False: memory was refused. Cost: O(tables and their columns, by shards). */
MUST_USE bool metric_tables_look(struct metric_tables *tables, const struct shard *shard) REQUIRES(shard->baton);
/* False: memory was refused. */
MUST_USE bool metric_tables_write(const struct metric_tables *tables, struct buffer *out);
void metric_tables_release(struct metric_tables *tables);

#endif
