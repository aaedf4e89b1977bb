/* crc64.c - long texts are folded (crc64_fold.c); the rest goes eight bytes at a time ("slicing by eight"): table k holds what a
 * byte leaves behind when k zero bytes follow it.
 *
 * A checksum is linear: what a byte leaves is the xor of what its bits leave. So the 8 x 256 numbers are made by the compiler
 * out of 8 x 8, those of the bytes 1, 2, 4 ... 128. The unit test computes checksums bit by bit.  */
#include "persist/crc64.h"

#include "persist/crc64_fold.h"

#define BIT(byte, bit, value) (((byte) >> (bit) & 1) != 0 ? UINT64_C(value) : 0)

#define SLICE_0(b)                                                                                                        \
    (BIT(b, 0, 0x7ad870c830358979) ^ BIT(b, 1, 0xf5b0e190606b12f2) ^ BIT(b, 2, 0xc038e5739841b68f) ^                      \
     BIT(b, 3, 0xab28ecb46814fe75) ^ BIT(b, 4, 0x7d08ff3b88be6f81) ^ BIT(b, 5, 0xfa11fe77117cdf02) ^                      \
     BIT(b, 6, 0xdf7adabd7a6e2d6f) ^ BIT(b, 7, 0x95ac9329ac4bc9b5))
#define SLICE_1(b)                                                                                                        \
    (BIT(b, 0, 0x89e99ffd73bddf69) ^ BIT(b, 1, 0x388a19a9bfec2db9) ^ BIT(b, 2, 0x711433537fd85b72) ^                      \
     BIT(b, 3, 0xe22866a6ffb0b6e4) ^ BIT(b, 4, 0xef09eb1ea7f6fea3) ^ BIT(b, 5, 0xf54af06e177a6e2d) ^                      \
     BIT(b, 6, 0xc1ccc68f76634f31) ^ BIT(b, 7, 0xa8c0ab4db4510d09))
#define SLICE_2(b)                                                                                                        \
    (BIT(b, 0, 0xf4125129ce4038be) ^ BIT(b, 1, 0xc37d8400c417e217) ^ BIT(b, 2, 0xada22e52d0b85745) ^                      \
     BIT(b, 3, 0x701d7af6f9e73de1) ^ BIT(b, 4, 0xe03af5edf3ce7bc2) ^ BIT(b, 5, 0xeb2ccd88bf0b64ef) ^                      \
     BIT(b, 6, 0xfd00bd4226815ab5) ^ BIT(b, 7, 0xd1585cd715952601))
#define SLICE_3(b)                                                                                                        \
    (BIT(b, 0, 0x8ce168638c796306) ^ BIT(b, 1, 0x329bf69440655567) ^ BIT(b, 2, 0x6537ed2880caaace) ^                      \
     BIT(b, 3, 0xca6fda510195559c) ^ BIT(b, 4, 0xbf8692f15bbd3853) ^ BIT(b, 5, 0x545403b1efede3cd) ^                      \
     BIT(b, 6, 0xa8a80763dfdbc79a) ^ BIT(b, 7, 0x7a092894e7201c5f))
#define SLICE_4(b)                                                                                                        \
    (BIT(b, 0, 0x3504e58b9ba6dd1e) ^ BIT(b, 1, 0x6a09cb17374dba3c) ^ BIT(b, 2, 0xd413962e6e9b7478) ^                      \
     BIT(b, 3, 0x837e0a0f85a17b9b) ^ BIT(b, 4, 0x2da5324c53d5645d) ^ BIT(b, 5, 0x5b4a6498a7aac8ba) ^                      \
     BIT(b, 6, 0xb694c9314f559174) ^ BIT(b, 7, 0x4670b431c63cb183))
#define SLICE_5(b)                                                                                                        \
    (BIT(b, 0, 0xe39d1389931b9354) ^ BIT(b, 1, 0xec6301407ea0b5c3) ^ BIT(b, 2, 0xf39f24d3a5d6f8ed) ^                      \
     BIT(b, 3, 0xcc676ff4133a62b1) ^ BIT(b, 4, 0xb397f9bb7ee35609) ^ BIT(b, 5, 0x4c76d525a5513f79) ^                      \
     BIT(b, 6, 0x98edaa4b4aa27ef2) ^ BIT(b, 7, 0x1a8272c5cdd36e8f))
#define SLICE_6(b)                                                                                                        \
    (BIT(b, 0, 0x62a95de6e302eff2) ^ BIT(b, 1, 0xc552bbcdc605dfe4) ^ BIT(b, 2, 0xa1fc51c8d49c2ca3) ^                      \
     BIT(b, 3, 0x68a185c2f1afca2d) ^ BIT(b, 4, 0xd1430b85e35f945a) ^ BIT(b, 5, 0x89df31589e28bbdf) ^                      \
     BIT(b, 6, 0x38e744e264c6e4d5) ^ BIT(b, 7, 0x71ce89c4c98dc9aa))
#define SLICE_7(b)                                                                                                        \
    (BIT(b, 0, 0x381d0015c96f4444) ^ BIT(b, 1, 0x703a002b92de8888) ^ BIT(b, 2, 0xe074005725bd1110) ^                      \
     BIT(b, 3, 0xebb126fd13edb14b) ^ BIT(b, 4, 0xfc3b6ba97f4cf1fd) ^ BIT(b, 5, 0xd32ff101a60e7091) ^                      \
     BIT(b, 6, 0x8d06c450148b7249) ^ BIT(b, 7, 0x3154aef3718177f9))

#define ROWS_4(slice, b) slice(b), slice((b) + 1), slice((b) + 2), slice((b) + 3)
#define ROWS_16(slice, b) ROWS_4(slice, b), ROWS_4(slice, (b) + 4), ROWS_4(slice, (b) + 8), ROWS_4(slice, (b) + 12)
#define ROWS_64(slice, b) ROWS_16(slice, b), ROWS_16(slice, (b) + 16), ROWS_16(slice, (b) + 32), ROWS_16(slice, (b) + 48)
#define ROWS(slice) {ROWS_64(slice, 0), ROWS_64(slice, 64), ROWS_64(slice, 128), ROWS_64(slice, 192)}

static const uint64_t slices[8][256] = {
    ROWS(SLICE_0), ROWS(SLICE_1), ROWS(SLICE_2), ROWS(SLICE_3), ROWS(SLICE_4), ROWS(SLICE_5), ROWS(SLICE_6), ROWS(SLICE_7),
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read with the low byte first");

static uint64_t sum_by_slices(uint64_t crc, struct bytes text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t left = text.len;
    for (; left >= sizeof crc; left -= sizeof crc, at += sizeof crc) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word ^= crc;
        crc = slices[7][word & 255] ^ slices[6][word >> 8 & 255] ^ slices[5][word >> 16 & 255] ^ slices[4][word >> 24 & 255] ^
              slices[3][word >> 32 & 255] ^ slices[2][word >> 40 & 255] ^ slices[1][word >> 48 & 255] ^ slices[0][word >> 56];
    }
    for (; left > 0; left--, at++) {
        crc = slices[0][(crc ^ *at) & 255] ^ crc >> 8;
    }
    return crc;
}

uint64_t crc64(uint64_t crc, struct bytes text)
{
    if (text.len >= CRC64_FOLD_MIN) {
        char folded[CRC64_FOLDED];
        const size_t used = crc64_fold(crc, text, folded);
        crc = used > 0 ? sum_by_slices(0, (struct bytes){folded, sizeof folded}) : crc;
        text = (struct bytes){text.data + used, text.len - used};
    }
    return sum_by_slices(crc, text);
}

/* --- two checksums to one ---
 *
 * A checksum is a polynomial over GF(2), modulo Jones's; the highest bit of the word is the coefficient of x^0. n bytes behind a text
 * multiply its checksum by x^8n and add their own.  */

static const uint64_t POLYNOMIAL = 0x95ac9329ac4bc9b5; /* without x^64 */
static const uint64_t ONE = UINT64_C(1) << 63;

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (; a != 0; a <<= 1) {
        product ^= (a & ONE) != 0 ? b : 0;
        b = b >> 1 ^ ((b & 1) != 0 ? POLYNOMIAL : 0);
    }
    return product;
}

uint64_t crc64_combine(uint64_t first, uint64_t second, uint64_t second_len)
{
    uint64_t power = ONE >> 8; /* x^8: a byte */
    for (; second_len != 0; second_len >>= 1) {
        first = (second_len & 1) != 0 ? multiply(power, first) : first;
        power = multiply(power, power);
    }
    return first ^ second;
}
