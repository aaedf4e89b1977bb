/* slot.c - CRC16-XMODEM, eight bytes at a time, and the slot of a key.
 *
 * Threads    Any.
 * Reason     Every command asks for the slot of its key. Row k of the table is the CRC of a byte followed by k zero bytes;
 *            the CRC is linear, so eight look-ups that do not wait for each other replace eight that do ("slicing-by-8",
 *            M. Kounavis and F. Berry, 2005). The same linearity makes the table: an entry is the sum of its bits' entries,
 *            and bit j of row k is x^(16 + 8k + j) modulo the polynomial x^16 + x^12 + x^5 + 1.
 * Memory     4 KiB of constants, 64 cache lines.  */
#include "base/slot.h"

/* Multiplies by x. */
#define TIMES_X(r) ((((r) << 1) & 0xffff) ^ (((r)&0x8000) != 0 ? 0x1021 : 0))
/* The eight powers of one row: enumerators, so that each is computed once from the one before. */
#define POWERS(row, before)                                                                                            \
    row##_0 = TIMES_X(before), row##_1 = TIMES_X(row##_0), row##_2 = TIMES_X(row##_1), row##_3 = TIMES_X(row##_2),     \
    row##_4 = TIMES_X(row##_3), row##_5 = TIMES_X(row##_4), row##_6 = TIMES_X(row##_5), row##_7 = TIMES_X(row##_6)

enum power_of_x {
    POWERS(X0, 0x8000), /* x^15 comes before x^16 */
    POWERS(X1, X0_7),
    POWERS(X2, X1_7),
    POWERS(X3, X2_7),
    POWERS(X4, X3_7),
    POWERS(X5, X4_7),
    POWERS(X6, X5_7),
    POWERS(X7, X6_7),
};

#define BIT(row, j, i) (((i) >> (j)&1) != 0 ? row##_##j : 0)
#define ENTRY(row, i)                                                                                                  \
    (BIT(row, 0, i) ^ BIT(row, 1, i) ^ BIT(row, 2, i) ^ BIT(row, 3, i) ^ BIT(row, 4, i) ^ BIT(row, 5, i) ^             \
     BIT(row, 6, i) ^ BIT(row, 7, i))
#define ENTRIES_4(row, i) ENTRY(row, i), ENTRY(row, (i) + 1), ENTRY(row, (i) + 2), ENTRY(row, (i) + 3)
#define ENTRIES_16(row, i)                                                                                             \
    ENTRIES_4(row, i), ENTRIES_4(row, (i) + 4), ENTRIES_4(row, (i) + 8), ENTRIES_4(row, (i) + 12)
#define ENTRIES_64(row, i)                                                                                             \
    ENTRIES_16(row, i), ENTRIES_16(row, (i) + 16), ENTRIES_16(row, (i) + 32), ENTRIES_16(row, (i) + 48)
#define ENTRIES_256(row)                                                                                               \
    {                                                                                                                  \
        ENTRIES_64(row, 0), ENTRIES_64(row, 64), ENTRIES_64(row, 128), ENTRIES_64(row, 192)                            \
    }

static const uint16_t crc_table[8][256] = {
    ENTRIES_256(X0), ENTRIES_256(X1), ENTRIES_256(X2), ENTRIES_256(X3),
    ENTRIES_256(X4), ENTRIES_256(X5), ENTRIES_256(X6), ENTRIES_256(X7),
};

uint16_t crc16_xmodem(struct bytes text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t left = text.len;
    uint32_t crc = 0;
    for (; left >= 8; left -= 8, p += 8) {
        crc = (uint32_t)crc_table[7][p[0] ^ (crc >> 8)] ^ crc_table[6][p[1] ^ (crc & 0xff)] ^ crc_table[5][p[2]] ^
              crc_table[4][p[3]] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
    }
    if (left >= 4) {
        crc = (uint32_t)crc_table[3][p[0] ^ (crc >> 8)] ^ crc_table[2][p[1] ^ (crc & 0xff)] ^ crc_table[1][p[2]] ^
              crc_table[0][p[3]];
        left -= 4;
        p += 4;
    }
    for (; left > 0; left--, p++) {
        crc = ((crc << 8) & 0xffff) ^ crc_table[0][*p ^ (crc >> 8)];
    }
    return (uint16_t)crc;
}

uint16_t slot_of_key(struct bytes key)
{
    _Static_assert((SLOT_COUNT & (SLOT_COUNT - 1)) == 0, "the modulo below is a mask");
    const char *open = key.len == 0 ? NULL : memchr(key.data, '{', key.len);
    if (open != NULL) {
        const char *tag = open + 1;
        const char *close = memchr(tag, '}', (size_t)(key.data + key.len - tag));
        if (close != NULL && close != tag) {
            key = (struct bytes){tag, (size_t)(close - tag)};
        }
    }
    return crc16_xmodem(key) & (SLOT_COUNT - 1);
}
