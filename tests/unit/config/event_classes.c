/* The letters of notify-keyspace-events: which there are, and how they are written back. */
#include "config/event_classes.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *text, *for_get, *whole; /* NULL: refused */
} sets[] = {
    {"", "", ""},
    {"A", "A", "A"},
    {"KEA", "AKE", "AKE"},
    {"g$lshzxetd", "A", "A"},
    {"g$lshzxet", "g$lshzxet", "g$lshzxet"},
    {"Kn", "nK", "nK"},
    {"mKnE", "nKEm", "nKEm"},
    {"KEAnm", "AKEm", "AnKEm"},
    {"ng$", "g$n", "g$n"},
    {"TEK", "KET", "KET"},
    {"ATm", "AmT", "AmT"},
    {"KKEE", "KE", "KE"},
    {"q", NULL, NULL},
    {"K E", NULL, NULL},
    {"a", NULL, NULL},
};

Test(event_classes, are_read_and_written)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char text[EVENT_CLASSES_TEXT_MAX + 1] = {0};
        int64_t bits = -1;
        const bool is_good = event_classes_parse(bytes_of_string(sets[i].text), &bits);
        cr_assert_eq(is_good, sets[i].for_get != NULL, "%s", sets[i].text);
        if (!is_good) {
            cr_assert_eq(bits, -1);
            continue;
        }
        text[event_classes_format(bits, false, text)] = '\0';
        cr_assert_str_eq(text, sets[i].for_get);
        text[event_classes_format(bits, true, text)] = '\0';
        cr_assert_str_eq(text, sets[i].whole);
        int64_t again;
        cr_assert(event_classes_parse(bytes_of_string(text), &again) && again == bits);
    }
    int64_t bits;
    cr_assert_not(event_classes_parse((struct bytes){"K\0", 2}, &bits));
}

Test(event_classes, all_is_every_class_but_new_keys_misses_and_tables)
{
    const int64_t all = event_class_bits('A');
    for (const char *letter = "g$lshzxetdnmKET"; *letter != '\0'; letter++) {
        const int64_t bit = event_class_bits(*letter);
        cr_assert(bit != 0 && (bit & (bit - 1)) == 0, "%c", *letter);
        cr_assert_eq((all & bit) != 0, strchr("nmKET", *letter) == NULL, "%c", *letter);
    }
}
