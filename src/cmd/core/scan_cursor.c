/* scan_cursor.c - cursors as numbers and as words.
 *
 * Invariant  A cursor is shard number x 2^KEYSPACE_CURSOR_BITS + the keyspace's own; 0 begins and ends.  */
#include "cmd/core/scan_cursor.h"

#include "data/keyspace.h"

#include <assert.h>
#include <string.h>

uint64_t scan_cursor_join(uint32_t shard, uint64_t keyspace_cursor)
{
    assert(keyspace_cursor >> KEYSPACE_CURSOR_BITS == 0);
    return (uint64_t)shard << KEYSPACE_CURSOR_BITS | keyspace_cursor;
}

bool scan_cursor_parse(struct bytes text, uint64_t *out)
{
    size_t at = 0;
    const char *nul = text.len == 0 ? NULL : memchr(text.data, '\0', text.len);
    if (nul != NULL) {
        text.len = (size_t)(nul - text.data);
    }
    bool is_negative = false;
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        is_negative = text.data[0] == '-';
        at = 1;
        if (text.len == 1) {
            return false;
        }
    }
    uint64_t value = 0;
    for (; at < text.len; at++) {
        unsigned digit = (unsigned char)text.data[at] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = is_negative ? 0 - value : value;
    return true;
}
