/* lzf_text.c - what was compressed comes back; damaged input is refused.  */
#include "encoding/lzf_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

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
