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
