/* dict_empty.c - a table without elements.  */
#include "data/dict_private.h"

const struct dict_bucket dict_empty_bucket;

void dict_init(struct dict *dict, struct heap *heap, const struct dict_type *type, const void *context)
{
    *dict = (struct dict){
        .root.segment = dict_segment_word_make(&dict_empty_bucket, 1, 0),
        .heap = heap,
        .type = type,
        .context = context,
    };
}
