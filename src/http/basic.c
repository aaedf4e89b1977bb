/* basic.c - see basic.h.  */
#include "http/basic.h"

#include <stdint.h>
#include <string.h>

/* 0 .. 63; -1: no character of base64. */
static int digit_of(char character)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = character == '\0' ? NULL : strchr(digits, character);
    return found == NULL ? -1 : (int)(found - digits);
}

/* False: it is no base64, or does not fit. */
static bool decode(struct bytes input, char text[BASIC_MAX], size_t *len)
{
    size_t padding = 0;
    while (padding < 2 && input.len > padding && input.data[input.len - 1 - padding] == '=') {
        padding++;
    }
    if (input.len % 4 != 0 || input.len / 4 * 3 > BASIC_MAX) {
        return false;
    }
    *len = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < input.len - padding; i++) {
        const int digit = digit_of(input.data[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            const unsigned left = 6 - 2 * (unsigned)(i % 4);
            text[(*len)++] = (char)(bits >> left);
            bits &= (1U << left) - 1;
        }
    }
    return bits == 0; /* what fills the last digit up */
}

bool basic_parse(struct bytes authorization, char text[BASIC_MAX], struct basic_user *out)
{
    const struct bytes scheme = {authorization.data, 5};
    size_t len, at = scheme.len;
    if (authorization.len <= scheme.len || !bytes_equal_ignore_case(scheme, BYTES("basic")) || authorization.data[at] != ' ') {
        return false;
    }
    while (at < authorization.len && authorization.data[at] == ' ') {
        at++;
    }
    if (!decode((struct bytes){authorization.data + at, authorization.len - at}, text, &len)) {
        return false;
    }
    const char *colon = memchr(text, ':', len);
    if (colon == NULL) {
        return false;
    }
    const size_t name_len = (size_t)(colon - text);
    *out = (struct basic_user){.name = {text, name_len}, .password = {colon + 1, len - name_len - 1}};
    return true;
}
