/* intset.c - sorted integers in a row; see intset.h for the layout.  */
#include "encoding/intset.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are copied as they are");

static uint32_t read_u32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void write_u32(char *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static unsigned width_of(struct bytes set)
{
    return set.len == 0 ? sizeof(int16_t) : read_u32(set.data);
}

static unsigned width_for(int64_t value)
{
    if (value >= INT16_MIN && value <= INT16_MAX) {
        return sizeof(int16_t);
    }
    return value >= INT32_MIN && value <= INT32_MAX ? sizeof(int32_t) : sizeof(int64_t);
}

static int64_t read_integer(const char *integers, unsigned width, size_t index)
{
    const char *at = integers + index * width;
    if (width == sizeof(int16_t)) {
        int16_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    if (width == sizeof(int32_t)) {
        int32_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* The low bytes of a two's complement number are the number, as long as it fits. */
static void write_integer(char *integers, unsigned width, size_t index, int64_t value)
{
    debug_assert(width_for(value) <= width);
    memcpy(integers + index * width, &value, width);
}

uint32_t intset_count(struct bytes set)
{
    return set.len == 0 ? 0 : read_u32(set.data + 4);
}

int64_t intset_at(struct bytes set, uint32_t index)
{
    assert(index < intset_count(set));
    return read_integer(set.data + INTSET_HEADER, width_of(set), index);
}

bool intset_find(struct bytes set, int64_t value, uint32_t *index)
{
    uint32_t low = 0;
    uint32_t high = intset_count(set);
    const unsigned width = width_of(set);
    if (high > 0 && value > read_integer(set.data + INTSET_HEADER, width, high - 1)) {
        *index = high; /* ascending insertions are common */
        return false;
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (read_integer(set.data + INTSET_HEADER, width, middle) < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *index = low;
    return low < intset_count(set) && intset_at(set, low) == value;
}

size_t intset_len_with(struct bytes set, int64_t value)
{
    const unsigned width = width_for(value) > width_of(set) ? width_for(value) : width_of(set);
    return INTSET_HEADER + (size_t)width * (intset_count(set) + 1u);
}

/* Makes all integers wider, from the last one on, since they move up. */
static void widen(char *integers, unsigned from, unsigned to, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;) {
        write_integer(integers, to, i, read_integer(integers, from, i));
    }
}

size_t intset_insert(char *data, size_t len, int64_t value, uint32_t index)
{
    const struct bytes set = {data, len};
    const uint32_t count = intset_count(set);
    const unsigned old_width = width_of(set);
    const unsigned width = width_for(value) > old_width ? width_for(value) : old_width;
    char *integers = data + INTSET_HEADER;
    assert(index <= count);
    assert(count < UINT32_MAX);
    debug_assert(index == 0 || intset_at(set, index - 1) < value);
    debug_assert(index == count || value < intset_at(set, index));
    if (width > old_width) {
        widen(integers, old_width, width, count);
    }
    memmove(integers + (size_t)width * (index + 1), integers + (size_t)width * index, (size_t)width * (count - index));
    write_integer(integers, width, index, value);
    write_u32(data, width);
    write_u32(data + 4, count + 1);
    const size_t new_len = INTSET_HEADER + (size_t)width * (count + 1u);
    debug_assert(!check_is_due(new_len, count) || intset_is_valid((struct bytes){data, new_len}));
    return new_len;
}

size_t intset_remove(char *data, size_t len, uint32_t index)
{
    const struct bytes set = {data, len};
    const uint32_t count = intset_count(set);
    const unsigned width = width_of(set);
    char *integers = data + INTSET_HEADER;
    assert(index < count);
    assert(len == INTSET_HEADER + (size_t)width * count);
    memmove(integers + (size_t)width * index, integers + (size_t)width * (index + 1), (size_t)width * (count - index - 1));
    write_u32(data + 4, count - 1);
    debug_assert(count == 1 || !check_is_due(len, count) || intset_is_valid((struct bytes){data, len - width}));
    return len - width;
}

bool intset_is_valid(struct bytes set)
{
    if (set.len < INTSET_HEADER) {
        return false;
    }
    const unsigned width = read_u32(set.data);
    const uint32_t count = read_u32(set.data + 4);
    if (width != sizeof(int16_t) && width != sizeof(int32_t) && width != sizeof(int64_t)) {
        return false;
    }
    if (count == 0 || set.len != INTSET_HEADER + (size_t)width * count) {
        return false;
    }
    for (uint32_t i = 1; i < count; i++) {
        if (intset_at(set, i - 1) >= intset_at(set, i)) {
            return false;
        }
    }
    return true;
}
