/* metric_text.h - metrics as Prometheus reads them: "# HELP", "# TYPE", and a line for each sample.
 *
 * Names come without the prefix "tessera_", which is written before each. All functions answer false when memory is refused: the text then ends
 * somewhere, and is not to be used.
 *
 * Threads    The text's.
 * Source     https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format"  */
#ifndef CMD_METRIC_TEXT_H
#define CMD_METRIC_TEXT_H

#include "mem/buffer.h"

/* What comes before the samples of a metric. `type`: "gauge", "counter", "histogram"; `help`: one line without backslashes. */
MUST_USE bool metric_begin(struct buffer *out, const char *name, const char *type, const char *help);
/* "counter" of names that end with _total, else "gauge". */
const char *metric_type_of(const char *name);
/* A label's pair, NAME="VALUE". What is no printable ASCII character stands as \xNN: a text that is not UTF-8 would spoil all others. */
MUST_USE bool metric_label(struct buffer *out, const char *name, struct bytes value);
/* A sample: labels "a="1",b="2"" or none, a whole value exactly (below 2^53), others with 9 digits. `suffix`: "_bucket" or "". */
MUST_USE bool metric_sample(struct buffer *out, const char *name, const char *suffix, struct bytes labels, double value);

#endif
