/* crc32c.c - by the instruction, three runs of bytes at once where there are enough; else eight bytes at a time by tables.
 *
 * The instruction takes 8 bytes and gives its result three cycles later, but may be begun in each: so three lanes go on side by
 * side. What a lane leaves behind is moved on by the bytes that follow it: a multiplication by a power of x, without carries,
 * that the instruction itself reduces (Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", 2011).
 * The tables are made by the compiler out of what the bytes 1, 2, 4 ... 128 leave, as those of persist/crc64.c. The unit test
 * computes checksums bit by bit.  */
#include "base/crc32c.h"

#include "base/attributes.h"

#include <stdbool.h>

#define BIT(byte, bit, value) (((byte) >> (bit) & 1) != 0 ? UINT32_C(value) : 0)

#define SLICE_0(b)                                                                                                        \
    (BIT(b, 0, 0xf26b8303) ^ BIT(b, 1, 0xe13b70f7) ^ BIT(b, 2, 0xc79a971f) ^ BIT(b, 3, 0x8ad958cf) ^                      \
     BIT(b, 4, 0x105ec76f) ^ BIT(b, 5, 0x20bd8ede) ^ BIT(b, 6, 0x417b1dbc) ^ BIT(b, 7, 0x82f63b78))
#define SLICE_1(b)                                                                                                        \
    (BIT(b, 0, 0x13a29877) ^ BIT(b, 1, 0x274530ee) ^ BIT(b, 2, 0x4e8a61dc) ^ BIT(b, 3, 0x9d14c3b8) ^                      \
     BIT(b, 4, 0x3fc5f181) ^ BIT(b, 5, 0x7f8be302) ^ BIT(b, 6, 0xff17c604) ^ BIT(b, 7, 0xfbc3faf9))
#define SLICE_2(b)                                                                                                        \
    (BIT(b, 0, 0xa541927e) ^ BIT(b, 1, 0x4f6f520d) ^ BIT(b, 2, 0x9edea41a) ^ BIT(b, 3, 0x38513ec5) ^                      \
     BIT(b, 4, 0x70a27d8a) ^ BIT(b, 5, 0xe144fb14) ^ BIT(b, 6, 0xc76580d9) ^ BIT(b, 7, 0x8b277743))
#define SLICE_3(b)                                                                                                        \
    (BIT(b, 0, 0xdd45aab8) ^ BIT(b, 1, 0xbf672381) ^ BIT(b, 2, 0x7b2231f3) ^ BIT(b, 3, 0xf64463e6) ^                      \
     BIT(b, 4, 0xe964b13d) ^ BIT(b, 5, 0xd725148b) ^ BIT(b, 6, 0xaba65fe7) ^ BIT(b, 7, 0x52a0c93f))
#define SLICE_4(b)                                                                                                        \
    (BIT(b, 0, 0x38116fac) ^ BIT(b, 1, 0x7022df58) ^ BIT(b, 2, 0xe045beb0) ^ BIT(b, 3, 0xc5670b91) ^                      \
     BIT(b, 4, 0x8f2261d3) ^ BIT(b, 5, 0x1ba8b557) ^ BIT(b, 6, 0x37516aae) ^ BIT(b, 7, 0x6ea2d55c))
#define SLICE_5(b)                                                                                                        \
    (BIT(b, 0, 0xef306b19) ^ BIT(b, 1, 0xdb8ca0c3) ^ BIT(b, 2, 0xb2f53777) ^ BIT(b, 3, 0x6006181f) ^                      \
     BIT(b, 4, 0xc00c303e) ^ BIT(b, 5, 0x85f4168d) ^ BIT(b, 6, 0x0e045beb) ^ BIT(b, 7, 0x1c08b7d6))
#define SLICE_6(b)                                                                                                        \
    (BIT(b, 0, 0x68032cc8) ^ BIT(b, 1, 0xd0065990) ^ BIT(b, 2, 0xa5e0c5d1) ^ BIT(b, 3, 0x4e2dfd53) ^                      \
     BIT(b, 4, 0x9c5bfaa6) ^ BIT(b, 5, 0x3d5b83bd) ^ BIT(b, 6, 0x7ab7077a) ^ BIT(b, 7, 0xf56e0ef4))
#define SLICE_7(b)                                                                                                        \
    (BIT(b, 0, 0x493c7d27) ^ BIT(b, 1, 0x9278fa4e) ^ BIT(b, 2, 0x211d826d) ^ BIT(b, 3, 0x423b04da) ^                      \
     BIT(b, 4, 0x847609b4) ^ BIT(b, 5, 0x0d006599) ^ BIT(b, 6, 0x1a00cb32) ^ BIT(b, 7, 0x34019664))

#define ROW_4(slice, b) slice(b), slice((b) + 1), slice((b) + 2), slice((b) + 3)
#define ROW_16(slice, b) ROW_4(slice, b), ROW_4(slice, (b) + 4), ROW_4(slice, (b) + 8), ROW_4(slice, (b) + 12)
#define ROW_64(slice, b) ROW_16(slice, b), ROW_16(slice, (b) + 16), ROW_16(slice, (b) + 32), ROW_16(slice, (b) + 48)
#define TABLE(slice) {ROW_64(slice, 0), ROW_64(slice, 64), ROW_64(slice, 128), ROW_64(slice, 192)}

static const uint32_t tables[8][256] = {TABLE(SLICE_0), TABLE(SLICE_1), TABLE(SLICE_2), TABLE(SLICE_3),
                                        TABLE(SLICE_4), TABLE(SLICE_5), TABLE(SLICE_6), TABLE(SLICE_7)};

static uint64_t load_8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

uint32_t crc32c_by_tables(uint32_t crc, struct bytes text)
{
    const char *at = text.data;
    size_t left = text.len;
    crc = ~crc;
    for (; left >= 8; at += 8, left -= 8) {
        const uint64_t word = load_8(at) ^ crc;
        uint32_t next = 0;
        for (unsigned i = 0; i < 8; i++) {
            next ^= tables[7 - i][word >> 8 * i & 0xff];
        }
        crc = next;
    }
    for (; left > 0; at++, left--) {
        crc = tables[0][(crc ^ (unsigned char)*at) & 0xff] ^ crc >> 8;
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* A lane is 256 bytes. The multipliers move a remainder on by one lane and by two: x^(8 n - 33) modulo the polynomial,
 * reflected. */
enum { LANE = 256 };
#define BY_LANE UINT32_C(0xb9e02b86)
#define BY_TWO_LANES UINT32_C(0xdd7e3b0c)

__attribute__((target("sse4.2,pclmul"))) static inline uint64_t move_on(uint64_t crc, uint32_t multiplier)
{
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128(multiplier), 0);
    return __builtin_ia32_crc32di(0, (unsigned long long)_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc32c_by_instruction(uint32_t start, struct bytes text)
{
    const char *at = text.data;
    size_t left = text.len;
    uint64_t crc = ~start;
    for (; left >= 3 * LANE; at += 3 * LANE, left -= 3 * LANE) {
        uint64_t second = 0;
        uint64_t third = 0;
        for (unsigned i = 0; i < LANE; i += 8) {
            crc = __builtin_ia32_crc32di(crc, load_8(at + i));
            second = __builtin_ia32_crc32di(second, load_8(at + LANE + i));
            third = __builtin_ia32_crc32di(third, load_8(at + 2 * LANE + i));
        }
        crc = move_on(crc, BY_TWO_LANES) ^ move_on(second, BY_LANE) ^ third;
    }
    for (; left >= 8; at += 8, left -= 8) {
        crc = __builtin_ia32_crc32di(crc, load_8(at));
    }
    uint32_t rest = (uint32_t)crc;
    for (; left > 0; at++, left--) {
        rest = __builtin_ia32_crc32qi(rest, (unsigned char)*at);
    }
    return ~rest;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
}
#else
static uint32_t crc32c_by_instruction(uint32_t crc, struct bytes text)
{
    return crc32c_by_tables(crc, text);
}

static bool has_instruction(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t crc, struct bytes text)
{
    return LIKELY(has_instruction()) ? crc32c_by_instruction(crc, text) : crc32c_by_tables(crc, text);
}
