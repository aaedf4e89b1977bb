/* ddl.h - the catalogue and schemas are replaced while others read them; tables and parts of them end.
 *
 * Threads    All batons are held.  */
#ifndef QUERY_DDL_H
#define QUERY_DDL_H

#include "exec/exec.h"
#include "table/catalogue.h"

/* Tells whoever listens what has happened to a table itself: EVENT_TABLE_CREATE, EVENT_TABLE_ALTER, EVENT_TABLE_DROP and its like. ddl_replace_schema and
 * ddl_drop do it themselves.  */
void ddl_report(struct exec *exec, const struct table *table, enum event event);
/* Edits the catalogue, publishes the result, waits for its readers, frees the old one. The tables that are dropped are
 * still the caller's.  */
MUST_USE enum table_result ddl_edit_catalogue(struct exec *exec, const struct catalogue_edit *edit);
/* Gives the table another schema and frees the old one. */
void ddl_replace_schema(struct exec *exec, struct table *table, struct schema *schema);

/* Does an edit that drops tables, and ends them. */
MUST_USE enum table_result ddl_drop(struct exec *exec, const struct catalogue_edit *edit);
/* Ends a table that is in no catalogue any more: its rows are freed at once while *budget lasts (rows and tables count),
 * otherwise in steps; when a statement has it locked, by that statement's end (ddl_end_if_dropped).  */
void ddl_end_table(struct exec *exec, struct table *table, uint64_t *budget);
/* The end of a table that was dropped while a statement had it locked; every statement calls it when it has given back its locks. */
void ddl_end_if_dropped(struct exec *exec, struct table *table);

/* Frees an index that no schema has any more, of shard `shard`: at once when it is small, else in steps. */
void ddl_free_index(struct exec *exec, uint32_t shard, struct column_index index);
/* Frees a dropped column's cells, at once when the slice is small, else in steps. */
void ddl_clean_column(struct exec *exec, uint32_t shard, struct table_slice *slice, uint32_t slot);

#endif
