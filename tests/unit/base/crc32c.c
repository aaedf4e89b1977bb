/* crc32c.c - the checksum of the log.  */
#include "base/crc32c.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Bit by bit, from the polynomial alone. */
static uint32_t naive_crc(uint32_t crc, struct bytes text)
{
    uint32_t polynomial = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        polynomial |= (UINT32_C(0x1edc6f41) >> bit & 1) << (31 - bit);
    }
    crc = ~crc;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (unsigned char)text.data[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
        }
    }
    return ~crc;
}

Test(crc32c, gives_the_published_check_values)
{
    char text[32];
    cr_assert_eq(crc32c(0, BYTES("123456789")), UINT32_C(0xe3069283));
    memset(text, 0, sizeof text); /* RFC 3720, B.4 */
    cr_assert_eq(crc32c(0, (struct bytes){text, sizeof text}), UINT32_C(0x8a9136aa));
    memset(text, 0xff, sizeof text);
    cr_assert_eq(crc32c(0, (struct bytes){text, sizeof text}), UINT32_C(0x62a8ab43));
    cr_assert_eq(crc32c(0, BYTES("")), 0);
}

Test(crc32c, is_the_same_bit_by_bit_by_tables_and_in_pieces)
{
    static char text[4096];
    srand(7);
    for (unsigned round = 0; round < 1000; round++) {
        const size_t len = (size_t)rand() % (round % 2 == 0 ? 40 : sizeof text);
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)rand();
        }
        const struct bytes all = {text, len};
        const uint32_t expected = naive_crc(round, all);
        cr_assert_eq(crc32c(round, all), expected, "seed 7, round %u", round);
        cr_assert_eq(crc32c_by_tables(round, all), expected, "seed 7, round %u", round);
        const size_t cut = len == 0 ? 0 : (size_t)rand() % len;
        const uint32_t first = crc32c(round, (struct bytes){text, cut});
        cr_assert_eq(crc32c(first, (struct bytes){text + cut, len - cut}), expected, "seed 7, round %u", round);
    }
}
