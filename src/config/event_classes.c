/* event_classes.c - see event_classes.h.  */
#include "config/event_classes.h"

#include <assert.h>
#include <string.h>

/* A class's bit is its place; CONFIG GET's order. Those before ALL_END are in `A`; `n` comes before K and E, m and T behind them. */
static const char letters[] = "g$lshzxetdnKEmT";
enum { ALL_END = 10, NEW_PLACE = 10, LETTER_COUNT = sizeof letters - 1 };
#define ALL_BITS ((INT64_C(1) << ALL_END) - 1)
_Static_assert(LETTER_COUNT + 1 <= EVENT_CLASSES_TEXT_MAX, "all letters fit");

int64_t event_class_bits(char letter)
{
    if (letter == 'A') {
        return ALL_BITS;
    }
    const char *at = letter == '\0' ? NULL : strchr(letters, letter);
    return at == NULL ? 0 : INT64_C(1) << (at - letters);
}

bool event_classes_parse(struct bytes text, int64_t *bits)
{
    int64_t all = 0;
    for (size_t i = 0; i < text.len; i++) {
        const int64_t some = event_class_bits(text.data[i]);
        if (some == 0) {
            return false;
        }
        all |= some;
    }
    *bits = all;
    return true;
}

uint32_t event_classes_format(int64_t bits, bool is_whole, char out[EVENT_CLASSES_TEXT_MAX])
{
    uint32_t len = 0;
    uint32_t first = 0;
    if ((bits & ALL_BITS) == ALL_BITS) {
        out[len++] = 'A';
        first = is_whole ? NEW_PLACE : NEW_PLACE + 1;
    }
    for (uint32_t i = first; i < LETTER_COUNT; i++) {
        if ((bits >> i & 1) != 0) {
            out[len++] = letters[i];
        }
    }
    assert(len <= EVENT_CLASSES_TEXT_MAX);
    return len;
}
