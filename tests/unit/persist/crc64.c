/* crc64.c - the checksum of RDB payloads.  */
#include "persist/crc64.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Bit by bit, from the polynomial alone. */
static uint64_t naive_crc(uint64_t crc, struct bytes text)
{
    uint64_t polynomial = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        polynomial |= (UINT64_C(0xad93d23594c935a9) >> bit & 1) << (63 - bit);
    }
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (unsigned char)text.data[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
        }
    }
    return crc;
}

Test(crc64, gives_the_published_check_value)
{
    cr_assert_eq(crc64(0, BYTES("123456789")), UINT64_C(0xe9c6d914c4b8d9ca));
    cr_assert_eq(crc64(0, BYTES("")), 0);
}

Test(crc64, is_the_same_bit_by_bit_and_in_pieces)
{
    char text[1024];
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        size_t len = (size_t)rand() % (round % 2 == 0 ? 40 : sizeof text);
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)rand();
        }
        uint64_t expected = naive_crc(round, (struct bytes){text, len});
        cr_assert_eq(crc64(round, (struct bytes){text, len}), expected, "seed 7, round %u", round);
        size_t cut = len == 0 ? 0 : (size_t)rand() % len;
        uint64_t first = crc64(round, (struct bytes){text, cut});
        cr_assert_eq(crc64(first, (struct bytes){text + cut, len - cut}), expected, "seed 7, round %u", round);
    }
}

/* Around the lengths at which another way begins, at every alignment. */
Test(crc64, of_long_texts_is_the_same_bit_by_bit)
{
    static char text[1200];
    srand(10);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)rand();
    }
    for (size_t len = 200; len < 1100; len++) {
        const struct bytes part = {text + len % 17, len};
        const uint64_t before = (uint64_t)rand() << 33 ^ (uint64_t)rand();
        cr_assert_eq(crc64(before, part), naive_crc(before, part), "%zu bytes", len);
    }
}

Test(crc64, of_two_parts_is_made_of_their_checksums)
{
    static char text[70000];
    srand(8);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)rand();
    }
    for (unsigned round = 0; round < 300; round++) {
        const size_t len = (size_t)rand() % (round % 2 == 0 ? 20 : sizeof text);
        const size_t cut = len == 0 ? 0 : (size_t)rand() % (len + 1);
        const uint64_t first = crc64(0, (struct bytes){text, cut});
        const uint64_t second = crc64(0, (struct bytes){text + cut, len - cut});
        cr_assert_eq(crc64_combine(first, second, len - cut), crc64(0, (struct bytes){text, len}), "seed 8, round %u", round);
    }
    const uint64_t crc = crc64(0, BYTES("text"));
    cr_assert_eq(crc64_combine(crc, 0, 0), crc);
    cr_assert_eq(crc64_combine(0, crc, 4), crc);
}

/* What a chunk adds stays the same, however many others stand before and behind it. */
Test(crc64, of_parts_of_any_length_combine_in_any_order)
{
    srand(9);
    for (unsigned round = 0; round < 200; round++) {
        const uint64_t crcs[3] = {(uint64_t)rand() << 40 ^ rand(), (uint64_t)rand() << 40 ^ rand(), (uint64_t)rand() << 40 ^ rand()};
        const uint64_t lens[2] = {(uint64_t)rand() << round % 33, (uint64_t)rand() << round % 31};
        const uint64_t left = crc64_combine(crc64_combine(crcs[0], crcs[1], lens[0]), crcs[2], lens[1]);
        const uint64_t right = crc64_combine(crcs[0], crc64_combine(crcs[1], crcs[2], lens[1]), lens[0] + lens[1]);
        cr_assert_eq(left, right, "seed 9, round %u", round);
    }
}
