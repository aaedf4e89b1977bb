/* object.c - what OBJECT reads out of access fields.  */
#include "cmd/key/object.h"

#include <criterion/criterion.h>

Test(object, idle_seconds_survive_the_turn_of_the_clock)
{
    const int64_t now_s = INT64_C(1700000000);
    cr_expect_eq(object_idle_seconds((uint32_t)now_s & 0xffffff, now_s * 1000 + 999), 0);
    cr_expect_eq(object_idle_seconds((uint32_t)(now_s - 100) & 0xffffff, now_s * 1000), 100);
    const int64_t turned_s = INT64_C(102) << 24;
    cr_expect_eq(object_idle_seconds((uint32_t)(turned_s - 7) & 0xffffff, turned_s * 1000), 7);
}
