/* hyperloglog.c - registers in six bits or in runs; marks, merging, estimates.
 *
 * Where a sparse string could be written in several ways it is written as Redis does: a run is split where the register is, and
 * only the neighbourhood of the change is merged again.  */
#include "encoding/hyperloglog.h"

#include <assert.h>
#include <math.h>

enum {
    OFFSET_ENCODING = 4,
    OFFSET_COUNT = 8,
    ENCODING_DENSE = 0,
    ENCODING_SPARSE = 1,
    INDEX_BITS = 14,
    HASH_BITS_LEFT = 50,
    VALUE_MAX = HASH_BITS_LEFT + 1,
    RUN_ZEROS_MAX = 64,
    RUN_VALUES_MAX = 4,
    RUN_VALUE_MAX = 32,
    MERGE_RUNS = 5, /* looked at after a change */
    RUN_IS_VALUE = 0x80,
    RUN_IS_LONG = 0x40,
};

_Static_assert(HLL_REGISTERS == 1 << INDEX_BITS, "an index is so many bits of the hash");
_Static_assert((int)INDEX_BITS + (int)HASH_BITS_LEFT == 64, "a hash is an index and what is counted");
_Static_assert((int)VALUE_MAX < 1 << 6, "a dense register has six bits");
_Static_assert(HLL_REGISTERS % 8 == 0, "dense registers are packed by eight");
_Static_assert(HLL_DENSE_BYTES == 12304, "Redis's dense string");

static const char magic[4] = {'H', 'Y', 'L', 'L'};

static unsigned char byte_at(struct bytes text, size_t at)
{
    return (unsigned char)text.data[at];
}

static struct bytes hll_bytes(const struct hll *hll)
{
    return (struct bytes){hll->data, hll->len};
}

/* --- the header --- */

bool hll_is_valid(struct bytes text)
{
    if (text.len < HLL_HEADER_BYTES || memcmp(text.data, magic, sizeof magic) != 0) {
        return false;
    }
    const unsigned char encoding = byte_at(text, OFFSET_ENCODING);
    return encoding == ENCODING_SPARSE || (encoding == ENCODING_DENSE && text.len == HLL_DENSE_BYTES);
}

bool hll_is_dense(struct bytes text)
{
    assert(text.len >= HLL_HEADER_BYTES);
    return text.data[OFFSET_ENCODING] == ENCODING_DENSE;
}

bool hll_cached_count(struct bytes text, uint64_t *out)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < 8; i++) {
        count |= (uint64_t)byte_at(text, OFFSET_COUNT + i) << (8 * i);
    }
    if (count >> 63 != 0) {
        return false;
    }
    *out = count;
    return true;
}

void hll_set_cached_count(char *data, uint64_t count)
{
    for (unsigned i = 0; i < 8; i++) {
        data[OFFSET_COUNT + i] = (char)(count >> (8 * i));
    }
}

void hll_forget_cached_count(char *data)
{
    data[OFFSET_COUNT + 7] = (char)((unsigned char)data[OFFSET_COUNT + 7] | 0x80u);
}

size_t hll_write_empty(char out[HLL_EMPTY_BYTES])
{
    memset(out, 0, HLL_EMPTY_BYTES);
    memcpy(out, magic, sizeof magic);
    out[OFFSET_ENCODING] = ENCODING_SPARSE;
    out[HLL_HEADER_BYTES] = (char)(RUN_IS_LONG | (HLL_REGISTERS - 1) >> 8);
    out[HLL_HEADER_BYTES + 1] = (char)((HLL_REGISTERS - 1) & 0xff);
    return HLL_EMPTY_BYTES;
}

/* --- marks --- */

/* Austin Appleby's MurmurHash2 for 64-bit machines, with Redis's seed. Words are little endian. */
static uint64_t murmur_hash_64a(struct bytes text)
{
    const uint64_t multiplier = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = UINT64_C(0xadc83b19) ^ text.len * multiplier;
    size_t at = 0;
    for (; text.len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        word *= multiplier;
        word ^= word >> 47;
        word *= multiplier;
        hash = (hash ^ word) * multiplier;
    }
    if (at < text.len) {
        uint64_t rest = 0;
        memcpy(&rest, text.data + at, text.len - at);
        hash = (hash ^ rest) * multiplier;
    }
    hash ^= hash >> 47;
    hash *= multiplier;
    return hash ^ hash >> 47;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as they lie in memory");

struct hll_mark hll_mark_of(struct bytes element)
{
    const uint64_t hash = murmur_hash_64a(element);
    const uint64_t rest = hash >> INDEX_BITS | UINT64_C(1) << HASH_BITS_LEFT; /* ends the run of zeros at the latest there */
    return (struct hll_mark){(uint32_t)(hash & (HLL_REGISTERS - 1)), (uint8_t)(__builtin_ctzll(rest) + 1)};
}

/* --- dense registers --- */

/* Eight registers from six bytes: halves are moved apart, then quarters, then eighths. */
static uint64_t unpack_eight(const char *from)
{
    uint64_t x = 0;
    memcpy(&x, from, 6);
    x = (x & UINT64_C(0xffffff)) | (x & UINT64_C(0xffffff000000)) << 8;
    x = (x & UINT64_C(0x00000fff00000fff)) | (x & UINT64_C(0x00fff00000fff000)) << 4;
    return (x & UINT64_C(0x003f003f003f003f)) | (x & UINT64_C(0x0fc00fc00fc00fc0)) << 2;
}

static void pack_eight(uint64_t x, char *to)
{
    x = (x & UINT64_C(0x003f003f003f003f)) | (x & UINT64_C(0x3f003f003f003f00)) >> 2;
    x = (x & UINT64_C(0x00000fff00000fff)) | (x & UINT64_C(0x0fff00000fff0000)) >> 4;
    x = (x & UINT64_C(0xffffff)) | (x & UINT64_C(0x00ffffff00000000)) >> 8;
    memcpy(to, &x, 6);
}

static void dense_unpack(const char *packed, uint8_t registers[HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS / 8; i++) {
        const uint64_t eight = unpack_eight(packed + 6 * i);
        memcpy(registers + 8 * i, &eight, sizeof eight);
    }
}

static void dense_pack(const uint8_t registers[HLL_REGISTERS], char *packed)
{
    for (size_t i = 0; i < HLL_REGISTERS / 8; i++) {
        uint64_t eight;
        memcpy(&eight, registers + 8 * i, sizeof eight);
        pack_eight(eight, packed + 6 * i);
    }
}

static enum hll_change dense_raise(char *packed, uint32_t index, uint8_t value)
{
    assert(index < HLL_REGISTERS);
    assert(value < 1 << 6);
    char *eight = packed + 6 * (index / 8);
    const unsigned shift = 6 * (index % 8);
    uint64_t word = 0;
    memcpy(&word, eight, 6);
    if ((word >> shift & 63) >= value) {
        return HLL_SAME;
    }
    word = (word & ~(UINT64_C(63) << shift)) | (uint64_t)value << shift;
    memcpy(eight, &word, 6);
    return HLL_CHANGED;
}

/* --- runs --- */

bool hll_next_run(struct bytes text, size_t *at, struct hll_run *out)
{
    if (*at >= text.len) {
        return false;
    }
    const unsigned first = byte_at(text, *at);
    if ((first & RUN_IS_VALUE) != 0) {
        *out = (struct hll_run){.len = (first & 3) + 1, .value = (uint8_t)((first >> 2 & 31) + 1), .bytes = 1};
    } else if ((first & RUN_IS_LONG) == 0) {
        *out = (struct hll_run){.len = first + 1, .bytes = 1};
    } else { /* a last byte without its second one is taken as Redis does, whose strings end with a NUL */
        const unsigned second = *at + 1 < text.len ? byte_at(text, *at + 1) : 0;
        *out = (struct hll_run){.len = ((first & 63) << 8 | second) + 1, .bytes = 2};
    }
    *at += out->bytes;
    return true;
}

bool hll_merge(struct bytes text, uint8_t registers[HLL_REGISTERS])
{
    if (hll_is_dense(text)) {
        uint8_t other[HLL_REGISTERS];
        dense_unpack(text.data + HLL_HEADER_BYTES, other);
        for (size_t i = 0; i < HLL_REGISTERS; i++) {
            registers[i] = registers[i] > other[i] ? registers[i] : other[i];
        }
        return true;
    }
    size_t at = HLL_HEADER_BYTES;
    size_t index = 0;
    struct hll_run run;
    while (hll_next_run(text, &at, &run)) {
        if (run.len > HLL_REGISTERS - index) {
            return false;
        }
        for (uint32_t i = 0; run.value > 0 && i < run.len; i++) {
            uint8_t *reg = &registers[index + i];
            *reg = *reg > run.value ? *reg : run.value;
        }
        index += run.len;
    }
    return index == HLL_REGISTERS;
}

bool hll_make_dense(struct hll *hll)
{
    if (hll_is_dense(hll_bytes(hll))) {
        return true;
    }
    uint8_t registers[HLL_REGISTERS] = {0};
    if (!hll_merge(hll_bytes(hll), registers)) {
        return false;
    }
    assert(hll->room >= HLL_DENSE_BYTES);
    hll->data[OFFSET_ENCODING] = ENCODING_DENSE;
    dense_pack(registers, hll->data + HLL_HEADER_BYTES);
    hll->len = HLL_DENSE_BYTES;
    return true;
}

/* --- a register in runs --- */

/* Where a search may begin: some runs before the last change, so that ascending ones need not begin at the front. */
struct sparse_cursor {
    size_t at;
    uint32_t first; /* register of the run there */
};

/* A run that was found. */
struct sparse_place {
    struct hll_run run;
    size_t at;
    uint32_t first;
    size_t previous; /* of the run before it; HLL_HEADER_BYTES for the first */
};

/* Finds the run of register `index`, and leaves the cursor at least two runs before it, or at the first one: what a change merges
 * begins one run before it.  */
static bool sparse_find(const struct hll *hll, struct sparse_cursor *cursor, uint32_t index, struct sparse_place *out)
{
    struct sparse_cursor previous = *cursor;
    struct sparse_cursor here = *cursor;
    size_t next = here.at;
    struct hll_run run;
    while (hll_next_run(hll_bytes(hll), &next, &run)) {
        if (index < here.first + run.len) {
            *out = (struct sparse_place){run, here.at, here.first, previous.at};
            return next <= hll->len;
        }
        *cursor = previous;
        previous = here;
        here = (struct sparse_cursor){next, here.first + run.len};
    }
    return false;
}

static char run_of_values(uint8_t value, uint32_t len)
{
    assert(value >= 1 && value <= RUN_VALUE_MAX);
    assert(len >= 1 && len <= RUN_VALUES_MAX);
    return (char)(RUN_IS_VALUE | (value - 1) << 2 | (len - 1));
}

/* A run like `run`, but of `len` registers (0: none). Returns its end. */
static char *write_run(char *to, const struct hll_run *run, uint32_t len)
{
    if (len == 0) {
        return to;
    }
    if (run->value > 0) {
        *to++ = run_of_values(run->value, len);
    } else if (len > RUN_ZEROS_MAX) {
        *to++ = (char)(RUN_IS_LONG | (len - 1) >> 8);
        *to++ = (char)((len - 1) & 0xff);
    } else {
        *to++ = (char)(len - 1);
    }
    return to;
}

static bool is_value_at(const struct hll *hll, size_t at)
{
    return at < hll->len && ((unsigned char)hll->data[at] & RUN_IS_VALUE) != 0;
}

static void remove_byte(struct hll *hll, size_t at)
{
    memmove(hll->data + at, hll->data + at + 1, hll->len - at - 1);
    hll->len--;
}

/* Joins neighbours of one value among the MERGE_RUNS runs from `at` on. */
static void sparse_merge(struct hll *hll, size_t at)
{
    for (unsigned i = 0; i < MERGE_RUNS && at < hll->len; i++) {
        struct hll_run left, right;
        size_t next = at;
        bool is_there = hll_next_run(hll_bytes(hll), &next, &left);
        assert(is_there);
        if (left.value == 0 || !is_value_at(hll, next)) {
            at = next;
            continue;
        }
        size_t end = next;
        is_there = hll_next_run(hll_bytes(hll), &end, &right);
        assert(is_there);
        if (left.value == right.value && left.len + right.len <= RUN_VALUES_MAX) {
            hll->data[next] = run_of_values(left.value, left.len + right.len);
            remove_byte(hll, at); /* and once more from here: the next one may fit, too */
        } else {
            at = next;
        }
    }
}

static enum hll_change raise_as_dense(struct hll *hll, uint32_t index, uint8_t value)
{
    return hll_make_dense(hll) ? dense_raise(hll->data + HLL_HEADER_BYTES, index, value) : HLL_CORRUPT;
}

/* Replaces the run at `place` by what it is with one register raised. False: it would be too long. */
static bool sparse_split(struct hll *hll, const struct sparse_place *place, uint32_t index, uint8_t value)
{
    assert(index >= place->first && index - place->first < place->run.len);
    char runs[5];
    char *end = write_run(runs, &place->run, index - place->first);
    *end++ = run_of_values(value, 1);
    end = write_run(end, &place->run, place->first + place->run.len - 1 - index);
    const size_t new_bytes = (size_t)(end - runs);
    const size_t old_bytes = place->run.bytes;
    assert(new_bytes <= old_bytes + HLL_GROWTH_MAX);
    if (new_bytes > old_bytes && hll->len + (new_bytes - old_bytes) > hll->sparse_max) {
        return false;
    }
    assert(hll->len - old_bytes + new_bytes <= hll->room);
    char *at = hll->data + place->at;
    memmove(at + new_bytes, at + old_bytes, hll->len - place->at - old_bytes);
    memcpy(at, runs, new_bytes);
    hll->len = hll->len - old_bytes + new_bytes;
    return true;
}

static enum hll_change sparse_raise(struct hll *hll, struct sparse_cursor *cursor, uint32_t index, uint8_t value)
{
    struct sparse_place place;
    if (value > RUN_VALUE_MAX) {
        return raise_as_dense(hll, index, value);
    }
    if (!sparse_find(hll, cursor, index, &place)) {
        return HLL_CORRUPT;
    }
    if (place.run.value >= value) {
        return HLL_SAME;
    }
    if (!sparse_split(hll, &place, index, value)) {
        return raise_as_dense(hll, index, value);
    }
    sparse_merge(hll, place.previous);
    return HLL_CHANGED;
}

static enum hll_change raise_register(struct hll *hll, struct sparse_cursor *cursor, uint32_t index, uint8_t value)
{
    if (hll_is_dense(hll_bytes(hll))) {
        return dense_raise(hll->data + HLL_HEADER_BYTES, index, value);
    }
    return sparse_raise(hll, cursor, index, value);
}

enum hll_change hll_add(struct hll *hll, struct bytes element)
{
    debug_assert(hll_is_valid(hll_bytes(hll)));
    struct sparse_cursor cursor = {HLL_HEADER_BYTES, 0};
    const struct hll_mark mark = hll_mark_of(element);
    return raise_register(hll, &cursor, mark.index, mark.value);
}

bool hll_raise(struct hll *hll, const uint8_t registers[HLL_REGISTERS])
{
    struct sparse_cursor cursor = {HLL_HEADER_BYTES, 0};
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        if (registers[i] != 0 && raise_register(hll, &cursor, i, registers[i]) == HLL_CORRUPT) {
            return false;
        }
    }
    return true;
}

/* --- estimates --- */

/* How many registers have which value. */
struct histogram {
    uint32_t counts[64];
};

/* Ertl's tau and sigma: series that are added up until they do not change any more. */
static double tau(double x)
{
    if (x == 0 || x == 1) {
        return 0;
    }
    double before;
    double y = 1;
    double z = 1 - x;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (before != z);
    return z / 3;
}

static double sigma(double x)
{
    if (x == 1) {
        return HUGE_VAL;
    }
    double before;
    double y = 1;
    double z = x;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (before != z);
    return z;
}

static uint64_t estimate(const struct histogram *histogram)
{
    const double m = HLL_REGISTERS;
    const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = m * tau((m - histogram->counts[VALUE_MAX]) / m);
    for (unsigned i = HASH_BITS_LEFT; i >= 1; i--) {
        z += histogram->counts[i];
        z *= 0.5;
    }
    z += m * sigma(histogram->counts[0] / m);
    return (uint64_t)llroundl(alpha * m * m / z);
}

uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS])
{
    struct histogram parts[4] = {0}; /* so that equal neighbours do not wait for each other */
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        parts[i % 4].counts[registers[i] & 63]++;
    }
    struct histogram all;
    for (size_t i = 0; i < 64; i++) {
        all.counts[i] = parts[0].counts[i] + parts[1].counts[i] + parts[2].counts[i] + parts[3].counts[i];
    }
    return estimate(&all);
}

bool hll_count(struct bytes text, uint64_t *out)
{
    if (hll_is_dense(text)) {
        uint8_t registers[HLL_REGISTERS];
        dense_unpack(text.data + HLL_HEADER_BYTES, registers);
        *out = hll_count_registers(registers);
        return true;
    }
    struct histogram histogram = {0};
    size_t at = HLL_HEADER_BYTES;
    uint64_t total = 0;
    struct hll_run run;
    while (total <= HLL_REGISTERS && hll_next_run(text, &at, &run)) {
        histogram.counts[run.value] += run.len;
        total += run.len;
    }
    if (total != HLL_REGISTERS) {
        return false;
    }
    *out = estimate(&histogram);
    return true;
}
