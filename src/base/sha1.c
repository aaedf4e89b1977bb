/* sha1.c - see sha1.h.
 *
 * The text goes in blocks of 64 bytes, then a last one or two: what is left, a bit that is set, zeros, and the length in bits.  */
#include "base/sha1.h"

#include <stdint.h>

enum { BLOCK_WORDS = 16, STATE_WORDS = 5, LENGTH_BYTES = 8 };

static inline uint32_t rotated(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static inline uint32_t load_word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void store_word(unsigned char *at, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (unsigned char)(word >> (24 - 8 * i));
    }
}

/* The standard's f and K of a round. */
static inline uint32_t round_term(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (round < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t state[STATE_WORDS], const unsigned char *block)
{
    uint32_t words[BLOCK_WORDS]; /* the last 16 of the message schedule */
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    uint32_t e = state[4];
    for (unsigned round = 0; round < 80; round++) {
        const unsigned at = round % BLOCK_WORDS;
        words[at] = round < BLOCK_WORDS
                        ? load_word(block + sizeof words[0] * at)
                        : rotated(words[(at + 13) % 16] ^ words[(at + 8) % 16] ^ words[(at + 2) % 16] ^ words[at], 1);
        const uint32_t next = rotated(a, 5) + round_term(round, b, c, d) + e + words[at];
        e = d;
        d = c;
        c = rotated(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_begin(struct sha1 *sha1)
{
    *sha1 = (struct sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

/* Of whole blocks. */
static size_t add_blocks(struct sha1 *sha1, struct bytes text)
{
    const size_t whole = text.len - text.len % SHA1_BLOCK_BYTES;
    for (size_t at = 0; at < whole; at += SHA1_BLOCK_BYTES) {
        add_block(sha1->state, (const unsigned char *)text.data + at);
    }
    return whole;
}

void sha1_add(struct sha1 *sha1, struct bytes piece)
{
    const size_t kept = sha1->len % SHA1_BLOCK_BYTES;
    sha1->len += piece.len;
    if (kept > 0) {
        const size_t room = SHA1_BLOCK_BYTES - kept;
        const size_t taken = piece.len < room ? piece.len : room;
        if (taken > 0) {
            memcpy(sha1->rest + kept, piece.data, taken);
        }
        if (taken < room) {
            return;
        }
        add_block(sha1->state, sha1->rest);
        piece = (struct bytes){piece.data + taken, piece.len - taken};
    }
    const size_t whole = add_blocks(sha1, piece);
    if (whole < piece.len) {
        memcpy(sha1->rest, piece.data + whole, piece.len - whole);
    }
}

void sha1_end(const struct sha1 *sha1, unsigned char out[SHA1_BYTES])
{
    uint32_t state[STATE_WORDS];
    const size_t left = sha1->len % SHA1_BLOCK_BYTES;
    unsigned char tail[2 * SHA1_BLOCK_BYTES] = {0};
    const size_t tail_len = left + 1 + LENGTH_BYTES <= SHA1_BLOCK_BYTES ? SHA1_BLOCK_BYTES : 2 * SHA1_BLOCK_BYTES;
    memcpy(state, sha1->state, sizeof state);
    memcpy(tail, sha1->rest, left);
    tail[left] = 0x80;
    store_word(tail + tail_len - 8, (uint32_t)(sha1->len >> 29));
    store_word(tail + tail_len - 4, (uint32_t)(sha1->len << 3));
    for (size_t at = 0; at < tail_len; at += SHA1_BLOCK_BYTES) {
        add_block(state, tail + at);
    }
    for (unsigned i = 0; i < STATE_WORDS; i++) {
        store_word(out + sizeof state[0] * i, state[i]);
    }
}

void sha1(struct bytes text, unsigned char out[SHA1_BYTES])
{
    struct sha1 all;
    sha1_begin(&all);
    sha1_add(&all, text);
    sha1_end(&all, out);
}
