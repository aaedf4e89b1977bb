/* error_stats.c - a small table from error code to count; see error_stats.h.
 *
 * A linear search: a server knows some ten codes, and "ERR" is nearly always the first.  */
#include "shard/error_stats.h"

#include <assert.h>
#include <string.h>

static const struct bytes other_code = {"OTHER", 5};

static struct bytes code_of_reply(struct bytes reply)
{
    const char *code = reply.data + 1;
    size_t len = 0;
    while (len < reply.len - 1 && code[len] != ' ' && code[len] != '\r') {
        len++;
    }
    return len > 0 && len <= ERROR_CODE_MAX ? (struct bytes){code, len} : other_code;
}

/* The row of `code`, made if there is none. The last row is kept for "OTHER". */
static struct error_stats_row *find_or_add(struct error_stats *stats, struct bytes code)
{
    const uint32_t count = atomic_load_explicit(&stats->row_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        if (bytes_equal(bytes_of_string(stats->rows[i].code), code)) {
            return &stats->rows[i];
        }
    }
    if (count == ERROR_STATS_MAX) {
        return &stats->rows[ERROR_STATS_MAX - 1];
    }
    const struct bytes name = count == ERROR_STATS_MAX - 1 ? other_code : code;
    struct error_stats_row *row = &stats->rows[count];
    assert(name.len <= ERROR_CODE_MAX);
    memcpy(row->code, name.data, name.len);
    row->code[name.len] = '\0';
    atomic_store_explicit(&stats->row_count, count + 1, memory_order_release);
    return row;
}

void error_stats_note(struct error_stats *stats, struct bytes reply)
{
    if (reply.len == 0 || reply.data[0] != '-') {
        return;
    }
    struct error_stats_row *row = find_or_add(stats, code_of_reply(reply));
    atomic_fetch_add_explicit(&row->count, 1, memory_order_relaxed);
}

void error_stats_add(struct error_stats *into, const struct error_stats *from)
{
    const uint32_t count = atomic_load_explicit(&from->row_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t amount = atomic_load_explicit(&from->rows[i].count, memory_order_relaxed);
        if (amount > 0) {
            struct error_stats_row *row = find_or_add(into, bytes_of_string(from->rows[i].code));
            atomic_fetch_add_explicit(&row->count, amount, memory_order_relaxed);
        }
    }
}

void error_stats_reset(struct error_stats *stats)
{
    const uint32_t count = atomic_load_explicit(&stats->row_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        atomic_store_explicit(&stats->rows[i].count, 0, memory_order_relaxed);
    }
}
