/* latency_report.c - LATENCY GRAPH and DOCTOR.
 *
 * The picture of samples 12, 30, 55, 100 and 20 ms, taken 5 to 1 seconds ago: four rows, a column a sample; below it how long
 * ago, read downwards.
 *
 *        #        Each row has three heights, _ o #; below the top of a column stands | .
 *        |        The smallest sample is at the bottom, the biggest at the top.
 *       #|
 *     _#||o
 *
 *     54321
 *     sssss  */
#include "cmd/slow/latency_report.h"

#include <math.h>
#include <stdio.h>

enum { GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, LABEL_ROWS_MAX = 22 };

static const char heights[] = {'_', 'o', '#'};
enum { HEIGHTS_PER_ROW = sizeof heights };

/* "12s", "5m", "3h", "2d" */
static void format_age(int64_t seconds, char out[LABEL_ROWS_MAX + 1])
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    snprintf(out, LABEL_ROWS_MAX + 1, "%lld%c", (long long)(seconds < 0 ? 0 : seconds) / units[i].seconds, units[i].letter);
}

/* The character of one sample in row `row` (0 at the bottom). */
static char graph_character(int64_t ms, int64_t least, int64_t most, int row)
{
    enum { STEPS = GRAPH_ROWS * HEIGHTS_PER_ROW };
    int step = most == least ? 0 : (int)((double)(ms - least) * STEPS / (double)(most - least));
    step = step < STEPS ? step : STEPS - 1;
    int height = step - row * HEIGHTS_PER_ROW;
    if (height < 0) {
        return ' ';
    }
    return height < HEIGHTS_PER_ROW ? heights[height] : '|';
}

/* Up to GRAPH_COLUMNS samples side by side. */
static bool append_panel(const struct latency_sample *samples, size_t count, const int64_t range[2], int64_t now_seconds,
                         struct buffer *out)
{
    char labels[GRAPH_COLUMNS][LABEL_ROWS_MAX + 1];
    size_t label_rows = 0;
    for (size_t i = 0; i < count; i++) {
        format_age(now_seconds - samples[i].seconds, labels[i]);
        label_rows = strlen(labels[i]) > label_rows ? strlen(labels[i]) : label_rows;
    }
    char line[GRAPH_COLUMNS];
    bool is_done = true;
    for (int row = GRAPH_ROWS - 1; is_done && row >= 0; row--) {
        for (size_t i = 0; i < count; i++) {
            line[i] = graph_character(samples[i].ms, range[0], range[1], row);
        }
        is_done = buffer_append_format(out, "%.*s\n", (int)count, line);
    }
    is_done = is_done && buffer_append_format(out, "%*s\n", (int)count, "");
    for (size_t row = 0; is_done && row < label_rows; row++) {
        for (size_t i = 0; i < count; i++) {
            line[i] = row < strlen(labels[i]) ? labels[i][row] : ' ';
        }
        is_done = buffer_append_format(out, "%.*s\n", (int)count, line);
    }
    return is_done;
}

bool latency_append_graph(const struct latency_event *event, int64_t now_seconds, struct buffer *out)
{
    int64_t range[2] = {INT64_MAX, 0};
    for (size_t i = 0; i < event->count; i++) {
        range[0] = event->samples[i].ms < range[0] ? event->samples[i].ms : range[0];
        range[1] = event->samples[i].ms > range[1] ? event->samples[i].ms : range[1];
    }
    bool is_done = buffer_append_format(out, "%s - high %lld ms, low %lld ms (all time high %lld ms)\n", event->name,
                                        (long long)range[1], (long long)range[0], (long long)event->worst_ms);
    for (int i = 0; is_done && i < GRAPH_COLUMNS; i++) {
        is_done = buffer_append(out, BYTES("-"));
    }
    is_done = is_done && buffer_append(out, BYTES("\n"));
    for (size_t first = 0; is_done && first < event->count; first += GRAPH_COLUMNS) {
        size_t count = event->count - first < GRAPH_COLUMNS ? event->count - first : GRAPH_COLUMNS;
        is_done = append_panel(event->samples + first, count, range, now_seconds, out);
    }
    return is_done;
}

/* --- the doctor --- */

struct summary {
    double mean_ms, deviation_ms, period_seconds;
};

static struct summary summarize(const struct latency_event *event)
{
    struct summary summary = {0};
    double count = (double)event->count;
    for (size_t i = 0; i < event->count; i++) {
        summary.mean_ms += (double)event->samples[i].ms / count;
    }
    for (size_t i = 0; i < event->count; i++) {
        summary.deviation_ms += fabs((double)event->samples[i].ms - summary.mean_ms) / count;
    }
    if (event->count > 1) {
        summary.period_seconds = (double)(event->samples[event->count - 1].seconds - event->samples[0].seconds) / (count - 1);
    }
    return summary;
}

/* What helps against which kind of event. */
static const struct {
    const char *event;
    const char *advice;
} advices[] = {
    {"command", "SLOWLOG GET shows which commands were slow. Commands over whole collections or tables (KEYS, a SELECT without "
                "an index) cost time in proportion to what they look at."},
    {"fast-command", "Commands that do little work were slow: look for a busy or throttled processor, or for swapping "
                     "(compare mem_fragmentation_ratio and the system's swap counters)."},
    {"aof-write", "Writes of the log took long: the disk is slow, or busy with something else. aof-write-pending-fsync: while an fsync was under "
                  "way; aof-write-active-child: while a new base was written (no-appendfsync-on-rewrite leaves out the syncs of everysec then)."},
    {"aof-fsync-always", "With appendfsync always each reply of a write waits for the disk: a faster disk, or appendfsync everysec, helps."},
    {"aof-rename", "Replacing the log's manifest, which is synced, took long: nobody waits for it, but the disk is slow."},
    {"expire-cycle", "Many keys expire at the same time: spread their expiry times."},
};

static bool append_advice(struct latency_log *log, const struct latency_doctor *doctor, struct buffer *out)
{
    bool is_done = buffer_append(out, BYTES("\nAdvice:\n"));
    struct latency_event event;
    for (size_t i = 0; is_done && i < sizeof advices / sizeof advices[0]; i++) {
        if (latency_log_find(log, bytes_of_string(advices[i].event), &event)) {
            is_done = buffer_append_format(out, "- %s\n", advices[i].advice);
        }
    }
    if (is_done && doctor->slowlog_slower_than_us < 0) {
        is_done = buffer_append_format(out, "- The slow log is off. CONFIG SET slowlog-log-slower-than %lld makes it keep "
                                            "what is sampled here.\n", (long long)doctor->threshold_ms * 1000);
    } else if (is_done && doctor->slowlog_slower_than_us / 1000 > doctor->threshold_ms) {
        is_done = buffer_append_format(out, "- The slow log keeps only commands slower than %lld us. CONFIG SET "
                                            "slowlog-log-slower-than %lld makes it keep what is sampled here.\n",
                                       (long long)doctor->slowlog_slower_than_us, (long long)doctor->threshold_ms * 1000);
    }
    return is_done;
}

bool latency_append_diagnosis(struct latency_log *log, const struct latency_doctor *doctor, struct buffer *out)
{
    if (doctor->threshold_ms <= 0) {
        return buffer_append(out, BYTES("Latency is not being monitored. CONFIG SET latency-monitor-threshold <milliseconds> "
                                        "starts it; events that take longer are then sampled.\n"));
    }
    struct latency_event event;
    bool is_done = true;
    size_t count = 0;
    for (; is_done && latency_log_at(log, count, &event); count++) {
        struct summary summary = summarize(&event);
        if (count == 0) {
            is_done = buffer_append(out, BYTES("Slow events were seen:\n\n"));
        }
        is_done = is_done && buffer_append_format(out, "%zu. %s: %zu latency spikes (average %.0fms, mean deviation %.0fms, "
                                                       "period %.2f sec). Worst all time event %lldms.\n",
                                                  count + 1, event.name, event.count, summary.mean_ms, summary.deviation_ms,
                                                  summary.period_seconds, (long long)event.worst_ms);
    }
    if (count == 0) {
        return buffer_append_format(out, "No event took %lld ms or longer since the samples were reset.\n",
                                    (long long)doctor->threshold_ms);
    }
    return is_done && append_advice(log, doctor, out);
}
