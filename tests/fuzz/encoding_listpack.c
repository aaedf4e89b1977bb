/* Fuzz target of encoding/listpack: what is taken as valid can be walked both ways, and written again from its items. */
#include "encoding/listpack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks a valid listpack; a copy of its items in their shortest forms is never longer, and holds the same. */
static void rewrite(const char *listpack, size_t total, size_t count)
{
    const struct bytes entries = listpack_entries(listpack);
    char *copy = malloc(total);
    struct item item, copied;
    size_t at = 0;
    size_t seen = 0;
    listpack_init(copy);
    while (listpack_next(entries, &at, &item)) {
        assert(listpack_bytes(copy) + listpack_entry_size(&item) <= total);
        listpack_append(copy, &item);
        seen++;
    }
    assert(seen == count && listpack_count(listpack) == count && listpack_count(copy) == count);
    const struct bytes copied_entries = listpack_entries(copy);
    for (size_t copied_at = copied_entries.len; listpack_previous(entries, &at, &item); seen--) {
        const bool is_there = listpack_previous(copied_entries, &copied_at, &copied);
        assert(is_there && listpack_same_item(&item, &copied));
        size_t found = at;
        assert(listpack_find(entries, 1, &copied, &found) && found == at);
    }
    assert(seen == 0 && at == 0);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + 1);
    size_t count;
    memcpy(exact, data, size);
    /* The fuzzer rarely guesses the length and the end. */
    if (size >= LISTPACK_EMPTY && data[size - 1] != LISTPACK_END_BYTE) {
        const uint32_t total = (uint32_t)size;
        memcpy(exact, &total, sizeof total);
        exact[size - 1] = (char)LISTPACK_END_BYTE;
    }
    char *block = realloc(exact, size == 0 ? 1 : size);
    if (listpack_is_valid((struct bytes){block, size}, &count)) {
        rewrite(block, size, count);
    }
    free(block);
    return 0;
}
