/* info_text.c - writes fields by their rows.  */
#include "cmd/info/info_text.h"

#include "base/number.h"
#include "cmd/info/metric_text.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { METRIC_NAME_MAX = 64 };

void info_printf(struct info *info, const char *format, ...)
{
    assert(!info->is_metrics);
    va_list arguments;
    va_start(arguments, format);
    info->is_refused |= !buffer_append_format_list(&info->text, format, arguments);
    va_end(arguments);
}

static bool is_text(const struct info_field *field)
{
    return field->kind == INFO_CONSTANT || field->kind == INFO_TEXT;
}

/* --- INFO --- */

static void write_value(struct info *info, const struct info_field *field, const void *figures)
{
    const char *at = (const char *)figures + field->offset;
    char human[32];
    switch (field->kind) {
    case INFO_CONSTANT:
        info_printf(info, "%s", field->constant);
        break;
    case INFO_TEXT:
        info_printf(info, "%s", *(const char *const *)at);
        break;
    case INFO_INTEGER:
        info_printf(info, "%lld", (long long)*(const int64_t *)at);
        break;
    case INFO_STATUS:
        info_printf(info, "%s", *(const int64_t *)at != 0 ? "ok" : "err");
        break;
    case INFO_HUMAN:
        memory_size_format_human((uint64_t)*(const int64_t *)at, human);
        info_printf(info, "%s", human);
        break;
    case INFO_RATIO:
        info_printf(info, "%.2f", *(const double *)at);
        break;
    case INFO_PERCENT:
        info_printf(info, "%.2f%%", *(const double *)at);
        break;
    case INFO_SECONDS:
        info_printf(info, "%.6f", *(const double *)at);
        break;
    }
}

static void write_line(struct info *info, const struct info_group *group, const char *name, const void *figures)
{
    info_printf(info, "%s%s:", group->line, name);
    for (size_t i = 0; i < group->field_count; i++) {
        info_printf(info, "%s%s=", i > 0 ? "," : "", group->fields[i].name);
        write_value(info, &group->fields[i], figures);
    }
    info_printf(info, "\r\n");
}

/* --- METRICS --- */

static double metric_value(const struct info_field *field, const void *figures)
{
    const char *at = (const char *)figures + field->offset;
    const bool is_integer = field->kind == INFO_INTEGER || field->kind == INFO_STATUS || field->kind == INFO_HUMAN;
    const double value = is_integer ? (double)*(const int64_t *)at : *(const double *)at;
    return field->kind == INFO_STATUS ? value != 0 : field->scale != 0 ? value * field->scale : value;
}

static bool begin_field(struct info *info, const struct info_field *field)
{
    return metric_begin(&info->text, field->metric, metric_type_of(field->metric), field->help);
}

/* The section's texts, as labels of one metric. */
static bool write_texts(struct info *info, const struct info_field *fields, size_t count, const void *figures)
{
    struct buffer labels = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_done = true;
    for (size_t i = 0; is_done && i < count; i++) {
        if (is_text(&fields[i]) && fields[i].metric != NULL) {
            const char *text = fields[i].kind == INFO_CONSTANT ? fields[i].constant
                                                               : *(const char *const *)((const char *)figures + fields[i].offset);
            is_done = (labels.len == 0 || buffer_append(&labels, BYTES(","))) && metric_label(&labels, fields[i].metric, bytes_of_string(text));
        }
    }
    if (is_done && labels.len > 0) {
        char name[METRIC_NAME_MAX];
        (void)snprintf(name, sizeof name, "%s_info", info->section);
        is_done = metric_begin(&info->text, name, "gauge", "What does not change, or seldom, as labels; always 1.") &&
                  metric_sample(&info->text, name, "", buffer_bytes(&labels), 1);
    }
    buffer_release(&labels);
    return is_done;
}

static bool write_metrics(struct info *info, const struct info_field *fields, size_t count, const void *figures)
{
    bool is_done = write_texts(info, fields, count, figures);
    for (size_t i = 0; is_done && i < count; i++) {
        if (!is_text(&fields[i]) && fields[i].metric != NULL) {
            is_done = begin_field(info, &fields[i]) &&
                      metric_sample(&info->text, fields[i].metric, "", (struct bytes){0}, metric_value(&fields[i], figures));
        }
    }
    return is_done;
}

/* What a thing of a group has, until all metrics are written. */
struct thing {
    char name[INFO_NAME_MAX];
    alignas(8) char figures[INFO_FIGURES_MAX];
};

static bool gather(struct info *info, const struct info_group *group, uint32_t count, struct buffer *things)
{
    bool is_done = true;
    for (uint32_t i = 0; is_done && i < count; i++) {
        struct thing thing = {0};
        if (group->fill(info, group->context, i, thing.name, thing.figures)) {
            is_done = buffer_append(things, (struct bytes){(const char *)&thing, sizeof thing});
        }
    }
    return is_done;
}

static bool write_group_field(struct info *info, const struct info_group *group, const struct info_field *field, struct bytes things)
{
    bool is_done = begin_field(info, field);
    struct buffer label = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    for (size_t at = 0; is_done && at < things.len; at += sizeof(struct thing)) {
        struct thing thing;
        memcpy(&thing, things.data + at, sizeof thing);
        label.len = 0;
        is_done = metric_label(&label, group->label, bytes_of_string(thing.name)) &&
                  metric_sample(&info->text, field->metric, "", buffer_bytes(&label), metric_value(field, thing.figures));
    }
    buffer_release(&label);
    return is_done;
}

static bool write_group_metrics(struct info *info, const struct info_group *group, uint32_t count)
{
    struct buffer things = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_done = gather(info, group, count, &things);
    for (size_t i = 0; is_done && things.len > 0 && i < group->field_count; i++) {
        if (group->fields[i].metric != NULL) {
            is_done = write_group_field(info, group, &group->fields[i], buffer_bytes(&things));
        }
    }
    buffer_release(&things);
    return is_done;
}

/* --- both --- */

void info_write_fields(struct info *info, const struct info_field *fields, size_t count, const void *figures)
{
    if (info->is_metrics) {
        info->is_refused |= !write_metrics(info, fields, count, figures);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        info_printf(info, "%s:", fields[i].name);
        write_value(info, &fields[i], figures);
        info_printf(info, "\r\n");
    }
}

void info_write_group(struct info *info, const struct info_group *group, uint32_t count)
{
    assert(group->figures_size <= INFO_FIGURES_MAX);
    if (info->is_metrics) {
        info->is_refused |= !write_group_metrics(info, group, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct thing thing = {0};
        if (group->fill(info, group->context, i, thing.name, thing.figures)) {
            write_line(info, group, thing.name, thing.figures);
        }
    }
}
