/* lzf_steps.c - packing in steps gives the bytes that liblzf gives, and unpacking takes what liblzf takes.  */
#include "encoding/lzf_steps.h"

#include "encoding/lzf_text.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

enum { TEXT_MAX = 200000, ROUNDS = 400 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

/* Texts that repeat themselves more or less, from near and from far. */
static void fill(char *text, size_t len, uint64_t *state)
{
    const unsigned letters = 1 + (unsigned)(next_random(state) % 256);
    const unsigned repeats = (unsigned)(next_random(state) % 100);
    for (size_t i = 0; i < len;) {
        if (i > 0 && next_random(state) % 100 < repeats) {
            const size_t reach = i < 20000 ? i : 20000;
            const size_t back = 1 + next_random(state) % reach;
            for (size_t left = next_random(state) % 600; left > 0 && i < len; left--, i++) {
                text[i] = text[i - back];
            }
            continue;
        }
        text[i++] = (char)(next_random(state) % letters);
    }
}

static size_t pack(struct bytes text, char *out, size_t room, size_t limit)
{
    struct lzf_packer *packer = lzf_packer_create(text);
    size_t len = 0;
    enum lzf_status status;
    while ((status = lzf_packer_step(packer, out, room, limit, &len)) == LZF_MORE) {
    }
    lzf_packer_destroy(packer);
    return status == LZF_DONE ? len : 0;
}

static bool unpack(struct bytes packed, char *out, size_t len, size_t limit)
{
    struct lzf_unpacker unpacker = {0};
    enum lzf_status status;
    while ((status = lzf_unpacker_step(&unpacker, packed, out, len, limit)) == LZF_MORE) {
    }
    return status == LZF_DONE;
}

Test(lzf_steps, packs_as_liblzf_does)
{
    char *text = malloc(TEXT_MAX), *expected = malloc(TEXT_MAX), *packed = malloc(TEXT_MAX), *again = malloc(TEXT_MAX);
    uint64_t state = 2026;
    unsigned shorter = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const size_t len = i < 100 ? i : i % 4 == 0 ? 1 + next_random(&state) % TEXT_MAX : 1 + next_random(&state) % 3000;
        fill(text, len, &state);
        const struct bytes whole = {text, len};
        const size_t rooms[] = {len, len > 4 ? len - 4 : 0, len / 2};
        for (size_t j = 0; j < sizeof rooms / sizeof rooms[0]; j++) {
            const size_t expected_len = rooms[j] == 0 ? 0 : lzf_library_compress(whole, expected, rooms[j]);
            const size_t packed_len = pack(whole, packed, rooms[j], 1 + next_random(&state) % 5000);
            cr_assert_eq(packed_len, expected_len, "round %u, %zu bytes, room %zu: %zu, liblzf %zu", i, len, rooms[j], packed_len,
                         expected_len);
            cr_assert_eq(memcmp(packed, expected, packed_len), 0, "round %u, %zu bytes", i, len);
            if (len > 0 && rooms[j] > 0) {
                cr_assert_eq(lzf_text_compress(whole, packed, rooms[j]), expected_len);
                cr_assert_eq(memcmp(packed, expected, expected_len), 0, "round %u, %zu bytes at once", i, len);
            }
            if (packed_len > 0) {
                shorter++;
                cr_assert(unpack((struct bytes){packed, packed_len}, again, len, 1 + next_random(&state) % 5000));
                cr_assert_eq(memcmp(text, again, len), 0);
            }
        }
    }
    cr_assert_gt(shorter, ROUNDS / 2);
    free(text);
    free(expected);
    free(packed);
    free(again);
}

Test(lzf_steps, takes_what_liblzf_takes)
{
    char packed[400], expected[1000], out[1000];
    uint64_t state = 7;
    unsigned taken = 0;
    for (unsigned i = 0; i < 200000; i++) {
        const size_t len = 1 + next_random(&state) % 12;
        for (size_t j = 0; j < len; j++) {
            packed[j] = (char)(next_random(&state) % (j == 0 ? 4 : 100));
        }
        const size_t wanted = 1 + next_random(&state) % 8;
        const bool is_right = lzf_text_decompress((struct bytes){packed, len}, expected, wanted);
        cr_assert_eq(unpack((struct bytes){packed, len}, out, wanted, 1 + next_random(&state) % 9), is_right, "round %u", i);
        cr_assert(!is_right || memcmp(out, expected, wanted) == 0);
        taken += is_right;
    }
    cr_assert_gt(taken, 1000);
}
