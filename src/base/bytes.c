/* bytes.c - comparing runs of bytes.
 *
 * Threads    Any.
 * Limits     Case is ASCII's: no locale is asked.  */
#include "base/bytes.h"

static unsigned char lower_ascii(unsigned char c)
{
    return (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

bool bytes_equal_ignore_case(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower_ascii((unsigned char)a.data[i]) != lower_ascii((unsigned char)b.data[i])) {
            return false;
        }
    }
    return true;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}
