/* Any bytes as an intset: they are refused, or they are a sorted set that finds, takes and gives back integers. */
#include "encoding/intset.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes set = {(const char *)data, size};
    if (!intset_is_valid(set)) {
        return 0;
    }
    const uint32_t count = intset_count(set);
    const int64_t value = intset_at(set, count / 2);
    uint32_t index;
    bool is_there = intset_find(set, value, &index);
    assert(is_there && index == count / 2);
    char *copy = malloc(size + 8 + (size_t)8 * (count + 1));
    memcpy(copy, data, size);
    size_t len = intset_remove(copy, size, index);
    is_there = intset_find((struct bytes){copy, len}, value, &index);
    assert(!is_there && index == count / 2);
    len = intset_insert(copy, len, value, index);
    assert(len == size && memcmp(copy, data, size) == 0);
    is_there = intset_find(set, INT64_MIN + 1, &index);
    if (!is_there) {
        len = intset_insert(copy, len, INT64_MIN + 1, index);
        const bool is_valid = intset_is_valid((struct bytes){copy, len});
        assert(is_valid);
    }
    free(copy);
    return 0;
}
