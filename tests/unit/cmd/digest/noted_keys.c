/* A set of hashes against a plain array.  */
#include "cmd/digest/noted_keys.h"

#include <criterion/criterion.h>

enum { HASHES = 2000 };

/* Few of them are far from each other: many want the same slot. */
static uint64_t hash_number(unsigned i)
{
    return i % 3 == 0 ? i : (uint64_t)i << 32;
}

Test(noted_keys, knows_what_was_added_and_nothing_else)
{
    struct noted_keys keys = {0};
    for (unsigned i = 0; i < HASHES; i++) {
        cr_assert_not(noted_keys_has(&keys, hash_number(i)));
        cr_assert_eq(noted_keys_add(&keys, hash_number(i)), NOTE_NEW);
        cr_assert_eq(noted_keys_add(&keys, hash_number(i)), NOTE_KNOWN);
        cr_assert_eq(keys.count, i + 1u);
    }
    for (unsigned i = 0; i < 2 * HASHES; i++) {
        cr_assert_eq(noted_keys_has(&keys, hash_number(i)), i < HASHES, "%u", i);
    }
    noted_keys_release(&keys);
    cr_assert_not(noted_keys_has(&keys, hash_number(5)));
}
