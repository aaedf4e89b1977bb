/* text_copy.c - see text_copy.h.  */
#include "cmd/core/text_copy.h"

#include <assert.h>

enum { COPY_LOOK_BYTES = 16384 }; /* between two looks at the clock */

enum result text_copy_begin(struct text_copy *copy, struct keyspace *ks, size_t len)
{
    *copy = (struct text_copy){0};
    const enum result result = keyspace_string_create(ks, len, &copy->string);
    if (result == RESULT_OK) {
        copy->ks = ks;
    }
    return result;
}

bool text_copy_run(struct text_copy *copy, struct exec *exec, struct bytes text)
{
    assert(copy->ks != NULL && text.len <= copy->string.room);
    while (copy->at < text.len) {
        const size_t left = text.len - copy->at;
        const size_t some = left < COPY_LOOK_BYTES ? left : COPY_LOOK_BYTES;
        memcpy(copy->string.data + copy->at, text.data + copy->at, some);
        copy->at += some;
        if (exec_step_is_over(exec)) {
            return false;
        }
    }
    return true;
}

enum result text_copy_store(struct text_copy *copy, struct key key, struct entry *existing, enum expiry_mode mode,
                            int64_t expiry_ms)
{
    assert(copy->ks != NULL);
    keyspace_string_set_len(&copy->string, copy->at);
    const enum result result = keyspace_string_store(copy->ks, key, existing, &copy->string, mode, expiry_ms);
    if (result == RESULT_OK) {
        copy->ks = NULL;
    }
    return result;
}

void text_copy_discard(struct text_copy *copy)
{
    if (copy->ks != NULL) {
        keyspace_string_discard(copy->ks, &copy->string);
        copy->ks = NULL;
    }
}
