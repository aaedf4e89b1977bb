/* allocator_stats.c - the allocator's report reaches the buffer.  */
#include "mem/allocator_stats.h"

#include "mem/heap.h"

#include <criterion/criterion.h>

Test(allocator_stats, appends_a_report_of_several_lines)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(buffer_append(&text, BYTES("before\n")));
    cr_assert(mem_allocator_stats(&text));
    cr_assert(memcmp(text.data, "before\n", 7) == 0);
    cr_assert_gt(text.len, 100);
    cr_assert_not_null(memchr(text.data + 7, '\n', text.len - 7));
    buffer_release(&text);
    cr_assert_gt(strlen(mem_allocator_name()), 0);
    cr_assert_gt(mem_system_bytes(), 1 << 20);
}
