/* load_tables.h - namespaces, tables and rows of a file.  */
#ifndef SNAPSHOT_LOAD_TABLES_H
#define SNAPSHOT_LOAD_TABLES_H

#include "snapshot/load_state.h"

/* Under all batons. */
void load_namespace(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field);
void load_table(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field);
/* Takes the batons that it needs. Returns how many rows. */
uint64_t load_rows(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field);
/* All rows are there; under all batons: tables know the ids of rows that are gone. */
void load_tables_end(const struct loading *loading);

#endif
