/* The file that --print-config prints.  */
#include "config/explained.h"

#include "config/config_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX = 120 };

/* The file; the caller releases it. It ends with a NUL, which does not count. */
static struct buffer explained(struct config *config)
{
    struct config *defaults = config_create();
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(config_append_explained(config, defaults, &text));
    cr_assert(buffer_append(&text, (struct bytes){"", 1}));
    text.len--;
    config_destroy(defaults);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

Test(explained, has_every_parameter_once_under_a_comment_and_names_each_alias)
{
    struct config *config = config_create();
    struct buffer text = explained(config);
    for (size_t i = 0; i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        const bool is_alias = (param->flags & PARAM_ALIAS) != 0;
        char line[96];
        snprintf(line, sizeof line, "\n# %s ", param->name);
        cr_assert_eq(count_of(text.data, line), is_alias ? 0 : 1, "%s", param->name);
        if (is_alias) {
            cr_assert_not_null(strstr(text.data, param->name), "%s", param->name);
        } else {
            /* the last line of the comment ends with the notes; a sentence stands before them */
            const char *at = strstr(text.data, line);
            cr_assert_eq(at[-1], ')', "%s", param->name);
        }
    }
    struct bytes rest = buffer_bytes(&text), line;
    while (config_next_line(&rest, &line)) {
        cr_assert(line.len == 0 || line.data[0] == '#', "%.*s", (int)line.len, line.data);
        cr_assert_leq(line.len, LINE_MAX, "%.*s", (int)line.len, line.data);
    }
    const char *without_row = strstr(text.data, "# --- Others ---");
    cr_assert_null(without_row, "no row in src/config/explained.c: %s", without_row);
    /* A row without a sentence, of a parameter without `help`, gives a comment that begins with its notes. */
    cr_assert_null(strstr(text.data, "\n\n# ("));
    cr_assert_null(strstr(text.data, "(;"));
    buffer_release(&text);
    config_destroy(config);
}

/* Values that differ from the defaults of their kinds. */
static const char changed[] = "port 7001\nmaxmemory 3gb\nmaxmemory-policy allkeys-lru\nbind 127.0.0.1 -::1\nappendonly yes\nrequirepass \"a b\"\n"
                              "client-output-buffer-limit pubsub 64mb 16mb 90\nnotify-keyspace-events Kx\nunixsocketperm 700\nsave \"\"\n";

static void load(struct config *config, struct bytes text)
{
    struct buffer error = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(config_load_text(config, "test", text, &error), "%.*s", (int)error.len, error.data);
    buffer_release(&error);
}

Test(explained, a_server_reads_back_what_differs)
{
    struct config *config = config_create(), *again = config_create();
    load(config, bytes_of_string(changed));
    struct buffer text = explained(config);
    load(again, buffer_bytes(&text));
    for (size_t i = 0; i < config_param_count; i++) {
        struct buffer values[2] = {BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER)};
        cr_assert(param_format(config, &config_params[i], PARAM_FOR_GET, &values[0]));
        cr_assert(param_format(again, &config_params[i], PARAM_FOR_GET, &values[1]));
        cr_assert(bytes_equal(buffer_bytes(&values[0]), buffer_bytes(&values[1])), "%s", config_params[i].name);
        buffer_release(&values[0]);
        buffer_release(&values[1]);
    }
    cr_assert_not_null(strstr(text.data, "\nport 7001\n"));
    cr_assert_not_null(strstr(text.data, "\n# timeout 0\n"));
    buffer_release(&text);
    config_destroy(config);
    config_destroy(again);
}

Test(explained, what_is_no_parameter_is_seen)
{
    static const char *const more[] = {"user bob on\n", "cluster-announce-hostname x\n"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        struct config *config = config_create();
        cr_assert_not(config_has_more_than_parameters(config));
        load(config, bytes_of_string(more[i]));
        cr_assert(config_has_more_than_parameters(config), "%s", more[i]);
        config_destroy(config);
    }
}
