/* info_text.c - writes fields by their rows.  */
#include "cmd/info/info_text.h"

#include "base/number.h"

#include <stdarg.h>

void info_printf(struct info *info, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    info->is_refused |= !buffer_append_format_list(&info->text, format, arguments);
    va_end(arguments);
}

static void write_field(struct info *info, const struct info_field *field, const void *figures)
{
    const char *at = (const char *)figures + field->offset;
    char human[32];
    switch (field->kind) {
    case INFO_CONSTANT:
        info_printf(info, "%s:%s\r\n", field->name, field->constant);
        break;
    case INFO_TEXT:
        info_printf(info, "%s:%s\r\n", field->name, *(const char *const *)at);
        break;
    case INFO_INTEGER:
        info_printf(info, "%s:%lld\r\n", field->name, (long long)*(const int64_t *)at);
        break;
    case INFO_HUMAN:
        memory_size_format_human((uint64_t)*(const int64_t *)at, human);
        info_printf(info, "%s:%s\r\n", field->name, human);
        break;
    case INFO_RATIO:
        info_printf(info, "%s:%.2f\r\n", field->name, *(const double *)at);
        break;
    case INFO_PERCENT:
        info_printf(info, "%s:%.2f%%\r\n", field->name, *(const double *)at);
        break;
    case INFO_SECONDS:
        info_printf(info, "%s:%.6f\r\n", field->name, *(const double *)at);
        break;
    }
}

void info_write_fields(struct info *info, const struct info_field *fields, size_t count, const void *figures)
{
    for (size_t i = 0; i < count; i++) {
        write_field(info, &fields[i], figures);
    }
}
