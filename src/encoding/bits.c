/* bits.c - counting, searching and combining in words of eight bytes; integers bit by bit in bytes.  */
#include "encoding/bits.h"

#include <assert.h>

enum { WORD_BYTES = 8 };

static inline uint64_t load_word(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static inline void store_word(char *data, uint64_t word)
{
    memcpy(data, &word, sizeof word);
}

static inline unsigned byte_at(struct bytes text, uint64_t index)
{
    return (unsigned char)text.data[index];
}

/* --- counting --- */

/* Four sums, so that one need not wait for the other. */
#define COUNT_BODY                                                                                                             \
    uint64_t sums[4] = {0};                                                                                                    \
    size_t i = 0;                                                                                                              \
    for (; len - i >= 4 * WORD_BYTES; i += 4 * WORD_BYTES) {                                                                   \
        for (size_t k = 0; k < 4; k++) {                                                                                       \
            sums[k] += (uint64_t)__builtin_popcountll(load_word(data + i + k * WORD_BYTES));                                   \
        }                                                                                                                      \
    }                                                                                                                          \
    for (; i < len; i++) {                                                                                                     \
        sums[0] += (uint64_t)__builtin_popcount((unsigned char)data[i]);                                                       \
    }                                                                                                                          \
    return sums[0] + sums[1] + sums[2] + sums[3];

static uint64_t count_plain(const char *data, size_t len)
{
    COUNT_BODY
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint64_t count_by_hardware(const char *data, size_t len)
{
    COUNT_BODY
}

uint64_t bits_count(struct bytes text)
{
    return __builtin_cpu_supports("popcnt") ? count_by_hardware(text.data, text.len) : count_plain(text.data, text.len);
}
#else
uint64_t bits_count(struct bytes text)
{
    return count_plain(text.data, text.len);
}
#endif

/* The bits of a byte from `first` to `last`, 0 the highest. */
static unsigned byte_mask(unsigned first, unsigned last)
{
    return (0xffu >> first) & (0xffu << (7 - last)) & 0xffu;
}

uint64_t bits_count_range(struct bytes text, uint64_t first, uint64_t last)
{
    assert(first <= last);
    assert(last / 8 < text.len);
    const uint64_t first_byte = first / 8;
    const uint64_t last_byte = last / 8;
    if (first_byte == last_byte) {
        return (uint64_t)__builtin_popcount(byte_at(text, first_byte) & byte_mask(first % 8, last % 8));
    }
    const struct bytes middle = {text.data + first_byte + 1, last_byte - first_byte - 1};
    return bits_count(middle) + (uint64_t)__builtin_popcount(byte_at(text, first_byte) & byte_mask(first % 8, 7)) +
           (uint64_t)__builtin_popcount(byte_at(text, last_byte) & byte_mask(0, last % 8));
}

/* --- searching --- */

/* The first byte from `at` on, before `end`, that is not `skip`; or `end`. */
static uint64_t skip_bytes(struct bytes text, uint64_t at, uint64_t end, unsigned char skip)
{
    const uint64_t word = skip == 0 ? 0 : UINT64_MAX;
    while (end - at >= 4 * WORD_BYTES) {
        const char *data = text.data + at;
        if ((load_word(data) ^ word) != 0 || (load_word(data + 8) ^ word) != 0 || (load_word(data + 16) ^ word) != 0 ||
            (load_word(data + 24) ^ word) != 0) {
            break;
        }
        at += 4 * WORD_BYTES;
    }
    while (at < end && byte_at(text, at) == skip) {
        at++;
    }
    return at;
}

/* The first set bit of `byte`, 0 the highest; byte is not 0. */
static unsigned first_set(unsigned byte)
{
    return (unsigned)__builtin_clz(byte) - 24;
}

uint64_t bits_find(struct bytes text, uint64_t first, uint64_t last, bool is_set)
{
    assert(first <= last);
    assert(last / 8 < text.len);
    const unsigned flip = is_set ? 0 : 0xffu;
    const uint64_t last_byte = last / 8;
    uint64_t at = first / 8;
    unsigned wanted = (byte_at(text, at) ^ flip) & byte_mask(first % 8, at == last_byte ? last % 8 : 7);
    if (wanted != 0) {
        return at * 8 + first_set(wanted);
    }
    if (at == last_byte) {
        return BITS_NONE;
    }
    at = skip_bytes(text, at + 1, last_byte, (unsigned char)flip);
    wanted = (byte_at(text, at) ^ flip) & byte_mask(0, at == last_byte ? last % 8 : 7);
    return wanted == 0 ? BITS_NONE : at * 8 + first_set(wanted);
}

/* --- combining --- */

/* Bytes in words while there are four, then one by one. */
#define COMBINE_LOOP(operator)                                                                                                 \
    for (; len - i >= 4 * WORD_BYTES; i += 4 * WORD_BYTES) {                                                                   \
        for (size_t k = 0; k < 4 * WORD_BYTES; k += WORD_BYTES) {                                                              \
            store_word(into + i + k, load_word(into + i + k) operator load_word(from + i + k));                                \
        }                                                                                                                      \
    }                                                                                                                          \
    for (; i < len; i++) {                                                                                                     \
        into[i] = (char)(into[i] operator from[i]);                                                                            \
    }

void bits_combine(enum bits_operation operation, char *into, const char *from, size_t len)
{
    assert(into == from || into + len <= from || from + len <= into);
    size_t i = 0;
    switch (operation) {
    case BITS_AND:
        COMBINE_LOOP(&)
        break;
    case BITS_OR:
        COMBINE_LOOP(|)
        break;
    case BITS_XOR:
        COMBINE_LOOP(^)
        break;
    }
}

void bits_invert(char *into, size_t len)
{
    size_t i = 0;
    for (; len - i >= WORD_BYTES; i += WORD_BYTES) {
        store_word(into + i, ~load_word(into + i));
    }
    for (; i < len; i++) {
        into[i] = (char)~into[i];
    }
}

/* --- integers --- */

static int64_t extend_sign(uint64_t value, struct bits_type type)
{
    const unsigned unused = 64u - type.width;
    return type.is_signed ? (int64_t)(value << unused) >> unused : (int64_t)value;
}

int64_t bits_read(struct bytes text, uint64_t offset, struct bits_type type)
{
    assert(type.width >= 1 && type.width <= 64);
    const uint64_t first_byte = offset / 8;
    unsigned __int128 window = 0; /* nine bytes: all that 64 bits can touch */
    for (uint64_t i = first_byte; i < first_byte + 9; i++) {
        window = window << 8 | (i < text.len ? byte_at(text, i) : 0);
    }
    const unsigned below = 72u - (unsigned)(offset % 8) - type.width;
    uint64_t value = (uint64_t)(window >> below);
    if (type.width < 64) {
        value &= (UINT64_C(1) << type.width) - 1;
    }
    return extend_sign(value, type);
}

void bits_write(char *data, uint64_t offset, struct bits_type type, int64_t value)
{
    assert(type.width >= 1 && type.width <= 64);
    uint64_t left = (uint64_t)value;
    uint64_t end = offset + type.width; /* bits are written from the last one on, a byte at a time */
    while (end > offset) {
        const uint64_t byte = (end - 1) / 8;
        const unsigned last = (unsigned)((end - 1) % 8);
        const unsigned first = offset / 8 == byte ? (unsigned)(offset % 8) : 0;
        const unsigned mask = byte_mask(first, last);
        const unsigned bits = (unsigned)(left << (7 - last)) & mask;
        data[byte] = (char)(((unsigned char)data[byte] & ~mask) | bits);
        left >>= last - first + 1;
        end -= last - first + 1;
    }
}

bool bits_fit(struct bits_type type, __int128 value, enum bits_overflow overflow, int64_t *out)
{
    assert(type.width >= 1);
    assert(type.width <= (type.is_signed ? 64 : 63));
    const __int128 one = 1;
    const __int128 max = type.is_signed ? (one << (type.width - 1)) - 1 : (one << type.width) - 1;
    const __int128 min = type.is_signed ? -max - 1 : 0;
    if (value >= min && value <= max) {
        *out = (int64_t)value;
        return true;
    }
    if (overflow == BITS_FAIL) {
        return false;
    }
    if (overflow == BITS_SATURATE) {
        *out = (int64_t)(value > max ? max : min);
        return true;
    }
    const uint64_t low = (uint64_t)value;
    *out = extend_sign(type.width < 64 ? low & ((UINT64_C(1) << type.width) - 1) : low, type);
    return true;
}
