/* crc64_fold.c - a block of 16 bytes is a polynomial over GF(2), its first bit the highest coefficient. n bits further on it stands
 * for itself times x^n; modulo Jones's polynomial that is two products of 64 bits each, which are added to the block there.
 *
 *   lanes   0 1 2 3 | 0 1 2 3 | ... | 0 1 2 3     each is folded onto the one 64 bytes behind, four at a time, since a product takes
 *                                             ->  longer than it takes to begin the next; then 0 onto 1 onto 2 onto 3
 *
 * 0.16 ns a byte, where eight tables (crc64.c) take 0.9 ns. The unit test of crc64 computes checksums bit by bit.  */
#include "persist/crc64_fold.h"

#include <assert.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul,sse2")))

enum { LANES = 4, LANE = 16, BLOCK = LANES * LANE };

/* Bits reflected as in a checksum: the product of two such numbers stands one bit too low, so the powers are lower by 1. */
static const uint64_t BLOCK_AHEAD[2] = {0xaf86efb16d9ab4fb, 0xf49784a634f014e4}; /* x^(512 + 64 - 1), x^(512 - 1) */
static const uint64_t LANE_AHEAD[2] = {0xd9d7be7d505da32c, 0x381d0015c96f4444};  /* x^(128 + 64 - 1), x^(128 - 1) */

FOLDS static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* `lane` as it counts where `to` stands, added to it. */
FOLDS static inline __m128i fold_onto(__m128i lane, __m128i powers, __m128i to)
{
    const __m128i high = _mm_clmulepi64_si128(lane, powers, 0x00);
    const __m128i low = _mm_clmulepi64_si128(lane, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(high, low), to);
}

FOLDS static size_t fold(uint64_t crc, struct bytes text, char folded[CRC64_FOLDED])
{
    const __m128i block_ahead = load((const char *)BLOCK_AHEAD);
    const __m128i lane_ahead = load((const char *)LANE_AHEAD);
    __m128i lanes[LANES];
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = load(text.data + i * LANE);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((int64_t)crc));
    size_t at = BLOCK;
    for (; text.len - at >= BLOCK; at += BLOCK) {
        for (size_t i = 0; i < LANES; i++) {
            lanes[i] = fold_onto(lanes[i], block_ahead, load(text.data + at + i * LANE));
        }
    }
    for (size_t i = 1; i < LANES; i++) {
        lanes[i] = fold_onto(lanes[i - 1], lane_ahead, lanes[i]);
    }
    _mm_storeu_si128((__m128i *)(void *)folded, lanes[LANES - 1]);
    return at;
}

static bool can_fold(void)
{
    return __builtin_cpu_supports("pclmul");
}

#else

static size_t fold(uint64_t crc, struct bytes text, char folded[CRC64_FOLDED])
{
    (void)crc;
    (void)text;
    (void)folded;
    return 0;
}

static bool can_fold(void)
{
    return false;
}

#endif

size_t crc64_fold(uint64_t crc, struct bytes text, char folded[CRC64_FOLDED])
{
    assert(text.len >= CRC64_FOLD_MIN);
    return can_fold() ? fold(crc, text, folded) : 0;
}
