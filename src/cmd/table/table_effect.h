/* table_effect.h - what happens to rows, told to whoever listens: events, and TABLE.APPLY, the command that repeats them.
 *
 * A row is named by its id. Which shard has it is another question on every server: the value of the routing column decides, or, where
 * that is null or there is none, the id (table_route). So the words say that value as it was before.
 *
 *   TABLE.APPLY ns.t id INSERT column value ...             columns that are left out are null
 *   TABLE.APPLY ns.t id UPDATE [AT value] [NULL column ...] [SET column value ...]
 *   TABLE.APPLY ns.t id DELETE [AT value]
 *
 * An UPDATE that gives a row to another shard is a DELETE there and an INSERT here, which have the same unit number.
 *
 * Threads    The holder of the shard's baton; both shards' for a row that moves.  */
#ifndef CMD_TABLE_EFFECT_H
#define CMD_TABLE_EFFECT_H

struct row_change; /* table/slice.h */

/* The `changed` of each slice's owner, whose context is the shard. */
void table_row_changed(void *shard, const struct row_change *change);

#endif
