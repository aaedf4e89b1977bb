/* shown.c - see shown.h.  */
#include "survey/shown.h"

#include <stdio.h>

static bool is_printable(char byte)
{
    return byte >= ' ' && byte <= '~' && byte != '\\';
}

bool shown_is_plain(struct bytes bytes)
{
    bool is_plain = bytes.len <= SHOWN_BYTES_MAX;
    for (size_t i = 0; i < bytes.len && is_plain; i++) {
        is_plain = is_printable(bytes.data[i]);
    }
    return is_plain;
}

struct shown show_bytes(struct bytes bytes)
{
    struct shown shown = {0};
    size_t len = 0;
    for (size_t i = 0; i < bytes.len && i < SHOWN_BYTES_MAX; i++) {
        if (is_printable(bytes.data[i])) {
            shown.text[len++] = bytes.data[i];
        } else {
            len += (size_t)snprintf(shown.text + len, sizeof "\\xHH", "\\x%02x", (unsigned char)bytes.data[i]);
        }
    }
    if (bytes.len > SHOWN_BYTES_MAX) {
        memcpy(shown.text + len, "...", sizeof "...");
    }
    return shown;
}
