/* Any bytes as a run of packed items: refused, or walked within their bounds, and written again as the same bytes.  */
#include "encoding/packed.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes the items from `index` on out of a copy and puts them back: the same bytes. */
static void check_edit(struct bytes run, char *copy, size_t index, size_t removed)
{
    size_t at = packed_skip(run, 0, index);
    size_t end = packed_skip(run, at, removed);
    struct item *items = malloc((removed + 1) * sizeof *items);
    size_t count = 0;
    for (size_t offset = at; offset < end; count++) {
        bool is_there = packed_next(run, &offset, &items[count]);
        assert(is_there);
    }
    memcpy(copy, run.data, run.len);
    struct packed_edit removal = {.at = at, .old_len = end - at};
    size_t len = packed_apply(copy, run.len, &removal);
    assert(len == run.len - (end - at));
    struct packed_edit insertion = {.at = at, .items = items, .count = count};
    assert(packed_edited_len(len, &insertion) == run.len);
    len = packed_apply(copy, len, &insertion);
    assert(bytes_equal((struct bytes){copy, len}, run));
    free(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes run = {(const char *)data, size};
    size_t count;
    if (!packed_is_valid(run, &count)) {
        return 0;
    }
    assert(packed_count(run) == count);
    char *copy = malloc(size + 1);
    size_t written = 0;
    size_t at = 0;
    struct item item;
    for (size_t i = 0; i < count; i++) {
        bool is_there = packed_next(run, &at, &item);
        assert(is_there && at <= size);
        assert(packed_item_size(&item) == at - written);
        written += packed_write(copy + written, &item);
        size_t found_at;
        size_t index;
        is_there = packed_find(run, 1, &item, &found_at, &index);
        assert(is_there && index <= i);
    }
    assert(bytes_equal((struct bytes){copy, written}, run));
    check_edit(run, copy, count / 3, count / 2);
    free(copy);
    return 0;
}
