/* member_whole.h - what the types of member tables have in common that go over the whole table: see struct collection_type.  */
#ifndef ENCODING_MEMBER_WHOLE_H
#define ENCODING_MEMBER_WHOLE_H

#include "encoding/collection.h"

bool member_table_free_step(struct collection *collection, size_t *limit);
/* What stands behind the table's own structure, up to the type's head_bytes, is 0 in the copy. */
MUST_USE struct collection *member_table_copy(const struct collection *collection, struct heap *heap);
/* `other_bytes`: of blocks that are not the table's own. */
const char *member_table_fault(const struct collection *collection, uint64_t other_bytes);

#endif
