/* slot.c - CRC16, hash tags, and the spread of slots over shards.  */
#include "base/slot.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

/* The specification's bit-by-bit form. */
static uint16_t crc16_bit_by_bit(struct bytes text)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < text.len; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)text.data[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
        }
    }
    return crc;
}

Test(slot, crc_of_the_check_text_is_31c3)
{
    cr_expect_eq(crc16_xmodem(BYTES("123456789")), 0x31c3);
    cr_expect_eq(crc16_xmodem(BYTES("")), 0);
}

Test(slot, crc_equals_the_bit_by_bit_form_at_every_length)
{
    unsigned seed = (unsigned)time(NULL);
    srandom(seed);
    char text[300];
    for (size_t len = 0; len < sizeof(text); len++) {
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)random();
        }
        struct bytes bytes = {text, len};
        cr_assert_eq(crc16_xmodem(bytes), crc16_bit_by_bit(bytes), "seed %u, %zu bytes", seed, len);
    }
}

Test(slot, keys_have_the_slots_that_redis_cluster_gives_them)
{
    static const struct {
        struct bytes key;
        uint16_t slot;
    } rows[] = {
        {BYTES("foo"), 12182}, {BYTES("bar"), 5061}, {BYTES("hello"), 866}, {BYTES(""), 0}, {BYTES("somekey"), 11058},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(slot_of_key(rows[i].key), rows[i].slot, "%s", rows[i].key.data);
    }
}

Test(slot, only_a_full_first_hash_tag_counts)
{
    static const struct {
        struct bytes key, hashed;
    } rows[] = {
        {BYTES("{user1000}.following"), BYTES("user1000")},
        {BYTES("a{b}c{d}"), BYTES("b")},
        {BYTES("foo{}{bar}"), BYTES("foo{}{bar}")},
        {BYTES("foo{{bar}}zap"), BYTES("{bar")},
        {BYTES("foo{bar"), BYTES("foo{bar")},
        {BYTES("}foo{"), BYTES("}foo{")},
        {BYTES("}{a}"), BYTES("a")},
        {BYTES("{}"), BYTES("{}")},
        {BYTES("{\0}"), BYTES("\0")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(slot_of_key(rows[i].key), crc16_bit_by_bit(rows[i].hashed) % SLOT_COUNT, "%s", rows[i].key.data);
    }
}

Test(slot, shards_own_contiguous_ranges_of_equal_size)
{
    for (uint32_t shards = 1; shards <= 64; shards++) {
        uint32_t previous = 0;
        uint32_t size = 0;
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            uint32_t shard = slot_to_shard((uint16_t)slot, shards);
            cr_assert(shard < shards && (shard == previous || shard == previous + 1));
            if (shard != previous) {
                cr_assert(size >= SLOT_COUNT / shards && size <= SLOT_COUNT / shards + 1);
                size = 0;
            }
            size++;
            previous = shard;
        }
        cr_assert_eq(previous, shards - 1);
    }
}
