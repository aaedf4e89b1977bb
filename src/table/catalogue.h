/* catalogue.h - which namespaces and tables exist, in all databases.
 *
 * A catalogue is never changed once it is published: DDL makes an edited copy, publishes it, waits until no epoch section
 * can still see the old one, and frees that. NULL is the empty catalogue.
 *
 * Layout     one block of class MEM_CATALOGUE in shard 0's heap: head, tables, namespaces, hash slots, namespace names
 *
 * Threads    Edited and freed with all batons held; read under any baton or inside an epoch section.
 * Invariant  G1 tables and namespaces ascend by (database, name), each once; G2 every table's namespace is there; G3 the
 *            hash slots hold every table once, and at most half of them are used.  */
#ifndef TABLE_CATALOGUE_H
#define TABLE_CATALOGUE_H

#include "table/definition.h"

/* What is different in the copy. Fields at 0 change nothing; `what` says which of them count. */
enum catalogue_edit_kind {
    EDIT_ADD_NAMESPACE,     /* db, name */
    EDIT_ADD_TABLE,         /* db, table */
    EDIT_DROP_TABLE,        /* table */
    EDIT_RENAME_TABLE,      /* db, table, renamed: takes its place */
    EDIT_DROP_NAMESPACE,    /* db, name; with its tables */
    EDIT_DROP_DATABASE,     /* db: with all that is in it */
    EDIT_DROP_ALL,
    EDIT_SWAP_DATABASES,    /* db, other_db */
};

struct catalogue_edit {
    enum catalogue_edit_kind what;
    uint32_t db, other_db;
    struct bytes name;
    struct table *table, *renamed;
};

/* Makes the edited copy; the tables are shared. TABLE_NAMESPACE_EXISTS, TABLE_NAMESPACE_MISSING, TABLE_EXISTS, TABLE_NO_MEMORY:
 * *out is not set. What the edit drops stays the caller's to free.  */
MUST_USE enum table_result catalogue_copy(const struct catalogue *old, struct heap *heap, const struct hash_secret *secret,
                                          const struct catalogue_edit *edit, struct catalogue **out);
/* The copy is published: its tables know their databases from now on. All batons held; NULL is allowed. */
void catalogue_note_databases(const struct catalogue *catalogue);
/* Frees the catalogue itself, no table. NULL is allowed. */
void catalogue_destroy(struct heap *heap, struct catalogue *catalogue);

/* The table with this number, in the order of catalogue_visit; NULL: there are not so many. O(1). */
struct table *catalogue_table_at(const struct catalogue *catalogue, uint32_t at);
/* Its database. There is such a table. */
uint32_t catalogue_table_db(const struct catalogue *catalogue, uint32_t at);

/* False: a statement over several steps may have changed some of a table's rows and not all. All batons held; NULL is allowed. O(tables x shards). */
MUST_USE bool catalogue_may_read(const struct catalogue *catalogue);
bool catalogue_has_namespace(const struct catalogue *catalogue, uint32_t db, struct bytes name);
/* Whether an edit of a dropping kind drops this table of this database. */
bool catalogue_edit_drops(const struct catalogue_edit *edit, uint32_t db, const struct table *table);

#endif
