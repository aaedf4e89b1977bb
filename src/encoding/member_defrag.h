/* member_defrag.h - the walk of defragmentation over a member table.  */
#ifndef ENCODING_MEMBER_DEFRAG_H
#define ENCODING_MEMBER_DEFRAG_H

#include "encoding/collection.h"

/* collection_type.defrag of both kinds of table. */
struct collection *member_table_defrag(struct collection *collection, struct collection_cursor *cursor, size_t *limit);

#endif
