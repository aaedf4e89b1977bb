/* Samples of slow events, their picture, and what the doctor says.  */
#include "cmd/slow/latency_log.h"
#include "cmd/slow/latency_report.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct latency_event event;

Test(latency_log, keeps_the_worst_of_each_second)
{
    struct latency_log *log = latency_log_create();
    latency_log_add_at(log, "command", 10, 100);
    latency_log_add_at(log, "command", 30, 100);
    latency_log_add_at(log, "command", 20, 100);
    latency_log_add_at(log, "Command", 5, 101);
    cr_assert(latency_log_find(log, BYTES("COMMAND"), &event));
    cr_assert_eq(event.count, 2);
    cr_assert_eq(event.samples[0].ms, 30);
    cr_assert_eq(event.samples[1].ms, 5);
    cr_assert_eq(event.worst_ms, 30);
    latency_log_destroy(log);
}

Test(latency_log, keeps_the_newest_samples_in_order)
{
    struct latency_log *log = latency_log_create();
    for (int i = 0; i < 3 * LATENCY_SAMPLES_MAX + 7; i++) {
        latency_log_add_at(log, "command", i + 1, 1000 + i);
    }
    cr_assert(latency_log_at(log, 0, &event));
    cr_assert_eq(event.count, LATENCY_SAMPLES_MAX);
    for (size_t i = 0; i < event.count; i++) {
        cr_assert_eq(event.samples[i].ms, (int64_t)(2 * LATENCY_SAMPLES_MAX + 8 + i));
    }
    cr_assert_eq(event.worst_ms, 3 * LATENCY_SAMPLES_MAX + 7);
    latency_log_destroy(log);
}

Test(latency_log, forgets_one_kind_or_all)
{
    struct latency_log *log = latency_log_create();
    latency_log_add_at(log, "a", 1, 1);
    latency_log_add_at(log, "b", 2, 1);
    latency_log_add_at(log, "c", 3, 1);
    cr_assert(latency_log_forget(log, BYTES("b")));
    cr_assert_not(latency_log_forget(log, BYTES("b")));
    cr_assert(latency_log_at(log, 1, &event));
    cr_assert_str_eq(event.name, "c");
    cr_assert_not(latency_log_at(log, 2, &event));
    cr_assert_eq(latency_log_clear(log), 2);
    cr_assert_eq(latency_log_clear(log), 0);
    for (int i = 0; i < 2 * LATENCY_EVENTS_MAX; i++) {
        char name[64];
        snprintf(name, sizeof name, "kind number %d", i);
        latency_log_add_at(log, name, 1, 1);
    }
    cr_assert_eq(latency_log_clear(log), LATENCY_EVENTS_MAX);
    latency_log_destroy(log);
}

/* What redis-server 7.0.15 draws for these samples. */
static const char picture[] =
    "command - high 100 ms, low 12 ms (all time high 100 ms)\n"
    "--------------------------------------------------------------------------------\n"
    "   # \n"
    "   | \n"
    "  #| \n"
    "_#||o\n"
    "     \n"
    "54321\n"
    "sssss\n";

Test(latency_log, is_drawn_as_redis_draws_it)
{
    static const int64_t ms[] = {12, 30, 55, 100, 20};
    struct latency_log *log = latency_log_create();
    for (int i = 0; i < 5; i++) {
        latency_log_add_at(log, "command", ms[i], 100 + i);
    }
    cr_assert(latency_log_find(log, BYTES("command"), &event));
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(latency_append_graph(&event, 105, &text));
    cr_assert(bytes_equal(buffer_bytes(&text), BYTES(picture)), "%.*s", (int)text.len, text.data);
    buffer_release(&text);
    latency_log_destroy(log);
}

Test(latency_log, is_drawn_in_lines_of_bounded_width)
{
    struct latency_log *log = latency_log_create();
    for (int i = 0; i < LATENCY_SAMPLES_MAX; i++) {
        latency_log_add_at(log, "command", i * 7 % 31, 1000 + i * 4000);
    }
    cr_assert(latency_log_find(log, BYTES("command"), &event));
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(latency_append_graph(&event, 1000, &text));
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width = text.data[i] == '\n' ? 0 : width + 1;
        cr_assert_leq(width, 80);
    }
    buffer_release(&text);
    latency_log_destroy(log);
}

static bool says(struct latency_log *log, int64_t threshold_ms, int64_t slower_than_us, const char *words)
{
    struct latency_doctor doctor = {threshold_ms, slower_than_us};
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    cr_assert(latency_append_diagnosis(log, &doctor, &text));
    cr_assert(buffer_append(&text, (struct bytes){"", 1}));
    bool is_said = strstr(text.data, words) != NULL;
    buffer_release(&text);
    return is_said;
}

Test(latency_log, doctor_tells_what_was_slow_and_what_helps)
{
    struct latency_log *log = latency_log_create();
    cr_assert(says(log, 0, 10000, "CONFIG SET latency-monitor-threshold"));
    cr_assert(says(log, 10, 10000, "No event took 10 ms or longer"));
    latency_log_add_at(log, "command", 10, 100);
    latency_log_add_at(log, "command", 30, 110);
    cr_assert(says(log, 10, 10000, "1. command: 2 latency spikes (average 20ms, mean deviation 10ms, period 10.00 sec). "
                                   "Worst all time event 30ms."));
    cr_assert(says(log, 10, 10000, "SLOWLOG GET"));
    cr_assert_not(says(log, 10, 10000, "slowlog-log-slower-than"));
    cr_assert(says(log, 5, 10000, "slowlog-log-slower-than 5000"));
    cr_assert(says(log, 5, -1, "The slow log is off"));
    latency_log_destroy(log);
}
