/* entry.c - the bytes of an entry at every limit of its layout.  */
#include "data/entry.h"

#include "data/entry_private.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t now_ms = INT64_C(1700000000000);
static const int64_t day_ms = 86400000;

static struct bytes text_of(size_t len, char fill)
{
    char *text = malloc(len + 1);
    memset(text, fill, len);
    return (struct bytes){text, len};
}

/* --- sizes --- */

static const struct {
    size_t key_len;
    enum entry_kind kind;
    size_t text_len;
    int64_t ttl_ms; /* -1 none */
    size_t own_bytes;
} sizes[] = {
    {14, ENTRY_INLINE, 8, -1, 28},
    {14, ENTRY_INLINE, 8, 3600000, 32},
    {14, ENTRY_INTEGER, 0, -1, 28},
    {14, ENTRY_INTEGER, 0, 11 * 86400000LL, 32},
    {14, ENTRY_RAW, 0, 1000, 32},
    {14, ENTRY_INLINE, 8, 13 * 86400000LL, 36},
    {0, ENTRY_INLINE, 0, -1, 6},
    {255, ENTRY_INLINE, 255, -1, 6 + 510},
    {256, ENTRY_INLINE, 0, -1, 12 + 256},
    {0, ENTRY_INLINE, 256, -1, 12 + 256},
    {256, ENTRY_INTEGER, 0, 0, 16 + 264},
    {1, ENTRY_INLINE, 1000, 400 * 86400000LL, 20 + 1001},
};

Test(entry, has_the_size_that_its_layout_says)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct bytes key = text_of(sizes[i].key_len, 'k');
        const struct bytes text = text_of(sizes[i].text_len, 't');
        const struct entry_plan plan = {
            .key = key,
            .kind = sizes[i].kind,
            .text = text,
            .expiry_ms = sizes[i].ttl_ms < 0 ? -1 : now_ms + sizes[i].ttl_ms,
            .reference_ms = now_ms,
        };
        size_t own_bytes;
        entry_plan_head(&plan, &own_bytes);
        cr_assert_eq(own_bytes, sizes[i].own_bytes, "row %zu: %zu bytes", i, own_bytes);
        free((void *)(uintptr_t)key.data);
        free((void *)(uintptr_t)text.data);
    }
}

Test(entry, fits_a_14_byte_key_and_an_8_byte_value_into_32_bytes_also_with_a_ttl)
{
    cr_assert_eq(heap_block_bytes(28), 32);
    cr_assert_eq(heap_block_bytes(32), 32);
}

/* --- reading back --- */

static const size_t lengths[] = {0, 1, 7, 8, 9, 44, 45, 254, 255, 256, 257, 700, 65535, 65536, 70000};
static const int64_t ttls[] = {-1, 0, 1, 3600000, 12 * 86400000LL, 13 * 86400000LL, 400 * 86400000LL};
enum { LENGTH_COUNT = sizeof lengths / sizeof lengths[0], TTL_COUNT = sizeof ttls / sizeof ttls[0] };

static void check_reads_back(struct bytes key, struct bytes text, int64_t ttl_ms)
{
    const struct entry_plan plan = {
        .key = key,
        .kind = ENTRY_INLINE,
        .text = text,
        .expiry_ms = ttl_ms < 0 ? -1 : now_ms + ttl_ms,
        .reference_ms = now_ms,
    };
    size_t own_bytes;
    const uint8_t head = entry_plan_head(&plan, &own_bytes);
    struct entry *entry = malloc(own_bytes);
    entry_set_access(entry, 0xabcdef);
    entry_write(entry, head, &plan);
    char scratch[STRING_SCRATCH];
    cr_assert(bytes_equal(entry_key(entry), key));
    cr_assert(bytes_equal(entry_string(entry, scratch), text));
    cr_assert_eq(entry_string_len(entry), text.len);
    cr_assert_eq(entry_expiry_near(entry, now_ms), plan.expiry_ms);
    cr_assert_eq(entry_access(entry), 0xabcdef);
    cr_assert_eq(entry_own_bytes(entry), own_bytes);
    cr_assert_eq(entry_type(entry), VALUE_STRING);
    cr_assert(entry_key_matches(entry, &key));
    int64_t number;
    cr_assert_not(entry_integer(entry, &number));
    free(entry);
}

Test(entry, reads_back_keys_and_values_of_every_length_with_every_ttl)
{
    for (size_t k = 0; k < LENGTH_COUNT; k++) {
        const struct bytes key = text_of(lengths[k], 'k');
        for (size_t t = 0; t < LENGTH_COUNT; t++) {
            const struct bytes text = text_of(lengths[t], 't');
            for (size_t x = 0; x < TTL_COUNT; x++) {
                check_reads_back(key, text, ttls[x]);
            }
            free((void *)(uintptr_t)text.data);
        }
        free((void *)(uintptr_t)key.data);
    }
}

Test(entry, changes_its_expiry_in_its_own_block_and_in_another)
{
    for (size_t k = 0; k < LENGTH_COUNT; k++) {
        const struct bytes key = text_of(lengths[k], 'k');
        const struct entry_plan plan = {.key = key, .kind = ENTRY_INLINE, .text = BYTES("value"), .expiry_ms = -1,
                                        .reference_ms = now_ms};
        struct entry *entry = malloc(key.len + 64);
        struct entry *other = malloc(key.len + 64);
        size_t own_bytes;
        const uint8_t plan_head = entry_plan_head(&plan, &own_bytes);
        entry_set_access(entry, 77);
        entry_write(entry, plan_head, &plan);
        for (unsigned i = 0; i < 200; i++) {
            const int64_t ttl_ms = ttls[(unsigned)random() % TTL_COUNT];
            const int64_t expiry_ms = ttl_ms < 0 ? -1 : now_ms + ttl_ms;
            const uint8_t head = entry_head_with_expiry(entry, expiry_ms, now_ms, &own_bytes);
            struct entry *to = random() % 2 == 0 ? entry : other;
            entry_copy_with_expiry(to, entry, head, expiry_ms);
            other = to == entry ? other : entry;
            entry = to;
            char scratch[STRING_SCRATCH];
            cr_assert_eq(entry_own_bytes(entry), own_bytes);
            cr_assert_eq(entry_expiry_near(entry, now_ms), expiry_ms);
            cr_assert(bytes_equal(entry_key(entry), key));
            cr_assert(bytes_equal(entry_string(entry, scratch), BYTES("value")));
            cr_assert_eq(entry_access(entry), 77);
        }
        free(entry);
        free(other);
        free((void *)(uintptr_t)key.data);
    }
}

Test(entry, keeps_expiries_exact_near_and_far_from_the_reference)
{
    const int64_t reach_ms = ENTRY_EXPIRY_REACH_MS;
    const int64_t expiries[] = {0,      1,                 now_ms - reach_ms - 1, now_ms - reach_ms,   now_ms,
                                now_ms + reach_ms, now_ms + reach_ms + 1, now_ms + UINT32_MAX, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        char block[64];
        struct entry *entry = (struct entry *)block;
        const struct entry_plan plan = {.key = BYTES("key"), .expiry_ms = expiries[i], .reference_ms = now_ms};
        size_t own_bytes;
        entry_write(entry, entry_plan_head(&plan, &own_bytes), &plan);
        cr_assert_eq(entry_expiry_near(entry, now_ms), expiries[i]);
        cr_assert_eq(entry_expiry_near(entry, now_ms - 12 * day_ms), expiries[i]);
        cr_assert_eq(entry_expiry_near(entry, now_ms + 12 * day_ms), expiries[i]);
        const bool is_narrow = expiries[i] >= now_ms - reach_ms && expiries[i] <= now_ms + reach_ms;
        cr_assert_eq(own_bytes, (is_narrow ? 10u : 14u) + 3 + 8);
    }
}

Test(entry, tells_keys_apart_that_differ_in_one_byte)
{
    for (size_t len = 1; len < 300; len += len < 70 ? 1 : 17) {
        const struct bytes key = text_of(len, 'k');
        const struct bytes other = text_of(len, 'k');
        const struct entry_plan plan = {.key = key, .expiry_ms = -1};
        size_t own_bytes;
        const uint8_t head = entry_plan_head(&plan, &own_bytes);
        struct entry *entry = malloc(own_bytes);
        entry_write(entry, head, &plan);
        for (size_t i = 0; i < len; i++) {
            ((char *)(uintptr_t)other.data)[i] = 'l';
            cr_assert_not(entry_key_matches(entry, &other), "length %zu, byte %zu", len, i);
            ((char *)(uintptr_t)other.data)[i] = 'k';
        }
        const struct bytes shorter = {key.data, len - 1};
        cr_assert(entry_key_matches(entry, &other));
        cr_assert_not(entry_key_matches(entry, &shorter));
        free(entry);
        free((void *)(uintptr_t)key.data);
        free((void *)(uintptr_t)other.data);
    }
}

Test(entry, prints_integers_from_end_to_end)
{
    static const struct {
        int64_t number;
        const char *text;
    } numbers[] = {{0, "0"}, {-1, "-1"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char block[64];
        struct entry *entry = (struct entry *)block;
        const struct entry_plan plan = {.key = BYTES("n"), .kind = ENTRY_INTEGER, .word = (uint64_t)numbers[i].number,
                                        .expiry_ms = -1};
        size_t own_bytes;
        entry_write(entry, entry_plan_head(&plan, &own_bytes), &plan);
        int64_t number = 7;
        char scratch[STRING_SCRATCH];
        cr_assert(entry_integer(entry, &number));
        cr_assert_eq(number, numbers[i].number);
        cr_assert(bytes_equal(entry_string(entry, scratch), bytes_of_string(numbers[i].text)));
        cr_assert_str_eq(entry_encoding_name(entry), "int");
    }
}
