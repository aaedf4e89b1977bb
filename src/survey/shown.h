/* shown.h - bytes of a file as text that a terminal takes: `\xHH` for what is not printable, `...` for what is too long.  */
#ifndef SURVEY_SHOWN_H
#define SURVEY_SHOWN_H

#include "base/bytes.h"

enum { SHOWN_BYTES_MAX = 64 };

struct shown {
    char text[4 * SHOWN_BYTES_MAX + 4];
};

struct shown show_bytes(struct bytes bytes);
/* True when all bytes are shown as they are. */
bool shown_is_plain(struct bytes bytes);

#endif
