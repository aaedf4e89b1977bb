/* metric_text.c - what Prometheus reads, byte for byte.  */
#include "cmd/info/metric_text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(metric_text, a_metric_has_help_type_and_samples)
{
    struct buffer out = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(metric_begin(&out, "x_total", metric_type_of("x_total"), "Things."));
    cr_assert(metric_sample(&out, "x_total", "", (struct bytes){0}, 9007199254740991.0));
    cr_assert(metric_sample(&out, "x", "_bucket", BYTES("le=\"1\""), 0.125));
    cr_assert(bytes_equal(buffer_bytes(&out), BYTES("# HELP tessera_x_total Things.\n# TYPE tessera_x_total counter\n"
                                                     "tessera_x_total 9007199254740991\ntessera_x_bucket{le=\"1\"} 0.125\n")));
    buffer_release(&out);
}

Test(metric_text, counters_end_with_total)
{
    cr_assert_str_eq(metric_type_of("_total"), "gauge");
    cr_assert_str_eq(metric_type_of("a_total"), "counter");
    cr_assert_str_eq(metric_type_of("total_a"), "gauge");
}

Test(metric_text, values_of_labels_are_printable)
{
    static const struct {
        struct bytes value;
        const char *text;
    } examples[] = {
        {BYTES("a b"), "l=\"a b\""}, {BYTES("\"\\"), "l=\"\\\"\\\\\""}, {BYTES("\n\xff\x00"), "l=\"\\\\x0a\\\\xff\\\\x00\""}, {BYTES(""), "l=\"\""},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct buffer out = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
        cr_assert(metric_label(&out, "l", examples[i].value));
        cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_string(examples[i].text)), "%.*s", (int)out.len, out.data);
        buffer_release(&out);
    }
}
