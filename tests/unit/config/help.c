/* The options' part of --help, made from the rows.  */
#include "config/config_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX = 130 };

/* The options' part; the caller releases it. It ends with a NUL. */
static struct buffer help_text(void)
{
    struct config *config = config_create();
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(config_append_help(config, &text));
    cr_assert(buffer_append(&text, (struct bytes){"", 1}));
    config_destroy(config);
    return text;
}

static bool is_own(const struct param *param)
{
    return param->help != NULL;
}

/* How often `name` stands in a list of names with commas between them. */
static unsigned count_name(const char *list, const char *name)
{
    unsigned count = 0;
    const size_t len = strlen(name);
    for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name)) {
        count += at > list && at[-1] == ' ' && strchr(",\n", at[len]) != NULL;
    }
    return count;
}

Test(help, names_every_parameter_once_and_no_alias)
{
    struct buffer text = help_text();
    const char *shared = strstr(text.data, "Options of redis.conf");
    cr_assert_not_null(shared);
    shared = strchr(shared, '\n');
    for (size_t i = 0; i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        char option[64];
        snprintf(option, sizeof option, "\n  --%s ", param->name);
        cr_assert_eq(strstr(text.data, option) != NULL, is_own(param), "%s", param->name);
        cr_assert_eq(count_name(shared, param->name), !is_own(param) && !(param->flags & PARAM_ALIAS), "%s", param->name);
    }
    buffer_release(&text);
}

Test(help, texts_of_rows_are_one_line)
{
    struct buffer text = help_text();
    size_t own_count = 0;
    for (size_t i = 0; i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        own_count += is_own(param);
        if (is_own(param)) {
            cr_assert(param->help[0] != '\0' && strchr(param->help, '\n') == NULL, "%s", param->name);
            cr_assert_not(param->flags & PARAM_ALIAS, "%s", param->name);
        }
    }
    cr_assert_gt(own_count, 0);
    struct bytes rest = bytes_of_string(text.data), line;
    while (config_next_line(&rest, &line)) {
        cr_assert_leq(line.len, LINE_MAX, "%.*s", (int)line.len, line.data);
    }
    buffer_release(&text);
}

/* What a line says behind the row's text: how a value is written, and the default. */
static const struct {
    const char *name, *end;
} ends[] = {
    {"shards", " (default 0)\n"},
    {"shard-ports", " (yes|no, default no)\n"},
    {"clients-pending-limit", " (default 256mb)\n"},
    {"pipeline-order", " (strict|relaxed, default strict)\n"},
};

Test(help, says_how_values_are_written_and_the_defaults)
{
    struct buffer text = help_text();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char option[64];
        snprintf(option, sizeof option, "  --%s ", ends[i].name);
        const char *line = strstr(text.data, option);
        cr_assert_not_null(line, "%s", ends[i].name);
        const size_t line_len = (size_t)(strchr(line, '\n') + 1 - line), end_len = strlen(ends[i].end);
        cr_assert(line_len > end_len && strncmp(line + line_len - end_len, ends[i].end, end_len) == 0, "%.*s", (int)line_len,
                  line);
    }
    buffer_release(&text);
}
