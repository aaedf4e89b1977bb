/* value_edit.h - changing a packed collection in its entry.
 *
 * Threads    Under the baton of the keyspace's shard.  */
#ifndef DATA_VALUE_EDIT_H
#define DATA_VALUE_EDIT_H

#include "data/value.h"
#include "encoding/packed.h"

/* Does `edit` to the value, which is in an in-entry form of packed items or not there yet, and makes it one of `form`. The items
 * must not be lent from the value. The caller keeps it within COLLECTION_INLINE_MAX. RESULT_NO_MEMORY: as before.
 * Cost: no allocation while the block stays the same.  */
MUST_USE enum result value_edit(struct value *value, enum value_form form, const struct packed_edit *edit);

#endif
