/* metric_text.c - see metric_text.h.  */
#include "cmd/info/metric_text.h"

#include <math.h>
#include <string.h>

#define PREFIX "tessera_"
#define COUNTER_SUFFIX "_total"

const char *metric_type_of(const char *name)
{
    const size_t len = strlen(name), suffix_len = strlen(COUNTER_SUFFIX);
    return len > suffix_len && strcmp(name + len - suffix_len, COUNTER_SUFFIX) == 0 ? "counter" : "gauge";
}

bool metric_begin(struct buffer *out, const char *name, const char *type, const char *help)
{
    return buffer_append_format(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static bool append_escaped(struct buffer *out, char character)
{
    if (character == '"' || character == '\\') {
        return buffer_append_format(out, "\\%c", character);
    }
    const bool is_printable = character >= ' ' && character <= '~';
    return is_printable ? buffer_append(out, (struct bytes){&character, 1}) : buffer_append_format(out, "\\\\x%02x", (unsigned char)character);
}

bool metric_label(struct buffer *out, const char *name, struct bytes value)
{
    bool is_done = buffer_append_format(out, "%s=\"", name);
    for (size_t i = 0; is_done && i < value.len; i++) {
        is_done = append_escaped(out, value.data[i]);
    }
    return is_done && buffer_append(out, BYTES("\""));
}

bool metric_sample(struct buffer *out, const char *name, const char *suffix, struct bytes labels, double value)
{
    bool is_done = buffer_append_format(out, PREFIX "%s%s", name, suffix);
    if (labels.len > 0) {
        is_done = is_done && buffer_append(out, BYTES("{")) && buffer_append(out, labels) && buffer_append(out, BYTES("}"));
    }
    return is_done && buffer_append_format(out, value == floor(value) ? " %.0f\n" : " %.9g\n", value);
}
