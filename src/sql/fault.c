/* fault.c - see fault.h.  */
#include "sql/fault.h"

#include <stdarg.h>
#include <stdio.h>

enum { PLACE_BYTES = 80 };

static void find_place(struct bytes text, uint32_t position, uint32_t *line, uint32_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < position && i < text.len; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        if (c == '\n') {
            ++*line;
            *column = 1;
        } else if ((c & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

void sql_fault_set(struct sql_fault *fault, enum sql_fault_kind kind, struct bytes text, uint32_t position, const char *format, ...)
{
    fault->kind = kind;
    fault->position = position;
    find_place(text, position, &fault->line, &fault->column);
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(fault->text, SQL_FAULT_TEXT_MAX - PLACE_BYTES, format, arguments);
    va_end(arguments);
    size_t len = written < 0 ? 0 : (size_t)written;
    if (len >= SQL_FAULT_TEXT_MAX - PLACE_BYTES) {
        len = SQL_FAULT_TEXT_MAX - PLACE_BYTES - 1;
    }
    for (size_t i = 0; i < len; i++) { /* it may repeat bytes of the user's, and is to be one line */
        if ((unsigned char)fault->text[i] < 0x20 || fault->text[i] == 0x7f) {
            fault->text[i] = ' ';
        }
    }
    if (text.len == 0) {
        snprintf(fault->text + len, PLACE_BYTES, ", at byte %u", position);
    } else {
        snprintf(fault->text + len, PLACE_BYTES, ", at line %u, column %u (byte %u)", fault->line, fault->column, position);
    }
}
