/* text_digest.c - see text_digest.h.  */
#include "base/text_digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t text_digest(struct bytes text)
{
    return XXH3_64bits(text.data, text.len);
}

void text_digest_format(uint64_t digest, char out[TEXT_DIGEST_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = TEXT_DIGEST_LEN - 1; i >= 0; i--, digest >>= 4) {
        out[i] = digits[digest & 15];
    }
}

/* -1: no hexadecimal digit. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool text_digest_parse(struct bytes text, uint64_t *out)
{
    uint64_t digest = 0;
    if (text.len != TEXT_DIGEST_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const int value = digit_value(text.data[i]);
        if (value < 0) {
            return false;
        }
        digest = digest << 4 | (uint64_t)value;
    }
    *out = digest;
    return true;
}
