/* lzf_text.c - what was compressed comes back; damaged input is refused.  */
#include "encoding/lzf_text.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(lzf_text, gives_back_what_it_compressed)
{
    static char text[100000], compressed[100000], again[100000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i % 100 < 90 ? 'a' : i * i);
    }
    for (size_t len = 1; len <= sizeof text; len = len * 3 + 1) {
        const size_t compressed_len = lzf_text_compress((struct bytes){text, len}, compressed, len);
        if (len < 100) {
            continue;
        }
        cr_assert(compressed_len > 0 && compressed_len < len);
        const struct bytes input = {compressed, compressed_len};
        cr_expect(lzf_text_decompress(input, again, len));
        cr_expect_eq(memcmp(text, again, len), 0);
        cr_expect(!lzf_text_decompress(input, again, len - 1));
        cr_expect(!lzf_text_decompress(input, again, len + 1));
        cr_expect(!lzf_text_decompress((struct bytes){compressed, compressed_len - 1}, again, len));
        cr_expect_eq(lzf_text_compress((struct bytes){text, len}, compressed, compressed_len - 5), 0);
    }
}

Test(lzf_text, gives_the_same_bytes_whatever_came_before)
{
    static char texts[2][9000], first[9000], again[9000];
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof texts; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        texts[i / sizeof texts[0]][i % sizeof texts[0]] = (char)('a' + (state >> 60 & 3));
    }
    const struct bytes text = {texts[0], sizeof texts[0]};
    const size_t len = lzf_text_compress(text, first, sizeof first);
    cr_assert_gt(len, 0);
    for (size_t other = 100; other <= sizeof texts[1]; other += 100) {
        lzf_text_compress((struct bytes){texts[1], other}, again, sizeof again);
        cr_assert_eq(lzf_text_compress(text, again, sizeof again), len);
        cr_assert_eq(memcmp(first, again, len), 0);
    }
}

Test(lzf_text, refuses_nothing_and_nonsense)
{
    char out[100];
    cr_expect_eq(lzf_text_compress((struct bytes){"", 0}, out, sizeof out), 0);
    cr_expect(!lzf_text_decompress((struct bytes){"", 0}, out, 1));
    cr_expect(!lzf_text_decompress(BYTES("\x00" "a"), out, 0));
    cr_expect(!lzf_text_decompress(BYTES("\xff\xff\xff"), out, sizeof out));
    cr_expect(lzf_text_decompress(BYTES("\x00" "a"), out, 1));
    cr_expect_eq(out[0], 'a');
}
