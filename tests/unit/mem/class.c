/* class.c - every memory class has a name of its own, fit for INFO and MEMORY STATS.  */
#include "mem/class.h"

#include <criterion/criterion.h>
#include <string.h>

Test(class, has_a_name_of_its_own_for_each_class)
{
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        const char *name = mem_class_name((enum mem_class)i);
        cr_assert_gt(strlen(name), 0);
        cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int j = 0; j < i; j++) {
            cr_assert_str_neq(name, mem_class_name((enum mem_class)j));
        }
    }
}

Test(class, calls_keys_and_tables_data_and_the_rest_overhead)
{
    cr_assert(mem_class_is_dataset(MEM_STRING));
    cr_assert(mem_class_is_dataset(MEM_TABLE_ROW));
    cr_assert(mem_class_is_dataset(MEM_TABLE_INDEX));
    cr_assert_not(mem_class_is_dataset(MEM_KEY_TABLE));
    cr_assert_not(mem_class_is_dataset(MEM_EXPIRY_INDEX));
    cr_assert_not(mem_class_is_dataset(MEM_OUTPUT_BUFFER));
    cr_assert_not(mem_class_is_dataset(MEM_SERVER));
}
