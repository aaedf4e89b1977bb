/* cells.c - see cells.h.  */
#include "table/cells.h"

#include <assert.h>
#include <string.h>

enum {
    TEXT_LONG = 255,     /* first byte of a record that points to a block */
    TEXT_LONG_BYTES = 13,
    ARENA_MAX = 65535,   /* offsets have 16 bits; PAGE_ROWS records of 128 bytes are less than half of it */
    ARENA_GARBAGE = 16,  /* a full arena is rewritten rather than grown when 1/16 of it is garbage */
};

_Static_assert((int)CELLS_INLINE_MAX < (int)TEXT_LONG, "a length is not taken for the mark of a long string");
_Static_assert((int)TEXT_LONG_BYTES == 1 + sizeof(uint32_t) + sizeof(char *), "the mark, the length, the address");
_Static_assert(PAGE_ROWS * (CELLS_INLINE_MAX + 1) <= ARENA_MAX / 2, "a rewritten arena has room for any record");

static void count_bytes(const struct cells_host *host, size_t added, size_t removed)
{
    uint64_t bytes = *host->row_bytes + (added == 0 ? 0 : heap_block_bytes(added));
    __atomic_store_n(host->row_bytes, bytes - (removed == 0 ? 0 : heap_block_bytes(removed)), __ATOMIC_RELAXED);
}

static size_t block_size(uint32_t width, uint32_t capacity)
{
    return cells_bits_offset(width, capacity) + (capacity + 63) / 64 * 8;
}

/* --- reading --- */

int64_t cells_integer(const struct cells *cells, uint32_t slot)
{
    switch (cells->width) {
    case 1:
        return cells->base + ((const int8_t *)cells->block)[slot];
    case 2:
        return cells->base + ((const int16_t *)cells->block)[slot];
    case 4:
        return cells->base + ((const int32_t *)cells->block)[slot];
    default:
        return ((const int64_t *)cells->block)[slot];
    }
}

static const unsigned char *text_record(const struct cells *cells, uint32_t slot)
{
    return (const unsigned char *)cells->arena + ((const uint16_t *)cells->block)[slot];
}

static uint32_t record_bytes(const unsigned char *record)
{
    return record[0] == TEXT_LONG ? TEXT_LONG_BYTES : record[0] + 1u;
}

static struct bytes record_text(const unsigned char *record)
{
    if (record[0] != TEXT_LONG) {
        return (struct bytes){(const char *)record + 1, record[0]};
    }
    uint32_t len;
    const char *data;
    memcpy(&len, record + 1, sizeof len);
    memcpy(&data, record + 5, sizeof data);
    return (struct bytes){data, len};
}

struct bytes cells_text(const struct cells *cells, uint32_t slot)
{
    return record_text(text_record(cells, slot));
}

struct typed_value cells_get(const struct cells *cells, uint32_t capacity, uint32_t slot)
{
    if (!cells_has_value(cells, capacity, slot)) {
        return (struct typed_value){.is_null = true};
    }
    switch (cells->kind) {
    case CELLS_INTEGER:
        return (struct typed_value){.integer = cells_integer(cells, slot)};
    case CELLS_FLOAT:
        return (struct typed_value){.number = ((const double *)cells->block)[slot]};
    default:
        return (struct typed_value){.text = cells_text(cells, slot)};
    }
}

/* --- room for numbers --- */

static uint32_t width_for(int64_t base, int64_t value)
{
    int64_t difference;
    if (__builtin_sub_overflow(value, base, &difference) || difference != (int32_t)difference) {
        return 8;
    }
    if (difference != (int16_t)difference) {
        return 4;
    }
    return difference == (int8_t)difference ? 1 : 2;
}

static void store_integer(struct cells *cells, uint32_t slot, int64_t value)
{
    debug_assert(width_for(cells->base, value) <= cells->width);
    switch (cells->width) {
    case 1:
        ((int8_t *)cells->block)[slot] = (int8_t)(value - cells->base);
        break;
    case 2:
        ((int16_t *)cells->block)[slot] = (int16_t)(value - cells->base);
        break;
    case 4:
        ((int32_t *)cells->block)[slot] = (int32_t)(value - cells->base);
        break;
    default:
        ((int64_t *)cells->block)[slot] = value;
        break;
    }
}

static bool create_block(struct cells *cells, const struct cells_host *host, enum cells_kind kind, uint32_t width)
{
    size_t size = block_size(width, host->capacity);
    void *block = heap_alloc_zeroed(host->heap, MEM_TABLE_ROW, size);
    if (block == NULL) {
        return false;
    }
    count_bytes(host, size, 0);
    *cells = (struct cells){.block = block, .kind = kind & 0xfu, .width = width & 0xfu};
    return true;
}

static bool widen(struct cells *cells, const struct cells_host *host, uint32_t width)
{
    assert(width > cells->width);
    struct cells wide = {0};
    if (!create_block(&wide, host, CELLS_INTEGER, width)) {
        return false;
    }
    wide.base = width == 8 ? 0 : cells->base;
    for (uint32_t slot = 0; slot < host->capacity; slot++) {
        if (cells_has_value(cells, host->capacity, slot)) {
            store_integer(&wide, slot, cells_integer(cells, slot));
        }
    }
    memcpy(cells_bits(&wide, host->capacity), cells_bits(cells, host->capacity), (host->capacity + 63) / 64 * 8);
    cells_release(cells, host);
    *cells = wide;
    return true;
}

static bool has_any_value(const struct cells *cells, uint32_t capacity)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < (capacity + 63) / 64; i++) {
        any |= cells_bits(cells, capacity)[i];
    }
    return any != 0;
}

static bool prepare_integer(struct cells *cells, const struct cells_host *host, int64_t value)
{
    if (cells->block == NULL) {
        if (!create_block(cells, host, CELLS_INTEGER, 1)) {
            return false;
        }
        cells->base = value;
        return true;
    }
    if (cells->width == 8) {
        return true;
    }
    if (!has_any_value(cells, host->capacity)) {
        cells->base = value;
        return true;
    }
    uint32_t width = width_for(cells->base, value);
    return width <= cells->width || widen(cells, host, width);
}

/* --- room for text --- */

static uint32_t text_bytes(struct bytes text)
{
    return text.len > CELLS_INLINE_MAX ? TEXT_LONG_BYTES : (uint32_t)text.len + 1;
}

/* Writes the records that have a bit into a new arena, in the order of the rows. */
static bool rewrite_arena(struct cells *cells, const struct cells_host *host, uint32_t needed)
{
    size_t capacity = heap_block_bytes(needed);
    capacity = capacity < ARENA_MAX ? capacity : ARENA_MAX;
    char *arena = heap_alloc(host->heap, MEM_TABLE_ROW, capacity);
    if (arena == NULL) {
        return false;
    }
    uint16_t *offsets = cells->block;
    uint32_t used = 0;
    for (uint32_t slot = 0; slot < host->capacity; slot++) {
        if (cells_has_value(cells, host->capacity, slot)) {
            const unsigned char *record = text_record(cells, slot);
            uint32_t length = record_bytes(record);
            memcpy(arena + used, record, length);
            offsets[slot] = (uint16_t)used;
            used += length;
        }
    }
    assert(used == cells->arena_live);
    count_bytes(host, capacity, cells->arena_capacity);
    if (cells->arena != NULL) {
        heap_free(host->heap, MEM_TABLE_ROW, cells->arena, cells->arena_capacity);
    }
    cells->arena = arena;
    cells->arena_capacity = (uint16_t)capacity;
    cells->arena_used = (uint16_t)used;
    return true;
}

static bool arena_reserve(struct cells *cells, const struct cells_host *host, uint32_t needed)
{
    uint32_t used = cells->arena_used;
    if (used + needed <= cells->arena_capacity) {
        return true;
    }
    uint32_t garbage = used - cells->arena_live;
    if (cells->arena == NULL || used + needed > ARENA_MAX || (garbage > 0 && garbage * ARENA_GARBAGE >= used)) {
        return rewrite_arena(cells, host, cells->arena_live + needed);
    }
    size_t capacity = heap_block_bytes(used + needed);
    capacity = capacity < ARENA_MAX ? capacity : ARENA_MAX;
    char *arena = heap_realloc(host->heap, MEM_TABLE_ROW, cells->arena, cells->arena_capacity, capacity);
    if (arena == NULL) {
        return false;
    }
    count_bytes(host, capacity, cells->arena_capacity);
    cells->arena = arena;
    cells->arena_capacity = (uint16_t)capacity;
    return true;
}

/* True when the row's present record is at least as long as the new one: it is overwritten where it stands. */
static bool fits_in_place(const struct cells *cells, uint32_t capacity, uint32_t slot, uint32_t needed)
{
    return cells_has_value(cells, capacity, slot) && record_bytes(text_record(cells, slot)) >= needed;
}

static bool prepare_text(struct cells *cells, const struct cells_host *host, struct cells_write *write)
{
    struct bytes text = typed_value_text(write->value);
    uint32_t needed = text_bytes(text);
    if (cells->block == NULL && !create_block(cells, host, CELLS_TEXT, sizeof(uint16_t))) {
        return false;
    }
    if (!fits_in_place(cells, host->capacity, write->slot, needed) && !arena_reserve(cells, host, needed)) {
        return false;
    }
    if (text.len <= CELLS_INLINE_MAX || write->adopts_text) {
        return true;
    }
    write->long_block = heap_alloc(host->heap, MEM_TABLE_ROW, text.len);
    if (write->long_block == NULL) {
        return false;
    }
    count_bytes(host, text.len, 0);
    return true;
}

/* --- writing --- */

bool cells_prepare(struct cells *cells, const struct cells_host *host, struct cells_write *write)
{
    assert(!write->value->is_null);
    assert(write->slot < host->capacity);
    switch (write->type) {
    case COLUMN_STRING:
    case COLUMN_BLOB:
    case COLUMN_UUID:
    case COLUMN_JSON:
        return prepare_text(cells, host, write);
    case COLUMN_FLOAT:
        return cells->block != NULL || create_block(cells, host, CELLS_FLOAT, sizeof(double));
    default:
        return prepare_integer(cells, host, write->value->integer);
    }
}

void cells_abandon(const struct cells_host *host, struct cells_write *write)
{
    if (write->long_block != NULL) {
        const size_t len = typed_value_text(write->value).len;
        heap_free(host->heap, MEM_TABLE_ROW, write->long_block, len);
        count_bytes(host, 0, len);
        write->long_block = NULL;
    }
}

/* The arena's record is garbage from now on. Returns the long text that it points to; no bytes: it has none. */
static struct bytes drop_record(struct cells *cells, uint32_t slot)
{
    const unsigned char *record = text_record(cells, slot);
    assert(cells->arena_live >= record_bytes(record));
    cells->arena_live = (uint16_t)(cells->arena_live - record_bytes(record));
    if (record[0] != TEXT_LONG) {
        return (struct bytes){NULL, 0};
    }
    assert(cells->long_count > 0);
    cells->long_count--;
    return record_text(record);
}

static void drop_text(struct cells *cells, const struct cells_host *host, uint32_t slot)
{
    const struct bytes text = drop_record(cells, slot);
    if (text.data != NULL) {
        heap_free(host->heap, MEM_TABLE_ROW, (void *)(uintptr_t)text.data, text.len);
        count_bytes(host, 0, text.len);
    }
}

static void write_record(struct cells *cells, uint32_t offset, struct bytes text, const void *long_block)
{
    char *record = cells->arena + offset;
    if (text.len <= CELLS_INLINE_MAX) {
        record[0] = (char)text.len;
        if (text.len > 0) {
            memcpy(record + 1, text.data, text.len);
        }
        return;
    }
    uint32_t len = (uint32_t)text.len;
    record[0] = (char)TEXT_LONG;
    memcpy(record + 1, &len, sizeof len);
    memcpy(record + 5, &long_block, sizeof long_block);
    cells->long_count++;
}

static void commit_text(struct cells *cells, const struct cells_host *host, struct cells_write *write)
{
    struct bytes text = typed_value_text(write->value);
    uint32_t needed = text_bytes(text);
    uint32_t slot = write->slot;
    uint16_t *offsets = cells->block;
    bool is_in_place = fits_in_place(cells, host->capacity, slot, needed);
    if (cells_has_value(cells, host->capacity, slot)) {
        drop_text(cells, host, slot);
    }
    if (!is_in_place) {
        assert(cells->arena_used + needed <= cells->arena_capacity);
        offsets[slot] = cells->arena_used;
        cells->arena_used = (uint16_t)(cells->arena_used + needed);
    }
    cells->arena_live = (uint16_t)(cells->arena_live + needed);
    assert(cells->arena_live <= cells->arena_used);
    if (write->long_block != NULL) {
        memcpy(write->long_block, text.data, text.len);
    }
    write_record(cells, offsets[slot], text, write->adopts_text ? text.data : write->long_block);
    write->long_block = NULL;
}

void cells_commit(struct cells *cells, const struct cells_host *host, struct cells_write *write)
{
    switch (cells->kind) {
    case CELLS_INTEGER:
        store_integer(cells, write->slot, write->value->integer);
        break;
    case CELLS_FLOAT:
        ((double *)cells->block)[write->slot] = write->value->number;
        break;
    default:
        assert(cells->kind == CELLS_TEXT);
        commit_text(cells, host, write);
        break;
    }
    cells_bits(cells, host->capacity)[write->slot / 64] |= UINT64_C(1) << (write->slot % 64);
}

static void clear_bit(struct cells *cells, uint32_t capacity, uint32_t slot)
{
    cells_bits(cells, capacity)[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

void cells_clear(struct cells *cells, const struct cells_host *host, uint32_t slot)
{
    if (!cells_has_value(cells, host->capacity, slot)) {
        return;
    }
    if (cells->kind == CELLS_TEXT) {
        drop_text(cells, host, slot);
    }
    clear_bit(cells, host->capacity, slot);
}

void cells_clear_adopted(struct cells *cells, uint32_t capacity, uint32_t slot)
{
    if (!cells_has_value(cells, capacity, slot)) {
        return;
    }
    if (cells->kind == CELLS_TEXT) {
        (void)drop_record(cells, slot);
    }
    clear_bit(cells, capacity, slot);
}

/* --- the block as a whole --- */

void *cells_copy_block(const struct cells *cells, const struct cells_host *host, uint32_t capacity)
{
    assert(cells->block != NULL);
    assert(capacity > host->capacity);
    char *block = heap_alloc_zeroed(host->heap, MEM_TABLE_ROW, block_size(cells->width, capacity));
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, cells->block, (size_t)cells->width * host->capacity);
    memcpy(block + cells_bits_offset(cells->width, capacity), cells_bits(cells, host->capacity),
           (host->capacity + 63) / 64 * 8);
    count_bytes(host, block_size(cells->width, capacity), 0);
    return block;
}

void cells_free_block(const struct cells *cells, const struct cells_host *host, void *block, uint32_t capacity)
{
    size_t size = block_size(cells->width, capacity);
    heap_free(host->heap, MEM_TABLE_ROW, block, size);
    count_bytes(host, 0, size);
}

void cells_take_block(struct cells *cells, const struct cells_host *host, void *block)
{
    cells_free_block(cells, host, cells->block, host->capacity);
    cells->block = block;
}

void cells_release(struct cells *cells, const struct cells_host *host)
{
    if (cells->block == NULL) {
        return;
    }
    if (cells->kind == CELLS_TEXT) {
        for (uint32_t slot = 0; slot < host->capacity && cells->long_count > 0; slot++) {
            cells_clear(cells, host, slot);
        }
        if (cells->arena != NULL) {
            heap_free(host->heap, MEM_TABLE_ROW, cells->arena, cells->arena_capacity);
            count_bytes(host, 0, cells->arena_capacity);
        }
    }
    cells_free_block(cells, host, cells->block, host->capacity);
    *cells = (struct cells){0};
}

static void move_text(struct cells *cells, const struct cells_host *host, uint32_t slot, size_t *limit)
{
    unsigned char *record = (unsigned char *)cells->arena + ((const uint16_t *)cells->block)[slot];
    if (record[0] == TEXT_LONG) {
        const struct bytes text = record_text(record);
        const void *moved =
            heap_move_within(host->heap, MEM_TABLE_ROW, (void *)(uintptr_t)text.data, text.len, limit);
        memcpy(record + 5, &moved, sizeof moved);
    }
}

bool cells_move(struct cells *cells, const struct cells_host *host, uint32_t *slot, size_t *limit)
{
    if (cells->block == NULL) {
        return true;
    }
    if (*slot == 0) {
        const size_t size = block_size(cells->width, host->capacity);
        cells->block = heap_move_within(host->heap, MEM_TABLE_ROW, cells->block, size, limit);
        if (cells->kind == CELLS_TEXT && cells->arena != NULL) {
            cells->arena = heap_move_within(host->heap, MEM_TABLE_ROW, cells->arena, cells->arena_capacity, limit);
        }
    }
    while (cells->long_count > 0 && *slot < host->capacity) {
        const uint32_t row = (*slot)++;
        if (cells_has_value(cells, host->capacity, row)) {
            move_text(cells, host, row, limit);
        }
        if (*limit == 0) {
            return *slot == host->capacity;
        }
    }
    return true;
}

static bool audit_text(const struct cells *cells, uint32_t capacity, uint64_t *bytes)
{
    uint32_t live = 0;
    uint32_t long_count = 0;
    if (cells->arena != NULL) {
        *bytes += heap_block_bytes(cells->arena_capacity);
    }
    for (uint32_t slot = 0; slot < capacity; slot++) {
        if (!cells_has_value(cells, capacity, slot)) {
            continue;
        }
        const unsigned char *record = text_record(cells, slot);
        live += record_bytes(record);
        if (record[0] == TEXT_LONG) {
            long_count++;
            *bytes += heap_block_bytes(record_text(record).len);
        }
    }
    return live == cells->arena_live && live <= cells->arena_used && cells->arena_used <= cells->arena_capacity &&
           long_count == cells->long_count;
}

bool cells_audit(const struct cells *cells, uint32_t capacity, uint64_t *bytes)
{
    if (cells->block == NULL) {
        return cells->kind == CELLS_NONE;
    }
    *bytes += heap_block_bytes(block_size(cells->width, capacity));
    if (cells->kind == CELLS_TEXT) {
        return cells->width == sizeof(uint16_t) && audit_text(cells, capacity, bytes);
    }
    return cells->kind == CELLS_FLOAT ? cells->width == 8 : cells->width != 8 || cells->base == 0;
}
