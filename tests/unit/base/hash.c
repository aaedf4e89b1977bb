/* hash.c - the keyed hash.  */
#include "base/hash.h"

#include <criterion/criterion.h>

Test(hash, depends_on_the_secret_and_on_every_byte)
{
    struct hash_secret one, two;
    cr_assert(hash_secret_draw(&one));
    cr_assert(hash_secret_draw(&two));
    cr_expect_neq(memcmp(&one, &two, sizeof(one)), 0);
    char text[600] = {0};
    for (size_t len = 1; len <= sizeof(text); len++) {
        struct bytes bytes = {text, len};
        uint64_t hash = hash_bytes(&one, bytes);
        cr_assert_eq(hash, hash_bytes(&one, bytes), "%zu bytes", len);
        cr_assert_neq(hash, hash_bytes(&two, bytes), "%zu bytes", len);
        text[len - 1] = 1;
        cr_assert_neq(hash, hash_bytes(&one, bytes), "%zu bytes", len);
        text[len - 1] = 0;
    }
}

Test(hash, takes_an_empty_text)
{
    struct hash_secret secret;
    cr_assert(hash_secret_draw(&secret));
    cr_expect_eq(hash_bytes(&secret, BYTES("")), hash_bytes(&secret, (struct bytes){NULL, 0}));
}
