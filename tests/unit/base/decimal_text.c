/* Decimals as text: exact to the last digit, or refused. */
#include "base/decimal_text.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    unsigned digits, scale;
    const char *shown; /* NULL: refused */
} texts[] = {
    {"0", 18, 6, "0.000000"},
    {"999999999999.999999", 18, 6, "999999999999.999999"},
    {"-999999999999.999999", 18, 6, "-999999999999.999999"},
    {"1000000000000", 18, 6, NULL},
    {"0.000001", 18, 6, "0.000001"},
    {"0.0000001", 18, 6, NULL},
    {"0.0000010000000000000000000000000", 18, 6, "0.000001"},
    {"1e-6", 18, 6, "0.000001"},
    {"1e-7", 18, 6, NULL},
    {"123456e3", 18, 6, "123456000.000000"},
    {"999999999999999999", 18, 0, "999999999999999999"},
    {"1000000000000000000", 18, 0, NULL},
    {"0.999999999999999999", 18, 18, "0.999999999999999999"},
    {"1", 18, 18, NULL},
    {"0e400", 1, 0, "0"},
    {"9", 1, 0, "9"},
    {"10", 1, 0, NULL},
    {"9.0", 1, 0, "9"},
    {"0.9", 1, 1, "0.9"},
    {"1e400", 18, 0, NULL},
    {"1e-400", 18, 0, NULL},
    {"1e99999999999999999999", 18, 0, NULL},
    {"100000000000000000000000000000000000000000", 18, 0, NULL},
    {"5.", 18, 2, "5.00"},
    {".5", 18, 2, "0.50"},
    {"- 5", 18, 2, NULL},
    {"5 ", 18, 2, NULL},
    {"+-5", 18, 2, NULL},
    {"5e", 18, 2, NULL},
    {"0x10", 18, 2, NULL},
    {"inf", 18, 2, NULL},
    {"", 18, 2, NULL},
};

Test(decimal_text, is_exact_or_refused)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t number;
        char out[DECIMAL_TEXT_MAX];
        const bool is_read = decimal_text_parse(bytes_of_string(texts[i].text), texts[i].digits, texts[i].scale, &number);
        cr_assert_eq(is_read, texts[i].shown != NULL, "%s", texts[i].text);
        if (is_read) {
            const struct bytes shown = {out, decimal_text_format(number, texts[i].scale, out)};
            cr_assert(bytes_equal(shown, bytes_of_string(texts[i].shown)), "%s: %.*s", texts[i].text, (int)shown.len, shown.data);
        }
    }
}
