/* text_digest.c - the digest of published examples, and its digits there and back.  */
#include "base/text_digest.h"

#include <criterion/criterion.h>

Test(text_digest, gives_the_published_digests)
{
    static const struct {
        struct bytes text;
        const char *digits;
    } rows[] = {
        {BYTES(""), "2d06800538d394c2"}, /* XXH3_64bits of nothing */
        {BYTES("Hello world"), "b6acb9d84a38ff74"}, /* redis.io, DIGEST */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char digits[TEXT_DIGEST_LEN + 1] = "";
        uint64_t digest = 0;
        text_digest_format(text_digest(rows[i].text), digits);
        cr_assert_str_eq(digits, rows[i].digits);
        cr_assert(text_digest_parse((struct bytes){digits, TEXT_DIGEST_LEN}, &digest));
        cr_assert_eq(digest, text_digest(rows[i].text));
    }
}

Test(text_digest, takes_16_hexadecimal_digits_and_nothing_else)
{
    uint64_t digest = 7;
    cr_assert(text_digest_parse(BYTES("0123456789ABCDEf"), &digest));
    cr_assert_eq(digest, UINT64_C(0x0123456789abcdef));
    static const struct bytes wrong[] = {BYTES(""), BYTES("0123456789abcde"), BYTES("0123456789abcdef0"), BYTES("0123456789abcdeg"),
                                         BYTES("0x23456789abcdef"), BYTES("0123456789abcde "), BYTES("0123456789abcd:f"),
                                         BYTES("0123456789abcd`f"), BYTES("0123456789abcd\x10" "f")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_not(text_digest_parse(wrong[i], &digest), "%zu", i);
        cr_assert_eq(digest, UINT64_C(0x0123456789abcdef));
    }
}
