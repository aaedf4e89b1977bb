/* prefix_table.c - an array of rows, found by open addressing; see prefix_table.h.  */
#include "cmd/memory/prefix_table.h"

#include "mem/heap.h"

#include <assert.h>
#include <string.h>

enum { SLOTS = 32768, SLOT_EMPTY = 0xffff };
_Static_assert((int)PREFIX_ROWS_MAX * 2 <= (int)SLOTS && (int)PREFIX_ROWS_MAX < (int)SLOT_EMPTY, "half of the slots stay empty");

struct prefix_table {
    const struct hash_secret *secret;
    uint32_t count;
    bool was_merged;
    uint64_t other_keys, other_bytes;
    uint16_t slots[SLOTS]; /* numbers of rows */
    struct prefix_row rows[PREFIX_ROWS_MAX];
};

struct prefix_table *prefix_table_create(const struct hash_secret *secret)
{
    struct prefix_table *table = thread_alloc(MEM_SERVER, sizeof *table);
    if (table != NULL) {
        table->secret = secret;
        table->count = 0;
        table->was_merged = false;
        table->other_keys = 0;
        table->other_bytes = 0;
        memset(table->slots, 0xff, sizeof table->slots);
    }
    return table;
}

void prefix_table_destroy(struct prefix_table *table)
{
    if (table != NULL) {
        thread_free(MEM_SERVER, table, sizeof *table);
    }
}

struct bytes prefix_of(struct bytes name, struct bytes delimiter, uint32_t depth)
{
    assert(delimiter.len > 0);
    const size_t reach = name.len < PREFIX_NAME_MAX ? name.len : PREFIX_NAME_MAX;
    size_t end = 0;
    for (uint32_t i = 0; i < depth; i++) {
        const char *at = memmem(name.data + end, reach - end, delimiter.data, delimiter.len);
        if (at == NULL) {
            break;
        }
        end = (size_t)(at - name.data) + delimiter.len;
    }
    return (struct bytes){name.data, end};
}

static uint16_t *slot_of(struct prefix_table *table, uint64_t hash, struct bytes prefix)
{
    uint32_t at = (uint32_t)hash & (SLOTS - 1);
    for (; table->slots[at] != SLOT_EMPTY; at = (at + 1) & (SLOTS - 1)) {
        const struct prefix_row *row = &table->rows[table->slots[at]];
        if (row->hash == hash && bytes_equal((struct bytes){row->name, row->name_len}, prefix)) {
            break;
        }
    }
    return &table->slots[at];
}

void prefix_table_add(struct prefix_table *table, struct bytes prefix, uint64_t bytes)
{
    assert(prefix.len <= PREFIX_NAME_MAX);
    const uint64_t hash = hash_bytes(table->secret, prefix);
    uint16_t *slot = slot_of(table, hash, prefix);
    if (*slot == SLOT_EMPTY && table->count == PREFIX_ROWS_MAX) {
        table->other_keys++;
        table->other_bytes += bytes;
        table->was_merged = true;
        return;
    }
    if (*slot == SLOT_EMPTY) {
        *slot = (uint16_t)table->count++;
        struct prefix_row *row = &table->rows[*slot];
        row->hash = hash;
        row->keys = 0;
        row->bytes = 0;
        row->name_len = (uint32_t)prefix.len;
        if (prefix.len > 0) {
            memcpy(row->name, prefix.data, prefix.len);
        }
    }
    table->rows[*slot].keys++;
    table->rows[*slot].bytes += bytes;
}

bool prefix_table_is_full(const struct prefix_table *table)
{
    return table->count > PREFIX_ROWS_MAX - PREFIX_ROWS_SPARE;
}

static void swap_rows(struct prefix_row *a, struct prefix_row *b)
{
    const struct prefix_row row = *a;
    *a = *b;
    *b = row;
}

/* Hoare's selection: the `front` biggest rows come to the front, in any order. */
static void select_biggest(struct prefix_row *rows, uint32_t count, uint32_t front)
{
    uint32_t low = 0, high = count;
    while (high - low > 1 && front > low && front < high) {
        const uint64_t pivot = rows[low + (high - low) / 2].bytes;
        uint32_t bigger = low, smaller = high; /* rows before `bigger` are over the pivot, from `smaller` on below it */
        for (uint32_t i = low; i < smaller;) {
            if (rows[i].bytes > pivot) {
                swap_rows(&rows[i++], &rows[bigger++]);
            } else if (rows[i].bytes < pivot) {
                swap_rows(&rows[i], &rows[--smaller]);
            } else {
                i++;
            }
        }
        if (front <= bigger) {
            high = bigger;
        } else if (front >= smaller) {
            low = smaller;
        } else {
            return;
        }
    }
}

void prefix_table_thin_out(struct prefix_table *table)
{
    if (table->count <= PREFIX_ROWS_KEEP) {
        return;
    }
    select_biggest(table->rows, table->count, PREFIX_ROWS_KEEP);
    for (uint32_t i = PREFIX_ROWS_KEEP; i < table->count; i++) {
        table->other_keys += table->rows[i].keys;
        table->other_bytes += table->rows[i].bytes;
    }
    table->count = PREFIX_ROWS_KEEP;
    table->was_merged = true;
    memset(table->slots, 0xff, sizeof table->slots);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct prefix_row *row = &table->rows[i];
        *slot_of(table, row->hash, (struct bytes){row->name, row->name_len}) = (uint16_t)i;
    }
}

/* By bytes, then by name, so that equal ones have an order. */
static bool comes_before(const struct prefix_row *a, const struct prefix_row *b)
{
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes;
    }
    const uint32_t common = a->name_len < b->name_len ? a->name_len : b->name_len;
    const int order = memcmp(a->name, b->name, common);
    return order != 0 ? order < 0 : a->name_len < b->name_len;
}

/* Shell's sort. */
static void sort_rows(struct prefix_row *rows, uint32_t count)
{
    static const uint32_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};
    for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        const uint32_t gap = gaps[g];
        for (uint32_t i = gap; i < count; i++) {
            for (uint32_t at = i; at >= gap && comes_before(&rows[at], &rows[at - gap]); at -= gap) {
                swap_rows(&rows[at], &rows[at - gap]);
            }
        }
    }
}

uint32_t prefix_table_finish(struct prefix_table *table, uint32_t limit, const struct prefix_row **rows, struct prefix_row *other,
                             bool *is_exact)
{
    const uint32_t front = table->count < limit ? table->count : limit;
    select_biggest(table->rows, table->count, front);
    sort_rows(table->rows, front);
    *other = (struct prefix_row){.keys = table->other_keys, .bytes = table->other_bytes};
    for (uint32_t i = front; i < table->count; i++) {
        other->keys += table->rows[i].keys;
        other->bytes += table->rows[i].bytes;
    }
    *rows = table->rows;
    *is_exact = !table->was_merged;
    return front;
}
