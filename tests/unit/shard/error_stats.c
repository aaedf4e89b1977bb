/* error_stats.c - counting error replies by their code.  */
#include "shard/error_stats.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static uint64_t count_of(const struct error_stats *stats, const char *code)
{
    const uint32_t rows = atomic_load(&stats->row_count);
    for (uint32_t i = 0; i < rows; i++) {
        if (strcmp(stats->rows[i].code, code) == 0) {
            return atomic_load(&stats->rows[i].count);
        }
    }
    return 0;
}

static const struct {
    struct bytes reply;
    const char *code; /* NULL: not counted */
} examples[] = {
    {BYTES("-ERR syntax error\r\n"), "ERR"},
    {BYTES("-WRONGTYPE Operation\r\n"), "WRONGTYPE"},
    {BYTES("-NOAUTH\r\n"), "NOAUTH"},
    {BYTES("-X"), "X"},
    {BYTES("- text without a code\r\n"), "OTHER"},
    {BYTES("-ACODETHATISLONGERTHANANYTHATREDISHAS x\r\n"), "OTHER"},
    {BYTES("+OK\r\n"), NULL},
    {BYTES("*1\r\n-ERR x\r\n"), NULL},
    {BYTES("-"), "OTHER"},
    {{NULL, 0}, NULL},
};

Test(error_stats, counts_a_reply_by_its_first_word)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct error_stats stats = {0};
        error_stats_note(&stats, examples[i].reply);
        error_stats_note(&stats, examples[i].reply);
        cr_assert_eq(atomic_load(&stats.row_count), examples[i].code != NULL ? 1 : 0, "example %zu", i);
        if (examples[i].code != NULL) {
            cr_assert_eq(count_of(&stats, examples[i].code), 2, "example %zu", i);
        }
    }
}

Test(error_stats, sums_what_several_threads_counted)
{
    struct error_stats first = {0}, second = {0}, sum = {0};
    error_stats_note(&first, BYTES("-ERR a\r\n"));
    error_stats_note(&first, BYTES("-OOM b\r\n"));
    error_stats_note(&second, BYTES("-OOM c\r\n"));
    error_stats_add(&sum, &first);
    error_stats_add(&sum, &second);
    cr_assert_eq(count_of(&sum, "ERR"), 1);
    cr_assert_eq(count_of(&sum, "OOM"), 2);
}

Test(error_stats, counts_codes_beyond_its_room_together)
{
    struct error_stats stats = {0}, sum = {0};
    for (int i = 0; i < 1000; i++) {
        char reply[32];
        const int len = sprintf(reply, "-CODE%d x\r\n", i);
        error_stats_note(&stats, (struct bytes){reply, (size_t)len});
    }
    cr_assert_eq(atomic_load(&stats.row_count), ERROR_STATS_MAX);
    cr_assert_eq(count_of(&stats, "CODE0"), 1);
    cr_assert_eq(count_of(&stats, "OTHER"), 1000 - ERROR_STATS_MAX + 1);
    error_stats_add(&sum, &stats);
    cr_assert_eq(count_of(&sum, "OTHER"), 1000 - ERROR_STATS_MAX + 1);
}

Test(error_stats, starts_from_zero_after_a_reset)
{
    struct error_stats stats = {0}, sum = {0};
    error_stats_note(&stats, BYTES("-ERR a\r\n"));
    error_stats_reset(&stats);
    cr_assert_eq(count_of(&stats, "ERR"), 0);
    error_stats_add(&sum, &stats);
    cr_assert_eq(atomic_load(&sum.row_count), 0, "codes that were not replied since are not listed");
    error_stats_note(&stats, BYTES("-ERR b\r\n"));
    cr_assert_eq(count_of(&stats, "ERR"), 1);
}
