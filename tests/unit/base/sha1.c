/* sha1.c - the digest of the published examples, and of texts of every length around the ends of blocks.  */
#include "base/sha1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void check(struct bytes text, const char *expected)
{
    unsigned char digest[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];
    sha1(text, digest);
    for (unsigned i = 0; i < SHA1_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    cr_assert_str_eq(hex, expected, "%zu bytes: %s instead of %s", text.len, hex, expected);
}

/* FIPS 180-2, appendix A, NIST's further examples, and RFC 3174. */
Test(sha1, gives_the_published_digests)
{
    static const struct {
        struct bytes text;
        const char *digest;
    } rows[] = {
        {BYTES(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {BYTES("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {BYTES("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
         "a49b2446a02c645bf419f995b67091253a04a259"},
        {BYTES("\x36"), "c1dfd96eea8cc2b62785275bca38ac261256e278"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(rows[i].text, rows[i].digest);
    }
    check((struct bytes){NULL, 0}, rows[0].digest);
}

static char *filled(size_t len, const char *pattern)
{
    char *text = malloc(len);
    for (size_t i = 0; i < len; i++) {
        text[i] = pattern[i % strlen(pattern)];
    }
    return text;
}

Test(sha1, gives_the_published_digests_of_long_texts)
{
    char *text = filled(1000000, "a");
    check((struct bytes){text, 1000000}, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(text);
    text = filled(640, "01234567");
    check((struct bytes){text, 640}, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    free(text);
}

/* The digest of the digests of 0 .. 200 bytes, as another implementation has it:
 *   python3 -c 'from hashlib import sha1; texts = [bytes(i * 7 + 1 & 255 for i in range(n)) for n in range(201)]
 *   print(sha1(b"".join(sha1(text).digest() for text in texts)).hexdigest())'  */
Test(sha1, is_right_at_every_length_and_writes_over_its_own_text)
{
    enum { LENGTHS = 201 };
    char text[LENGTHS];
    unsigned char digests[LENGTHS * SHA1_BYTES];
    for (unsigned len = 0; len < LENGTHS; len++) {
        text[len] = (char)(len * 7 + 1);
        sha1((struct bytes){text, len}, digests + SHA1_BYTES * len);
    }
    check((struct bytes){(const char *)digests, sizeof digests}, "2002bd1c15bf88eb87c8352720e5f83a250d3cfb");
    sha1((struct bytes){text, 3}, digests);
    sha1((struct bytes){text, 3}, (unsigned char *)text);
    cr_assert_eq(memcmp(text, digests, SHA1_BYTES), 0);
}

/* The same text in pieces, of every length up to two blocks and a byte. */
Test(sha1, does_not_care_how_a_text_is_cut)
{
    char text[1000];
    unsigned char whole[SHA1_BYTES], pieces[SHA1_BYTES];
    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 7 + i / 256);
    }
    sha1((struct bytes){text, sizeof text}, whole);
    for (size_t len = 1; len <= 2 * SHA1_BLOCK_BYTES + 1; len++) {
        struct sha1 sha1;
        sha1_begin(&sha1);
        sha1_add(&sha1, (struct bytes){NULL, 0});
        for (size_t at = 0; at < sizeof text; at += len) {
            sha1_add(&sha1, (struct bytes){text + at, at + len <= sizeof text ? len : sizeof text - at});
        }
        sha1_end(&sha1, pieces);
        cr_assert_eq(memcmp(whole, pieces, SHA1_BYTES), 0, "pieces of %zu bytes", len);
    }
}
