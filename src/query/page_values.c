/* page_values.c - see page_values.h.  */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3") /* gcc's -O2 leaves loops of unknown length as they are */
#endif

#include "query/page_values.h"

#include <string.h>

struct page_bits page_bits_of(const struct cells *cells, const struct page *page)
{
    struct page_bits result = {{0}};
    const uint64_t *bits = cells == NULL ? NULL : cells_bits(cells, page->capacity);
    for (uint32_t i = 0; bits != NULL && i < (page->capacity + 63u) / 64; i++) {
        result.words[i] = bits[i];
    }
    return result;
}

uint32_t page_bits_slots(const struct page_bits *bits, uint8_t slots[PAGE_SLOTS])
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < PAGE_WORDS; word++) {
        for (uint64_t rest = bits->words[word]; rest != 0; rest &= rest - 1) {
            slots[count++] = (uint8_t)(word * 64 + (uint32_t)__builtin_ctzll(rest));
        }
    }
    return count;
}

uint32_t page_bits_rows(const struct page_bits *bits, const struct page *page, uint32_t rows[PAGE_SLOTS])
{
    uint8_t slots[PAGE_SLOTS];
    const uint32_t count = page_bits_slots(bits, slots);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = row_number(page->id, slots[i]);
    }
    return count;
}

/* style: one body for three widths; a function cannot take a type. */
#define WIDEN(type)                                                                                                    \
    for (uint32_t i = 0; i < count; i++) {                                                                             \
        out[i] = (int64_t)((uint64_t)cells->base + (uint64_t)(int64_t)((const type *)cells->block)[i]);                \
    }

void page_widen_integers(const struct cells *cells, uint32_t count, int64_t *out)
{
    if (cells->width == 1) {
        WIDEN(int8_t)
    } else if (cells->width == 2) {
        WIDEN(int16_t)
    } else if (cells->width == 4) {
        WIDEN(int32_t)
    } else {
        memcpy(out, cells->block, count * sizeof *out);
    }
}
