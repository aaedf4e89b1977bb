/* Any HyperLogLog with a valid header: it is read, counted, made dense, or refused; elements are added; what was whole stays so.
 *
 * The first byte is the sparse limit in steps of 64 bytes, the second one how many elements are added; the runs follow.  */
#include "encoding/hyperloglog.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPARSE_STEP = 64, HEAD = 2 };

static void read_all(struct bytes text, bool *is_whole, uint8_t registers[HLL_REGISTERS])
{
    struct hll_run run;
    size_t at = HLL_HEADER_BYTES;
    uint64_t total = 0;
    while (hll_next_run(text, &at, &run)) {
        assert(run.len >= 1 && run.len <= HLL_REGISTERS && run.value <= 32 && (run.bytes == 1 || run.bytes == 2));
        total += run.len;
    }
    uint64_t count;
    const bool is_counted = hll_count(text, &count);
    assert(is_counted == (total == HLL_REGISTERS));
    const bool is_merged = hll_merge(text, registers);
    assert(is_merged == is_counted);
    assert(!is_counted || count == hll_count_registers(registers));
    *is_whole = is_counted && at == text.len; /* half a run at the end is read, but not changed */
}

static void add_elements(struct hll *hll, unsigned count, bool is_whole, uint8_t registers[HLL_REGISTERS])
{
    for (unsigned i = 0; i < count; i++) {
        const struct bytes element = {(const char *)&i, sizeof i};
        const struct hll_mark mark = hll_mark_of(element);
        const enum hll_change change = hll_add(hll, element);
        if (!is_whole) {
            continue;
        }
        assert(change == (registers[mark.index] < mark.value ? HLL_CHANGED : HLL_SAME));
        registers[mark.index] = registers[mark.index] < mark.value ? mark.value : registers[mark.index];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD || size > HLL_SPARSE_BYTES_MAX) {
        return 0;
    }
    const size_t len = HLL_HEADER_BYTES + size - HEAD;
    const size_t room = HLL_DENSE_BYTES + len + 256 * HLL_GROWTH_MAX;
    char *text = malloc(room);
    hll_write_empty(text);
    memcpy(text + HLL_HEADER_BYTES, data + HEAD, size - HEAD);
    struct hll hll = {.data = text, .len = len, .room = room, .sparse_max = (size_t)data[0] * SPARSE_STEP};
    uint8_t registers[HLL_REGISTERS] = {0};
    bool is_whole;
    read_all((struct bytes){text, len}, &is_whole, registers);
    add_elements(&hll, data[1], is_whole, registers);
    if (is_whole) {
        uint8_t found[HLL_REGISTERS] = {0};
        bool is_read = hll_merge((struct bytes){text, hll.len}, found);
        assert(is_read && memcmp(found, registers, sizeof found) == 0);
    }
    const bool is_dense = hll_make_dense(&hll);
    assert(is_dense || !is_whole);
    free(text);
    return 0;
}
