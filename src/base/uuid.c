/* uuid.c - see uuid.h.  */
#include "base/uuid.h"

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static bool is_hyphen_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct bytes text, char out[UUID_BYTES])
{
    const bool has_hyphens = text.len == UUID_TEXT_BYTES;
    size_t digits = 0;
    if (!has_hyphens && text.len != 2 * UUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (has_hyphens && is_hyphen_at(i)) {
            if (text.data[i] != '-') {
                return false;
            }
            continue;
        }
        const int digit = hex_value(text.data[i]);
        if (digit < 0) {
            return false;
        }
        out[digits / 2] = (char)(digits % 2 == 0 ? digit << 4 : (unsigned char)out[digits / 2] | digit);
        digits++;
    }
    return true;
}

size_t uuid_format(const char bytes[UUID_BYTES], char out[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (is_hyphen_at(at)) {
            out[at++] = '-';
        }
        out[at++] = digits[(unsigned char)bytes[i] >> 4];
        out[at++] = digits[(unsigned char)bytes[i] & 15];
    }
    return at;
}
