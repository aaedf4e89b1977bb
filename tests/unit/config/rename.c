/* rename-command: names of commands that clients use.  */
#include "config/config_private.h"

#include <criterion/criterion.h>
#include <string.h>

static bool is_command(struct bytes name)
{
    return bytes_equal_ignore_case(name, BYTES("get")) || bytes_equal_ignore_case(name, BYTES("set")) || bytes_equal_ignore_case(name, BYTES("del"));
}

static const struct {
    const char *text;
    const char *get, *set, *error; /* what the commands are called; or a part of the error */
} files[] = {
    {"rename-command GET fetch\n", "fetch", "set", NULL},
    {"rename-command get \"\"\n", "", "set", NULL},
    {"rename-command get GET\n", "get", "set", NULL},
    {"rename-command get a\nrename-command A b\n", "b", "set", NULL},
    {"rename-command get a\nrename-command set get\n", "a", "get", NULL},
    {"rename-command get a\nrename-command set get\nrename-command get \"\"\n", "a", "", NULL},
    {"rename-command get a\nrename-command a get\n", "get", "set", NULL},
    {"rename-command get set\n", NULL, NULL, "Target command name already exists"},
    {"rename-command get a\nrename-command set a\n", NULL, NULL, "Target command name already exists"},
    {"rename-command get a\nrename-command get b\n", NULL, NULL, "No such command in rename-command"},
    {"rename-command get \"\"\nrename-command \"\" b\n", NULL, NULL, "No such command in rename-command"},
    {"rename-command config|get a\n", NULL, NULL, "No such command in rename-command"},
    {"rename-command get a\\x00b\n", "a\\x00b", "set", NULL},
    {"rename-command get \"a\\x00b\"\n", NULL, NULL, "a byte 0"},
    {"rename-command get xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", NULL, NULL, "too long"},
    {"rename-command get\n", NULL, NULL, "wrong number of arguments"},
};

Test(rename, lines_count_one_after_the_other)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct config *config = config_create();
        struct buffer error = BUFFER_EMPTY(MEM_SERVER);
        config->is_command = is_command;
        const bool is_good = config_load_text(config, "a.conf", bytes_of_string(files[i].text), &error);
        cr_assert_eq(is_good, files[i].error == NULL, "row %zu", i);
        if (is_good) {
            cr_assert_str_eq(config_command_name(config, "get"), files[i].get, "row %zu", i);
            cr_assert_str_eq(config_command_name(config, "set"), files[i].set, "row %zu", i);
            cr_assert_str_eq(config_command_name(config, "del"), "del", "row %zu", i);
        } else {
            cr_assert(buffer_append(&error, (struct bytes){"", 1}));
            cr_assert_not_null(strstr(error.data, files[i].error), "row %zu: %s", i, error.data);
        }
        buffer_release(&error);
        config_destroy(config);
    }
}
